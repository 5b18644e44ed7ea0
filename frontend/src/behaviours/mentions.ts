import { make } from "./dom";

/* Calling a colleague: after an @ the names of those who may read it are offered. */

const MOST = 6;
const asked = new Map<string, Promise<string[]>>();
let open: Picker | null = null;
let pickers = 0;

/** Letters without accents and case, as the server compares names. */
function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function namesAt(url: string): Promise<string[]> {
  let found = asked.get(url);
  if (!found) {
    found = fetch(url, { headers: { Accept: "application/json" } })
      .then(async (answer) => (answer.ok ? ((await answer.json()) as { names: string[] }).names : []))
      .catch(() => []);
    asked.set(url, found);
  }
  return found;
}

/** What follows the last @ before the caret; null when nobody is being called. */
function called(area: HTMLTextAreaElement): string | null {
  const before = area.value.slice(0, area.selectionStart);
  return /(?:^|[\s(])@([\p{L}\p{M}'’. -]{0,40})$/u.exec(before)?.[1] ?? null;
}

function fitting(names: string[], typed: string): string[] {
  const wanted = plain(typed);
  const fits = (name: string): boolean => plain(name).startsWith(wanted) || plain(name).split(/\s+/).some((part) => wanted !== "" && part.startsWith(wanted));
  return names.filter(fits).slice(0, MOST);
}

class Picker {
  private readonly list = make("ul", "ec-mentions");
  private at = 0;

  constructor(readonly area: HTMLTextAreaElement) {
    this.list.id = `mentions-${(pickers += 1)}`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", area.dataset["ecrmMentionLabel"] ?? "");
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const item = event.target instanceof Element ? event.target.closest("li") : null;
      if (item) this.choose(item.textContent ?? "");
    });
    area.after(this.list);
    area.setAttribute("aria-controls", this.list.id);
    area.setAttribute("aria-haspopup", "listbox");
  }

  show(names: string[]): void {
    this.at = Math.min(this.at, names.length - 1);
    this.list.replaceChildren(
      ...names.map((name, number) => {
        const item = make("li", "ec-mentions-item", name);
        item.id = `${this.list.id}-${number}`;
        item.setAttribute("role", "option");
        return item;
      }),
    );
    this.mark();
  }

  /** True when the key was meant for the list. */
  press(key: string): boolean {
    const names = [...this.list.children].map((item) => item.textContent ?? "");
    if (key === "ArrowDown" || key === "ArrowUp") {
      this.at = (this.at + (key === "ArrowDown" ? 1 : names.length - 1)) % names.length;
      this.mark();
      return true;
    }
    if (key === "Escape") {
      close();
      return true;
    }
    if (key !== "Enter" && key !== "Tab") return false;
    this.choose(names[this.at] ?? "");
    return true;
  }

  private mark(): void {
    [...this.list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === this.at)));
    this.area.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`);
  }

  private choose(name: string): void {
    const caret = this.area.selectionStart;
    const start = this.area.value.lastIndexOf("@", caret - 1);
    this.area.setRangeText(`@${name} `, start, caret, "end");
    close();
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  remove(): void {
    this.list.remove();
    for (const name of ["aria-controls", "aria-haspopup", "aria-activedescendant"]) this.area.removeAttribute(name);
  }
}

function close(): void {
  open?.remove();
  open = null;
}

async function look(area: HTMLTextAreaElement): Promise<void> {
  const typed = called(area);
  const names = typed === null ? [] : fitting(await namesAt(area.dataset["ecrmMention"] ?? ""), typed);
  if (called(area) !== typed || document.activeElement !== area) return;
  const isWritten = names.length === 1 && plain(names[0] ?? "") === plain((typed ?? "").trim());
  if (names.length === 0 || isWritten) {
    if (open?.area === area) close();
    return;
  }
  if (open?.area !== area) {
    close();
    open = new Picker(area);
  }
  open.show(names);
}

function areaOf(target: EventTarget | null): HTMLTextAreaElement | null {
  return target instanceof HTMLTextAreaElement && target.dataset["ecrmMention"] ? target : null;
}

/** Offers names after an @: arrows move, Enter or Tab chooses, Escape leaves. */
export function startMentions(): void {
  document.addEventListener("input", (event) => {
    const area = areaOf(event.target);
    if (area) void look(area);
  });
  document.addEventListener("focusout", (event) => {
    if (areaOf(event.target)) close();
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (!open || event.target !== open.area || event.ctrlKey || event.metaKey || event.altKey) return;
      if (!open.press(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
}
