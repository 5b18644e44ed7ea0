// One input of a condition, by the kind of its value. Each reports its value as the server reads it.
import { make } from "../behaviours/dom";
import type { InputSpec, Schema } from "./tree";

type Change = (value: unknown) => void;

/** The control for a value; `change` gets undefined when it is empty. */
export function control(input: InputSpec, value: unknown, schema: Schema, shop: string, change: Change): HTMLElement {
  switch (input.kind) {
    case "money":
      return money(input, value, schema, change);
    case "texts":
      return texts(input, value, schema, change);
    case "choice":
      return select(input, choicesWith(input, value), String(value ?? ""), schema, change);
    case "segment": {
      const choices = schema.segments
        .filter((item) => item.shop === shop)
        .map((item): [string, string] => [String(item.id), item.name]);
      return select(input, choices, String(value ?? ""), schema, (text) => change(text ? Number(text) : undefined));
    }
    case "boolean": {
      const choices: [string, string][] = [["true", word(schema, "yes")], ["false", word(schema, "no")]];
      return select(input, choices, value === undefined ? "" : String(value), schema, (text) => change(text ? text === "true" : undefined));
    }
    default:
      return field(input, value, schema, change);
  }
}

const word = (schema: Schema, key: string): string => schema.words[key] ?? key;

function label(element: HTMLElement, input: InputSpec, schema: Schema): void {
  const text = [input.before, input.label, input.after].filter(Boolean).join(" ");
  element.setAttribute("aria-label", text || word(schema, "value"));
}

function choicesWith(input: InputSpec, value: unknown): [string, string][] {
  const text = String(value ?? "");
  const isKnown = !text || input.choices.some(([key]) => key === text);
  return isKnown ? input.choices : [...input.choices, [text, text]];
}

function select(input: InputSpec, choices: [string, string][], value: string, schema: Schema, change: Change): HTMLSelectElement {
  const element = make("select");
  label(element, input, schema);
  const empty = input.optional ? input.label || word(schema, "any_value") : word(schema, "choose");
  for (const [key, text] of [["", empty] as [string, string], ...choices]) {
    element.append(new Option(text, key, false, key === value));
  }
  element.addEventListener("change", () => change(element.value || undefined));
  return element;
}

function field(input: InputSpec, value: unknown, schema: Schema, change: Change): HTMLInputElement {
  const element = make("input");
  const isNumber = input.kind === "number" || input.kind === "integer";
  element.type = isNumber ? "number" : input.kind === "date" ? "date" : "text";
  if (isNumber) {
    element.min = String(input.least);
    element.max = String(input.most);
    element.step = input.kind === "integer" ? "1" : "any";
    element.className = "ec-seg-number";
  } else if (input.kind !== "date") {
    element.maxLength = 200;
  }
  if (input.optional) element.placeholder = word(schema, "any_value");
  element.value = value === undefined || value === null ? "" : String(value);
  label(element, input, schema);
  element.addEventListener("input", () => {
    const text = element.value;
    change(text === "" ? undefined : isNumber ? Number(text) : text);
  });
  return element;
}

function money(input: InputSpec, value: unknown, schema: Schema, change: Change): HTMLElement {
  const known = (value ?? {}) as { amount?: string; currency?: string };
  const box = make("span", "ec-seg-money");
  const amount = field({ ...input, kind: "number" }, known.amount, schema, report);
  const currency = make("select");
  currency.setAttribute("aria-label", word(schema, "currency"));
  const currencies = schema.currencies.includes(known.currency ?? "") || !known.currency ? schema.currencies : [...schema.currencies, known.currency];
  for (const code of currencies) currency.append(new Option(code, code, false, code === known.currency));
  currency.addEventListener("change", report);
  function report(): void {
    change(amount.value === "" ? undefined : { amount: amount.value, currency: currency.value });
  }
  box.append(amount, currency);
  return box;
}

function texts(input: InputSpec, value: unknown, schema: Schema, change: Change): HTMLElement {
  const known = Array.isArray(value) ? value.map(String) : [];
  if (!input.choices.length) {
    const element = field({ ...input, kind: "text" }, known.join(", "), schema, (text) => {
      const entries = String(text ?? "").split(",").map((entry) => entry.trim()).filter(Boolean);
      change(entries.length ? entries : undefined);
    });
    element.placeholder = word(schema, "separate");
    element.maxLength = 2000;
    return element;
  }
  const element = make("select");
  element.multiple = true;
  element.size = Math.min(5, Math.max(2, input.choices.length));
  label(element, input, schema);
  const extra = known.filter((entry) => !input.choices.some(([key]) => key === entry)).map((entry): [string, string] => [entry, entry]);
  for (const [key, text] of [...input.choices, ...extra]) element.append(new Option(text, key, false, known.includes(key)));
  element.addEventListener("change", () => {
    const chosen = [...element.selectedOptions].map((option) => option.value);
    change(chosen.length ? chosen : undefined);
  });
  return element;
}
