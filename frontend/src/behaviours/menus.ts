import { find, findAll } from "./dom";

const OPEN = "details[data-ecrm-menu][open]";

function closeOthers(keep: Element | null): void {
  for (const menu of findAll<HTMLDetailsElement>(OPEN)) {
    if (menu !== keep) menu.open = false;
  }
}

function move(menu: HTMLDetailsElement, step: number): void {
  const items = findAll<HTMLElement>("a, button:not(:disabled)", menu).filter((item) => item.offsetParent !== null);
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[(at + step + items.length) % items.length]?.focus();
}

/** Menus are details elements; this adds what people expect: one open at a time, Esc, arrows. */
export function startMenus(): void {
  document.addEventListener("click", (event) => {
    const menu = event.target instanceof Element ? event.target.closest("details[data-ecrm-menu]") : null;
    closeOthers(menu);
  });
  document.addEventListener(
    "toggle",
    (event) => {
      const menu = event.target;
      if (!(menu instanceof HTMLDetailsElement) || !menu.matches(OPEN)) return;
      find("[data-ecrm-menu-load]", menu)?.dispatchEvent(new Event("ecrm:menu-open"));
    },
    true,
  );
  document.addEventListener("keydown", (event) => {
    const menu = find<HTMLDetailsElement>(OPEN);
    if (!menu) return;
    if (event.key === "Escape") {
      menu.open = false;
      find("summary", menu)?.focus();
      event.stopImmediatePropagation();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(menu, event.key === "ArrowDown" ? 1 : -1);
    }
  });
}
