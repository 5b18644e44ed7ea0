import { findAll, onContent } from "./dom";

/** Shops bring their own colour; a style attribute would need a weaker content security policy. */
export function startColours(): void {
  onContent((root) => {
    for (const element of findAll("[data-ecrm-colour]", root)) {
      element.style.setProperty("--ec-dot", element.dataset["ecrmColour"] ?? "");
    }
  });
}
