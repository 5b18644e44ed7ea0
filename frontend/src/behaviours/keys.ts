import { find, findAll, isWriting } from "./dom";

const PLACES: Record<string, string> = { h: "home", i: "inbox", c: "customers", o: "orders", s: "settings" };
const WAIT_MS = 1200;

let isGoing = false;
let timer = 0;

function isFree(event: KeyboardEvent): boolean {
  return !event.ctrlKey && !event.metaKey && !event.altKey && !isWriting(event.target) && !find("dialog[open]");
}

function go(key: string): boolean {
  const place = PLACES[key];
  const link = place ? find<HTMLAnchorElement>(`[data-ecrm-go="${place}"]`) : null;
  link?.click();
  return link !== null;
}

/** Presses or focuses the visible element which asked for this key with data-ecrm-key. */
function press(key: string): boolean {
  const wanted = findAll<HTMLElement>(`[data-ecrm-key="${CSS.escape(key)}"]`).find((element) => element.offsetParent !== null);
  if (!wanted) return false;
  if (wanted.matches("input, textarea, select")) wanted.focus();
  else if (wanted instanceof HTMLLabelElement && wanted.control) wanted.control.click();
  else wanted.click();
  return true;
}

/** Single keys: "g" and a letter go somewhere, other letters press what carries data-ecrm-key. */
export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    if (event.key === "Escape" && isWriting(event.target)) {
      (event.target as HTMLElement).blur();
      return;
    }
    if (!isFree(event)) return;
    window.clearTimeout(timer);
    if (isGoing) {
      isGoing = false;
      if (go(event.key)) event.preventDefault();
      return;
    }
    if (event.key === "g") {
      isGoing = true;
      timer = window.setTimeout(() => (isGoing = false), WAIT_MS);
    } else if (event.key === "[") {
      find("[data-ecrm-fold]")?.click();
    } else if (event.key.length === 1 && press(event.key)) {
      event.preventDefault();
    }
  });
}
