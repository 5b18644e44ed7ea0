// The rules of a segment as the builder holds them, and as the server reads them.

export interface InputSpec {
  key: string;
  kind: string;
  label: string;
  before: string;
  after: string;
  choices: [string, string][];
  open: boolean;
  optional: boolean;
  least: number;
  most: number;
}

export interface OperatorSpec {
  key: string;
  label: string;
  inputs: InputSpec[];
}

export interface CriterionSpec {
  key: string;
  /** Values which make it this one among several of the same key (the attribute it asks for). */
  fixed: Record<string, string>;
  label: string;
  group: string;
  operators: OperatorSpec[];
  inputs: InputSpec[];
}

export interface Schema {
  criteria: CriterionSpec[];
  segments: { id: number; name: string; shop: string }[];
  currencies: string[];
  words: Record<string, string>;
  limits: { depth: number; leaves: number };
}

export type Mode = "all" | "any" | "none";

export interface Group {
  mode: Mode;
  children: Node[];
}

export interface Leaf {
  criterion: string;
  operator: string;
  values: Record<string, unknown>;
}

export type Node = Group | Leaf;

type Json = Record<string, unknown>;

export const isGroup = (node: Node): node is Group => "mode" in node;

const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

/** A document of the server as a tree; anything unknown becomes an empty group. */
export function read(document: unknown): Group {
  const node = readNode((document ?? {}) as Json);
  return isGroup(node) ? node : { mode: "all", children: [node] };
}

function readNode(document: Json): Node {
  if ("and" in document) return { mode: "all", children: list(document["and"]).map(readNode) };
  if ("or" in document) return { mode: "any", children: list(document["or"]).map(readNode) };
  if ("not" in document) {
    const inner = (document["not"] ?? {}) as Json;
    const children = "or" in inner ? list(inner["or"]) : [inner];
    return { mode: "none", children: children.map(readNode) };
  }
  if (!("criterion" in document)) return { mode: "all", children: [] };
  const { criterion, operator, ...values } = document;
  return { criterion: String(criterion), operator: String(operator), values };
}

/** The document of a tree. `places` learns which node stands under which JSON pointer. */
export function write(node: Node, places: Map<string, Node> = new Map(), pointer = ""): Json {
  places.set(pointer, node);
  if (!isGroup(node)) return { criterion: node.criterion, operator: node.operator, ...node.values };
  if (node.mode === "none") {
    return { not: { or: node.children.map((child, n) => write(child, places, `${pointer}/not/or/${n}`)) } };
  }
  const word = node.mode === "all" ? "and" : "or";
  return { [word]: node.children.map((child, n) => write(child, places, `${pointer}/${word}/${n}`)) };
}

/** One name for a criterion, or for one variant of it. */
export const nameOf = (item: CriterionSpec): string => [item.key, ...Object.values(item.fixed)].join(":");

/** The criterion of a leaf; the one with the values that say which variant is meant. */
export function criterionOf(leaf: Leaf, schema: Schema): CriterionSpec | undefined {
  return schema.criteria.find(
    (item) => item.key === leaf.criterion && Object.entries(item.fixed).every(([key, value]) => leaf.values[key] === value),
  );
}

/** What a leaf asks for. */
export function inputsOf(leaf: Leaf, schema: Schema): InputSpec[] {
  const criterion = criterionOf(leaf, schema);
  const operator = criterion?.operators.find((item) => item.key === leaf.operator);
  return [...(operator?.inputs ?? []), ...(criterion?.inputs ?? [])];
}

/** Whether every condition has what it asks for. */
export function isComplete(node: Node, schema: Schema): boolean {
  if (isGroup(node)) return node.children.length > 0 && node.children.every((child) => isComplete(child, schema));
  return Boolean(node.criterion) && inputsOf(node, schema).every((input) => input.optional || isFilled(node.values[input.key]));
}

function isFilled(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return String((value as Json)["amount"] ?? "") !== "";
  return value !== undefined && value !== null && value !== "";
}

/** How many conditions a tree has. */
export function leaves(node: Node): number {
  return isGroup(node) ? node.children.reduce((sum, child) => sum + leaves(child), 0) : 1;
}

/** Another criterion or operator: what still fits is kept. */
export function asked(criterion: CriterionSpec | undefined, schema: Schema, operatorKey = "", before: Record<string, unknown> = {}): Leaf {
  const operator = criterion?.operators.find((item) => item.key === operatorKey) ?? criterion?.operators[0];
  const leaf: Leaf = { criterion: criterion?.key ?? "", operator: operator?.key ?? "", values: { ...criterion?.fixed } };
  for (const input of inputsOf(leaf, schema)) {
    const value = before[input.key];
    if (isFilled(value) && isMeant(input, value)) leaf.values[input.key] = value;
  }
  return leaf;
}

function isMeant(input: InputSpec, value: unknown): boolean {
  if (input.kind === "texts") return Array.isArray(value);
  if (input.kind === "money") return typeof value === "object" && !Array.isArray(value);
  if (input.kind === "integer" || input.kind === "number") return typeof value === "number" || typeof value === "string";
  if (input.kind === "choice" && !input.open) return input.choices.some(([key]) => key === value);
  return typeof value !== "object";
}
