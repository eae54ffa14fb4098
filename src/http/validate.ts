/** Checks a request against its schema: one fast look for the good ones, every field's complaint for the others. */
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { Settings } from "typebox/system";
import type { Problem } from "#contract/shop.ts";

export type Complaints = NonNullable<Problem["errors"]>;
export type Validated<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly errors: Complaints };

const complaintsMax = 100;
// Typebox looks for eight by itself, and a form with nine fields wrong would be told of eight.
Settings.Set({ maxErrors: complaintsMax });

export function validator<Schema extends TSchema>(schema: Schema): (value: unknown) => Validated<Static<Schema>> {
  const byKind = kindsOf(schema);
  if (byKind !== undefined) return ofOneKind(byKind) as (value: unknown) => Validated<Static<Schema>>;
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) {
      // No database keeps it and no e-mail carries it: refused here, with its field.
      if (canBeKept(value)) return { ok: true, value: value as Static<Schema> };
      return { ok: false, errors: [notKept(value, "") as Complaints[number]] };
    }
    const errors: { pointer: string; message: string }[] = [];
    for (const error of worthTelling([...compiled.Errors(value)])) {
      if (errors.length >= complaintsMax) break;
      const parameters = error.params as Record<string, unknown>;
      if (error.keyword === "boolean") {
        errors.push({
          pointer: cut(error.instancePath),
          message: "is not a field of this request; check its spelling",
        });
      } else if (error.keyword === "required") {
        for (const name of (parameters.requiredProperties as readonly string[] | undefined) ?? []) {
          errors.push({ pointer: `${error.instancePath}/${escapePointer(name)}`, message: "is missing" });
        }
      } else {
        errors.push({ pointer: error.instancePath, message: wording(error.keyword, parameters, error.message) });
      }
    }
    return { ok: false, errors: errors.length > 0 ? errors : [{ pointer: "", message: "is not of the right shape" }] };
  };
}

type SchemaError = {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
};

/**
 * Where a field may be one thing or another, each of them complains: "must be a text" and "must be null" about a text
 * that is too long. Told is what is wrong with the one that was meant, or else all that it may be in one sentence.
 */
function worthTelling(errors: readonly SchemaError[]): SchemaError[] {
  const choices = new Set(errors.filter(({ keyword }) => keyword === "anyOf").map(({ instancePath }) => instancePath));
  const told: SchemaError[] = [];
  const done = new Set<string>();
  for (const error of errors) {
    const { keyword, instancePath } = error;
    // Of unknown fields each is named by itself, as "boolean": the schema for it is false.
    if (keyword === "additionalProperties" || keyword === "anyOf") continue;
    if (!choices.has(instancePath)) {
      // An empty text has the wrong pattern as well, and what is no field of one choice is none of the others; once is enough.
      const isOnce = keyword === "pattern" || keyword === "boolean";
      if (!isOnce || !told.some((other) => other.instancePath === instancePath)) told.push(error);
      continue;
    }
    if (done.has(instancePath)) continue;
    done.add(instancePath);
    const here = errors.filter((other) => other.instancePath === instancePath && other.keyword !== "anyOf");
    const meant = here.filter((other) => other.keyword !== "type" && other.keyword !== "const");
    if (meant.length > 0) told.push(...meant.slice(0, 1));
    else told.push({ ...error, keyword: "anyOf", params: { may: here.map(possibility) } });
  }
  return told;
}

function possibility({ keyword, params }: SchemaError): string {
  const { type, allowedValue } = params as { type?: unknown; allowedValue?: unknown };
  return keyword === "const" ? String(allowedValue) : type === "null" ? "null" : article(String(type));
}

type Kinds = ReadonlyMap<string, (value: unknown) => Validated<unknown>>;

/** For a request that is one of several kinds and says which in its field `kind`. */
function kindsOf(schema: TSchema): Kinds | undefined {
  const { anyOf } = schema as { anyOf?: readonly (TSchema & { properties?: { kind?: { const?: unknown } } })[] };
  if (anyOf === undefined || !anyOf.every((kind) => typeof kind.properties?.kind?.const === "string")) return undefined;
  return new Map(anyOf.map((kind) => [kind.properties?.kind?.const as string, validator(kind)]));
}

function ofOneKind(kinds: Kinds): (value: unknown) => Validated<unknown> {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return { ok: false, errors: [{ pointer: "", message: "must be an object" }] };
    const { kind } = value as { kind?: unknown };
    const check = typeof kind === "string" ? kinds.get(kind) : undefined;
    if (check !== undefined) return check(value);
    const message = kind === undefined ? "is missing" : `must be one of: ${[...kinds.keys()].join(", ")}`;
    return { ok: false, errors: [{ pointer: "/kind", message }] };
  };
}

function wording(keyword: string, parameters: Record<string, unknown>, fallback: string): string {
  switch (keyword) {
    case "type":
      return `must be ${article(String(parameters.type))}`;
    case "minLength":
      return parameters.limit === 1 ? "must not be empty" : `must have at least ${parameters.limit} characters`;
    case "maxLength":
      return `must have at most ${parameters.limit} characters`;
    case "minimum":
      return `must be at least ${parameters.limit}`;
    case "maximum":
      return `must be at most ${parameters.limit}`;
    case "minItems":
      return `must have at least ${parameters.limit}`;
    case "maxItems":
      return `must have at most ${parameters.limit}`;
    case "anyOf": {
      const may = parameters.may as readonly string[];
      return may.some((one) => one.startsWith("a ") || one.startsWith("an ") || one === "null")
        ? `must be ${may.join(" or ")}`
        : `must be one of: ${may.join(", ")}`;
    }
    case "const":
      return `must be "${parameters.allowedValue}"`;
    case "pattern":
      return "is not written as it should be, or has signs that do not belong in it";
    default:
      return fallback;
  }
}

const article = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);
/** A name may be as long as the whole body. */
const cut = (pointer: string): string => (pointer.length <= 300 ? pointer : pointer.slice(0, 300).replace(/~$/, ""));
const escapePointer = (name: string): string => name.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1");

/** Numbers are integers here, and beyond this they are not exact. */
const isExact = (value: number): boolean => value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER;

function canBeKept(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed() && !value.includes("\0");
  if (typeof value === "number") return isExact(value);
  if (typeof value !== "object" || value === null) return true;
  for (const key in value) if (!canBeKept((value as Record<string, unknown>)[key])) return false;
  return true;
}

/** The first value that cannot be kept, with its place. */
function notKept(value: unknown, pointer: string): { pointer: string; message: string } | undefined {
  if (canBeKept(value)) return undefined;
  if (typeof value === "number") return { pointer, message: "is beyond what can be counted exactly" };
  if (typeof value === "string") {
    const message = value.isWellFormed() ? "must not hold the sign U+0000" : "is not valid Unicode";
    return { pointer, message };
  }
  for (const key in value as object) {
    const found = notKept((value as Record<string, unknown>)[key], `${pointer}/${escapePointer(key)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
