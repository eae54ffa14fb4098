/**
 * The edge's shared cache: a stage that answers from memory by RFC 9111, and asks the origin once where a thousand ask at the
 * same time. The rules are in the files beside; here is what happens to a request.
 *
 * Every request is one of: a hit (fresh, or stale while a refresh is under way), led (it asks the origin, others may
 * follow), following (it waits for one that leads), alone (its answer can be nobody else's), or passed on untouched.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import { type MayBeWhole, wholeBody } from "#kernel/whole-body.ts";
import type { Exchange, Glimpse, Next, Stage } from "../exchange.ts";
import { type AnswerHead, type Fields, type PreparedAnswer, toHeaders } from "../ports.ts";
import { Answers, bodied, hasNoBody, headersOf, notModified } from "./answers.ts";
import { type Body, bodyOf, bytesMax, sizeOf } from "./body.ts";
import { type Directives, parseCacheControl } from "./cache-control.ts";
import { type Compress, Encodings } from "./encodings.ts";
import { usesMax } from "./eviction.ts";
import { Flight, type Outcome } from "./flight.ts";
import { type Policy, policyOf, type Received } from "./freshness.ts";
import { HitForMiss } from "./hit-for-miss.ts";
import { writeHttpDate } from "./http-date.ts";
import { invalidatedBy, type PurgeRequest, targetsOf } from "./invalidation.ts";
import { cacheKey, originOfKey, queryFilter, variantKey, varyNames } from "./key.ts";
import { SharedBody } from "./shared-body.ts";
import { Store } from "./store.ts";
import {
  bytesOf,
  confidentialFields,
  confidentialOf,
  createStored,
  type Field,
  fieldsOf,
  fieldsToStore,
  formsOf,
  mayServeOnError,
  type Stored,
  updatedFields,
  useOf,
} from "./stored.ts";
import { tagsOf } from "./tags.ts";
import { isNotModified, opaque } from "./validators.ts";

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

export type CacheStats = {
  readonly bytes: number;
  readonly bytesMax: number;
  readonly objects: number;
  readonly evictions: number;
  readonly hits: number;
  readonly staleHits: number;
  readonly misses: number;
  readonly revalidated: number;
  readonly collapsed: number;
  readonly passed: number;
  readonly refreshes: number;
  readonly compressed: number;
  readonly flights: number;
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

const refreshesMax = 64;
const refreshPauseMs = 1000;
/** Hits since it came, from which an object is hot. */
const hotHits = 8;
const hitForMissMs = 10_000;
const errorMs = 1000;
const safeMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"]);
const errorStatuses = new Set([500, 502, 503, 504]);
const noWishes: Directives = {};
const conditionalFields = ["if-none-match", "if-modified-since", "if-range", "if-match", "if-unmodified-since"];

/** A request that is for its client alone, when it was asked. */
export type Passing = { readonly key: string; readonly requestedAtMs: number; readonly purges: number };

type Asked = {
  readonly exchange: Exchange;
  readonly next: Next;
  readonly key: string;
  readonly wishes: Directives;
};

export function createCache(settings: EdgeConfig["cache"], deps: CacheDeps): EdgeCache {
  const store = new Store({ bytesMax: settings.maxBytes, variantsMax: settings.variantsMax });
  const encodings = settings.compress && deps.compress !== undefined ? new Encodings(store, deps.compress) : undefined;
  const answers = new Answers(encodings);
  store.onForget = (stored) => answers.forget(stored);
  const flights = new Map<string, Flight>();
  const hitForMiss = new HitForMiss();
  const withoutIgnored = queryFilter(settings.queryIgnored);
  const earlyRefreshShare = settings.earlyRefreshPercent / 100;
  const staleFactor = deps.staleFactor ?? (() => 1);
  const objectMaxBytes = Math.min(settings.objectMaxBytes, settings.maxBytes);
  const counts = { hits: 0, staleHits: 0, misses: 0, revalidated: 0, collapsed: 0, passed: 0, refreshes: 0 };
  let refreshesUnderWay = 0;

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
    if (stored !== undefined && isPlainHit(stored, exchange)) return hit(asked, stored, exchange.atMs, undefined);
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
      const policy = policyOf(describe(exchange, noWishes, status, answer, requestedAtMs, receivedAtMs), settings);
      if (policy !== undefined && answer.length <= objectMaxBytes) return undefined;
      if (hitForMiss.has(key, receivedAtMs)) markUnshared(key, status, receivedAtMs);
    }
    counts.misses += 1;
    exchange.notes.cache = "miss";
    return `Spillway; fwd=${whyForwarded(key, undefined, requestedAtMs)}; fwd-status=${status}`;
  };

  const passed: EdgeCache["passed"] = ({ key, requestedAtMs, purges }, exchange, response) => {
    const asked: Asked = { exchange, next: () => response, key, wishes: noWishes };
    return exchange.method === "HEAD"
      ? headAnswered(asked, response, requestedAtMs, purges)
      : keep(asked, undefined, undefined, response, requestedAtMs, purges);
  };

  const markUnshared = (key: string, status: number, nowMs: number): void =>
    hitForMiss.mark(key, nowMs + (status >= 500 ? errorMs : hitForMissMs));

  function count({ notes }: Glimpse, stored: Stored): void {
    if (stored.uses < usesMax) stored.uses += 1;
    stored.hits += 1;
    counts.hits += 1;
    notes.answeredBy = "cache";
    notes.cache = "hit";
  }

  function wishesOf(cacheControl: string | null, headers: Fields): Directives {
    if (cacheControl !== null) return parseCacheControl(cacheControl);
    // RFC 9111 section 5.4: for clients that know nothing else.
    return headers.get("pragma")?.toLowerCase().includes("no-cache") === true ? { noCache: true } : noWishes;
  }

  function hit(exchange: Exchange, stored: Stored, nowMs: number, status: string | undefined): Response {
    count(exchange, stored);
    return answers.give(stored, exchange.headers, exchange.method === "HEAD", nowMs, status);
  }

  function consider(asked: Asked, stored: Stored | undefined): Response | Promise<Response> {
    const { exchange, key, wishes } = asked;
    const nowMs = exchange.atMs;
    if (stored !== undefined) {
      const factor = staleFactor();
      const heard = factor > 1 ? noWishes : wishes;
      const use = useOf(stored, nowMs, heard, factor);
      if (use === "fresh" && heard.noStore !== true) {
        if (nowMs >= stored.refreshAtMs && stored.hits >= hotHits) refresh(asked, stored, nowMs);
        return hit(exchange, stored, nowMs, undefined);
      }
      if (use === "stale-while-revalidate") {
        refresh(asked, stored, nowMs);
        counts.staleHits += 1;
        const answer = hit(
          exchange,
          stored,
          nowMs,
          `hit; ttl=${Math.floor((stored.freshUntilMs - nowMs) / 1000)}; detail=stale-while-revalidate`,
        );
        exchange.notes.cache = "stale";
        return answer;
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
      return fetchThrough(asked, stored, undefined, forwarded(asked, stored, true));
    }
    return collapse(asked, stored, 0);
  }

  // --- asking the origin

  function flightKey(key: string, headers: Fields): string {
    const names = store.variesOn(key);
    return names.length === 0 ? key : `${key}\n${names.join(",")}\n${variantKey(names, headers)}`;
  }

  function collapse(asked: Asked, stored: Stored | undefined, attempt: number): Promise<Response> {
    const id = flightKey(asked.key, asked.exchange.headers);
    const flight = flights.get(id);
    // One that began before a purge would bring what was purged.
    if (flight !== undefined && store.purgedSince(flight.purges, asked.key, flight.tags) === "no") {
      return follow(asked, stored, flight, attempt);
    }
    return lead(asked, stored, id);
  }

  async function lead(asked: Asked, stored: Stored | undefined, id: string): Promise<Response> {
    const flight = new Flight(store.purgeCount);
    flights.set(id, flight);
    const end = () => {
      if (flights.get(id) === flight) flights.delete(id);
    };
    try {
      return await fetchThrough(asked, stored, { flight, end }, forwarded(asked, stored, false));
    } catch (error) {
      flight.settle({ kind: "failed", error });
      throw error;
    } finally {
      // A body that is still coming ends its flight itself.
      if (flight.settled?.kind !== "shared" || flight.settled.body === undefined) end();
      flight.settle({ kind: "alone" });
    }
  }

  async function follow(asked: Asked, stored: Stored | undefined, flight: Flight, attempt: number): Promise<Response> {
    const { exchange } = asked;
    const outcome = flight.settled ?? (await waitFor(flight.outcome));
    if (outcome?.kind === "shared" && (outcome.body === undefined || outcome.body.canJoin)) {
      const { vary, variant } = outcome.stored;
      if (variantKey(vary, exchange.headers) === variant) {
        counts.collapsed += 1;
        exchange.notes.answeredBy = "cache";
        exchange.notes.cache = "collapsed";
        const nowMs = deps.nowMs();
        const status = `fwd=${stored === undefined ? "uri-miss" : "stale"}; collapsed`;
        return outcome.body === undefined
          ? answers.give(outcome.stored, exchange.headers, false, nowMs, status)
          : answers.giveStream(outcome.stored, outcome.body, exchange.headers, nowMs, status);
      }
      // Another variant: now that the names are known, those who want the same find each other.
      if (attempt < 2) return collapse(asked, store.find(asked.key, exchange.headers), attempt + 1);
    }
    // One of those who waited asks once more for all of them; the second failure is everyone's.
    if (outcome?.kind === "failed") {
      if (attempt === 0) return collapse(asked, stored, attempt + 1);
      throw outcome.error;
    }
    return fetchThrough(asked, stored, undefined, forwarded(asked, stored, true));
  }

  /** Undefined when `collapseMs` are over. */
  async function waitFor(outcome: Promise<Outcome>): Promise<Outcome | undefined> {
    let cancel = () => {};
    const timeout = new Promise<undefined>((resolve) => {
      cancel = deps.after(settings.collapseMs, () => resolve(undefined));
    });
    const first = await Promise.race([outcome, timeout]);
    cancel();
    return first;
  }

  /**
   * What is sent to the origin: our own validators when something is stored, else the client's, but never conditions or a
   * client's hanging up when the answer is for others too.
   */
  function forwarded(asked: Asked, stored: Stored | undefined, isAlone: boolean): Exchange {
    const { exchange } = asked;
    const hasValidator = stored !== undefined && (stored.etag !== null || stored.lastModified !== null);
    const { headers: given } = exchange;
    let headers = given;
    if (hasValidator || (!isAlone && conditionalFields.some((name) => given.get(name) !== null))) {
      const changed = toHeaders(given);
      headers = changed;
      for (const name of conditionalFields) if (!isAlone || name !== "if-range") changed.delete(name);
      if (hasValidator) {
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

  async function fetchThrough(
    asked: Asked,
    stored: Stored | undefined,
    led: { flight: Flight; end: () => void } | undefined,
    sent: Exchange,
  ): Promise<Response> {
    const { exchange, key } = asked;
    const purges = store.purgeCount;
    const requestedAtMs = deps.nowMs();
    let response: Response;
    try {
      response = await asked.next(sent);
    } catch (error) {
      const rescued = onError(asked, stored, led, "unreachable");
      if (rescued !== undefined) return rescued;
      throw error;
    }
    if (response.status === 304 && stored !== undefined && (stored.etag !== null || stored.lastModified !== null)) {
      const updated = revalidated(asked, stored, response, requestedAtMs, purges);
      if (updated !== undefined) {
        counts.revalidated += 1;
        exchange.notes.answeredBy = "cache";
        exchange.notes.cache = "revalidated";
        const isFresh = deps.nowMs() < updated.freshUntilMs;
        if (!isFresh) hitForMiss.mark(key, deps.nowMs() + hitForMissMs);
        led?.flight.settle(isFresh ? { kind: "shared", stored: updated, body: undefined } : { kind: "alone" });
        const why = whyForwarded(key, stored, requestedAtMs);
        return answers.give(updated, exchange.headers, false, deps.nowMs(), `fwd=${why}; fwd-status=304`);
      }
      // It speaks of another representation than ours (RFC 9111 section 4.3.4): ask for that one.
      const headers = toHeaders(sent.headers);
      for (const name of conditionalFields) headers.delete(name);
      response = await asked.next({ ...sent, headers });
    }
    if (errorStatuses.has(response.status)) {
      const rescued = onError(asked, stored, led, String(response.status));
      if (rescued !== undefined) {
        void response.body?.cancel().catch(() => {});
        return rescued;
      }
    }
    return await keep(asked, stored, led, response, requestedAtMs, purges);
  }

  /** RFC 5861 section 4: what is stored, in place of an error. */
  function onError(
    asked: Asked,
    stored: Stored | undefined,
    led: { flight: Flight } | undefined,
    detail: string,
  ): Response | undefined {
    const nowMs = deps.nowMs();
    if (stored === undefined || !mayServeOnError(stored, nowMs, asked.wishes, staleFactor())) return undefined;
    // It may have been purged since it was found.
    if (!store.isKept(stored)) return undefined;
    led?.flight.settle({ kind: "shared", stored, body: undefined });
    counts.staleHits += 1;
    const answer = hit(
      asked.exchange,
      stored,
      nowMs,
      `hit; ttl=${Math.floor((stored.freshUntilMs - nowMs) / 1000)}; detail="stale-if-error ${detail}"`,
    );
    asked.exchange.notes.cache = "stale";
    return answer;
  }

  /** The stored answer with the fields of a 304; undefined when that 304 is not about it. */
  function revalidated(
    asked: Asked,
    stored: Stored,
    response: Response,
    requestedAtMs: number,
    purges: number,
  ): Stored | undefined {
    const etag = response.headers.get("etag");
    if (etag !== null && stored.etag !== null && opaque(etag) !== opaque(stored.etag)) return undefined;
    const receivedAtMs = deps.nowMs();
    const received = fieldsToStore(response.headers, []);
    // One without a date was made now, not when the stored answer was.
    if (response.headers.get("date") === null) received.push(["date", writeHttpDate(receivedAtMs)]);
    const fields = updatedFields(fieldsOf(stored), received);
    const confidential = updatedFields(stored.confidential, confidentialOf(response.headers));
    const headers = headersOf([...fields, ...confidential]);
    const age = response.headers.get("age");
    if (age !== null) headers.set("age", age);
    const { exchange, wishes } = asked;
    const policy = policyOf(describe(exchange, wishes, stored.status, headers, requestedAtMs, receivedAtMs), settings);
    if (policy === undefined) {
      // Still good for this one request, but not to be kept any longer.
      store.remove(stored);
      return createFrom(stored, fields, confidential, noLonger(stored), receivedAtMs);
    }
    const omit = new Set(policy.omitFields);
    const kept = fields.filter(([name]) => !omit.has(name));
    const updated = createFrom(stored, kept, confidential, policy, receivedAtMs);
    putUnlessPurged(updated, purges);
    return updated;
  }

  function createFrom(
    { key, vary, variant, status, statusText, plain, forms }: Stored,
    fields: readonly Field[],
    confidential: readonly Field[],
    policy: Policy,
    receivedAtMs: number,
  ): Stored {
    const tags = tagsOf(headersOf([...fields, ...confidential]), originOfKey(key));
    const made = createStored({
      key,
      vary,
      variant,
      status,
      statusText,
      fields,
      confidential,
      body: plain.body,
      policy,
      tags,
      receivedAtMs,
      earlyRefreshShare,
    });
    inheritForms(forms, made);
    return made;
  }

  function describe(
    exchange: Glimpse,
    requestDirectives: Directives,
    status: number,
    headers: Fields,
    requestedAtMs: number,
    receivedAtMs: number,
  ): Received {
    const request = exchange.headers;
    return { status, headers, requestedAtMs, receivedAtMs, request, requestDirectives };
  }

  function putUnlessPurged(stored: Stored, purges: number): void {
    const purged = store.purgedSince(purges, stored.key, stored.tags);
    if (purged === "hard") return;
    if (purged === "soft") stored.freshUntilMs = Math.min(stored.freshUntilMs, deps.nowMs());
    store.put(stored);
  }

  /** RFC 9211 section 2.2. */
  function whyForwarded(key: string, stored: Stored | undefined, nowMs: number): string {
    if (stored === undefined) return store.has(key) ? "vary-miss" : "uri-miss";
    return stored.freshUntilMs > nowMs ? "request" : "stale";
  }

  /** A new whole answer: kept and shared where that is allowed, passed on otherwise. */
  async function keep(
    asked: Asked,
    before: Stored | undefined,
    led: { flight: Flight; end: () => void } | undefined,
    response: Response,
    requestedAtMs: number,
    purges: number,
  ): Promise<Response> {
    const { exchange, key } = asked;
    const receivedAtMs = deps.nowMs();
    const { headers, status } = response;
    const policy = policyOf(describe(exchange, asked.wishes, status, headers, requestedAtMs, receivedAtMs), settings);
    const length = headers.get("content-length");
    const bytesExpected = length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
    counts.misses += 1;
    exchange.notes.cache = "miss";
    const why = whyForwarded(key, before, requestedAtMs);
    // A part, or an answer to one who is known by name, says nothing of what others would get.
    const mayMark = led !== undefined || hitForMiss.has(key, receivedAtMs);
    if (policy === undefined || (bytesExpected !== undefined && bytesExpected > objectMaxBytes)) {
      // What is kept is outdated: the origin has something else now, and nobody may keep that.
      if (policy === undefined && led !== undefined && status < 500 && before !== undefined) store.remove(before);
      if (mayMark) markUnshared(key, status, receivedAtMs);
      return finish(response, `fwd=${why}; fwd-status=${status}`);
    }
    const vary = varyNames(headers.get("vary"));
    const tags = tagsOf(headers, originOfKey(key));
    const given = {
      key,
      vary,
      variant: variantKey(vary, exchange.headers),
      status,
      statusText: response.statusText,
      fields: fieldsToStore(headers, policy.omitFields),
      confidential: confidentialOf(headers),
      policy,
      tags,
      receivedAtMs,
      earlyRefreshShare,
    };
    const isSharable = !policy.noCache && policy.lifetimeMs > policy.initialAgeMs;
    if (isSharable) hitForMiss.clear(key);
    else if (mayMark) hitForMiss.mark(key, receivedAtMs + hitForMissMs);
    if (led !== undefined) led.flight.tags = tags;
    const own = headersOf(fieldsToStore(headers, []));
    const age = headers.get("age");
    if (age !== null) own.set("age", age);
    own.append("cache-status", `Spillway; fwd=${why}; fwd-status=${status}; stored`);

    if (response.body === null || hasNoBody(status) || (bytesExpected !== undefined && bytesExpected <= bytesMax)) {
      let body: Body;
      try {
        body = await bodyOfResponse(response, hasNoBody(status) ? undefined : bytesExpected);
      } catch (error) {
        const rescued = onError(asked, before, led, "broken off");
        if (rescued !== undefined) return rescued;
        throw error;
      }
      const stored = createStored({ ...given, body });
      // A strong tag is of these very bytes.
      if (before?.etag?.startsWith('"') && before.etag === stored.etag) inheritForms(before.forms, stored);
      putUnlessPurged(stored, purges);
      led?.flight.settle(isSharable ? { kind: "shared", stored, body: undefined } : { kind: "alone" });
      return own200(own, stored, exchange.headers, body);
    }

    const shared = new SharedBody(response.body, {
      bytesMax: objectMaxBytes,
      bytesExpected,
      mayGrow: (bytes) => store.reserve(bytes),
      release: (bytes) => store.release(bytes),
      onEnd: (whole) => {
        if (whole !== undefined) putUnlessPurged(createStored({ ...given, body: whole }), purges);
        else if (mayMark) hitForMiss.mark(key, deps.nowMs() + errorMs);
        led?.end();
      },
    });
    const coming = createStored({ ...given, body: bodyOf([]) });
    const stream = shared.stream();
    led?.flight.settle(isSharable ? { kind: "shared", stored: coming, body: shared } : { kind: "alone" });
    return own200(own, coming, exchange.headers, stream);
  }

  /** For the one whose request it was: all fields as they came, its own conditions answered. */
  function own200(
    headers: Headers,
    stored: Stored,
    request: Fields,
    body: Body | ReadableStream<Uint8Array>,
  ): Response {
    const { status, statusText } = stored;
    if (status === 200 && isNotModified(request, stored, deps.nowMs())) {
      if (body instanceof ReadableStream) void body.cancel().catch(() => {});
      return notModified(headers);
    }
    return bodied(hasNoBody(status) ? null : body, { status, statusText, headers });
  }

  /** HEAD goes to the origin as it is, and freshens or outdates what is stored for GET (RFC 9111 section 4.3.5). */
  async function head(asked: Asked): Promise<Response> {
    const { exchange } = asked;
    const purges = store.purgeCount;
    const requestedAtMs = deps.nowMs();
    return headAnswered(asked, await asked.next(exchange), requestedAtMs, purges);
  }

  function headAnswered(asked: Asked, response: Response, requestedAtMs: number, purges: number): Response {
    const { exchange, key } = asked;
    exchange.notes.cache = "miss";
    counts.misses += 1;
    const stored = store.find(key, exchange.headers);
    if (stored !== undefined && response.status === stored.status) {
      const { headers } = response;
      const etag = headers.get("etag");
      const modified = headers.get("last-modified");
      const length = headers.get("content-length");
      const isSame =
        (etag === null || etag === stored.etag) &&
        (modified === null || modified === stored.lastModified) &&
        (length === null || Number(length) === sizeOf(stored.plain.body));
      if (isSame) revalidated(asked, stored, response, requestedAtMs, purges);
      else store.purge({ keys: [key] }, true, deps.nowMs());
    }
    return finish(response, `fwd=${stored === undefined ? "uri-miss" : "stale"}; fwd-status=${response.status}`);
  }

  /** In the background, for those who come later; one at a time for each object, and not again at once when it failed. */
  function refresh(asked: Asked, stored: Stored, nowMs: number): void {
    if (nowMs < stored.nextRefreshMs || refreshesUnderWay >= refreshesMax) return;
    const headers = toHeaders(asked.exchange.headers);
    for (const name of [...conditionalFields, "range", "cache-control", "pragma"]) headers.delete(name);
    const id = flightKey(asked.key, headers);
    if (flights.has(id)) return;
    stored.nextRefreshMs = nowMs + refreshPauseMs;
    refreshesUnderWay += 1;
    counts.refreshes += 1;
    const exchange: Exchange = { ...asked.exchange, method: "GET", headers, request: null, notes: {} };
    lead({ ...asked, exchange, wishes: noWishes }, stored, id)
      .then((response) => response.body?.cancel())
      // Those who come later are served stale, or ask themselves: nobody waits for this one.
      .catch(() => {})
      .finally(() => {
        refreshesUnderWay -= 1;
      });
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
      flights: flights.size,
    }),
  };
}

/** For one that may be used this once. */
const noLonger = ({ policy }: Stored): Policy => ({
  ...policy,
  lifetimeMs: 0,
  initialAgeMs: 0,
  omitFields: [],
  noCache: true,
});

async function bodyOfResponse(response: MayBeWhole, bytesExpected: number | undefined): Promise<Body> {
  const whole = response[wholeBody] as Uint8Array<ArrayBuffer> | undefined;
  const isThere = whole !== undefined && !response.bodyUsed;
  const body = bodyOf(isThere ? [whole] : response.body === null ? [] : [await response.arrayBuffer()]);
  if (bytesExpected !== undefined && bytesExpected !== sizeOf(body)) {
    throw new Error(`The origin promised ${bytesExpected} bytes and sent ${sizeOf(body)}.`);
  }
  return body;
}

/** The body is the same: so are its compressed forms. */
function inheritForms(forms: Stored["forms"], to: Stored): void {
  if (!to.isCompressible) return;
  for (const [coding, form] of forms ?? []) {
    if (form === null || form === "pending") continue;
    formsOf(to).set(coding, { ...form, head: undefined });
    to.bytes += bytesOf(form.body);
  }
}

/** An answer that goes by: what is meant for this cache alone is taken out, and what became of the request is said. */
function finish(response: Response, status: string): Response {
  let { headers } = response;
  let answer = response;
  try {
    headers.append("cache-status", `Spillway; ${status}`);
  } catch {
    headers = toHeaders(headers);
    headers.append("cache-status", `Spillway; ${status}`);
    answer = new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  }
  for (const name of confidentialFields) if (headers.get(name) !== null) headers.delete(name);
  return answer;
}
