import { find, findAll, isWriting, make } from "./dom";

function fillPageKeys(sheet: HTMLElement): void {
  const section = find("[data-ecrm-page-keys]", sheet);
  const list = section ? find("dl", section) : null;
  if (!section || !list) return;
  list.replaceChildren();
  for (const element of findAll("main [data-ecrm-key], .ec-panel [data-ecrm-key]")) {
    const label = element.dataset["ecrmKeyLabel"] ?? element.getAttribute("aria-label") ?? element.textContent ?? "";
    const line = make("div");
    const keys = make("dd");
    keys.append(make("kbd", "ec-kbd", element.dataset["ecrmKey"]));
    line.append(make("dt", "", label.trim()), keys);
    list.append(line);
  }
  section.hidden = list.childElementCount === 0;
}

/** "?" shows every key that works here. */
export function startShortcuts(): void {
  const sheet = find<HTMLDialogElement>("[data-ecrm-shortcuts-sheet]");
  if (!sheet) return;
  const open = (): void => {
    fillPageKeys(sheet);
    if (!sheet.open) sheet.showModal();
  };
  document.addEventListener("click", (event) => {
    if (event.target === sheet) sheet.close();
    if (!(event.target instanceof Element) || !event.target.closest("[data-ecrm-shortcuts]")) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || isWriting(event.target) || find("dialog[open]")) return;
    event.preventDefault();
    open();
  });
}
