/**
 * What a probe may find: the tolerances of the experiment format, read as Chaos Toolkit reads them
 * (https://chaostoolkit.org/reference/api/experiment/#steady-state-probe-tolerance).
 */
import { jsonPath } from "./json-path.ts";
import { substitute, type Values } from "./substitution.ts";

export type Tolerance = boolean | number | string | readonly unknown[] | Readonly<Record<string, unknown>>;

/** Complaints about it; none when it can be used. A tolerance that is a probe is looked at by whoever reads activities. */
export function toleranceComplaints(tolerance: unknown): readonly string[] {
  if (["boolean", "number", "string"].includes(typeof tolerance) || Array.isArray(tolerance)) return [];
  if (typeof tolerance !== "object" || tolerance === null)
    return ["its tolerance must be a number, a text, true or false, a list or an object"];
  const { type, pattern, path, range } = tolerance as Readonly<Record<string, unknown>>;
  switch (type) {
    case "probe":
      return [];
    case "regex":
      if (pattern === undefined) return ["its regex tolerance needs a `pattern`"];
      if (typeof pattern !== "string") return ["the `pattern` of its tolerance must be a text"];
      return sentences(() => regularExpression(pattern));
    case "jsonpath":
      if (typeof path !== "string") return ["its jsonpath tolerance needs a `path`"];
      return sentences(() => jsonPath(path));
    case "range":
      return Array.isArray(range) && range.length === 2 && range.every((bound) => typeof bound === "number")
        ? []
        : ["its range tolerance needs a `range` of two numbers"];
    default:
      return [`a tolerance of type "${String(type)}" is not known; there are probe, regex, jsonpath and range`];
  }
}

/** `asked`: plays the tolerance that is a probe, with the value in hand. */
export async function isWithin(
  tolerance: Tolerance,
  value: unknown,
  values: Values,
  asked: (probe: Readonly<Record<string, unknown>>, value: unknown) => Promise<boolean>,
): Promise<boolean> {
  if (typeof tolerance === "boolean") return value === tolerance;
  if (typeof tolerance === "string") return value === substitute<unknown>(tolerance, values);
  if (typeof tolerance === "number") return statusOf(value) === tolerance;
  if (isList(tolerance)) {
    const status = statusOf(value);
    if (status !== value) return tolerance.includes(status);
    const [low, high] = tolerance;
    if (tolerance.length === 2 && typeof low === typeof value)
      return (low as number) <= (value as number) && (value as number) <= (high as number);
    return tolerance.includes(value);
  }
  const target = targetOf(tolerance, value);
  switch (tolerance.type) {
    case "probe":
      return await asked(tolerance, value);
    case "regex": {
      const pattern = substitute(String(tolerance.pattern), values);
      return regularExpression(pattern).test(typeof target === "string" ? target : JSON.stringify(target));
    }
    case "jsonpath": {
      const found = jsonPath(substitute(String(tolerance.path), values))(parsed(target));
      if ("expect" in tolerance) {
        const expect = substitute<unknown>(tolerance.expect, values);
        return isSame(found, Array.isArray(expect) ? expect : [expect]);
      }
      return typeof tolerance.count === "number" ? found.length === tolerance.count : found.length > 0;
    }
    case "range": {
      const [low, high] = tolerance.range as readonly [number, number];
      const number = typeof target === "string" && target.trim() !== "" ? Number(target) : target;
      return typeof number === "number" && low <= number && number <= high;
    }
    default:
      return false;
  }
}

const isList = (tolerance: Tolerance): tolerance is readonly unknown[] => Array.isArray(tolerance);

/** Of what a provider answers, its status is what is looked at. */
function statusOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "status" in value ? value.status : value;
}

function targetOf(tolerance: Readonly<Record<string, unknown>>, value: unknown): unknown {
  const { target } = tolerance;
  if (typeof target !== "string" || typeof value !== "object" || value === null) return value;
  return Object.hasOwn(value, target) ? (value as Readonly<Record<string, unknown>>)[target] : value;
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Python's named groups and inline flags at the beginning are the two things that JavaScript writes otherwise. */
function regularExpression(pattern: string): RegExp {
  const inline = /^\(\?([ims]+)\)/.exec(pattern);
  const rest = pattern.slice(inline?.[0].length ?? 0).replaceAll("(?P<", "(?<");
  return new RegExp(rest, inline?.[1] ?? "");
}

function sentences(work: () => unknown): readonly string[] {
  try {
    work();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
