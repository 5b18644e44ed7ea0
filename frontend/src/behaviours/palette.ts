import htmx from "htmx.org";
import { find, findAll, make, makeIcon, word } from "./dom";
import { recall, remember } from "./storage";

interface Recent {
  title: string;
  subtitle: string;
  url: string;
  icon: string;
}

const KEPT = 6;
const dialog = (): HTMLDialogElement | null => find<HTMLDialogElement>("[data-ecrm-palette]");
const hits = (): HTMLAnchorElement[] => findAll<HTMLAnchorElement>("#palette-results .ec-hit");

function recents(): Recent[] {
  const saved = recall("recent");
  return saved ? (JSON.parse(saved) as Recent[]) : [];
}

function keep(hit: HTMLElement): void {
  if (!(hit instanceof HTMLAnchorElement) || hit.dataset["ecrmRecent"] === undefined) return;
  const entry: Recent = {
    title: hit.dataset["title"] ?? "",
    subtitle: hit.dataset["subtitle"] ?? "",
    url: hit.getAttribute("href") ?? "",
    icon: hit.dataset["icon"] ?? "clock",
  };
  remember("recent", JSON.stringify([entry, ...recents().filter((other) => other.url !== entry.url)].slice(0, KEPT)));
}

function recentHit(entry: Recent): HTMLElement {
  const hit = make("a", "ec-hit");
  hit.href = entry.url;
  Object.assign(hit.dataset, { ...entry, ecrmRecent: "" });
  const text = make("span", "ec-hit-text");
  text.append(make("span", "ec-clip", entry.title), make("span", "ec-muted ec-clip", entry.subtitle));
  hit.append(makeIcon(entry.icon || "clock"), text);
  return hit;
}

function showRecents(): void {
  const results = find("#palette-results");
  const entries = recents();
  if (!results || entries.length === 0) return;
  const group = make("div");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", word("recent"));
  group.append(make("div", "ec-hits-title", word("recent")), ...entries.map(recentHit));
  results.prepend(group);
}

function select(hit: HTMLElement | undefined): void {
  const input = find<HTMLInputElement>("[data-ecrm-palette] input");
  hits().forEach((other, index) => {
    other.id = `hit-${index}`;
    other.setAttribute("role", "option");
    other.tabIndex = -1;
    other.setAttribute("aria-selected", String(other === hit));
  });
  if (hit) {
    input?.setAttribute("aria-activedescendant", hit.id);
    hit.scrollIntoView({ block: "nearest" });
  } else {
    input?.removeAttribute("aria-activedescendant");
  }
}

function move(by: number): void {
  const all = hits();
  const at = all.findIndex((hit) => hit.getAttribute("aria-selected") === "true");
  select(all[(at + by + all.length) % all.length]);
}

export function openPalette(text = ""): void {
  const palette = dialog();
  const input = find<HTMLInputElement>("[data-ecrm-palette] input");
  if (!palette || !input || palette.open) return;
  input.value = text;
  palette.showModal();
  input.select();
  const form = find("form", palette);
  if (form) htmx.trigger(form, "ecrm:refresh", {});
}

function onKey(event: KeyboardEvent): void {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    event.preventDefault();
    hits().find((hit) => hit.getAttribute("aria-selected") === "true")?.click();
  }
}

/** Ctrl-K from anywhere: places, actions and whatever the modules can find. */
export function startPalette(): void {
  const palette = dialog();
  if (!palette) return;
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    openPalette();
  });
  find("[data-ecrm-palette-open]")?.addEventListener("focus", (event) => {
    const input = event.target as HTMLInputElement;
    input.blur();
    openPalette(input.value);
  });
  palette.addEventListener("keydown", onKey);
  palette.addEventListener("click", (event) => {
    if (event.target === palette) palette.close();
    const hit = event.target instanceof Element ? event.target.closest<HTMLElement>(".ec-hit") : null;
    if (!hit) return;
    keep(hit);
    palette.close();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (!(event.target instanceof Element) || event.target.id !== "palette-results") return;
    if (!find<HTMLInputElement>("[data-ecrm-palette] input")?.value) showRecents();
    select(hits()[0]);
  });
}
