import htmx from "htmx.org";
import { find, findAll, make, makeIcon, word } from "./dom";

const SHOWN_MS = 6000;
const SHOWN_WITH_UNDO_MS = 10_000;

export interface Toast {
  text: string;
  level?: string;
  undo?: { url: string; label?: string };
}

function leave(toast: HTMLElement, after: number): void {
  let timer = window.setTimeout(() => toast.remove(), after);
  toast.addEventListener("pointerenter", () => window.clearTimeout(timer));
  toast.addEventListener("pointerleave", () => {
    timer = window.setTimeout(() => toast.remove(), 2000);
  });
}

function closeButton(): HTMLButtonElement {
  const button = make("button", "ec-toast-close");
  button.type = "button";
  button.dataset["ecrmToastClose"] = "";
  button.setAttribute("aria-label", word("close"));
  button.append(makeIcon("x"));
  return button;
}

/** Says that something happened; with `undo` it can be taken back by a POST to that address. */
export function showToast({ text, level = "success", undo }: Toast): void {
  const toast = make("div", `ec-toast ec-toast-${level}`);
  toast.append(makeIcon(level === "success" || level === "info" ? "circle-check" : "alert-circle"), make("span", "ec-grow", text));
  if (undo) {
    const button = make("button", "ec-toast-action", undo.label || word("undo"));
    button.type = "button";
    button.addEventListener("click", () => {
      toast.remove();
      void htmx.ajax("post", undo.url, { swap: "none" });
    });
    toast.append(button);
  }
  toast.append(closeButton());
  find("[data-ecrm-toasts]")?.append(toast);
  leave(toast, undo ? SHOWN_WITH_UNDO_MS : SHOWN_MS);
}

/** Toasts come from redirects (already in the page), from the HX-Trigger header and from failures. */
export function startToasts(): void {
  for (const toast of findAll("[data-ecrm-toasts] > .ec-toast")) leave(toast, SHOWN_MS);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element) event.target.closest("[data-ecrm-toast-close]")?.closest(".ec-toast")?.remove();
  });
  document.addEventListener("ecrm:toast", (event) => showToast((event as CustomEvent<Toast>).detail));
  document.addEventListener("htmx:sendError", () => showToast({ text: word("offline"), level: "error" }));
  document.addEventListener("htmx:responseError", () => showToast({ text: word("failed"), level: "error" }));
}
