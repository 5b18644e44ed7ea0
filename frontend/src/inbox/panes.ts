import htmx from "htmx.org";
import { find, findAll, isControl, onContent } from "../behaviours/dom";

const panes = (): HTMLElement | null => find("[data-ecrm-inbox]");

/** The number of the ticket in the address, or an empty string. */
function numberInAddress(): string {
  return /^\/inbox\/(\d+)\//.exec(location.pathname)?.[1] ?? "";
}

function markOpenRow(): void {
  const number = numberInAddress();
  for (const row of findAll("[data-ecrm-list] .inbox-row")) {
    if (row.dataset["ecrmRow"] === number) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  panes()?.classList.toggle("has-thread", number !== "");
}

/** A click anywhere on a row opens it, except on its box; with a modifier the browser opens a tab. */
function onClick(event: MouseEvent): void {
  const target = event.target;
  if (!(target instanceof Element) || event.defaultPrevented || event.button !== 0) return;
  const row = target.closest<HTMLElement>(".inbox-row");
  if (!row || isControl(target)) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  panes()?.classList.remove("show-context");
  htmx.trigger(row, "ecrm:open", {});
}

function onContextButton(event: MouseEvent): void {
  if (!(event.target instanceof Element) || !event.target.closest("[data-ecrm-inbox-context]")) return;
  panes()?.classList.toggle("show-context");
}

/** A list that is fetched again keeps its place. */
function keepScroll(): void {
  let top = 0;
  const box = (): HTMLElement | null => find("#ticket-list [data-ecrm-keep-scroll]");
  document.addEventListener("htmx:beforeSwap", (event) => {
    if ((event.target as Element | null)?.id === "ticket-list") top = box()?.scrollTop ?? 0;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const { target, requestConfig } = (event as CustomEvent<{ target: Element; requestConfig?: { triggeringEvent?: Event } }>).detail;
    if (target.id !== "ticket-list") return;
    const isRefresh = ["ecrm:live", "ecrm:inbox-changed"].includes(requestConfig?.triggeringEvent?.type ?? "");
    if (isRefresh) box()?.scrollTo(0, top);
  });
}

/** The list says which ticket is open when it fetches itself again; the fragment follows the address. */
function sayWhatIsOpen(): void {
  document.addEventListener("htmx:configRequest", (event) => {
    const detail = (event as CustomEvent<{ target: Element | null; parameters: Record<string, unknown>; path: string }>).detail;
    if (detail.target?.id !== "ticket-list") return;
    const number = numberInAddress();
    if (number && !detail.path.includes("open=")) detail.parameters["open"] = number;
  });
}

/** Three panes: rows open beside the list, the address says which one, a phone shows one pane. */
export function startPanes(): void {
  document.addEventListener("click", onClick);
  document.addEventListener("click", onContextButton);
  keepScroll();
  sayWhatIsOpen();
  onContent(markOpenRow);
  document.addEventListener("htmx:pushedIntoHistory", markOpenRow);
}
