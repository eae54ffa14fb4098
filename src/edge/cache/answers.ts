/** What a client gets from a stored answer: whole, a part, 304, a head alone, in the coding it takes. */
import { bodyLength, type MayBeWhole, wholeBody } from "#kernel/whole-body.ts";
import type { Fields, PreparedAnswer } from "../ports.ts";
import { type Body, sizeOf } from "./body.ts";
import type { Encodings } from "./encodings.ts";
import { contentRange, multipart, parseRange } from "./ranges.ts";
import type { SharedBody } from "./shared-body.ts";
import { type Field, type Form, type FormHead, fieldsOf, type Stored } from "./stored.ts";
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

/** So many have the head that was made for them last, a few kilobytes each; what is asked for after that makes one again. */
const headsMax = 4096;

function prepared(
  status: number,
  statusText: string,
  fields: readonly Field[],
  length: number,
  body: Uint8Array | null,
): PreparedAnswer {
  return { status, statusText, fields, length, body, wire: undefined, underPressure: undefined };
}

export class Answers {
  readonly #encodings: Encodings | undefined;
  /** Those with a head, round and round. */
  readonly #headed: (Form | undefined)[] = Array.from({ length: headsMax });
  #nextHeaded = 0;

  constructor(encodings: Encodings | undefined) {
    this.#encodings = encodings;
  }

  /** It is not kept any more: nothing here may hold its body. */
  forget({ plain, forms }: Stored): void {
    this.#forgetHead(plain);
    for (const form of forms?.values() ?? []) if (form !== null && form !== "pending") this.#forgetHead(form);
  }

  #forgetHead(form: Form): void {
    if (form.head === undefined) return;
    this.#headed[form.head.slot] = undefined;
    form.head = undefined;
  }

  /** A head with Age, for `form`; `status`: what Cache-Status says after the cache's name. */
  #fields(stored: Stored, form: Form, ageSeconds: number, status: string): Field[] {
    const isCoded = form.coding !== undefined;
    const saysVary = this.#encodings !== undefined && stored.isCompressible;
    const fields: Field[] = [];
    let vary: string | undefined;
    for (const field of fieldsOf(stored)) {
      const [name, value] = field;
      if (name === "age" || name === "cache-status" || (isCoded && name === "content-encoding")) continue;
      if (saysVary && name === "vary") vary = vary === undefined ? value : `${vary}, ${value}`;
      else if (isCoded && name === "etag" && value.startsWith('"')) fields.push([name, `W/${value}`]);
      else fields.push(field);
    }
    fields.push(["age", String(ageSeconds)], ["cache-status", `${stored.upstreamStatus}Spillway; ${status}`]);
    if (saysVary) {
      const isSaid = vary !== undefined && stored.vary.includes("accept-encoding");
      fields.push([
        "vary",
        isSaid ? (vary as string) : vary === undefined ? "Accept-Encoding" : `${vary}, Accept-Encoding`,
      ]);
    }
    if (isCoded) fields.push(["content-encoding", form.coding as string]);
    return fields;
  }

  /** A plain hit's head is the same for a whole second. */
  #hitHead(stored: Stored, form: Form, nowMs: number): FormHead {
    const ageSeconds = ageAt(stored, nowMs);
    let { head } = form;
    if (head !== undefined && head.ageSeconds === ageSeconds) return head;
    const status = `hit; ttl=${Math.floor((stored.freshUntilMs - nowMs) / 1000)}`;
    const fields = this.#fields(stored, form, ageSeconds, status);
    if (head === undefined) {
      const slot = this.#nextHeaded;
      this.#nextHeaded = (slot + 1) % headsMax;
      const before = this.#headed[slot];
      if (before !== undefined) before.head = undefined;
      head = { ageSeconds, fields, whole: undefined, withoutBody: undefined, notModified: undefined, slot };
      form.head = head;
      this.#headed[slot] = form;
    } else {
      head.ageSeconds = ageSeconds;
      head.fields = fields;
      head.whole = head.withoutBody = head.notModified = undefined;
    }
    return head;
  }

  /**
   * What `give` gives for a plain hit, as it is kept for a second. Undefined: it is not at hand, or the request asks for something
   * unusual. Nothing is counted.
   */
  atHand(stored: Stored, request: Fields, isHead: boolean, nowMs: number): PreparedAnswer | undefined {
    if (request.get("range") !== null || hasNoBody(stored.status)) return undefined;
    const form =
      this.#encodings !== undefined && stored.isCompressible
        ? this.#encodings.formAtHand(stored, request.get("accept-encoding"))
        : stored.plain;
    if (form === undefined) return undefined;
    const { body } = form;
    const head = this.#hitHead(stored, form, nowMs);
    if (stored.status === 200 && isNotModified(request, stored, nowMs)) {
      head.notModified ??= prepared(304, "Not Modified", notModifiedOf(head.fields), -1, null);
      return head.notModified;
    }
    const { status } = stored;
    if (isHead) {
      head.withoutBody ??= prepared(status, stored.statusText, head.fields, sizeOf(body), null);
      return head.withoutBody;
    }
    if (body instanceof Blob) return undefined;
    head.whole ??= prepared(status, status === 200 ? "" : stored.statusText, head.fields, body.length, body);
    return head.whole;
  }

  /** `status`: undefined for a plain hit. The request's own Range, If-None-Match, … decide what of it is sent. */
  give(stored: Stored, request: Fields, isHead: boolean, nowMs: number, status: string | undefined): Response {
    const range = stored.status === 200 && !isHead ? request.get("range") : null;
    const form =
      this.#encodings !== undefined && stored.isCompressible && range === null
        ? this.#encodings.formFor(stored, request.get("accept-encoding"))
        : stored.plain;
    const headers = headersOf(
      status === undefined
        ? this.#hitHead(stored, form, nowMs).fields
        : this.#fields(stored, form, ageAt(stored, nowMs), status),
    );
    if (stored.status === 200 && isNotModified(request, stored, nowMs)) return notModified(headers);
    if (isHead) {
      const head = new Headers(headers);
      head.set("content-length", String(sizeOf(form.body)));
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
    const headers = headersOf(this.#fields(stored, stored.plain, ageAt(stored, nowMs), status));
    if (stored.status === 200 && isNotModified(request, stored, nowMs)) return notModified(headers);
    return new Response(body.stream(), { status: stored.status, statusText: stored.statusText, headers });
  }
}

export const ageAt = (stored: Stored, nowMs: number): number =>
  Math.max(0, Math.floor((nowMs - stored.bornAtMs) / 1000));

export const hasNoBody = (status: number): boolean => status === 204 || status === 205 || status === 304;

const notModifiedOf = (fields: readonly Field[]): Field[] =>
  fields.filter(([name]) => notModifiedFields.includes(name));

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
  const size = sizeOf(body);
  const ranges = parseRange(range, size);
  if (ranges === undefined) return undefined;
  const headers = new Headers(whole);
  const [first] = ranges;
  if (first === undefined) {
    headers.set("content-range", `bytes */${size}`);
    headers.delete("content-type");
    return new Response(null, { status: 416, statusText: "Range Not Satisfiable", headers });
  }
  if (ranges.length === 1) {
    headers.set("content-range", contentRange(first, size));
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
export function bodied(body: Body | ReadableStream<Uint8Array> | null, init: ResponseInit): Response {
  const response: MayBeWhole = new Response(body, init);
  if (body instanceof Blob) response[bodyLength] = body.size;
  else if (body instanceof Uint8Array) response[wholeBody] = body;
  return response;
}

/** Cookies stay apart, each a field of its own. */
export function headersOf(fields: readonly Field[]): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}
