import { findAll, onContent } from "./dom";

/** Shops bring their own colour; a style attribute would need a weaker content security policy. */
export function startColours(): void {
  const brand = findAll("[data-ecrm-brand]")[0]?.dataset["ecrmBrand"];
  if (brand) document.documentElement.style.setProperty("--ec-brand", brand);
  onContent((root) => {
    for (const element of findAll("[data-ecrm-colour]", root)) {
      element.style.setProperty("--ec-dot", element.dataset["ecrmColour"] ?? "");
    }
  });
}
