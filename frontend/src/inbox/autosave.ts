import { find } from "../behaviours/dom";

const WAIT_MS = 900;
let timer = 0;
let isUnsaved = false;

function say(form: HTMLFormElement, state: "saving" | "saved" | "failed" | ""): void {
  const sign = find("[data-ecrm-saved]", form);
  if (sign) sign.textContent = state === "" ? "" : (sign.dataset[state] ?? "");
}

function csrf(form: HTMLFormElement): string {
  return find<HTMLInputElement>("input[name=csrfmiddlewaretoken]", form)?.value ?? "";
}

async function save(form: HTMLFormElement): Promise<void> {
  const url = form.dataset["ecrmAutosave"];
  if (!url || !form.isConnected) return;
  isUnsaved = false;
  say(form, "saving");
  try {
    const response = await fetch(url, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-CSRFToken": csrf(form) },
      keepalive: true,
    });
    isUnsaved ||= !response.ok;
    say(form, response.ok ? "saved" : "failed");
  } catch {
    isUnsaved = true;
    say(form, "failed");
  }
}

function saveSoon(form: HTMLFormElement): void {
  isUnsaved = true;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void save(form), WAIT_MS);
}

const composerOf = (target: EventTarget | null): HTMLFormElement | null =>
  target instanceof Element ? target.closest<HTMLFormElement>("form[data-ecrm-autosave]") : null;

/**
 * The choice is made, and then the hand wants to write. After a key ("r", "n") the very next one must already land in the
 * text; after a pointer the browser first gives the focus to the choice; arrows stay among the choices.
 */
function onWrite(event: MouseEvent): void {
  const label = event.target instanceof Element ? event.target.closest("[data-ecrm-write]") : null;
  const form = composerOf(label);
  if (!label || !form) return;
  const write = (): void => find<HTMLTextAreaElement>("textarea", form)?.focus();
  if (!event.isTrusted) write();
  else if (!(event.target instanceof HTMLInputElement)) window.setTimeout(write);
}

/** A note never invites to write to the customer. */
function onKind(event: Event): void {
  const choice = event.target;
  const form = composerOf(choice);
  const text = form ? find<HTMLTextAreaElement>("textarea", form) : null;
  if (text && choice instanceof HTMLInputElement && choice.name === "kind") text.placeholder = text.dataset[choice.value] ?? "";
}

/** What is typed is kept on the server: another browser and tomorrow find it again. */
export function startAutosave(): void {
  document.addEventListener("input", (event) => {
    const form = composerOf(event.target);
    if (form) saveSoon(form);
  });
  document.addEventListener("submit", () => {
    window.clearTimeout(timer);
    isUnsaved = false;
  });
  document.addEventListener("visibilitychange", () => {
    const form = find<HTMLFormElement>("form[data-ecrm-autosave]");
    if (document.hidden && form && isUnsaved) void save(form);
  });
  document.addEventListener("click", onWrite);
  document.addEventListener("change", onKind);
}
