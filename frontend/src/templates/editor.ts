/* The editor of templates: the preview follows the text, values are inserted where the caret is. */

import "./editor.css";
import { find, findAll } from "../behaviours/dom";

const PAUSE = 450;

function start(root: HTMLElement): void {
  const form = find<HTMLFormElement>("#template-form");
  const source = find<HTMLTextAreaElement>("textarea[name=source]");
  const show = find<HTMLButtonElement>("[data-template-show]", root);
  const frame = find<HTMLIFrameElement>("[data-template-frame]", root);
  const customer = find<HTMLSelectElement>("#template-customer", root);
  if (!form || !source || !show || !frame || !customer) return;

  let field: HTMLInputElement | HTMLTextAreaElement = source;
  let waiting = 0;
  let isChanged = false;
  let asked: AbortController | null = null;

  const check = async (): Promise<void> => {
    asked?.abort();
    asked = new AbortController();
    const target = find("#template-check");
    try {
      const answer = await fetch(root.dataset["checkUrl"] ?? "", { method: "POST", body: new FormData(form), signal: asked.signal });
      if (answer.ok && target) target.innerHTML = await answer.text();
    } catch {
      // Another change came first, or the network is away: the next change asks again.
    }
  };
  const preview = (): void => {
    form.requestSubmit(show);
    void check();
  };
  const soon = (): void => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(preview, PAUSE);
  };

  form.addEventListener("input", () => {
    isChanged = true;
    soon();
  });
  customer.addEventListener("change", preview);
  form.addEventListener("submit", (event) => {
    if (event.submitter !== show) isChanged = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (isChanged) event.preventDefault();
  });
  for (const name of ["subject", "preheader", "source"]) {
    const known = find<HTMLInputElement | HTMLTextAreaElement>(`[name=${name}]`, form);
    known?.addEventListener("focus", () => (field = known));
  }

  root.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest<HTMLElement>("button") : null;
    if (!pressed) return;
    const { templateInsert, templateWidth, templateLine } = pressed.dataset;
    if (templateInsert) insert(pressed.hasAttribute("data-template-block") ? source : field, templateInsert, pressed.hasAttribute("data-template-block"));
    if (templateWidth) setWidth(root, frame, templateWidth);
    if (templateLine) goToLine(source, Number(templateLine));
  });

  document.addEventListener("keydown", (event) => {
    const isSave = (event.ctrlKey || event.metaKey) && (event.key === "s" || event.key === "Enter");
    if (!isSave) return;
    event.preventDefault();
    form.requestSubmit();
  });
  show.hidden = true;
  preview();
}

function insert(field: HTMLInputElement | HTMLTextAreaElement, text: string, isBlock: boolean): void {
  const start = field.selectionStart ?? field.value.length;
  const end = field.selectionEnd ?? start;
  field.focus();
  field.setRangeText(isBlock ? `\n\n${text}\n\n` : text, start, end, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function setWidth(root: HTMLElement, frame: HTMLElement, width: string): void {
  frame.classList.toggle("is-phone", width === "phone");
  for (const button of findAll<HTMLElement>("[data-template-width]", root)) {
    button.setAttribute("aria-pressed", String(button.dataset["templateWidth"] === width));
  }
}

function goToLine(source: HTMLTextAreaElement, line: number): void {
  const lines = source.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((length, text) => length + text.length + 1, 0);
  source.focus();
  source.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  source.scrollTop = Math.max(0, (line - 4) * (source.scrollHeight / Math.max(1, lines.length)));
}

const root = find("[data-template-editor]");
if (root) start(root);
