/**
 * When the origin is gone: a published snapshot of the page if there is one, else words that help. Stands in front of
 * the cache, so what can be answered from there never comes here. Whatever a living origin says, a 5xx included, is its
 * own answer and is passed on as it is; only an answer with nothing in it is given words. When the edge itself sheds
 * somebody who is looking around, a snapshot is better than a refusal, too.
 */
import type { EdgeConfig, RouteClass } from "#contract/edge-config.ts";
import type { Random } from "#kernel/clock.ts";
import { errorCodes } from "#kernel/error.ts";
import type { Exchange, Stage } from "../exchange.ts";
import { type Fields, OriginError } from "../ports.ts";
import { chooseCoding, chooseForm } from "./negotiate.ts";
import type { SnapshotPage, SnapshotStore } from "./ports.ts";
import { type Occasion, unavailablePage, wordsFor } from "./unavailable-page.ts";

export type FallbackDeps = {
  readonly random: Random;
  /** Absent: nothing was published. */
  readonly snapshot?: SnapshotStore | undefined;
  /** Query parameters that change nothing, as in `cache.queryIgnored`: "utm_*", "gclid". */
  readonly queryIgnored?: readonly string[];
};

export type Fallback = { readonly stage: Stage };

export function createFallback(settings: EdgeConfig["fallback"], deps: FallbackDeps): Fallback {
  const pages = pageKeeper(settings.siteName);
  const ignored = deps.queryIgnored ?? [];

  const instead = (
    exchange: Exchange,
    occasion: Occasion,
    bare: Response | undefined,
  ): Response | Promise<Response> => {
    exchange.notes.answeredBy = "fallback";
    if (exchange.method !== "GET" && exchange.method !== "HEAD") return unavailable(exchange, occasion, bare);
    const page = find(deps.snapshot, exchange.target, ignored);
    if (page === undefined) return unavailable(exchange, occasion, bare);
    const answer = fromSnapshot(exchange, page);
    if (answer instanceof Response) return answer;
    return answer.then((found) => found ?? unavailable(exchange, occasion, bare));
  };

  const unavailable = (exchange: Exchange, occasion: Occasion, bare: Response | undefined): Response => {
    const safe = exchange.method === "GET" || exchange.method === "HEAD";
    const form = chooseForm(exchange.headers, exchange.path);
    // What an earlier answer said about limits and pressure still holds; its Retry-After knows better than ours.
    const headers = new Headers(bare?.headers);
    for (const name of describing) headers.delete(name);
    headers.set("cache-control", "no-store");
    headers.set("vary", "Accept");
    headers.set("x-content-type-options", "nosniff");
    const seconds = Math.max(Number(headers.get("retry-after") ?? settings.retryAfterSeconds), refreshLeastSeconds);
    if (!headers.has("retry-after")) headers.set("retry-after", String(settings.retryAfterSeconds));
    const status = bare?.status ?? 503;
    let body: Uint8Array<ArrayBuffer>;
    if (form === "html") {
      headers.set("content-type", "text/html; charset=utf-8");
      headers.set("content-security-policy", contentPolicy);
      headers.set("referrer-policy", "same-origin");
      // Spread over as long again, so that the people who saw this page do not all come back in one second. A form is
      // never sent again by itself.
      if (safe && Number.isInteger(seconds))
        headers.set("refresh", String(seconds + Math.floor(deps.random() * (seconds + 1))));
      body = pages(occasion, !safe, exchange.host);
    } else {
      const problem = problemOf(occasion, status);
      headers.set("content-type", form === "json" ? "application/problem+json" : "text/plain; charset=utf-8");
      body = encoder.encode(form === "json" ? JSON.stringify(problem) : `${problem.title}. ${problem.detail}\n`);
    }
    return bodied(exchange, body, { status, headers });
  };

  const gone = (exchange: Exchange, error: unknown): Response | Promise<Response> => {
    if (!(error instanceof OriginError)) throw error;
    const safe = exchange.method === "GET" || exchange.method === "HEAD";
    return instead(exchange, safe ? "read" : error.sent ? "unknown" : "unsent", undefined);
  };

  const looked = (exchange: Exchange, response: Response): Response | Promise<Response> => {
    if (response.status < 502 || response.status > 504) return response;
    const safe = exchange.method === "GET" || exchange.method === "HEAD";
    if (!isBare(response)) {
      // Shedding has words of its own; for somebody who only looks, a page of this morning is better than those.
      if (!safe || exchange.notes.answeredBy !== "shedding" || !looks.has(exchange.route.class)) return response;
      const page = find(deps.snapshot, exchange.target, ignored);
      return page === undefined ? response : instead(exchange, "crowded", response);
    }
    // The edge's own refusal is told from a gateway that gives no reason: the one never passed the request on.
    if (exchange.notes.refused !== undefined) return instead(exchange, "crowded", response);
    return instead(exchange, safe ? "read" : "unknown", response);
  };

  return {
    stage: (exchange, next) => {
      try {
        const answer = next(exchange);
        if (answer instanceof Response) return looked(exchange, answer);
        return answer.then(
          (response) => looked(exchange, response),
          (error: unknown) => gone(exchange, error),
        );
      } catch (error) {
        return gone(exchange, error);
      }
    },
  };
}

/** A Retry-After of 0 must not make a page reload itself as fast as it can. */
const refreshLeastSeconds = 2;

/** Shedding's own answers have the same type (IANA, HTTP Problem Types). */
const crowdedType = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";
const unavailableType = "urn:spillway:error:origin_unavailable";

function problemOf(occasion: Occasion, status: number) {
  const { title, detail } = wordsFor[occasion];
  if (occasion === "crowded") return { type: crowdedType, title, status, detail };
  return {
    type: unavailableType,
    title: errorCodes.origin_unavailable.title,
    status,
    code: "origin_unavailable",
    detail,
  };
}

/** Who only looks: a cart or a checkout that is not of this moment would be a lie. */
const looks: ReadonlySet<RouteClass> = new Set(["product", "browsing", "background"]);

const contentPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Fields of the answer that is replaced which describe its body, or promise that it may be kept. */
const describing = [
  "content-type",
  "content-length",
  "content-encoding",
  "content-language",
  "content-range",
  "content-disposition",
  "accept-ranges",
  "etag",
  "last-modified",
  "expires",
  "age",
  "cdn-cache-control",
  "spillway-cache-control",
  "surrogate-control",
  "refresh",
  "transfer-encoding",
];

const encoder = new TextEncoder();

/** Nothing in it that anybody could want to read. */
function isBare(response: Response): boolean {
  if (response.headers.has("content-type")) return false;
  return response.body === null || response.headers.get("content-length") === "0";
}

/** HEAD gets the same fields and no body (RFC 9110, 9.3.2). */
function bodied(
  exchange: Exchange,
  body: Uint8Array<ArrayBuffer>,
  init: { status: number; headers: Headers },
): Response {
  init.headers.set("content-length", String(body.byteLength));
  return new Response(exchange.method === "HEAD" ? null : body, init);
}

const namesMax = 64;

/** Pages are written once for each name of the site: when they are needed there is no time for it. */
function pageKeeper(siteName: string | undefined) {
  const kept = new Map<string, Uint8Array<ArrayBuffer>>();
  return (occasion: Occasion, form: boolean, host: string): Uint8Array<ArrayBuffer> => {
    const name = siteName ?? host;
    const key = `${occasion} ${form} ${name}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const page = encoder.encode(unavailablePage(occasion, form, name));
    // The host is the client's to choose; names beyond these are written each time.
    if (kept.size < namesMax) kept.set(key, page);
    return page;
  };
}

function find(
  snapshot: SnapshotStore | undefined,
  target: string,
  ignored: readonly string[],
): SnapshotPage | undefined {
  if (snapshot === undefined) return undefined;
  const page = snapshot.find(target);
  const queryAt = target.indexOf("?");
  if (page !== undefined || queryAt < 0) return page;
  const query = target.slice(queryAt + 1);
  const telling = query.split("&").filter((part) => part !== "" && !isIgnored(part.split("=", 1)[0] ?? "", ignored));
  const rest = telling.join("&");
  return rest === query ? undefined : snapshot.find(target.slice(0, queryAt) + (rest === "" ? "" : `?${rest}`));
}

const isIgnored = (name: string, ignored: readonly string[]): boolean =>
  ignored.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));

/** Undefined when the page can no longer be read, or in no form that the client takes. */
function fromSnapshot(exchange: Exchange, page: SnapshotPage): Response | Promise<Response | undefined> {
  const coding = chooseCoding(exchange.headers.get("accept-encoding"), page.codings) ?? "identity";
  const headers = new Headers();
  for (const [name, value] of page.fields) headers.set(name, value);
  // Of the moment, never to be kept by anybody: the true page is back as soon as the origin is.
  headers.set("cache-control", "no-store");
  const takenAt = new Date(page.takenAtMs).toUTCString();
  headers.set("spillway-snapshot", takenAt);
  headers.set("last-modified", takenAt);
  const etag = coding === "identity" ? page.etag : `${page.etag.slice(0, -1)}-${coding}"`;
  headers.set("etag", etag);
  if (page.codings.length > 1) headers.set("vary", "Accept-Encoding");
  if (isUnchanged(exchange.headers, etag, page.takenAtMs)) {
    headers.delete("content-type");
    return new Response(null, { status: 304, headers });
  }
  if (coding !== "identity") headers.set("content-encoding", coding);
  const body = page.body(coding);
  if (body instanceof Uint8Array) return bodied(exchange, body, { status: 200, headers });
  return body.then((bytes) => (bytes === undefined ? undefined : bodied(exchange, bytes, { status: 200, headers })));
}

/** RFC 9110, 13.1: If-None-Match by weak comparison; If-Modified-Since only without it. */
function isUnchanged(given: Fields, etag: string, takenAtMs: number): boolean {
  const tags = given.get("if-none-match");
  if (tags !== null)
    return tags.trim() === "*" || tags.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  const since = Date.parse(given.get("if-modified-since") ?? "");
  return Number.isFinite(since) && Math.floor(takenAtMs / 1000) * 1000 <= since;
}
