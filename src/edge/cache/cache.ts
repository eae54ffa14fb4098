/**
 * The edge's shared cache: a stage that answers from memory by RFC 9111, and asks the origin once where a thousand ask at the
 * same time. Here is which way a request goes, and the short ways of hits and of what is only passed on; the ways themselves are in
 * the files beside: `hits.ts`, `flights.ts`, `asking.ts`, `keeping.ts`, `revalidation.ts`.
 *
 * Every request is one of: a hit (fresh, or stale while a refresh is under way), led (it asks the origin, others may
 * follow), following (it waits for one that leads), alone (its answer can be nobody else's), or passed on untouched.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Exchange, Glimpse, Next, Stage } from "../exchange.ts";
import type { AnswerHead, Fields, PreparedAnswer } from "../ports.ts";
import { Answers } from "./answers.ts";
import { type Asked, noWishes, wishesOf } from "./asked.ts";
import { createAsk } from "./asking.ts";
import { finish, whyForwarded } from "./cache-status.ts";
import { type CacheStats, noCounts } from "./counts.ts";
import { type Compress, Encodings } from "./encodings.ts";
import { createFlights } from "./flights.ts";
import { policyOf } from "./freshness.ts";
import { HitForMiss } from "./hit-for-miss.ts";
import { createHits } from "./hits.ts";
import { invalidatedBy, type PurgeRequest, targetsOf } from "./invalidation.ts";
import { createKeep } from "./keeping.ts";
import { cacheKey, queryFilter } from "./key.ts";
import { createRevalidation } from "./revalidation.ts";
import { Store } from "./store.ts";
import { type Stored, useOf } from "./stored.ts";

export type CacheDeps = {
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Runs it later; the answer cancels it. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Without it nothing is compressed. */
  readonly compress?: Compress;
  /** How much longer stale answers may be used now, 1 in quiet times; above 1 a client's wish for something fresher waits. */
  readonly staleFactor?: () => number;
};

export type EdgeCache = {
  readonly stage: Stage;
  /** The plain hit that the stage would answer with, if it is ready; nothing is counted. */
  readonly atHand: (exchange: Glimpse) => PreparedAnswer | undefined;
  /** Counts the hit that `atHand` found last. */
  readonly taken: (exchange: Glimpse) => void;
  /** What `atHand` looked for last would be passed on as it is, for an answer of its own; undefined: that cannot be said before. */
  readonly passing: (exchange: Glimpse) => Passing | undefined;
  /** What Cache-Status says of the answer to it. Undefined: it may be kept, or says something of what is kept; `passed` does it. */
  readonly passedBy: (
    passing: Passing,
    exchange: Glimpse,
    answer: Pick<AnswerHead, "status" | "length" | "get">,
  ) => string | undefined;
  readonly passed: (passing: Passing, exchange: Exchange, response: Response) => Response | Promise<Response>;
  /** The same for an answer to an unsafe method: what it may have changed is forgotten. */
  readonly changedBy: (exchange: Glimpse, answer: Pick<AnswerHead, "status" | "get">) => string;
  readonly changed: (exchange: Glimpse, response: Response) => Response;
  /** How many stored answers it met. Answers that are on their way count as purged too. */
  purge(request: PurgeRequest): number;
  stats(): CacheStats;
};

/** Hits since it came, from which an object is hot. */
const hotHits = 8;
const safeMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"]);

/** A request that is for its client alone, when it was asked. */
export type Passing = { readonly key: string; readonly requestedAtMs: number; readonly purges: number };

export function createCache(settings: EdgeConfig["cache"], deps: CacheDeps): EdgeCache {
  const store = new Store({ bytesMax: settings.maxBytes, variantsMax: settings.variantsMax });
  const encodings = settings.compress && deps.compress !== undefined ? new Encodings(store, deps.compress) : undefined;
  const answers = new Answers(encodings);
  store.onForget = (stored) => answers.forget(stored);
  const hitForMiss = new HitForMiss();
  const withoutIgnored = queryFilter(settings.queryIgnored);
  const staleFactor = deps.staleFactor ?? (() => 1);
  const objectMaxBytes = Math.min(settings.objectMaxBytes, settings.maxBytes);
  const counts = noCounts();
  const { nowMs, after } = deps;
  const { count, hit, staleHit, rescue } = createHits({ nowMs, staleFactor, store, answers, counts });
  const { revalidated, headAnswered } = createRevalidation({ settings, nowMs, store, counts });
  const keep = createKeep({ settings, objectMaxBytes, nowMs, store, hitForMiss, counts, rescue });
  const ask = createAsk({ nowMs, store, answers, hitForMiss, counts, rescue, revalidated, keep });
  const flights = createFlights({ collapseMs: settings.collapseMs, nowMs, after, store, answers, counts, ask });

  const stage: Stage = (exchange, next) => {
    if (!settings.enabled) return next(exchange);
    const { method, headers } = exchange;
    if (method !== "GET" && method !== "HEAD") {
      return safeMethods.has(method) ? pass(exchange, next, "fwd=method") : change(exchange, next);
    }
    // A GET with a body may be answered by its body, which no key holds.
    if (
      exchange.tunnel !== undefined ||
      headers.get("content-length") !== null ||
      headers.get("transfer-encoding") !== null
    ) {
      if (exchange.tunnel !== undefined) return next(exchange);
      if (headers.get("content-length") !== "0") return pass(exchange, next, "fwd=bypass");
    }
    const target = withoutIgnored === undefined ? exchange.target : withoutIgnored(exchange.target);
    const asked = target === exchange.target ? exchange : { ...exchange, target };
    const key = cacheKey(asked.scheme, asked.host, target);
    const stored = store.find(key, headers);
    if (stored !== undefined && isPlainHit(stored, exchange)) return hit(asked, stored, exchange.atMs);
    return consider({ exchange: asked, next, key, wishes: wishesOf(headers.get("cache-control"), headers) }, stored);
  };

  /** Fresh, not due for a refresh, and asked for without wishes. */
  const isPlainHit = (stored: Stored, { atMs, headers }: Glimpse): boolean =>
    atMs < stored.refreshAtMs &&
    atMs < stored.freshUntilMs &&
    headers.get("cache-control") === null &&
    headers.get("pragma") === null;

  let found: Stored | undefined;
  /** That it was looked for under; "": it was not looked for. */
  let lookedKey = "";

  const atHand: EdgeCache["atHand"] = (exchange) => {
    const { method, headers, scheme, host } = exchange;
    lookedKey = "";
    if (method !== "GET" && method !== "HEAD") return undefined;
    if (headers.get("content-length") !== null || headers.get("transfer-encoding") !== null) return undefined;
    const target = withoutIgnored === undefined ? exchange.target : withoutIgnored(exchange.target);
    lookedKey = cacheKey(scheme, host, target);
    found = store.find(lookedKey, headers);
    if (found === undefined || !isPlainHit(found, exchange)) return undefined;
    return answers.atHand(found, headers, method === "HEAD", exchange.atMs);
  };

  function taken(exchange: Glimpse): void {
    if (found !== undefined) count(exchange, found);
  }

  const passing: EdgeCache["passing"] = ({ method, headers, atMs }) => {
    if (lookedKey === "" || found !== undefined) return undefined;
    if (headers.get("cache-control") !== null || headers.get("pragma") !== null) return undefined;
    const isAlone =
      method === "HEAD" ||
      hitForMiss.has(lookedKey, atMs) ||
      headers.get("range") !== null ||
      headers.get("authorization") !== null;
    return isAlone ? { key: lookedKey, requestedAtMs: deps.nowMs(), purges: store.purgeCount } : undefined;
  };

  const passedBy: EdgeCache["passedBy"] = ({ key, requestedAtMs }, exchange, answer) => {
    const { status } = answer;
    if (exchange.method === "HEAD") {
      // What is kept for GET may be outdated by it.
      if (store.has(key)) return undefined;
    } else {
      const receivedAtMs = deps.nowMs();
      const request = exchange.headers;
      const policy = policyOf(
        { status, headers: answer, requestedAtMs, receivedAtMs, request, requestDirectives: noWishes },
        settings,
      );
      if (policy !== undefined && answer.length <= objectMaxBytes) return undefined;
      if (hitForMiss.has(key, receivedAtMs)) hitForMiss.markFor(key, status, receivedAtMs);
    }
    counts.misses += 1;
    exchange.notes.cache = "miss";
    return `Spillway; fwd=${whyForwarded(store, key, undefined, requestedAtMs)}; fwd-status=${status}`;
  };

  const passed: EdgeCache["passed"] = ({ key, requestedAtMs, purges }, exchange, response) => {
    const asked: Asked = { exchange, next: () => response, key, wishes: noWishes };
    return exchange.method === "HEAD"
      ? headAnswered(asked, response, requestedAtMs, purges)
      : keep(asked, undefined, undefined, response, requestedAtMs, purges);
  };

  function consider(asked: Asked, stored: Stored | undefined): Response | Promise<Response> {
    const { exchange, key, wishes } = asked;
    const nowMs = exchange.atMs;
    if (stored !== undefined) {
      const factor = staleFactor();
      const heard = factor > 1 ? noWishes : wishes;
      const use = useOf(stored, nowMs, heard, factor);
      if (use === "fresh" && heard.noStore !== true) {
        if (nowMs >= stored.refreshAtMs && stored.hits >= hotHits) flights.refresh(asked, stored, nowMs);
        return hit(exchange, stored, nowMs);
      }
      if (use === "stale-while-revalidate") {
        flights.refresh(asked, stored, nowMs);
        return staleHit(exchange, stored, nowMs, "stale-while-revalidate");
      }
    }
    if (wishes.onlyIfCached === true) {
      exchange.notes.answeredBy = "cache";
      exchange.notes.cache = "only-if-cached";
      return new Response("Nothing is stored that this request may have (only-if-cached).\n", {
        status: 504,
        headers: { "content-type": "text/plain; charset=utf-8", "cache-status": "Spillway; detail=only-if-cached" },
      });
    }
    if (exchange.method === "HEAD") return head(asked);
    const { headers } = exchange;
    if (
      headers.get("range") !== null ||
      headers.get("authorization") !== null ||
      wishes.noStore === true ||
      hitForMiss.has(key, nowMs)
    ) {
      return ask(asked, stored, undefined);
    }
    return flights.collapse(asked, stored);
  }

  /** HEAD goes to the origin as it is, and freshens or outdates what is stored for GET (RFC 9111 section 4.3.5). */
  async function head(asked: Asked): Promise<Response> {
    const { exchange } = asked;
    const purges = store.purgeCount;
    const requestedAtMs = deps.nowMs();
    return headAnswered(asked, await asked.next(exchange), requestedAtMs, purges);
  }

  async function pass(exchange: Exchange, next: Next, why: string): Promise<Response> {
    counts.passed += 1;
    exchange.notes.cache = "bypass";
    return finish(await next(exchange), why);
  }

  /** An unsafe method: what it may have changed is forgotten (RFC 9111 section 4.4, RFC 9875 section 3). */
  async function change(exchange: Exchange, next: Next): Promise<Response> {
    return changed(exchange, await next(exchange));
  }

  function changed(exchange: Glimpse, response: Response): Response {
    forgetChanged(exchange, response.status, response.headers);
    return finish(response, "fwd=method");
  }

  function forgetChanged(exchange: Glimpse, status: number, headers: Fields): void {
    counts.passed += 1;
    exchange.notes.cache = "bypass";
    for (const target of invalidatedBy(exchange, status, headers, withoutIgnored))
      store.purge(target, false, exchange.atMs);
  }

  function purge(request: PurgeRequest): number {
    const nowMs = deps.nowMs();
    const isSoft = request.soft === true;
    let met = 0;
    for (const target of targetsOf(request)) met += store.purge(target, isSoft, nowMs);
    return met;
  }

  return {
    stage,
    atHand,
    taken,
    passing,
    passedBy,
    passed,
    changed,
    changedBy: (exchange, answer) => {
      forgetChanged(exchange, answer.status, answer);
      return "Spillway; fwd=method";
    },
    purge,
    stats: () => ({
      ...counts,
      bytes: store.bytes,
      bytesMax: settings.maxBytes,
      objects: store.objects,
      evictions: store.evictions,
      compressed: encodings?.made ?? 0,
      flights: flights.underWay(),
    }),
  };
}
