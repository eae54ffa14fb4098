/**
 * One answer as it is kept, in as few and flat pieces as can be: there may be a million, and the garbage collector looks at each piece.
 * Its fields are one text, its body is bytes outside of the collected heap, and what many have in common is there once.
 */
import type { PreparedAnswer } from "../ports.ts";
import { type Body, sizeOf } from "./body.ts";
import type { Directives } from "./cache-control.ts";
import { type Evictable, hashOf } from "./eviction.ts";
import type { Policy } from "./freshness.ts";
import { parseHttpDate, writeHttpDate } from "./http-date.ts";

export type Coding = "br" | "zstd" | "gzip";

export type Field = readonly [name: string, value: string];

/** The body in one coding, and the head that was made for it last. */
export type Form = {
  readonly body: Body;
  readonly coding: Coding | undefined;
  head: FormHead | undefined;
};

/** Of a plain hit, for one second. */
export type FormHead = {
  ageSeconds: number;
  /** With Age and Cache-Status. */
  fields: readonly Field[];
  /** Made of `fields` when they are asked for: whole, without body, and for a client that has the body already. */
  whole: PreparedAnswer | undefined;
  withoutBody: PreparedAnswer | undefined;
  notModified: PreparedAnswer | undefined;
  /** Its place among those that have one. */
  readonly slot: number;
};

/** What of it matters later; its times have become moments. */
export type KeptPolicy = Omit<Policy, "lifetimeMs" | "initialAgeMs" | "omitFields">;

export type Stored = Evictable & {
  readonly key: string;
  /** Names in Vary, sorted, and the storing request's values of them. */
  readonly vary: readonly string[];
  readonly variant: string;
  readonly status: number;
  readonly statusText: string;
  /** As `packed`; without hop-by-hop fields, Age, Cache-Status, Content-Length and what is meant for this cache alone. */
  readonly packedFields: string;
  readonly plain: Form;
  /** Compressed forms, as they are made. Null: tried, and not worth its bytes. */
  forms: Map<Coding, Form | "pending" | null> | undefined;
  readonly isCompressible: boolean;
  /** The confidential ones, for the day a 304 renews what they said. */
  readonly confidential: readonly Field[];
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly dateMs: number;
  /** When it had age 0, by this machine's clock. */
  readonly bornAtMs: number;
  readonly policy: KeptPolicy;
  readonly tags: readonly string[];
  /** What caches nearer to the origin said, with the comma that follows; "" for nothing. */
  readonly upstreamStatus: string;
  /** Fresh before this moment; a soft purge moves it into the past. */
  freshUntilMs: number;
  /** From here on a hit looks whether it is hot enough to be fetched again early. */
  refreshAtMs: number;
  /** Hits since it came, and no background fetch before this moment. */
  hits: number;
  nextRefreshMs: number;
};

/** Fields as one text. No name and no value has a line feed. */
const packed = (fields: readonly Field[]): string => fields.map(([name, value]) => `${name}\n${value}`).join("\n");

export function fieldsOf({ packedFields }: Stored): Field[] {
  const parts = packedFields === "" ? [] : packedFields.split("\n");
  const fields: Field[] = [];
  for (let at = 0; at < parts.length; at += 2) fields.push([parts[at] as string, parts[at + 1] as string]);
  return fields;
}

/** Of one connection only (RFC 9110 section 7.6.1), and the proxy's own (RFC 9111 section 3.1). */
const connectionFields = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Told to this cache in confidence: obeyed, kept beside the answer, and never passed on. */
export const confidentialFields = ["surrogate-key", "cache-tag", "spillway-cache-control"] as const;

/** What a cache says itself, or keeps to itself. */
const ownFields = new Set<string>(["age", "content-length", ...confidentialFields]);

function excludedFields(headers: Headers, omit: readonly string[]): ReadonlySet<string> {
  const connection = headers.get("connection");
  const listed =
    connection === null
      ? []
      : connection
          .toLowerCase()
          .split(",")
          .map((name) => name.trim());
  return new Set([...listed, ...omit]);
}

export function fieldsToStore(headers: Headers, omit: readonly string[]): Field[] {
  const excluded = excludedFields(headers, omit);
  const fields: Field[] = [];
  for (const [name, value] of headers) {
    if (connectionFields.has(name) || ownFields.has(name) || excluded.has(name)) continue;
    fields.push([name, value]);
  }
  return fields;
}

export function confidentialOf(headers: Headers): Field[] {
  const fields: Field[] = [];
  for (const name of confidentialFields) {
    const value = headers.get(name);
    if (value !== null) fields.push([name, value]);
  }
  return fields;
}

/** What a 304 may not change: it describes the body that is already here (RFC 9111 section 3.2). */
const bodyFields = new Set(["content-encoding", "content-length", "content-range", "content-type", "etag"]);

/** The stored fields, each replaced by those of the same name in the 304. */
export function updatedFields(stored: readonly Field[], received: readonly Field[]): Field[] {
  const news = received.filter(([name]) => !bodyFields.has(name));
  const replaced = new Set(news.map(([name]) => name));
  return [...stored.filter(([name]) => !replaced.has(name)), ...news];
}

const textual =
  /^(?:text\/|application\/(?:json|javascript|xml|manifest\+json|ld\+json|wasm|.*\+(?:json|xml))|image\/svg\+xml|font\/(?:ttf|otf))/i;
const compressFromBytes = 860;

/** Measured: what one more object adds to the process beside its text and body, and what an allocator rounds a body up by. */
const objectOverheadBytes = 1250;
const bodyShare = 1.125;

/** What a body costs in memory. */
export const bytesOf = (body: Body): number => Math.ceil(sizeOf(body) * bodyShare);

/** Of most answers, and there once. */
const none: readonly never[] = [];
const kept = <Item>(items: readonly Item[]): readonly Item[] => (items.length === 0 ? none : items);

/** Gives the text before again where it is the same: answers that come one after the other mostly say the same. */
function sharing<Text extends string | null>(): (text: Text) => Text {
  let last: Text | undefined;
  return (text) => {
    if (text !== last) last = text;
    return last as Text;
  };
}
const sharedStatusText = sharing<string>();
const sharedEtag = sharing<string | null>();
const sharedModified = sharing<string | null>();

let lastPolicy: KeptPolicy | undefined;

function keptPolicy(policy: KeptPolicy): KeptPolicy {
  const { noCache, staleWhileRevalidateMs, staleIfErrorMs, mayServeStale, noTransform } = policy;
  const isSame =
    lastPolicy?.noCache === noCache &&
    lastPolicy.staleWhileRevalidateMs === staleWhileRevalidateMs &&
    lastPolicy.staleIfErrorMs === staleIfErrorMs &&
    lastPolicy.mayServeStale === mayServeStale &&
    lastPolicy.noTransform === noTransform;
  if (!isSame) lastPolicy = { noCache, staleWhileRevalidateMs, staleIfErrorMs, mayServeStale, noTransform };
  return lastPolicy as KeptPolicy;
}

export function createStored(given: {
  readonly key: string;
  readonly vary: readonly string[];
  readonly variant: string;
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly Field[];
  readonly confidential: readonly Field[];
  readonly body: Body;
  readonly policy: Policy;
  readonly tags: readonly string[];
  readonly receivedAtMs: number;
  readonly earlyRefreshShare: number;
}): Stored {
  const { policy, receivedAtMs, body } = given;
  const value = (wanted: string) => given.fields.find(([name]) => name === wanted)?.[1] ?? null;
  const date = value("date");
  const dateMs = (date === null ? undefined : parseHttpDate(date, receivedAtMs)) ?? receivedAtMs;
  // A recipient with a clock dates what came without one (RFC 9110 section 6.6.1).
  const packedFields = packed(date === null ? [...given.fields, ["date", writeHttpDate(receivedAtMs)]] : given.fields);
  const upstreamStatus = value("cache-status");
  const bornAtMs = receivedAtMs - policy.initialAgeMs;
  const freshUntilMs = policy.noCache ? 0 : bornAtMs + policy.lifetimeMs;
  let bytes = objectOverheadBytes + bytesOf(body) + 2 * (given.key.length + given.variant.length);
  bytes += 2 * packedFields.length;
  for (const [name, text] of given.confidential) bytes += 2 * (name.length + text.length) + 32;
  for (const tag of given.tags) bytes += 2 * tag.length + 64;
  return {
    key: given.key,
    vary: kept(given.vary),
    variant: given.variant,
    status: given.status,
    statusText: sharedStatusText(given.statusText),
    packedFields,
    plain: { body, coding: undefined, head: undefined },
    forms: undefined,
    confidential: kept(given.confidential),
    etag: sharedEtag(value("etag")),
    lastModified: sharedModified(value("last-modified")),
    dateMs,
    bornAtMs,
    policy: keptPolicy(policy),
    tags: kept(given.tags),
    upstreamStatus: upstreamStatus === null ? "" : `${upstreamStatus}, `,
    freshUntilMs,
    refreshAtMs: receivedAtMs + (freshUntilMs - receivedAtMs) * given.earlyRefreshShare,
    hits: 0,
    nextRefreshMs: 0,
    isCompressible:
      given.status === 200 &&
      sizeOf(body) >= compressFromBytes &&
      !policy.noTransform &&
      value("content-encoding") === null &&
      value("content-range") === null &&
      value("content-digest") === null &&
      value("content-md5") === null &&
      textual.test(value("content-type") ?? ""),
    bytes,
    uses: 0,
    hash: hashOf(given.key + given.variant),
    queue: undefined,
    newer: undefined,
    older: undefined,
  };
}

/** Most objects have none. */
export function formsOf(stored: Stored): Map<Coding, Form | "pending" | null> {
  stored.forms ??= new Map();
  return stored.forms;
}

/** The body is the same: so are its compressed forms. */
export function inheritForms(forms: Stored["forms"], to: Stored): void {
  if (!to.isCompressible) return;
  for (const [coding, form] of forms ?? []) {
    if (form === null || form === "pending") continue;
    formsOf(to).set(coding, { ...form, head: undefined });
    to.bytes += bytesOf(form.body);
  }
}

export type Use = "fresh" | "stale-while-revalidate" | "validate";

/** What a request's own wishes and the clock make of a stored answer. RFC 9111 sections 4.2 and 5.2.1. */
export function useOf(stored: Stored, nowMs: number, wishes: Directives, staleFactor: number): Use {
  const ageMs = nowMs - stored.bornAtMs;
  if (wishes.noCache === true || (wishes.maxAge !== undefined && ageMs > wishes.maxAge * 1000)) return "validate";
  const leftMs = stored.freshUntilMs - nowMs;
  if (leftMs > 0) return wishes.minFresh !== undefined && leftMs < wishes.minFresh * 1000 ? "validate" : "fresh";
  if (wishes.minFresh !== undefined) return "validate";
  const { policy } = stored;
  if (wishes.maxStale !== undefined && policy.mayServeStale && -leftMs <= wishes.maxStale * 1000) return "fresh";
  return -leftMs < policy.staleWhileRevalidateMs * staleFactor ? "stale-while-revalidate" : "validate";
}

export function mayServeOnError(stored: Stored, nowMs: number, wishes: Directives, staleFactor: number): boolean {
  const { policy } = stored;
  let windowMs = policy.staleIfErrorMs * staleFactor;
  if (policy.mayServeStale && wishes.staleIfError !== undefined) {
    windowMs = Math.max(windowMs, wishes.staleIfError * 1000);
  }
  return nowMs < stored.freshUntilMs || (!policy.noCache && nowMs - stored.freshUntilMs < windowMs);
}
