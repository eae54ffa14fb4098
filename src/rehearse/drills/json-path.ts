/**
 * The JSON paths that experiments use (https://goessner.net/articles/JsonPath/): names, `*`, `..name`, indexes, slices
 * and filters `[?(@.name == "value")]`. As in jsonpath2, which Chaos Toolkit uses, a filter tests an object itself; of a
 * list it tests each element. No code in a path is ever run.
 */
type Step =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "all" }
  | { readonly kind: "deep"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "slice"; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: "filter"; readonly test: (value: unknown) => boolean };

export type JsonPath = (value: unknown) => readonly unknown[];

const word = /^[\p{L}\p{N}_-]+/u;
const filterForm = /^\?\(\s*@([^=!<>]*?)\s*(?:(==|=|!=|<=|>=|<|>)\s*(.+?)\s*)?\)$/s;
const visitedMax = 100_000;

/** Throws a sentence when the text is no such path. */
export function jsonPath(text: string): JsonPath {
  const steps = parse(text.trim());
  return (value) => {
    let found: readonly unknown[] = [value];
    for (const step of steps) found = found.flatMap((each) => apply(step, each)).slice(0, visitedMax);
    return found;
  };
}

function parse(text: string): readonly Step[] {
  if (text === "") throw new Error("a JSON path cannot be empty");
  const steps: Step[] = [];
  let rest = text.startsWith("$") ? text.slice(1) : `.${text}`;
  while (rest !== "") {
    const deep = rest.startsWith("..");
    if (deep || rest.startsWith(".")) {
      rest = rest.slice(deep ? 2 : 1);
      const name = rest.startsWith("*") ? "*" : word.exec(rest)?.[0];
      if (name === undefined) {
        if (rest.startsWith("[") && !deep) continue;
        throw new Error(`"${text}" is no JSON path: a name must follow the dot before "${rest}"`);
      }
      steps.push(deep ? { kind: "deep", name } : name === "*" ? { kind: "all" } : { kind: "name", name });
      rest = rest.slice(name.length);
      continue;
    }
    const inner = rest.startsWith("[") ? bracket(rest) : undefined;
    if (inner === undefined) throw new Error(`"${text}" is no JSON path from "${rest}" on`);
    steps.push(bracketStep(inner, text));
    rest = rest.slice(inner.length + 2);
  }
  return steps;
}

/** What stands in the first brackets; brackets inside and in quotes are skipped. */
function bracket(text: string): string | undefined {
  let depth = 0;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (quote !== undefined) {
      if (letter === quote) quote = undefined;
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === "[") depth += 1;
    else if (letter === "]" && --depth === 0) return text.slice(1, at);
  }
  return undefined;
}

function bracketStep(inner: string, text: string): Step {
  const trimmed = inner.trim();
  if (trimmed === "*") return { kind: "all" };
  if (/^-?\d+$/.test(trimmed)) return { kind: "index", index: Number(trimmed) };
  const slice = /^(-?\d*):(-?\d*)$/.exec(trimmed);
  if (slice !== null) {
    const bound = (part: string | undefined) => (part === undefined || part === "" ? undefined : Number(part));
    return { kind: "slice", from: bound(slice[1]), to: bound(slice[2]) };
  }
  const quoted = /^(["'])(.*)\1$/s.exec(trimmed);
  if (quoted !== null) return { kind: "name", name: quoted[2] ?? "" };
  const filter = filterForm.exec(trimmed);
  if (filter === null) throw new Error(`"${text}" is no JSON path: "[${inner}]" is neither index, name nor filter`);
  const [, path = "", operator, literal] = filter;
  const inside = path === "" ? (value: unknown) => [value] : jsonPath(`$${path}`);
  if (operator === undefined) return { kind: "filter", test: (value) => inside(value).length > 0 };
  const wanted = literalOf(literal ?? "", text);
  return { kind: "filter", test: (value) => inside(value).some((each) => compare(each, operator, wanted)) };
}

function literalOf(text: string, path: string): unknown {
  const quoted = /^'(.*)'$/s.exec(text);
  if (quoted !== null) return quoted[1];
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`"${path}" is no JSON path: ${text} is neither number nor text in quotes`);
  }
}

function compare(value: unknown, operator: string, wanted: unknown): boolean {
  if (operator === "=" || operator === "==") return value === wanted;
  if (operator === "!=") return value !== wanted;
  const isComparable =
    (typeof value === "number" && typeof wanted === "number") ||
    (typeof value === "string" && typeof wanted === "string");
  if (!isComparable) return false;
  const [a, b] = [value as number, wanted as number];
  return operator === "<" ? a < b : operator === "<=" ? a <= b : operator === ">" ? a > b : a >= b;
}

function apply(step: Step, value: unknown): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  const object = value as Readonly<Record<string, unknown>>;
  switch (step.kind) {
    case "name":
      return !Array.isArray(value) && Object.hasOwn(object, step.name) ? [object[step.name]] : [];
    case "all":
      return Object.values(object);
    case "deep":
      return [
        ...(step.name === "*" ? Object.values(object) : apply({ kind: "name", name: step.name }, value)),
        ...Object.values(object).flatMap((inner) => apply(step, inner)),
      ];
    case "index":
      return Array.isArray(value) && value.at(step.index) !== undefined ? [value.at(step.index)] : [];
    case "slice":
      return Array.isArray(value) ? value.slice(step.from, step.to) : [];
    case "filter":
      return (Array.isArray(value) ? value : [value]).filter(step.test);
  }
}
