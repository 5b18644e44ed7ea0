import { find, findAll, onContent } from "../behaviours/dom";

const NEAR_END_PX = 160;

const scroller = (): HTMLElement | null => find("[data-ecrm-thread-scroll]");
const seqOf = (entry: HTMLElement): number => Number(entry.dataset["ecrmSeq"] ?? "0");

function lastSeq(): number {
  return Math.max(0, ...findAll("#thread [data-ecrm-seq]").map(seqOf));
}

function isNearEnd(): boolean {
  const box = scroller();
  return box === null || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
}

function toEnd(): void {
  const box = scroller();
  box?.scrollTo(0, box.scrollHeight);
}

/** Two answers may bring the same entry (a hint and one's own message): each stays once, in order. */
function tidy(): void {
  const seen = new Set<number>();
  let highest = 0;
  let isSorted = true;
  for (const entry of findAll("#thread > [data-ecrm-seq]")) {
    const seq = seqOf(entry);
    if (seen.has(seq)) {
      entry.remove();
      continue;
    }
    seen.add(seq);
    isSorted &&= seq > highest;
    highest = seq;
  }
  if (isSorted) return;
  const thread = find("#thread");
  const entries = findAll("#thread > [data-ecrm-seq]").sort((a, b) => seqOf(a) - seqOf(b));
  thread?.append(...entries);
}

/** Every request about the open ticket says how far this page has read. */
function sayWhatIsShown(): void {
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, parameters } = (event as CustomEvent<{ elt: Element; parameters: Record<string, unknown> }>).detail;
    if (elt.closest("#ticket") && !elt.matches(".inbox-earlier")) parameters["shown"] = String(lastSeq());
  });
}

/** While nothing is being written the composer answers to what is on the screen now. */
function followThread(): void {
  const form = find<HTMLFormElement>("[data-ecrm-composer]");
  const text = form ? find<HTMLTextAreaElement>("textarea", form) : null;
  const seen = form ? find<HTMLInputElement>("input[name=seen_seq]", form) : null;
  if (text && seen && text.value.trim() === "") seen.value = String(lastSeq());
}

/** A formatted mail is fetched when somebody wants to see it, not before. */
function onToggle(event: Event): void {
  const fold = event.target;
  if (!(fold instanceof HTMLDetailsElement) || !fold.open) return;
  const frame = find<HTMLIFrameElement>(":scope > iframe[data-ecrm-frame]", fold);
  if (frame && !frame.hasAttribute("src")) frame.src = frame.dataset["ecrmFrame"] ?? "";
}

/** The thread grows at its end; a reader further up is not moved. */
export function startThread(): void {
  let wasNearEnd = true;
  sayWhatIsShown();
  toEnd();
  document.addEventListener("toggle", onToggle, true);
  document.addEventListener("htmx:oobBeforeSwap", () => {
    wasNearEnd = isNearEnd();
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if ((event as CustomEvent<{ target: Element }>).detail.target?.id !== "thread") return;
    tidy();
    followThread();
    if (wasNearEnd) toEnd();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if ((event.target as Element | null)?.id === "ticket") toEnd();
  });
  onContent(followThread);
}
