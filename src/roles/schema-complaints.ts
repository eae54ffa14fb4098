/**
 * What a schema says of a value, in words for whoever wrote the value: every complaint at once, each with its place and a hint.
 * Settings files and rehearsal plans are read with it.
 */
import type { TSchema } from "typebox";
import { Settings } from "typebox/system";
import Value from "typebox/value";

type Raw = Record<string, unknown>;
export type Complaint = { readonly pointer: string; readonly message: string };

const complaintsMax = 100;

type SchemaNode = {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly type?: string;
  readonly const?: unknown;
  readonly description?: string;
};
type SchemaError = {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
};

/** Typebox stops at eight by itself, and a choice of five is six of them; the setting is everybody's, so it is put back. */
function errorsOf(schema: TSchema, config: unknown): SchemaError[] {
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: complaintsMax * 10 });
  try {
    return [...Value.Errors(schema, config)];
  } finally {
    Settings.Set({ maxErrors });
  }
}

/** `patternHint`: how a text should be written, where the pattern alone would not tell; undefined where it would. */
export type PatternHint = (pointer: string, given: unknown) => string | undefined;

export function schemaComplaints(root: TSchema, config: unknown, patternHint: PatternHint): Complaint[] {
  const schema = root as SchemaNode;
  const told: Complaint[] = [];
  const all = errorsOf(root, config);
  const chosen = new Set<string>();
  for (const { keyword, instancePath } of all) {
    if (keyword !== "anyOf" || [...chosen].some((pointer) => instancePath.startsWith(pointer))) continue;
    const variants = nodeAt(schema, instancePath)?.anyOf ?? [];
    const variant = variantOf(variants, valueAt(config, instancePath));
    if (variant === undefined) {
      const message = unnamedComplaint(variants, valueAt(config, instancePath));
      if (message !== undefined) {
        chosen.add(instancePath);
        told.push({ pointer: instancePath, message });
      }
      continue;
    }
    chosen.add(instancePath);
    for (const { pointer, message } of schemaComplaints(variant as TSchema, valueAt(config, instancePath), patternHint))
      told.push({ pointer: `${instancePath}${pointer}`, message });
  }
  const errors = all.filter(
    ({ instancePath }) =>
      ![...chosen].some((pointer) => instancePath === pointer || instancePath.startsWith(`${pointer}/`)),
  );
  const choices = new Map<string, string[]>();
  for (const { keyword, instancePath, params } of errors) {
    if (keyword !== "const") continue;
    const allowed = choices.get(instancePath) ?? [];
    allowed.push(String((params as { allowedValue?: unknown }).allowedValue));
    choices.set(instancePath, allowed);
  }
  for (const { keyword, instancePath, params, message } of errors) {
    const given = valueAt(config, instancePath);
    const limits = params as Readonly<Record<string, unknown>>;
    switch (keyword) {
      case "additionalProperties":
      case "const":
        continue;
      case "boolean": {
        const at = instancePath.lastIndexOf("/");
        const name = instancePath
          .slice(at + 1)
          .replaceAll("~1", "/")
          .replaceAll("~0", "~");
        told.push({
          pointer: instancePath,
          message: `is no setting${spelling(schema, name, instancePath.slice(0, at))}`,
        });
        continue;
      }
      case "required":
        for (const name of (limits.requiredProperties as readonly string[] | undefined) ?? [])
          told.push({
            pointer: `${instancePath}/${name}`,
            message: `is missing${meaning(schema, `${instancePath}/${name}`)}`,
          });
        continue;
      case "anyOf": {
        const allowed = choices.get(instancePath);
        if (allowed === undefined) break;
        const hint = typeof given === "string" ? closest(given, allowed) : undefined;
        told.push({
          pointer: instancePath,
          message: `must be one of ${allowed.map((value) => `"${value}"`).join(", ")}, not ${shown(given)}${hint === undefined ? "" : `; did you mean "${hint}"?`}`,
        });
        continue;
      }
      case "type":
        told.push({
          pointer: instancePath,
          message: `must be ${kinds[String(limits.type)] ?? limits.type}, not ${shown(given)}`,
        });
        continue;
      case "minimum":
        told.push({ pointer: instancePath, message: `must be at least ${limits.limit}, not ${shown(given)}` });
        continue;
      case "maximum":
        told.push({ pointer: instancePath, message: `must be at most ${limits.limit}, not ${shown(given)}` });
        continue;
      case "exclusiveMinimum":
        told.push({ pointer: instancePath, message: `must be more than ${limits.limit}, not ${shown(given)}` });
        continue;
      case "maxLength":
        told.push({ pointer: instancePath, message: `must have at most ${limits.limit} characters` });
        continue;
      case "minLength":
        told.push({ pointer: instancePath, message: `must have at least ${limits.limit} characters` });
        continue;
      case "minItems":
      case "maxItems":
        told.push({
          pointer: instancePath,
          message: `must have ${keyword === "minItems" ? "at least" : "at most"} ${limits.limit} values, not ${Array.isArray(given) ? given.length : "so many"}`,
        });
        continue;
      case "pattern":
        told.push({
          pointer: instancePath,
          message:
            patternHint(instancePath, given) ??
            `is not written as it should be: ${shown(given)}${meaning(schema, instancePath)}`,
        });
        continue;
    }
    if (keyword !== "anyOf") told.push({ pointer: instancePath, message });
  }
  return told;
}

/** Of several shapes the one that was meant: the one whose constant fits (`shape: "ramp"`), else the one of its kind. */
function variantOf(variants: readonly SchemaNode[], given: unknown): SchemaNode | undefined {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  const objects = variants.filter(({ type }) => type === "object");
  const named = objects.find(({ properties = {} }) =>
    Object.entries(properties).some(([name, node]) => node.const !== undefined && node.const === (given as Raw)[name]),
  );
  return named ?? (objects.length === 1 ? objects[0] : undefined);
}

/** Of an object that names none of the shapes: by what it should, and how they are called. */
function unnamedComplaint(variants: readonly SchemaNode[], given: unknown): string | undefined {
  if (typeof given !== "object" || given === null || variants.length < 2) return undefined;
  for (const name of Object.keys(variants[0]?.properties ?? {})) {
    const names = variants.map(({ properties }) => properties?.[name]?.const);
    if (!names.every((value) => typeof value === "string")) continue;
    const value = (given as Raw)[name];
    const hint = typeof value === "string" ? closest(value, names) : undefined;
    return `has ${name} ${shown(value)}; it must be one of ${names.map((one) => `"${one}"`).join(", ")}${hint === undefined ? "" : `; did you mean "${hint}"?`}`;
  }
  return undefined;
}

const kinds: Readonly<Record<string, string>> = {
  integer: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  object: "an object { … }",
  array: "a list [ … ]",
};

export const shown = (value: unknown): string => {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
};

function nodeAt(schema: SchemaNode, pointer: string): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (const name of pointer.split("/").slice(1)) node = /^\d+$/.test(name) ? node?.items : node?.properties?.[name];
  return node;
}

const meaning = (schema: SchemaNode, pointer: string): string => {
  const { description } = nodeAt(schema, pointer) ?? {};
  return description === undefined ? "" : ` (${description})`;
};

/** A near name of the same object; else where in the file a field of this very name belongs. */
function spelling(schema: SchemaNode, name: string, parent: string): string {
  const here = Object.keys(nodeAt(schema, parent)?.properties ?? {});
  const near = closest(name, here);
  if (near !== undefined) return `; did you mean "${near}"?`;
  const elsewhere: string[] = [];
  for (const [group, node] of Object.entries(schema.properties ?? {}))
    if (node.properties?.[name] !== undefined) elsewhere.push(`/${group}/${name}`);
  if (schema.properties?.[name] !== undefined) elsewhere.push(`/${name}`);
  if (elsewhere.length > 0) return `; it belongs at ${elsewhere.join(" or ")}`;
  return here.length === 0 ? "" : `; there are ${here.join(", ")}`;
}

function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const name of pointer.split("/").slice(1)) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Raw)[name.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return at;
}

/** The nearest of the names if it could be a slip of the fingers: at most two of five letters differ. */
export function closest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const other of names) {
    const distance = distanceOf(name.slice(0, 80).toLowerCase(), other.toLowerCase());
    if (distance < least && distance <= Math.max(1, Math.floor(other.length / 2.5))) [best, least] = [other, distance];
  }
  return best;
}

/** Levenshtein's, with two swapped neighbours as one slip (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  let [before, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_value, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      next.push(cost);
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}

/** The schema for editors and checks: what has a default need not be there. */
export function schemaJson(root: TSchema): string {
  const published = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(published);
    if (typeof value !== "object" || value === null) return value;
    const copy = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, published(part)])) as Raw;
    const { required, properties } = copy as { required?: unknown; properties?: Record<string, { default?: unknown }> };
    if (Array.isArray(required) && properties !== undefined) {
      const needed = required.filter((name: string) => properties[name]?.default === undefined);
      if (needed.length > 0) copy.required = needed;
      else delete copy.required;
    }
    return copy;
  };
  const schema = { $schema: "https://json-schema.org/draft/2020-12/schema", ...(published(root) as Raw) };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
