/**
 * The edge as a list: what every request meets, in this order. A configuration that changes while it runs makes a new list
 * of the same parts: what is cached, counted and under way stays.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Clock, Random } from "#kernel/clock.ts";
import type { Signer } from "#kernel/signer.ts";
import { responseOf } from "#kernel/whole-body.ts";
import { contains, parseNetworks } from "./addresses.ts";
import { type Balancer, createBalancer } from "./balancing/balancer.ts";
import type { Resolve } from "./balancing/name-lookup.ts";
import type { UpstreamOrigin } from "./balancing/upstream.ts";
import { createByteLane } from "./byte-lane.ts";
import { createCache, type EdgeCache } from "./cache/cache.ts";
import type { Compress } from "./cache/encodings.ts";
import { type Exchange, inOrder, type Next, type Stage } from "./exchange.ts";
import { createFallback } from "./fallback/fallback.ts";
import type { SnapshotStore } from "./fallback/ports.ts";
import { cleanAnswer, fieldsForOrigin } from "./forwarding.ts";
import { createLimits, type Limits } from "./limits/limits.ts";
import {
  type AllFields,
  type Meter,
  type OriginRequest,
  type ReceivedRequest,
  type Receiver,
  toHeaders,
} from "./ports.ts";
import { createPressure, type Pressure } from "./pressure.ts";
import { createQuickLane } from "./quick-lane.ts";
import { createReceiver } from "./received.ts";
import { createRoutes } from "./routes.ts";
import { createSeeing, type Seeing, type SpanSink } from "./seeing.ts";
import { createShedding, type Shedding } from "./shedding/shedding.ts";
import { createShopLane, type Shop } from "./shop-lane.ts";
import { ShopRequest } from "./shop-request.ts";
import type { Rooms } from "./waiting-room/rooms.ts";

export type EdgeDeps = {
  /** Of the epoch. */
  readonly clock: Clock;
  /** Milliseconds with fractions, of a clock that never goes back. */
  readonly monotonicMs: () => number;
  /** The same clock, counted from the epoch. */
  readonly steadyMs: () => number;
  readonly later: (ms: number, run: () => void) => () => void;
  readonly random: Random;
  readonly signer: Signer;
  readonly newId: () => string;
  readonly meter: Meter;
  readonly compress: Compress;
  readonly resolve: Resolve;
  readonly open: (balancing: EdgeConfig["balancing"], url: string, address: string | undefined) => UpstreamOrigin;
  /** A shop in the same process: it is asked instead of the configured upstreams. */
  readonly shop?: Shop;
  readonly snapshot?: SnapshotStore | undefined;
  readonly spans?: SpanSink | undefined;
  /** Waiting rooms; undefined where none are configured. They outlive a configuration. */
  readonly rooms?: Rooms | undefined;
  readonly writeLog: (lines: string) => undefined | Promise<void>;
  /** This edge's name in Via; edges that stand behind each other need two. */
  readonly name: string;
};

export type Edge = {
  readonly receiver: Receiver;
  readonly config: EdgeConfig;
  readonly cache: EdgeCache;
  readonly limits: Limits;
  readonly pressure: Pressure;
  readonly shedding: Shedding;
  /** Undefined in front of a shop in the same process. */
  readonly balancer: Balancer | undefined;
  readonly seeing: Seeing;
  /** Undefined where none are configured. */
  readonly rooms: Rooms | undefined;
};

/** With `before`: the same edge under another configuration. */
export function createEdge(config: EdgeConfig, deps: EdgeDeps, before?: Edge): Edge {
  const { meter, random, clock, monotonicMs } = deps;
  const isSame = (section: keyof EdgeConfig): boolean =>
    before !== undefined && JSON.stringify(before.config[section]) === JSON.stringify(config[section]);

  const pressure = before?.pressure ?? createPressure(config.pressure, { meter });
  const shedding =
    before?.shedding ??
    createShedding(config.shedding, {
      now: deps.steadyMs,
      later: deps.later,
      random,
      meter,
      signals: pressure.signals,
    });
  const limits =
    before?.limits ??
    createLimits(config.limits, {
      signer: deps.signer,
      newId: deps.newId,
      seed: [random() * 2 ** 32, random() * 2 ** 32],
      meter,
    });
  if (before !== undefined) {
    pressure.configure(config.pressure);
    shedding.configure(config.shedding);
    limits.configure(config.limits);
    before.seeing.update(config.log, deps.spans);
  }
  // Under other settings what is kept might have to be kept otherwise: it begins empty.
  const cache =
    before !== undefined && isSame("cache")
      ? before.cache
      : createCache(config.cache, {
          nowMs: clock.now,
          after: deps.later,
          compress: deps.compress,
          staleFactor: pressure.staleFactor,
        });
  const seeing =
    before?.seeing ??
    createSeeing(config.log, {
      meter,
      monotonicMs,
      random,
      later: deps.later,
      writeLog: deps.writeLog,
      spans: deps.spans,
    });
  const balancer = deps.shop === undefined ? balancerOf(config, deps, before) : undefined;
  if (balancer !== undefined) shedding.setUpstreams(config.upstreams.map(({ name, url }) => name ?? new URL(url).host));

  const fallback = createFallback(config.fallback, {
    random,
    snapshot: deps.snapshot,
    queryIgnored: config.cache.queryIgnored,
  }).stage;
  // Where there are none, nothing is asked of them.
  const rooms = deps.rooms !== undefined && deps.rooms.all().length > 0 ? deps.rooms : undefined;
  const stages: readonly Stage[] = [
    seeing.stage,
    fallback,
    ...(rooms === undefined ? [] : [rooms.pollStage]),
    limits.stage,
    ...(rooms === undefined ? [] : [rooms.stage]),
    pressure.answerStage,
    ...(config.cache.enabled ? [cache.stage] : []),
    ...(rooms === undefined ? [] : [rooms.learnStage]),
    pressure.upstreamStage,
    shedding.stage,
  ];
  const last = deps.shop === undefined ? forwardTo(balancer as Balancer, deps.name) : askShop(deps.shop);

  // The stages' short cuts. One more stage that must see every request says so by `gate` of the quick lane.
  const short = {
    seeing,
    limits,
    pressure,
    shedding,
    fallback,
    cache: config.cache.enabled ? cache : undefined,
    hasRooms: rooms !== undefined,
  };
  const on =
    deps.shop === undefined
      ? createByteLane({ ...short, balancer: balancer as Balancer, name: deps.name })
      : createShopLane({ ...short, shop: deps.shop });
  const trusted = parseNetworks(config.listen.trustedProxies);
  const countRefused = meter.counter("spillway_edge_malformed_total", "Requests refused before any stage, by status.");
  const receiver = createReceiver(
    { hosts: config.listen.hosts, targetMaxBytes: config.listen.targetMaxBytes },
    {
      isTrusted: trusted.size === 0 ? undefined : (address) => contains(trusted, address),
      routeOf: createRoutes(config.routes),
      now: clock.now,
      handle: inOrder(stages, last),
      quick: createQuickLane({ ...short, on, rooms }),
      onRefused: (status) => countRefused({ status: String(status) })(),
    },
  );
  return { receiver, config, cache, limits, pressure, shedding, balancer, seeing, rooms };
}

function balancerOf(config: EdgeConfig, deps: EdgeDeps, before: Edge | undefined): Balancer {
  const old = before?.balancer;
  if (old !== undefined && JSON.stringify(before?.config.balancing) === JSON.stringify(config.balancing)) {
    old.replace(config.upstreams);
    return old;
  }
  old?.stop();
  return createBalancer(config.balancing, config.upstreams, {
    open: (url, address) => deps.open(config.balancing, url, address),
    clock: { now: deps.monotonicMs, sleep: deps.clock.sleep },
    random: deps.random,
    meter: deps.meter,
    resolve: deps.resolve,
  });
}

const neverAborted = new AbortController().signal;

/** What is sent; its signal is made by whoever looks at it, and few do. */
class Sent implements OriginRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: AllFields;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly client: Pick<ReceivedRequest, "hint"> | null;
  readonly #received: ReceivedRequest | null;

  constructor({ method, target, request, hint }: Exchange, headers: AllFields) {
    this.method = method;
    this.target = target;
    this.headers = headers;
    this.body = request === null || method === "GET" || method === "HEAD" ? null : request.body;
    this.#received = request;
    this.client = hint === undefined ? request : { hint };
  }

  get signal(): AbortSignal {
    return this.#received?.signal ?? neverAborted;
  }
}

/** The last of the list: to an upstream, and back. */
function forwardTo(balancer: Balancer, name: string): Next {
  return async (exchange) => {
    // The socket to the origin writes Host itself, as `balancing.hostHeader` says.
    const headers = fieldsForOrigin(exchange, { hostHeader: "client", via: name }, exchange.host);
    if (headers === undefined) {
      return new Response("This request has been through this edge before: two proxies forward to each other.\n", {
        status: 508,
        headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
      });
    }
    exchange.notes.answeredBy = "forward";
    if (exchange.tunnel !== undefined) return await tunnelTo(balancer, exchange, exchange.tunnel, toHeaders(headers));
    const response = await balancer.send(new Sent(exchange, headers), exchange.notes);
    cleanAnswer(response.headers);
    return response;
  };
}

async function tunnelTo(
  balancer: Balancer,
  exchange: Exchange,
  tunnel: NonNullable<Exchange["tunnel"]>,
  headers: Headers,
): Promise<Response> {
  const chosen = balancer.choose();
  if (chosen === undefined) return new Response(null, { status: 503 });
  exchange.notes.upstream = chosen.name;
  const { protocol, host } = chosen.url;
  // Joined as text: a target such as //elsewhere/x must stay a path.
  const url = new URL(`${protocol === "https:" ? "wss" : "ws"}://${host}${exchange.target}`);
  // Undefined: the two are joined, and nobody reads what is answered here.
  return (await tunnel(url, headers)) ?? new Response(null);
}

/** The last of the list in front of a shop in this process: its handler, called directly. */
function askShop(shop: Shop): Next {
  return (exchange) => {
    const { request, headers, method } = exchange;
    exchange.notes.answeredBy = "shop";
    // A method that the Fetch standard does not know is none of a shop's.
    if (!shopMethods.has(method)) return new Response("This method is not known here.\n", { status: 501 });
    const answer = shop(
      request instanceof Request && request.headers === headers
        ? request
        : new ShopRequest(exchange, headers, (request as ReceivedRequest | null)?.whole, request),
    );
    return answer instanceof Promise ? answer.then(responseOf) : responseOf(answer);
  };
}

const shopMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);
