/**
 * The toxics that the proxy can play, as data: their attributes with units, and how a request names them. Names, units
 * and defaults are toxiproxy's (https://github.com/Shopify/toxiproxy#toxics), so that its clients work.
 */
import { SpillwayError } from "#kernel/error.ts";

/** Every attribute is a whole number, 0 when left out. */
const attributesOf = {
  /** latency, jitter: ms. Delays by latency ± jitter. */
  latency: ["latency", "jitter"],
  /** rate: KB/s. */
  bandwidth: ["rate"],
  /** delay: ms. Keeps a connection from closing for that long. */
  slow_close: ["delay"],
  /** timeout: ms. Drops all data, closes after so much silence; 0 never closes. */
  timeout: ["timeout"],
  /** timeout: ms after the first data, then a TCP reset. */
  reset_peer: ["timeout"],
  /** average_size, size_variation: bytes; delay: µs after each slice. */
  slicer: ["average_size", "size_variation", "delay"],
  /** bytes: closes after so many. */
  limit_data: ["bytes"],
  /** Does nothing. */
  noop: [],
} as const satisfies Record<string, readonly string[]>;

export type ToxicType = keyof typeof attributesOf;
export type Direction = "upstream" | "downstream";

export type Toxic = {
  readonly name: string;
  readonly type: ToxicType;
  /** As it was written in the request: "upstream" or "downstream", in any case of letters. */
  readonly stream: string;
  readonly direction: Direction;
  /** The share of connections that it is played on, 0 to 1. */
  readonly toxicity: number;
  readonly attributes: Readonly<Record<string, number>>;
};

/** What went wrong, as toxiproxy says it. */
export class ToxiproxyError extends SpillwayError {
  readonly httpStatus: number;

  constructor(message: string, httpStatus: number) {
    super("invalid_request", message);
    this.httpStatus = httpStatus;
  }
}

export const badRequest = (reason: string): ToxiproxyError => new ToxiproxyError(`bad request body: ${reason}`, 400);

export type JsonObject = Readonly<Record<string, unknown>>;

/** Go matches the names of fields in any case of letters, and takes null for a field that was left out. */
export function field(object: JsonObject, name: string): unknown {
  const key = Object.hasOwn(object, name)
    ? name
    : Object.keys(object).find((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? undefined : (object[key] ?? undefined);
}

export function textField(object: JsonObject, name: string, fallback = ""): string {
  const value = field(object, name);
  if (value === undefined) return fallback;
  if (typeof value !== "string") throw badRequest(`"${name}" must be a text`);
  return value;
}

export function objectOf(value: unknown, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badRequest(`${what} must be an object`);
  return value as JsonObject;
}

export function readToxic(body: JsonObject, taken: (name: string) => boolean): Toxic {
  const type = textField(body, "type");
  const stream = textField(body, "stream", "downstream");
  const toxicity = readToxicity(body, 1);
  const direction = stream.toLowerCase();
  if (direction !== "upstream" && direction !== "downstream")
    throw new ToxiproxyError("stream was invalid, can be either upstream or downstream", 400);
  const name = textField(body, "name") || `${type}_${stream}`;
  if (!Object.hasOwn(attributesOf, type)) throw new ToxiproxyError("invalid toxic type", 400);
  if (taken(name)) throw new ToxiproxyError("toxic already exists", 409);
  const known = type as ToxicType;
  const attributes = readAttributes(known, body, Object.fromEntries(attributesOf[known].map((key) => [key, 0])));
  return { name, type: known, stream, direction, toxicity, attributes };
}

/** Only attributes and toxicity change; what is left out stays. */
export function changedToxic(toxic: Toxic, body: JsonObject): Toxic {
  return {
    ...toxic,
    attributes: readAttributes(toxic.type, body, toxic.attributes),
    toxicity: readToxicity(body, toxic.toxicity),
  };
}

function readToxicity(body: JsonObject, fallback: number): number {
  const value = field(body, "toxicity");
  if (value === undefined) return fallback;
  if (typeof value !== "number") throw badRequest(`"toxicity" must be a number from 0 to 1`);
  return value;
}

function readAttributes(type: ToxicType, body: JsonObject, fallback: Toxic["attributes"]): Toxic["attributes"] {
  const given = field(body, "attributes");
  if (given === undefined) return fallback;
  const object = objectOf(given, `"attributes"`);
  return Object.fromEntries(
    attributesOf[type].map((key) => {
      const value = field(object, key);
      if (value === undefined) return [key, fallback[key] ?? 0];
      if (!Number.isSafeInteger(value)) throw badRequest(`"${key}" of ${type} must be a whole number`);
      return [key, value as number];
    }),
  );
}

/** In the order that toxiproxy writes them. */
export function toxicJson(toxic: Toxic): JsonObject {
  const { attributes, name, type, stream, toxicity } = toxic;
  return { attributes, name, type, stream, toxicity };
}
