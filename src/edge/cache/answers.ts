/** What a client gets from a stored answer: whole, a part, 304, a head alone, in the coding it takes. */
import { bodyLength, type MayBeWhole } from "#kernel/whole-body.ts";
import type { Fields, PreparedAnswer } from "../ports.ts";
import type { Encodings } from "./encodings.ts";
import { contentRange, multipart, parseRange } from "./ranges.ts";
import type { SharedBody } from "./shared-body.ts";
import type { Form, FormHead, Stored } from "./stored.ts";
import { isNotModified, rangeMayBeServed } from "./validators.ts";

/** In a 304: what a 200 would have said that a client updates its copy by (RFC 9110 section 15.4.5). */
const notModifiedFields = [
  "cache-control",
  "content-location",
  "date",
  "etag",
  "expires",
  "last-modified",
  "vary",
  "age",
  "cache-status",
  "access-control-allow-origin",
];

/** Up to here, and from so many hits on, bytes are kept at hand; what they take counts as the object's. */
const bytesMax = 65_536;
const bytesFromHits = 2;
const headBytes = 1024;

/** Counts more memory for an object; false: it is not kept any more. */
type Reserve = (stored: Stored, bytes: number) => boolean;

function prepared(
  status: number,
  statusText: string,
  headers: Headers,
  length: number,
  body: Uint8Array | null,
): PreparedAnswer {
  return { status, statusText, fields: [...headers], length, body, wire: undefined, underPressure: undefined };
}

export class Answers {
  readonly #encodings: Encodings | undefined;

  constructor(encodings: Encodings | undefined) {
    this.#encodings = encodings;
  }

  /** A head with Age, for `form`; `status`: what Cache-Status says after the cache's name. */
  #head(stored: Stored, form: Form, ageSeconds: number, status: string): Headers {
    const headers = new Headers();
    // Cookies must stay apart, each a field of its own.
    for (const [name, value] of stored.fields) headers.append(name, value);
    headers.set("age", String(ageSeconds));
    headers.append("cache-status", `Spillway; ${status}`);
    if (this.#encodings !== undefined && stored.isCompressible) {
      const vary = headers.get("vary");
      if (vary === null) headers.set("vary", "Accept-Encoding");
      else if (!stored.vary.includes("accept-encoding")) headers.set("vary", `${vary}, Accept-Encoding`);
    }
    if (form.coding !== undefined) {
      headers.set("content-encoding", form.coding);
      if (stored.etag?.startsWith('"')) headers.set("etag", `W/${stored.etag}`);
    }
    return headers;
  }

  /** A plain hit's head is the same for a whole second, and then only two of its fields change: an answer copies it. */
  #hitHead(stored: Stored, form: Form, nowMs: number): FormHead {
    const ageSeconds = ageAt(stored, nowMs);
    const status = () => `hit; ttl=${Math.floor((stored.freshUntilMs - nowMs) / 1000)}`;
    const { head } = form;
    if (head === undefined) {
      const headers = this.#head(stored, form, ageSeconds, status());
      form.head = { ageSeconds, headers };
      return form.head;
    }
    if (head.ageSeconds !== ageSeconds) {
      head.ageSeconds = ageSeconds;
      head.headers.set("age", String(ageSeconds));
      head.headers.set("cache-status", `${stored.upstreamStatus}Spillway; ${status()}`);
      head.whole = head.withoutBody = head.notModified = undefined;
    }
    return head;
  }

  /**
   * What `give` gives for a plain hit, as it is kept for a second. Undefined: it is not at hand, or the request asks for something
   * unusual. Nothing is counted, and nothing begun but the reading of the body's bytes.
   */
  atHand(
    stored: Stored,
    request: Fields,
    isHead: boolean,
    nowMs: number,
    reserve: Reserve,
  ): PreparedAnswer | undefined {
    if (request.get("range") !== null || hasNoBody(stored.status)) return undefined;
    const form =
      this.#encodings !== undefined && stored.isCompressible
        ? this.#encodings.formAtHand(stored, request.get("accept-encoding"))
        : stored.plain;
    if (form === undefined) return undefined;
    if (stored.status === 200 && isNotModified(request, stored, nowMs)) {
      const head = this.#hitHead(stored, form, nowMs);
      head.notModified ??= prepared(304, "Not Modified", notModified(head.headers).headers, -1, null);
      return head.notModified;
    }
    const { status } = stored;
    const statusText = status === 200 && !isHead ? "" : stored.statusText;
    if (isHead) {
      const head = this.#hitHead(stored, form, nowMs);
      head.withoutBody ??= prepared(status, statusText, head.headers, form.body.size, null);
      return head.withoutBody;
    }
    const { bytes } = form;
    if (bytes === undefined && stored.hits >= bytesFromHits) this.#read(stored, form, reserve);
    if (bytes === undefined || bytes === null) return undefined;
    const head = this.#hitHead(stored, form, nowMs);
    head.whole ??= prepared(status, statusText, head.headers, bytes.length, bytes);
    return head.whole;
  }

  #read(stored: Stored, form: Form, reserve: Reserve): void {
    form.bytes = null;
    if (form.body.size > bytesMax || !reserve(stored, form.body.size + headBytes)) return;
    form.body
      .arrayBuffer()
      .then((bytes) => {
        form.bytes = new Uint8Array(bytes);
      })
      .catch(() => {});
  }

  /** `status`: undefined for a plain hit. The request's own Range, If-None-Match, … decide what of it is sent. */
  give(stored: Stored, request: Fields, isHead: boolean, nowMs: number, status: string | undefined): Response {
    const range = stored.status === 200 && !isHead ? request.get("range") : null;
    const form =
      this.#encodings !== undefined && stored.isCompressible && range === null
        ? this.#encodings.formFor(stored, request.get("accept-encoding"))
        : stored.plain;
    const headers =
      status === undefined
        ? this.#hitHead(stored, form, nowMs).headers
        : this.#head(stored, form, ageAt(stored, nowMs), status);
    if (stored.status === 200 && isNotModified(request, stored, nowMs)) return notModified(headers);
    if (isHead) {
      const head = new Headers(headers);
      head.set("content-length", String(form.body.size));
      return new Response(null, { status: stored.status, statusText: stored.statusText, headers: head });
    }
    if (range !== null && rangeMayBeServed(request.get("if-range"), stored)) {
      const part = partOf(stored, range, headers);
      if (part !== undefined) return part;
    }
    if (stored.status === 200) return bodied(form.body, { headers });
    return bodied(hasNoBody(stored.status) ? null : form.body, {
      status: stored.status,
      statusText: stored.statusText,
      headers,
    });
  }

  /** While the body is on its way. Parts have to wait for the whole; they get the whole. */
  giveStream(stored: Stored, body: SharedBody, request: Fields, nowMs: number, status: string): Response {
    const headers = this.#head(stored, stored.plain, ageAt(stored, nowMs), status);
    if (stored.status === 200 && isNotModified(request, stored, nowMs)) return notModified(headers);
    return new Response(body.stream(), { status: stored.status, statusText: stored.statusText, headers });
  }
}

export const ageAt = (stored: Stored, nowMs: number): number =>
  Math.max(0, Math.floor((nowMs - stored.bornAtMs) / 1000));

export const hasNoBody = (status: number): boolean => status === 204 || status === 205 || status === 304;

export function notModified(from: Headers): Response {
  const headers = new Headers();
  for (const name of notModifiedFields) {
    const value = from.get(name);
    if (value !== null) headers.set(name, value);
  }
  return new Response(null, { status: 304, statusText: "Not Modified", headers });
}

function partOf(stored: Stored, range: string, whole: Headers): Response | undefined {
  const { body } = stored.plain;
  const ranges = parseRange(range, body.size);
  if (ranges === undefined) return undefined;
  const headers = new Headers(whole);
  const [first] = ranges;
  if (first === undefined) {
    headers.set("content-range", `bytes */${body.size}`);
    headers.delete("content-type");
    return new Response(null, { status: 416, statusText: "Range Not Satisfiable", headers });
  }
  if (ranges.length === 1) {
    headers.set("content-range", contentRange(first, body.size));
    return bodied(body.slice(first[0], first[1] + 1), {
      status: 206,
      statusText: "Partial Content",
      headers,
    });
  }
  const { parts, boundary } = multipart(body, ranges, headers.get("content-type"));
  headers.set("content-type", `multipart/byteranges; boundary=${boundary}`);
  return new Response(parts, { status: 206, statusText: "Partial Content", headers });
}

/** With its length on it where that is known: a stream would not tell. */
export function bodied(body: Blob | ReadableStream<Uint8Array> | null, init: ResponseInit): Response {
  const response: MayBeWhole = new Response(body, init);
  if (body instanceof Blob) response[bodyLength] = body.size;
  return response;
}
