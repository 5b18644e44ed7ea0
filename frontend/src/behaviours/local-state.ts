import { onContent } from "./dom";

let isStarted = false;

/** Alpine is loaded only where a page has local state (x-data). */
export function startLocalState(): void {
  onContent((root) => {
    if (isStarted || !root.querySelector("[x-data]")) return;
    isStarted = true;
    void import("@alpinejs/csp").then(({ default: Alpine }) => Alpine.start());
  });
}
