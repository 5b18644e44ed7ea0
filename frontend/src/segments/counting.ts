// How many fulfil the rules: the planner's guess at once, the truth and a few names when ready.
import { make } from "../behaviours/dom";
import type { Schema } from "./tree";

const PAUSE_MS = 400;

interface Answer {
  estimate?: number;
  count?: number;
  members?: { name: string; about: string; id: string }[];
  faults?: Record<string, string>;
  refusal?: string;
}

export interface Places {
  form: HTMLFormElement;
  count: HTMLElement;
  members: HTMLElement;
}

export class Counter {
  private timer = 0;
  private asked: AbortController | undefined;

  constructor(
    private readonly places: Places,
    private readonly schema: Schema,
    private readonly onFaults: (faults: Record<string, string>) => void,
  ) {}

  /** Count these rules after a short pause; null says that they are not complete. */
  look(rules: string | null, shop: string): void {
    window.clearTimeout(this.timer);
    this.asked?.abort();
    if (rules === null) {
      this.say(this.schema.words["incomplete"] ?? "", "quiet");
      this.places.members.replaceChildren();
      return;
    }
    this.timer = window.setTimeout(() => void this.ask(rules, shop), PAUSE_MS);
  }

  private async ask(rules: string, shop: string): Promise<void> {
    const asked = new AbortController();
    this.asked = asked;
    this.places.count.setAttribute("aria-busy", "true");
    try {
      const guess = await this.post(rules, shop, false, asked.signal);
      if (!this.isGood(guess)) return;
      this.say(`${this.schema.words["about"]} ${this.customers(guess.estimate ?? 0)}`, "guess");
      const truth = await this.post(rules, shop, true, asked.signal);
      if (!this.isGood(truth)) return;
      this.say(this.customers(truth.count ?? 0), "exact");
      this.show(truth.members ?? []);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) this.say(this.schema.words["failed"] ?? "", "bad");
    } finally {
      if (this.asked === asked) this.places.count.removeAttribute("aria-busy");
    }
  }

  private async post(rules: string, shop: string, isExact: boolean, signal: AbortSignal): Promise<Answer> {
    const body = new FormData();
    body.set("rules", rules);
    body.set("shop", shop);
    body.set("segment", this.places.form.dataset["segment"] ?? "");
    if (isExact) body.set("exact", "1");
    const token = this.places.form.querySelector<HTMLInputElement>('[name="csrfmiddlewaretoken"]')?.value ?? "";
    const answer = await fetch(this.places.form.dataset["countUrl"] ?? "", { method: "POST", body, signal, headers: { "X-CSRFToken": token } });
    if (!answer.ok && answer.status !== 422) throw new Error(String(answer.status));
    return (await answer.json()) as Answer;
  }

  private isGood(answer: Answer): boolean {
    this.onFaults(answer.faults ?? {});
    if (answer.faults) this.say(this.schema.words["incomplete"] ?? "", "quiet");
    if (answer.refusal) this.say(answer.refusal, "bad");
    return !answer.faults && !answer.refusal;
  }

  private customers(number: number): string {
    const text = number.toLocaleString(document.documentElement.lang);
    return `${text} ${this.schema.words[number === 1 ? "customer" : "customers"]}`;
  }

  private say(text: string, state: string): void {
    this.places.count.textContent = text;
    this.places.count.dataset["state"] = state;
  }

  private show(members: { name: string; about: string; id: string }[]): void {
    const base = this.places.form.dataset["customerUrl"] ?? "";
    const lines = members.map((member) => {
      const line = make("li", "ec-line");
      const link = make("a", "ec-line-text", member.name);
      link.href = `${base}${member.id}/`;
      link.target = "_blank";
      link.append(make("small", "", member.about));
      line.append(link);
      return line;
    });
    const list = make("ul", "ec-lines");
    list.setAttribute("role", "list");
    list.append(...lines);
    if (lines.length) this.places.members.replaceChildren(make("h3", "ec-section-title", this.schema.words["preview"]), list);
    else this.places.members.replaceChildren(make("p", "ec-muted", this.schema.words["nobody"]));
  }
}
