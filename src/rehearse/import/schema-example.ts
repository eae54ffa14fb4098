/** A value that a JSON schema (as OpenAPI 3.0 and 3.1 write it) would let pass: its own example where it gives one. */
import { listOf, objectOf, textOf } from "./imported.ts";

type Resolve = (value: unknown) => Record<string, unknown> | undefined;

/** Deeper objects are left out: a schema that holds itself would not end. */
const depthMax = 6;

export function exampleOf(given: unknown, resolve: Resolve, depth = 0): unknown {
  const schema = resolve(given);
  if (schema === undefined || depth > depthMax) return {};
  if (schema.const !== undefined) return schema.const;
  if (schema.example !== undefined) return schema.example;
  const [example] = listOf(schema.examples);
  if (example !== undefined) return example;
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  const choice = listOf(schema.enum).find((member) => member !== null);
  if (choice !== undefined) return choice;
  const all = listOf(schema.allOf);
  if (all.length > 0) {
    const parts = [...all, { ...schema, allOf: undefined }].map((part) => exampleOf(part, resolve, depth + 1));
    const objects = parts.filter((part) => objectOf(part) !== undefined);
    return objects.length === parts.length ? Object.assign({}, ...objects) : parts[0];
  }
  const [either] = [...listOf(schema.oneOf), ...listOf(schema.anyOf)].filter((part) => resolve(part)?.type !== "null");
  if (either !== undefined) return exampleOf(either, resolve, depth + 1);

  const types = [schema.type].flat().filter((type) => type !== "null");
  const type =
    textOf(types[0]) ??
    (schema.properties === undefined ? (schema.items === undefined ? "object" : "array") : "object");
  switch (type) {
    case "string":
      return stringOf(schema);
    case "integer":
    case "number":
      return numberOf(schema, type === "integer");
    case "boolean":
      return true;
    case "array": {
      const count = Math.min(typeof schema.minItems === "number" ? Math.max(schema.minItems, 1) : 1, 5);
      return depth >= depthMax
        ? []
        : Array.from({ length: count }, () => exampleOf(schema.items ?? {}, resolve, depth + 1));
    }
    default: {
      const required = new Set(listOf(schema.required));
      const properties = Object.entries(objectOf(schema.properties) ?? {}).filter(([name, property]) => {
        const known = resolve(property);
        return known?.readOnly !== true && (depth < depthMax - 2 || required.has(name));
      });
      return Object.fromEntries(properties.map(([name, property]) => [name, exampleOf(property, resolve, depth + 1)]));
    }
  }
}

const formats: Readonly<Record<string, string>> = {
  "date-time": "2026-11-27T09:00:00Z",
  date: "2026-11-27",
  time: "09:00:00Z",
  email: "shopper-{{number}}@example.com",
  uuid: "{{uuid}}",
  uri: "https://example.com/",
  url: "https://example.com/",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  byte: "c2FsZQ==",
};

function stringOf(schema: Record<string, unknown>): string {
  const known = formats[textOf(schema.format) ?? ""];
  if (known !== undefined) return known;
  const least = typeof schema.minLength === "number" ? schema.minLength : 0;
  const most = typeof schema.maxLength === "number" ? schema.maxLength : Number.POSITIVE_INFINITY;
  return "text".padEnd(Math.min(least, 1000), "t").slice(0, most);
}

function numberOf(schema: Record<string, unknown>, isWhole: boolean): number {
  const bound = (name: string): number | undefined =>
    typeof schema[name] === "number" ? (schema[name] as number) : undefined;
  const step = bound("multipleOf") ?? (isWhole ? 1 : 0.5);
  const above = bound("exclusiveMinimum");
  const least = bound("minimum") ?? (above === undefined ? undefined : above + step);
  const most =
    bound("maximum") ??
    (bound("exclusiveMaximum") === undefined ? undefined : (bound("exclusiveMaximum") as number) - step);
  if (least !== undefined) return Math.ceil(least / step) * step;
  return most !== undefined && most < 1 ? Math.floor(most / step) * step : step > 1 ? step : 1;
}
