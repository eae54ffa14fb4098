/**
 * An OpenAPI 3 document as an inventory: a journey for each operation, with parameters and a body made from its examples or
 * its schema. What an API can do is not what people do with it, so all weigh the same until somebody says otherwise.
 * Source: https://spec.openapis.org/oas/v3.1.1.html
 */
import type { RehearsalStep } from "#contract/rehearsal-plan.ts";
import {
  type Imported,
  journeyOf,
  journeysMax,
  listOf,
  objectOf,
  planOf,
  refuse,
  stepOf,
  stepsMax,
  textOf,
  unknownTarget,
} from "./imported.ts";
import { exampleOf } from "./schema-example.ts";

const methods = ["get", "head", "post", "put", "patch", "delete", "options"];
type Dictionary = Record<string, unknown>;

/** Takes the document as it was parsed from JSON or YAML. */
export function importOpenApi(document: unknown): Imported {
  const root = objectOf(document);
  if (root?.swagger !== undefined)
    refuse("This is Swagger 2.0. Convert it to OpenAPI 3 first, for example by `npx swagger2openapi`.");
  if (root === undefined || !/^3\./.test(textOf(root.openapi) ?? ""))
    refuse('This is no OpenAPI 3 document: it has no "openapi" that begins with 3.');
  const notes: string[] = [];
  const resolve = resolver(root, notes);
  const [url, prefix] = serverOf(root, notes);
  const steps: RehearsalStep[] = [];
  const changing: string[] = [];
  for (const [path, item] of Object.entries(objectOf(root.paths) ?? {})) {
    const shared = resolve(item);
    for (const method of methods) {
      const operation = objectOf(shared?.[method]);
      if (operation === undefined) continue;
      steps.push(stepFor(method, path, prefix, operation, listOf(shared?.parameters), resolve, notes));
      if (["put", "patch", "delete", "post"].includes(method)) changing.push(`${method.toUpperCase()} ${path}`);
    }
  }
  if (steps.length === 0) refuse("The document has no operation.");
  if (changing.length > 0)
    notes.push(
      `${changing.length} operations change something; take out what must not be played: ${changing.slice(0, 12).join(", ")}${changing.length > 12 ? " …" : ""}.`,
    );
  if (root.security !== undefined || objectOf(root.components)?.securitySchemes !== undefined)
    notes.push("The API asks for credentials; they are yours to add as headers.");
  const size = Math.ceil(steps.length / journeysMax);
  if (size > 1)
    notes.push(
      `There are more operations than journeys may be, so each journey plays ${size} of them one after another.`,
    );
  const journeys = [];
  for (let from = 0; from < Math.min(steps.length, journeysMax * stepsMax); from += size) {
    const part = steps.slice(from, from + size);
    journeys.push(journeyOf(part[0]?.name ?? "operations", part));
  }
  const title = textOf(objectOf(root.info)?.title) ?? "API";
  return { plan: planOf({ name: `inventory of ${title}`, url, journeys }), notes, files: [] };
}

type Resolve = (value: unknown) => Dictionary | undefined;

/** Follows references within the document; circles and others' files end in nothing. */
function resolver(root: Dictionary, notes: string[]): Resolve {
  const told = new Set<string>();
  return (value) => {
    let at = objectOf(value);
    for (let hops = 0; at !== undefined && typeof at.$ref === "string"; hops += 1) {
      const reference = at.$ref;
      if (!reference.startsWith("#/") || hops > 20) {
        if (!told.has(reference)) notes.push(`${reference} is not in this document, and is taken as empty.`);
        told.add(reference);
        return undefined;
      }
      at = objectOf(
        reference
          .slice(2)
          .split("/")
          .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
          .reduce<unknown>((inside, part) => {
            const object = objectOf(inside);
            return object !== undefined && Object.hasOwn(object, part) ? object[part] : undefined;
          }, root),
      );
    }
    return at;
  };
}

/** Origin, and the path that stands before every path of the document. */
function serverOf(root: Dictionary, notes: string[]): [string, string] {
  const server = objectOf(listOf(root.servers)[0]);
  const variables = objectOf(server?.variables) ?? {};
  const address = (textOf(server?.url) ?? "/").replace(/\{(\w+)\}/g, (_whole, name: string) =>
    String(objectOf(variables[name])?.default ?? name),
  );
  const isWhole = /^https?:\/\//.test(address) && URL.canParse(address);
  if (!isWhole) notes.push("The document does not say where the API is: set target.url.");
  const url = isWhole ? new URL(address) : new URL(address.replace(/^(?!\/)/, "/"), unknownTarget);
  return [url.origin, url.pathname.replace(/\/$/, "")];
}

function stepFor(
  method: string,
  path: string,
  prefix: string,
  operation: Dictionary,
  shared: readonly unknown[],
  resolve: Resolve,
  notes: string[],
): RehearsalStep {
  const name = `${method.toUpperCase()} ${path}`;
  const headers: Record<string, string> = {};
  const inPath = new Map<string, string>();
  const query: string[] = [];
  const parameters = new Map<string, Dictionary>();
  for (const given of [...shared, ...listOf(operation.parameters)]) {
    const parameter = resolve(given);
    if (parameter !== undefined) parameters.set(`${parameter.in} ${parameter.name}`, parameter);
  }
  for (const parameter of parameters.values()) {
    const key = textOf(parameter.name) ?? "";
    const value = parameterValue(parameter, resolve);
    if (parameter.in === "path") inPath.set(key, encodeGaps(value));
    else if (parameter.required !== true) continue;
    else if (parameter.in === "query") query.push(`${encodeURIComponent(key)}=${encodeGaps(value)}`);
    else if (parameter.in === "header") headers[key.toLowerCase()] = value;
    else notes.push(`${name} wants the cookie "${key}", which is left out.`);
  }
  const filled = path.replace(/\{([^{}]+)\}/g, (_whole, key: string) => {
    const value = inPath.get(key);
    if (value === undefined) notes.push(`${name} does not describe its "${key}"; 1 stands there.`);
    return value ?? "1";
  });
  const body = bodyOf(name, operation.requestBody, headers, resolve, notes);
  return stepOf({
    name: textOf(operation.operationId) ?? name,
    method: method.toUpperCase(),
    path: `${prefix}${filled}${query.length === 0 ? "" : `?${query.join("&")}`}`,
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

/** A gap of ours stays one. */
const encodeGaps = (text: string): string =>
  text
    .split(/(\{\{\w+\}\})/)
    .map((part) => (part.startsWith("{{") ? part : encodeURIComponent(part)))
    .join("");

function parameterValue(parameter: Dictionary, resolve: Resolve): string {
  const media = objectOf(Object.values(objectOf(parameter.content) ?? {})[0]);
  const value = givenExample(parameter, resolve) ?? exampleOf(parameter.schema ?? media?.schema ?? {}, resolve);
  if (Array.isArray(value)) return value.map(String).join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value ?? "");
}

function givenExample(holder: Dictionary, resolve: Resolve): unknown {
  if (holder.example !== undefined) return holder.example;
  const [first] = Object.values(objectOf(holder.examples) ?? {});
  return resolve(first)?.value;
}

function bodyOf(
  name: string,
  given: unknown,
  headers: Record<string, string>,
  resolve: Resolve,
  notes: string[],
): unknown {
  const content = objectOf(resolve(given)?.content);
  if (content === undefined) return undefined;
  const types = Object.keys(content);
  const json = types.find((type) => /[/+]json\b/i.test(type));
  const form = types.find((type) => /urlencoded/i.test(type));
  const type = json ?? form;
  if (type === undefined) {
    if (types.length > 0) notes.push(`${name} wants a body of ${types.join(" or ")}, which is left out.`);
    return undefined;
  }
  const media = resolve(content[type]) ?? {};
  const value = givenExample(media, resolve) ?? exampleOf(media.schema ?? {}, resolve);
  headers["content-type"] = type;
  if (type === json) return value;
  return Object.entries(objectOf(value) ?? {})
    .map(
      ([key, part]) =>
        `${encodeURIComponent(key)}=${encodeGaps(typeof part === "object" ? JSON.stringify(part) : String(part))}`,
    )
    .join("&");
}
