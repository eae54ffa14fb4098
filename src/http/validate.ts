/** Checks a request against its schema: one fast look for the good ones, every field's complaint for the others. */
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { Problem } from "#contract/shop.ts";

export type Complaints = NonNullable<Problem["errors"]>;
export type Validated<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly errors: Complaints };

const complaintsMax = 100;

export function validator<Schema extends TSchema>(schema: Schema): (value: unknown) => Validated<Static<Schema>> {
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) {
      // PostgreSQL keeps no half of a surrogate pair, and neither does any e-mail: refuse it here, with its field.
      if (isWellFormed(value)) return { ok: true, value: value as Static<Schema> };
      return { ok: false, errors: [brokenText(value, "") as Complaints[number]] };
    }
    const errors: { pointer: string; message: string }[] = [];
    for (const error of compiled.Errors(value)) {
      if (errors.length >= complaintsMax) break;
      const parameters = error.params as Record<string, unknown>;
      if (error.keyword === "additionalProperties") {
        for (const name of (parameters.additionalProperties as readonly string[] | undefined) ?? []) {
          errors.push({
            pointer: `${error.instancePath}/${escapePointer(name)}`,
            message: "is not a field of this request; check its spelling",
          });
        }
      } else if (error.keyword === "required") {
        for (const name of (parameters.requiredProperties as readonly string[] | undefined) ?? []) {
          errors.push({ pointer: `${error.instancePath}/${escapePointer(name)}`, message: "is missing" });
        }
      } else if (error.keyword !== "boolean") {
        errors.push({ pointer: error.instancePath, message: wording(error.keyword, parameters, error.message) });
      }
    }
    return { ok: false, errors: errors.length > 0 ? errors : [{ pointer: "", message: "is not of the right shape" }] };
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
    case "pattern":
      return "is not written as it should be, or has signs that do not belong in it";
    default:
      return fallback;
  }
}

const article = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);
const escapePointer = (name: string): string => name.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1");

function isWellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  for (const key in value) if (!isWellFormed((value as Record<string, unknown>)[key])) return false;
  return true;
}

/** The first text that is not well-formed, with its place. */
function brokenText(value: unknown, pointer: string): { pointer: string; message: string } | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : { pointer, message: "is not valid Unicode" };
  if (typeof value !== "object" || value === null) return undefined;
  for (const key in value) {
    const broken = brokenText((value as Record<string, unknown>)[key], `${pointer}/${escapePointer(key)}`);
    if (broken !== undefined) return broken;
  }
  return undefined;
}
