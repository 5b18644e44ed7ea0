// The segment builder: groups and conditions over the JSON of the form, which stays the truth.
import "./segments.css";
import { find, findAll, make, makeIcon } from "../behaviours/dom";
import { Counter } from "./counting";
import { control } from "./inputs";
import { asked, criterionOf, inputsOf, isComplete, isGroup, leaves, nameOf, read, write } from "./tree";
import type { Group, Leaf, Mode, Node, Schema } from "./tree";

function json<T>(id: string): T {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null") as T;
}

class Builder {
  private readonly schema = json<Schema>("segment-schema");
  private faults = json<Record<string, string>>("segment-faults");
  private readonly root: Group;
  private readonly stage: HTMLElement;
  private readonly rules: HTMLTextAreaElement;
  private readonly errors = new Map<Node, HTMLElement>();
  private readonly counter: Counter;

  constructor(private readonly form: HTMLFormElement) {
    this.stage = find("[data-segment-builder]", form)!;
    this.rules = find<HTMLTextAreaElement>('[name="rules"]', form)!;
    this.root = read(JSON.parse(this.rules.value || "{}"));
    const places = {
      form,
      count: find("[data-segment-count]", form)!,
      members: find("[data-segment-members]", form)!,
    };
    this.counter = new Counter(places, this.schema, (faults) => this.mark(faults));
    find("[data-segment-stage]", form)!.hidden = false;
    find<HTMLDetailsElement>("[data-segment-json]", form)!.open = false;
    this.shopChoice?.addEventListener("change", () => this.draw());
    this.rules.addEventListener("change", () => this.readAgain());
    if (!this.root.children.length) this.root.children.push(this.fresh());
    this.draw();
    this.mark(this.faults);
    find(".is-faulty :is(select, input, button)", this.stage)?.focus();
  }

  private get shopChoice(): HTMLSelectElement | null {
    return find<HTMLSelectElement>('select[name="shop"]', this.form);
  }

  private get shop(): string {
    return this.shopChoice?.value ?? this.form.dataset["shop"] ?? "";
  }

  private word(key: string): string {
    return this.schema.words[key] ?? key;
  }

  private fresh(): Leaf {
    return { criterion: "", operator: "", values: {} };
  }

  /** Somebody wrote JSON by hand: it is shown when it can be read. */
  private readAgain(): void {
    try {
      const written = read(JSON.parse(this.rules.value));
      this.root.mode = written.mode;
      this.root.children = written.children;
      this.draw();
    } catch {
      this.counter.look(null, this.shop);
      this.sayUnreadable(true);
    }
  }

  /** Under the field: what was written there is no JSON, and the builder still shows what was before. */
  private sayUnreadable(is: boolean): void {
    const field = this.rules.closest(".ec-field");
    field?.classList.toggle("has-error", is);
    if (field) for (const old of findAll(".ec-error", field)) old.remove();
    this.rules.toggleAttribute("aria-invalid", is);
    if (!is) return;
    const text = make("p", "ec-error", this.word("unreadable"));
    text.setAttribute("role", "alert");
    this.rules.after(text);
  }

  private draw(focusOn?: Node, part = "select"): void {
    this.errors.clear();
    const drawn = new Map<Node, HTMLElement>();
    this.stage.replaceChildren(this.group(this.root, null, 1, drawn));
    this.changed();
    if (focusOn) drawn.get(focusOn)?.querySelector<HTMLElement>(part)?.focus();
  }

  /** The tree is another: write it down and count. */
  private changed(): void {
    const text = JSON.stringify(write(this.root), null, 2);
    this.rules.value = text;
    this.sayUnreadable(false);
    this.counter.look(isComplete(this.root, this.schema) ? text : null, this.shop);
  }

  private mark(faults: Record<string, string>): void {
    this.faults = faults;
    for (const place of this.errors.values()) {
      place.replaceChildren();
      place.parentElement?.classList.remove("is-faulty");
    }
    const nodes = new Map<string, Node>();
    write(this.root, nodes);
    for (const [pointer, text] of Object.entries(faults)) {
      let at = pointer;
      while (at && !nodes.has(at)) at = at.slice(0, at.lastIndexOf("/"));
      const node = nodes.get(at);
      const place = node && this.errors.get(node);
      place?.append(make("span", "", text));
      place?.parentElement?.classList.add("is-faulty");
    }
  }

  private errorPlace(node: Node): HTMLElement {
    const place = make("p", "ec-error ec-seg-error");
    place.id = `segment-fault-${this.errors.size}`;
    place.setAttribute("role", "alert");
    this.errors.set(node, place);
    return place;
  }

  // --- Groups ----------------------------------------------------------------------------------

  private group(group: Group, parent: Group | null, depth: number, drawn: Map<Node, HTMLElement>): HTMLElement {
    const box = make("fieldset", "ec-seg-group");
    drawn.set(group, box);
    box.append(make("legend", "visually-hidden", this.word("group")));
    const head = make("div", "ec-seg-head");
    head.append(this.mode(group));
    if (parent) head.append(this.remover(group, parent, this.word("removeGroup")));
    const list = make("div", "ec-seg-children");
    for (const child of group.children) {
      list.append(isGroup(child) ? this.group(child, group, depth + 1, drawn) : this.leaf(child, group, drawn));
    }
    box.append(head, list, this.errorPlace(group), this.adders(group, depth));
    return box;
  }

  private mode(group: Group): HTMLSelectElement {
    const element = make("select", "ec-seg-mode");
    element.setAttribute("aria-label", this.word("group"));
    for (const mode of ["all", "any", "none"] as Mode[]) {
      element.append(new Option(this.word(mode), mode, false, mode === group.mode));
    }
    element.addEventListener("change", () => {
      group.mode = element.value as Mode;
      this.changed();
    });
    return element;
  }

  private adders(group: Group, depth: number): HTMLElement {
    const row = make("div", "ec-seg-adders");
    const isFull = leaves(this.root) >= this.schema.limits.leaves;
    const condition = this.button("plus", this.word("addCondition"), () => this.add(group, this.fresh()));
    condition.disabled = isFull;
    row.append(condition);
    // A group below "none of these" takes two steps of depth.
    if (depth * 2 < this.schema.limits.depth) {
      const inner = this.button("plus", this.word("addGroup"), () => {
        this.add(group, { mode: group.mode === "all" ? "any" : "all", children: [this.fresh()] });
      });
      inner.disabled = isFull;
      row.append(inner);
    }
    return row;
  }

  private add(group: Group, node: Node): void {
    group.children.push(node);
    this.draw(isGroup(node) ? node.children[0] : node);
  }

  private button(icon: string, text: string, act: () => void): HTMLButtonElement {
    const element = make("button", "btn btn-sm btn-ghost");
    element.type = "button";
    element.append(makeIcon(icon), document.createTextNode(text));
    element.addEventListener("click", act);
    return element;
  }

  private remover(node: Node, parent: Group, text: string): HTMLButtonElement {
    const element = make("button", "ec-iconbtn ec-seg-remove");
    element.type = "button";
    element.setAttribute("aria-label", text);
    element.title = text;
    element.append(makeIcon("x"));
    element.addEventListener("click", () => {
      const at = parent.children.indexOf(node);
      parent.children.splice(at, 1);
      const next = parent.children[Math.min(at, parent.children.length - 1)];
      this.draw(next ?? parent, next ? "select" : ".ec-seg-adders button");
    });
    return element;
  }

  // --- Conditions ------------------------------------------------------------------------------

  private leaf(leaf: Leaf, parent: Group, drawn: Map<Node, HTMLElement>): HTMLElement {
    const row = make("div", "ec-seg-leaf");
    drawn.set(leaf, row);
    row.setAttribute("role", "group");
    const parts = make("div", "ec-seg-parts");
    parts.append(this.criterion(leaf, parts));
    this.ask(leaf, parts, null);
    const errors = this.errorPlace(leaf);
    row.setAttribute("aria-label", this.word("condition"));
    row.setAttribute("aria-describedby", errors.id);
    row.append(parts, this.remover(leaf, parent, this.word("remove")), errors);
    return row;
  }

  /** What stands behind the criterion. The select somebody is typing in stays, with his letters so far. */
  private ask(leaf: Leaf, parts: HTMLElement, kept: HTMLElement | null): void {
    const last = kept ?? parts.firstElementChild;
    while (last?.nextSibling) last.nextSibling.remove();
    const criterion = criterionOf(leaf, this.schema);
    if (kept) {
      // The operator is the one that was just chosen.
    } else if (criterion && criterion.operators.length > 1) parts.append(this.operator(leaf, parts));
    else if (criterion?.operators[0]?.label) parts.append(make("span", "ec-seg-word", criterion.operators[0].label));
    for (const input of inputsOf(leaf, this.schema)) {
      const piece = make("span", "ec-seg-piece");
      if (input.before) piece.append(make("span", "ec-seg-word", input.before));
      piece.append(
        control(input, leaf.values[input.key], this.schema, this.shop, (value) => {
          if (value === undefined) delete leaf.values[input.key];
          else leaf.values[input.key] = value;
          this.changed();
        }),
      );
      if (input.after) piece.append(make("span", "ec-seg-word", input.after));
      parts.append(piece);
    }
  }

  private criterion(leaf: Leaf, parts: HTMLElement): HTMLSelectElement {
    const element = make("select", "ec-seg-criterion");
    element.setAttribute("aria-label", this.word("criterion"));
    const known = criterionOf(leaf, this.schema);
    element.append(new Option(this.word("choose"), "", false, !leaf.criterion));
    // What is no longer offered (an attribute that was put away) stays as it is until somebody changes it.
    if (leaf.criterion && !known) {
      const kept = new Option([leaf.criterion, ...Object.values(leaf.values)].join(" "), leaf.criterion, false, true);
      kept.disabled = true;
      element.append(kept);
    }
    const groups = new Map<string, HTMLOptGroupElement>();
    for (const item of this.schema.criteria) {
      const group = groups.get(item.group) ?? document.createElement("optgroup");
      group.label = item.group;
      groups.set(item.group, group);
      group.append(new Option(item.label, nameOf(item), false, item === known));
    }
    element.append(...groups.values());
    element.addEventListener("change", () => {
      const chosen = this.schema.criteria.find((item) => nameOf(item) === element.value);
      this.become(leaf, asked(chosen, this.schema), parts);
    });
    return element;
  }

  private operator(leaf: Leaf, parts: HTMLElement): HTMLSelectElement {
    const element = make("select", "ec-seg-operator");
    element.setAttribute("aria-label", this.word("operator"));
    const criterion = criterionOf(leaf, this.schema);
    for (const item of criterion?.operators ?? []) {
      element.append(new Option(item.label, item.key, false, item.key === leaf.operator));
    }
    element.addEventListener("change", () => {
      this.become(leaf, asked(criterion, this.schema, element.value, leaf.values), parts, element);
    });
    return element;
  }

  private become(leaf: Leaf, other: Leaf, parts: HTMLElement, kept: HTMLElement | null = null): void {
    Object.assign(leaf, other);
    const errors = this.errors.get(leaf);
    errors?.replaceChildren();
    errors?.parentElement?.classList.remove("is-faulty");
    this.ask(leaf, parts, kept);
    this.changed();
  }
}

const form = find<HTMLFormElement>("[data-ecrm-segment]");
if (form) new Builder(form);
