// Runs before the first paint: theme, folded rail and the shop's colour, so that nothing flashes.
(() => {
  const root = document.documentElement;
  const wished = root.dataset["ecrmTheme"] ?? "auto";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    const isDark = wished === "dark" || (wished === "auto" && system.matches);
    root.dataset["bsTheme"] = isDark ? "dark" : "light";
  };
  apply();
  system.addEventListener("change", apply);
  try {
    root.dataset["ecrmRail"] = localStorage.getItem("ecrm-rail") ?? "open";
  } catch {
    root.dataset["ecrmRail"] = "open";
  }
  const accent = document.querySelector<HTMLMetaElement>('meta[name="ecrm-accent"]')?.content;
  if (accent) root.style.setProperty("--ec-brand", accent);
})();
