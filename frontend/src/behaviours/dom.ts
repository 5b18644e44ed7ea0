/** The first match, typed. */
export function find<T extends Element = HTMLElement>(selector: string, inside: ParentNode = document): T | null {
  return inside.querySelector<T>(selector);
}

/** All matches as an array. */
export function findAll<T extends Element = HTMLElement>(selector: string, inside: ParentNode = document): T[] {
  return [...inside.querySelectorAll<T>(selector)];
}

/** Runs now for the document and again for every fragment that htmx puts into it. */
export function onContent(work: (root: ParentNode) => void): void {
  work(document);
  document.addEventListener("htmx:afterSettle", (event) => {
    const target = event.target;
    work(target instanceof Element && target.parentElement ? target.parentElement : document);
  });
}

/** Whether the agent is writing, so that single keys belong to the text. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  if (!(target instanceof HTMLInputElement)) return false;
  return !["button", "checkbox", "radio", "submit", "reset"].includes(target.type);
}

/** Whether a click on this element already means something else than "open the row". */
export function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, input, select, textarea, label, summary, [data-ecrm-own-click]") !== null;
}

/** An element with a class and text; never parses markup. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** A drawing of the sprite that the page already uses. */
export function makeIcon(name: string): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const sprite = find<SVGUseElement>(".ec-icon use")?.getAttribute("href")?.split("#")[0] ?? "";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  svg.setAttribute("class", "ec-icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** Words in the reader's language, written into the page by the server. */
export function word(key: string): string {
  return find<HTMLTemplateElement>("#ecrm-words")?.dataset[key] ?? key;
}

/** Whether there is room for a panel beside the list. */
export function isWide(): boolean {
  return matchMedia("(min-width: 768px)").matches;
}
