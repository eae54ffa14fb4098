/**
 * A GET or HEAD that no plain hit answers: what its client wishes, and what the origin is asked in its place. Nothing here
 * knows what else is going on.
 */
import type { Exchange, Next } from "../exchange.ts";
import { type AllFields, type Fields, toHeaders } from "../ports.ts";
import { type Directives, parseCacheControl } from "./cache-control.ts";
import type { Stored } from "./stored.ts";

export type Asked = {
  readonly exchange: Exchange;
  readonly next: Next;
  readonly key: string;
  readonly wishes: Directives;
};

export const noWishes: Directives = {};
const conditionalFields = ["if-none-match", "if-modified-since", "if-range", "if-match", "if-unmodified-since"];

export function wishesOf(cacheControl: string | null, headers: Fields): Directives {
  if (cacheControl !== null) return parseCacheControl(cacheControl);
  // RFC 9111 section 5.4: for clients that know nothing else.
  return headers.get("pragma")?.toLowerCase().includes("no-cache") === true ? { noCache: true } : noWishes;
}

/** The origin can be asked whether it is still the same. */
export const hasValidator = (stored: Stored | undefined): stored is Stored =>
  stored !== undefined && (stored.etag !== null || stored.lastModified !== null);

export function unconditional(given: AllFields): Headers {
  const headers = toHeaders(given);
  for (const name of conditionalFields) headers.delete(name);
  return headers;
}

/** What is asked for those who come later, whatever the client that gave the occasion wishes. */
export function wishless(given: AllFields): Headers {
  const headers = unconditional(given);
  for (const name of ["range", "cache-control", "pragma"]) headers.delete(name);
  return headers;
}

/**
 * What is sent to the origin: our own validators when something is stored, else the client's, but never conditions or a
 * client's hanging up when the answer is for others too.
 */
export function forwarded(asked: Asked, stored: Stored | undefined, isAlone: boolean): Exchange {
  const { exchange } = asked;
  const isKnown = hasValidator(stored);
  const { headers: given } = exchange;
  let headers = given;
  if (isKnown || (!isAlone && conditionalFields.some((name) => given.get(name) !== null))) {
    const changed = toHeaders(given);
    headers = changed;
    for (const name of conditionalFields) if (!isAlone || name !== "if-range") changed.delete(name);
    if (isKnown) {
      if (stored.etag !== null) changed.set("if-none-match", stored.etag);
      if (stored.lastModified !== null) changed.set("if-modified-since", stored.lastModified);
    }
  }
  if (isAlone) return { ...exchange, headers };
  const { request } = exchange;
  // Who leads is told what comes before the answer.
  const hint = request?.hint?.bind(request);
  return { ...exchange, headers, request: null, ...(hint === undefined ? {} : { hint }) };
}
