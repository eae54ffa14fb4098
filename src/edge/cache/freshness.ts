/**
 * May this answer be kept, for how long is it fresh, and what may be done with it afterwards: RFC 9111 sections 3 and 4.2,
 * RFC 5861. Pure: everything it knows comes in.
 */
import type { Fields } from "../ports.ts";
import { type Directives, parseCacheControl, parseTargeted } from "./cache-control.ts";
import { parseHttpDate } from "./http-date.ts";

export type StoringRules = {
  /** RFC 5861 windows for answers that do not name their own. */
  readonly staleWhileRevalidateSeconds: number;
  readonly staleIfErrorSeconds: number;
  /** "public": an answer that sets a cookie is kept only when it says `public`; "explicit": whenever it is explicitly fresh. */
  readonly setCookie: "public" | "explicit";
};

export type Received = {
  readonly status: number;
  readonly headers: Fields;
  /** When it was asked for, and when its head came: their difference is part of its age. */
  readonly requestedAtMs: number;
  readonly receivedAtMs: number;
  readonly request: Fields;
  readonly requestDirectives: Directives;
};

export type Policy = {
  readonly lifetimeMs: number;
  /** Its age when it came (section 4.2.3). */
  readonly initialAgeMs: number;
  /** Asks to be validated each time. */
  readonly noCache: boolean;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Whether `max-stale` of a request may be obeyed. */
  readonly mayServeStale: boolean;
  readonly noTransform: boolean;
  /** Fields that belong to one person or must not be repeated: they are not kept. */
  readonly omitFields: readonly string[];
};

/** Section 4.2.2 with RFC 9110 section 15.1; 206 is not among them: parts are not kept. */
const heuristicStatuses = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** Those whose caching requirements are met here, for `must-understand` (section 5.2.2.3). */
const understoodStatuses = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 421, 451, 500, 501, 502, 503, 504,
]);
const heuristicShare = 0.1;
const heuristicMaxMs = 86_400_000;

export function directivesOf(headers: Fields): { directives: Directives; isTargeted: boolean } {
  const targeted =
    parseTargeted(headers.get("spillway-cache-control")) ?? parseTargeted(headers.get("cdn-cache-control"));
  if (targeted !== undefined) return { directives: targeted, isTargeted: true };
  return { directives: parseCacheControl(headers.get("cache-control")), isTargeted: false };
}

/** Only the first member counts, and only digits (section 5.1). */
function ageField(headers: Fields): number {
  const text = headers.get("age");
  if (text === null) return 0;
  const comma = text.indexOf(",");
  const first = (comma < 0 ? text : text.slice(0, comma)).trim();
  return /^\d+$/.test(first) ? Number(first) : 0;
}

function hasValidator(headers: Fields): boolean {
  return headers.get("etag") !== null || headers.get("last-modified") !== null;
}

/** Undefined: it must not be kept, or there is no use in keeping it. */
export function policyOf(received: Received, rules: StoringRules): Policy | undefined {
  const { status, headers } = received;
  // 206 and 304 are no whole answers; Response cannot hold a status beyond 599.
  if (status < 200 || status > 599 || status === 206 || status === 304) return undefined;
  const { directives, isTargeted } = directivesOf(headers);

  if (directives.mustUnderstand === true) {
    if (!understoodStatuses.has(status)) return undefined;
  } else if (directives.noStore === true) return undefined;
  if (directives.private === true || received.requestDirectives.noStore === true) return undefined;
  const vary = headers.get("vary");
  if (vary?.includes("*")) return undefined;
  // Section 3.5.
  if (
    received.request.get("authorization") !== null &&
    directives.public !== true &&
    directives.mustRevalidate !== true &&
    directives.sMaxage === undefined
  ) {
    return undefined;
  }

  const dateMs = parseHttpDate(headers.get("date") ?? "", received.receivedAtMs) ?? received.receivedAtMs;
  const explicitMs = explicitLifetime(directives, isTargeted, headers, dateMs, received.receivedAtMs);

  const omitFields = [...(directives.privateFields ?? []), ...(directives.noCacheFields ?? [])];
  if (headers.get("set-cookie") !== null && !omitFields.includes("set-cookie")) {
    const isAllowed = directives.public === true || (rules.setCookie === "explicit" && explicitMs !== undefined);
    if (!isAllowed) return undefined;
  }

  let lifetimeMs = explicitMs ?? 0;
  if (explicitMs === undefined && directives.noCache !== true) {
    lifetimeMs = heuristicLifetime(received, directives, dateMs);
    // Nothing is said: an answer that would have to be validated each time is not worth its place.
    if (lifetimeMs === 0 && directives.public !== true) return undefined;
  }

  const initialAgeMs = Math.max(
    0,
    received.receivedAtMs - dateMs,
    ageField(headers) * 1000 + (received.receivedAtMs - received.requestedAtMs),
  );

  const isStaleForbidden =
    directives.noCache === true || directives.mustRevalidate === true || directives.proxyRevalidate === true;
  // s-maxage forbids stale answers too, but not where the same answer grants them by name.
  const mayDefault = !isStaleForbidden && directives.sMaxage === undefined;
  const window = (named: number | undefined, byDefault: number) =>
    isStaleForbidden ? 0 : (named ?? (mayDefault ? byDefault : 0)) * 1000;
  const staleWhileRevalidateMs = window(directives.staleWhileRevalidate, rules.staleWhileRevalidateSeconds);
  const staleIfErrorMs = window(directives.staleIfError, rules.staleIfErrorSeconds);

  const isUseful =
    (directives.noCache !== true && lifetimeMs > initialAgeMs) ||
    hasValidator(headers) ||
    staleWhileRevalidateMs > 0 ||
    staleIfErrorMs > 0;
  if (!isUseful) return undefined;
  return {
    lifetimeMs,
    initialAgeMs,
    noCache: directives.noCache === true,
    staleWhileRevalidateMs,
    staleIfErrorMs,
    mayServeStale: mayDefault,
    noTransform:
      directives.noTransform === true || parseCacheControl(headers.get("cache-control")).noTransform === true,
    omitFields,
  };
}

/** Section 4.2.1. A targeted field stands for Cache-Control and Expires together (RFC 9213, section 2.2). */
function explicitLifetime(
  directives: Directives,
  isTargeted: boolean,
  headers: Fields,
  dateMs: number,
  nowMs: number,
): number | undefined {
  if (directives.sMaxage !== undefined) return directives.sMaxage * 1000;
  if (directives.maxAge !== undefined) return directives.maxAge * 1000;
  if (isTargeted) return undefined;
  const expires = headers.get("expires");
  if (expires === null) return undefined;
  const expiresMs = parseHttpDate(expires, nowMs);
  return expiresMs === undefined ? 0 : Math.max(0, expiresMs - dateMs);
}

/** Section 4.2.2. Never for a request that carried a cookie: what nobody declared shareable may be one shopper's page. */
function heuristicLifetime(received: Received, directives: Directives, dateMs: number): number {
  if (received.request.get("cookie") !== null || received.request.get("authorization") !== null) return 0;
  if (directives.public !== true && !heuristicStatuses.has(received.status)) return 0;
  if (received.headers.get("pragma")?.toLowerCase().includes("no-cache")) return 0;
  const lastModified = received.headers.get("last-modified");
  if (lastModified === null) return 0;
  const lastModifiedMs = parseHttpDate(lastModified, received.receivedAtMs);
  if (lastModifiedMs === undefined || lastModifiedMs >= dateMs) return 0;
  return Math.min((dateMs - lastModifiedMs) * heuristicShare, heuristicMaxMs);
}
