import { find, findAll, onContent } from "./dom";

const BOX = "[data-ecrm-list] input[data-ecrm-select]";
const selected = new Set<string>();
let last: HTMLInputElement | null = null;

const boxes = (): HTMLInputElement[] => findAll<HTMLInputElement>(BOX);

function show(): void {
  for (const box of boxes()) {
    box.checked = selected.has(box.value);
    box.closest("[data-ecrm-row]")?.classList.toggle("is-selected", box.checked);
  }
  find("[data-ecrm-list]")?.classList.toggle("has-selection", selected.size > 0);
  const bar = find("[data-ecrm-bulk]");
  if (!bar) return;
  bar.hidden = selected.size === 0;
  const count = find("[data-ecrm-bulk-count]", bar);
  if (count) count.textContent = String(selected.size);
  const all = find<HTMLInputElement>("[data-ecrm-select-all]");
  if (all) {
    all.checked = selected.size > 0 && boxes().every((box) => box.checked);
    all.indeterminate = selected.size > 0 && !all.checked;
  }
}

function set(box: HTMLInputElement, isOn: boolean): void {
  if (isOn) selected.add(box.value);
  else selected.delete(box.value);
}

function onChange(event: Event): void {
  const box = event.target;
  if (!(box instanceof HTMLInputElement)) return;
  if (box.matches("[data-ecrm-select-all]")) boxes().forEach((each) => set(each, box.checked));
  else if (box.matches(BOX)) set(box, box.checked);
  else return;
  show();
}

/** Shift and click takes everything between the two boxes. */
function onClick(event: MouseEvent): void {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || !box.matches(BOX)) return;
  if (event.shiftKey && last) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b) as [number, number];
    all.slice(from, to + 1).forEach((each) => set(each, box.checked));
    show();
  }
  last = box;
}

export function hasSelection(): boolean {
  return selected.size > 0;
}

export function clearSelection(): void {
  selected.clear();
  show();
}

export function toggleSelection(row: HTMLElement): void {
  const box = find<HTMLInputElement>("input[data-ecrm-select]", row);
  if (!box) return;
  set(box, !selected.has(box.value));
  show();
}

/** Selected rows survive a live refresh; what left the list leaves the selection. */
export function startBulk(): void {
  document.addEventListener("change", onChange);
  document.addEventListener("click", onClick);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-ecrm-bulk-clear]")) clearSelection();
  });
  document.addEventListener("ecrm:changed", clearSelection);
  onContent(() => {
    const present = new Set(boxes().map((box) => box.value));
    for (const value of selected) if (!present.has(value)) selected.delete(value);
    show();
  });
}
