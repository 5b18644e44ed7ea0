import { find, findAll, onContent } from "./dom";
import { forget, recall, remember } from "./storage";

const SAVE_AFTER_MS = 300;
const canGrow = CSS.supports("field-sizing", "content");

function grow(area: HTMLTextAreaElement): void {
  if (canGrow) return;
  area.style.setProperty("height", "auto");
  area.style.setProperty("height", `${area.scrollHeight}px`);
}

function freshId(form: HTMLFormElement): void {
  const input = find<HTMLInputElement>("input[data-ecrm-uuid]", form);
  if (input) input.value = crypto.randomUUID();
}

/** The id travels with the text, so that sending the same draft twice answers once. */
function restore(area: HTMLTextAreaElement): void {
  const saved = recall(`draft-${area.dataset["ecrmDraft"]}`);
  if (saved === null || area.value !== "") return;
  const draft = JSON.parse(saved) as { text: string; id: string };
  area.value = draft.text;
  const input = area.form ? find<HTMLInputElement>("input[data-ecrm-uuid]", area.form) : null;
  if (input && draft.id) input.value = draft.id;
  grow(area);
}

function save(area: HTMLTextAreaElement): void {
  const key = `draft-${area.dataset["ecrmDraft"]}`;
  const id = area.form ? (find<HTMLInputElement>("input[data-ecrm-uuid]", area.form)?.value ?? "") : "";
  if (area.value.trim() === "") forget(key);
  else remember(key, JSON.stringify({ text: area.value, id }));
}

function prepare(area: HTMLTextAreaElement): void {
  if (area.dataset["ecrmReady"] !== undefined) return;
  area.dataset["ecrmReady"] = "";
  if (area.form) freshId(area.form);
  if (area.dataset["ecrmDraft"]) restore(area);
  let timer = 0;
  area.addEventListener("input", () => {
    grow(area);
    window.clearTimeout(timer);
    if (area.dataset["ecrmDraft"]) timer = window.setTimeout(() => save(area), SAVE_AFTER_MS);
  });
}

function clear(form: HTMLFormElement): void {
  for (const area of findAll<HTMLTextAreaElement>("textarea", form)) {
    area.value = "";
    if (area.dataset["ecrmDraft"]) forget(`draft-${area.dataset["ecrmDraft"]}`);
    grow(area);
  }
  freshId(form);
}

/** Writing an answer: Ctrl-Enter sends, the draft survives a reload, a second send changes nothing. */
export function startComposer(): void {
  onContent((root) => findAll<HTMLTextAreaElement>("[data-ecrm-composer] textarea, textarea[data-ecrm-draft]", root).forEach(prepare));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target instanceof Element ? event.target.closest("form") : null;
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, xhr } = (event as CustomEvent<{ elt: Element; xhr: XMLHttpRequest }>).detail;
    if (!(elt instanceof HTMLFormElement) || !elt.matches("[data-ecrm-composer]")) return;
    if (xhr.status >= 200 && xhr.status < 300) clear(elt);
  });
}
