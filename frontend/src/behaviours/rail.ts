import { find, word } from "./dom";
import { forgetAll } from "./storage";

function show(button: HTMLElement, isFolded: boolean): void {
  const label = word(isFolded ? "unfold" : "fold");
  button.title = label;
  button.setAttribute("aria-label", label);
  button.setAttribute("aria-expanded", String(!isFolded));
}

/** Folds the rail to icons and remembers it in this browser; signing out clears what it remembers. */
export function startRail(): void {
  const button = find("[data-ecrm-fold]");
  const root = document.documentElement;
  if (button) {
    show(button, root.dataset["ecrmRail"] === "folded");
    button.addEventListener("click", () => {
      const isFolded = root.dataset["ecrmRail"] !== "folded";
      root.dataset["ecrmRail"] = isFolded ? "folded" : "open";
      show(button, isFolded);
      try {
        localStorage.setItem("ecrm-rail", root.dataset["ecrmRail"]);
      } catch {
        // The choice then lasts until the next page.
      }
    });
  }
  document.addEventListener("submit", (event) => {
    if (event.target instanceof Element && event.target.matches("[data-ecrm-logout]")) forgetAll();
  });
}
