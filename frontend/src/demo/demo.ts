// The demo's customer side: new mail appears by itself, an opened mail counts as read.
import "./demo.css";
import "../images/mark.svg?url";

const LOOK_EVERY_MS = 2000;

const csrfToken = (): string =>
  document.querySelector<HTMLMetaElement>('meta[name="ecrm-csrf"]')?.content ?? "";

/** Fetch the named part of this page again and show it when it says something else. */
async function refresh(part: HTMLElement): Promise<void> {
  const answer = await fetch(location.href, { headers: { "HX-Request": "true", "HX-Target": part.id } });
  if (!answer.ok) return;
  const markup = await answer.text();
  if (markup === part.dataset["shown"]) return;
  const isFirst = part.dataset["shown"] === undefined;
  part.dataset["shown"] = markup;
  if (isFirst || part.contains(document.activeElement)) return;
  part.innerHTML = markup;
}

function look(): void {
  if (document.hidden) return;
  for (const part of document.querySelectorAll<HTMLElement>("[data-demo-part]")) {
    refresh(part).catch(() => undefined); // the server restarts: the next look finds it again
  }
}

/** Give a mail's frame the height of its content; the frame itself runs no script. */
function fit(frame: HTMLIFrameElement): void {
  const height = frame.contentDocument?.documentElement.scrollHeight ?? 0;
  if (height) frame.height = String(height);
}

for (const frame of document.querySelectorAll<HTMLIFrameElement>("iframe[data-demo-frame]")) {
  frame.addEventListener("load", () => fit(frame));
  if (frame.contentDocument?.readyState === "complete") fit(frame);
}

for (const opened of document.querySelectorAll<HTMLElement>("[data-demo-read]")) {
  const headers = { "X-CSRFToken": csrfToken() };
  fetch(opened.dataset["demoRead"] ?? "", { method: "POST", headers }).catch(() => undefined);
}

document.querySelector("[data-demo-latest]")?.scrollIntoView({ block: "start" });
look();
setInterval(look, LOOK_EVERY_MS);
