import { find, findAll, isControl, isWide, isWriting } from "./dom";
import { clearSelection, hasSelection, toggleSelection } from "./bulk";
import { closePanel, hrefOf, isPanelOpen, openRow } from "./panel";

const rows = (): HTMLElement[] => findAll("[data-ecrm-list] [data-ecrm-row]").filter((row) => row.offsetParent !== null);

let cursorKey: string | null = null;

function cursor(): HTMLElement | null {
  return cursorKey === null ? null : find(`[data-ecrm-row="${CSS.escape(cursorKey)}"]`);
}

function setCursor(row: HTMLElement): void {
  cursorKey = row.dataset["ecrmRow"] ?? null;
  for (const other of rows()) other.classList.toggle("is-cursor", other === row);
  row.scrollIntoView({ block: "nearest" });
  (row instanceof HTMLAnchorElement ? row : find<HTMLElement>("a[href]", row))?.focus({ preventScroll: true });
}

function step(by: number): void {
  const all = rows();
  const at = all.findIndex((row) => row.dataset["ecrmRow"] === cursorKey || (cursorKey === null && row.classList.contains("is-open")));
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  if (!next) return;
  setCursor(next);
  if (isPanelOpen() && isWide()) openRow(next);
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isWriting(event.target) || find("dialog[open]") || find("details[data-ecrm-menu][open]")) return;
  const row = cursor();
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "Enter" && row && document.activeElement?.closest("[data-ecrm-row]") === row && !isControl(event.target)) {
    event.preventDefault();
    follow(row);
  } else if (event.key === "o" && row) location.assign(hrefOf(row) ?? location.href);
  else if (event.key === "x" && row) toggleSelection(row);
  else if (event.key === "Escape") {
    if (hasSelection()) clearSelection();
    else if (isPanelOpen()) closePanel();
  }
}

/** A row that htmx answers for itself (three panes) is clicked; others open in the panel. */
function follow(row: HTMLElement): void {
  if (row.hasAttribute("hx-get")) row.click();
  else openRow(row);
}

function onClick(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const target = event.target;
  if (!(target instanceof Element) || isControl(target)) return;
  const row = target.closest<HTMLElement>("[data-ecrm-list] [data-ecrm-row]");
  if (!row || row.hasAttribute("hx-get") || (getSelection()?.toString() ?? "") !== "") return;
  const link = target.closest("a");
  if (link && link.getAttribute("href") !== hrefOf(row)) return;
  event.preventDefault();
  cursorKey = row.dataset["ecrmRow"] ?? null;
  openRow(row);
}

/** After a live refresh the rows that are new or changed light up for a moment. */
function watchChanges(): void {
  let before = new Map<string, string>();
  const texts = (): Map<string, string> => new Map(rows().map((row) => [row.dataset["ecrmRow"] ?? "", row.textContent ?? ""]));
  let isLive = false;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const trigger = (event as CustomEvent<{ requestConfig?: { triggeringEvent?: Event } }>).detail.requestConfig?.triggeringEvent;
    isLive = trigger?.type === "ecrm:live";
    if (isLive) before = texts();
  });
  document.addEventListener("htmx:afterSettle", () => {
    cursor()?.classList.add("is-cursor");
    if (!isLive || before.size === 0) return;
    isLive = false;
    for (const row of rows()) {
      if (before.get(row.dataset["ecrmRow"] ?? "") !== row.textContent) row.classList.add("ec-flash");
    }
  });
}

/** Rows: click or Enter opens, j and k move, x selects, o opens the page, Esc closes. */
export function startList(): void {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  watchChanges();
}
