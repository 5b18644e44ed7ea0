import htmx from "htmx.org";
import { find, findAll, isWide } from "./dom";

const PARAMETER = "open";
const stage = (): HTMLElement | null => find("[data-ecrm-stage]");
const panel = (): HTMLElement | null => find("[data-ecrm-panel]");

/** The address of the row with this key: its own link, or the list's pattern when it is on another page. */
function addressOf(key: string): string | null {
  const row = find(`[data-ecrm-row="${CSS.escape(key)}"]`);
  if (row) return hrefOf(row);
  const pattern = find("[data-ecrm-open-pattern]")?.dataset["ecrmOpenPattern"];
  return pattern ? pattern.replace("{}", encodeURIComponent(key)) : null;
}

export function hrefOf(row: HTMLElement): string | null {
  const link = row instanceof HTMLAnchorElement ? row : find<HTMLAnchorElement>("a[href]", row);
  return link?.getAttribute("href") ?? null;
}

function openKey(): string | null {
  return new URL(location.href).searchParams.get(PARAMETER);
}

function markRows(key: string | null): void {
  for (const row of findAll("[data-ecrm-row]")) {
    row.classList.toggle("is-open", row.dataset["ecrmRow"] === key);
  }
}

function pushKey(key: string | null): void {
  const url = new URL(location.href);
  if (key === null) url.searchParams.delete(PARAMETER);
  else url.searchParams.set(PARAMETER, key);
  if (url.href !== location.href) history.pushState({ ecrmPanel: true }, "", url);
}

function show(key: string): void {
  const address = addressOf(key);
  if (!address) return;
  stage()?.classList.add("has-panel");
  markRows(key);
  void htmx.ajax("get", address, { target: "#panel", swap: "innerHTML" }).then(() => panel()?.scrollTo(0, 0));
}

function hide(): void {
  stage()?.classList.remove("has-panel");
  markRows(null);
  panel()?.replaceChildren();
}

/** Opens the row beside the list and says so in the URL; a phone has no beside and goes to the page. */
export function openRow(row: HTMLElement): void {
  const key = row.dataset["ecrmRow"] ?? "";
  const href = hrefOf(row);
  if (!href) return;
  if (!isWide() || !panel() || row.closest("[data-ecrm-list='pages']")) {
    location.assign(href);
    return;
  }
  if (openKey() !== key) pushKey(key);
  show(key);
}

export function isPanelOpen(): boolean {
  return stage()?.classList.contains("has-panel") ?? false;
}

export function closePanel(): void {
  const key = openKey();
  pushKey(null);
  hide();
  if (key !== null) find(`[data-ecrm-row="${CSS.escape(key)}"] a`)?.focus({ preventScroll: true });
}

/** List → panel: Back and Forward follow, a reload keeps the panel open. */
export function startPanel(): void {
  const first = openKey();
  if (first !== null) {
    if (addressOf(first)) show(first);
    else hide();
  }
  window.addEventListener("popstate", () => {
    const key = openKey();
    if (key === null) hide();
    else show(key);
  });
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-ecrm-panel-close]")) return;
    event.preventDefault();
    closePanel();
  });
  document.addEventListener("htmx:afterSettle", () => markRows(openKey()));
}
