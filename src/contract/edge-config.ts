/**
 * The edge's configuration: one typed file, `spillway.config.ts` or `.json`. The same schema validates it, fills in
 * what is left out, and is published as JSON schema by `bin/spillway edge --schema`.
 *
 * Sizes are bytes, rates per second; a name that ends in Ms is milliseconds, in Seconds seconds.
 */
import Type from "typebox";
import { WaitingRooms } from "./waiting-room.ts";

const closed = { additionalProperties: false } as const;
const whole = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Integer({ minimum, maximum, default: fallback, description });
const number = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Number({ minimum, maximum, default: fallback, description });
const flag = (fallback: boolean, description: string) => Type.Boolean({ default: fallback, description });
const MiB = 1024 * 1024;

export const Listen = Type.Object(
  {
    port: whole(0, 65_535, 8000, "The port that clients reach"),
    host: Type.Optional(Type.String({ description: "The address to listen on; all of them when left out" })),
    tls: Type.Optional(
      Type.Object(
        {
          certFile: Type.String({ description: "PEM, the whole chain; read again when it changes" }),
          keyFile: Type.String({ description: "PEM" }),
        },
        closed,
      ),
    ),
    http2: flag(true, "HTTP/2 beside HTTP/1.1"),
    http3: flag(false, "HTTP/3 on the same port (UDP); needs tls; experimental in Bun"),
    trustedProxies: Type.Array(Type.String({ description: "Address or CIDR" }), {
      default: [],
      description: "Whose Forwarded and X-Forwarded-* fields are believed; nobody's when empty",
    }),
    hosts: Type.Array(Type.String(), {
      default: [],
      description: "Host names that are answered, others get 421; any when empty",
    }),
    targetMaxBytes: whole(256, 65_536, 8192, "Longest path and query"),
    headersMaxBytes: whole(1024, 65_536, 16_384, "Most bytes of request fields"),
    bodyMaxBytes: whole(0, 1024 * MiB, 32 * MiB, "Largest request body"),
    bodyTimeoutSeconds: whole(1, 3600, 60, "A body that has not arrived by then is cut off"),
    idleTimeoutSeconds: whole(1, 255, 60, "A connection without a byte for this long is closed"),
    drainSeconds: whole(0, 600, 15, "What is under way may take this long after SIGTERM"),
  },
  { ...closed, default: {} },
);

/** Who is turned away last: someone who is paying, then cart, product, browsing, and prefetch and crawlers first. */
export const RouteClass = Type.Union([
  Type.Literal("paying"),
  Type.Literal("cart"),
  Type.Literal("product"),
  Type.Literal("browsing"),
  Type.Literal("background"),
]);
export type RouteClass = Type.Static<typeof RouteClass>;

export const Route = Type.Object(
  {
    pattern: Type.String({
      pattern: "^/",
      description: "/checkout, /products/:handle, /api/* : `:name` is one part of a path, a last * is any rest",
    }),
    methods: Type.Optional(Type.Array(Type.String({ pattern: "^[A-Z]+$" }))),
    class: RouteClass,
    challenge: Type.Optional(Type.Boolean({ description: "Wants a solved proof of work (see limits.challenge)" })),
  },
  closed,
);

export const defaultRoutes: readonly Type.Static<typeof Route>[] = [
  { pattern: "/checkout/*", class: "paying" },
  { pattern: "/checkout", class: "paying" },
  { pattern: "/checkouts/*", class: "paying" },
  { pattern: "/api/orders/*", class: "paying" },
  { pattern: "/api/orders", class: "paying" },
  { pattern: "/orders/*", class: "paying" },
  { pattern: "/webhooks/*", class: "paying" },
  { pattern: "/cart/*", class: "cart" },
  { pattern: "/cart", class: "cart" },
  { pattern: "/api/cart/*", class: "cart" },
  { pattern: "/api/cart", class: "cart" },
  { pattern: "/products/:handle", class: "product" },
  { pattern: "/api/products/:handle", class: "product" },
  { pattern: "/collections/:handle", class: "browsing" },
  { pattern: "/*", class: "browsing" },
];

export const LimitPolicy = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z][a-z0-9-]{0,40}$", description: "Stands in RateLimit-Policy" }),
    by: Type.Union([Type.Literal("address"), Type.Literal("visitor"), Type.Literal("token"), Type.Literal("route")], {
      description:
        "address: IPv4, or IPv6 by /64. visitor: the edge's signed cookie. token: the Authorization or X-Api-Key field. route: all clients together",
    }),
    perSecond: number(0.001, 10_000_000, 50, "Requests per second"),
    burst: whole(1, 10_000_000, 100, "How many may come at once"),
    routes: Type.Optional(Type.Array(Type.String({ pattern: "^/" }), { description: "Patterns; all when left out" })),
    methods: Type.Optional(Type.Array(Type.String({ pattern: "^[A-Z]+$" }))),
  },
  closed,
);

export const Limits = Type.Object(
  {
    policies: Type.Array(LimitPolicy, {
      default: [{ name: "address", by: "address", perSecond: 50, burst: 200 }],
    }),
    allow: Type.Array(Type.String(), {
      default: ["127.0.0.0/8", "::1"],
      description:
        "Addresses and CIDRs that no limit counts; this machine's own, because whoever comes from there is a proxy or a tool",
    }),
    deny: Type.Array(Type.String(), { default: [], description: "Addresses and CIDRs that are refused with 403" }),
    keysMax: whole(
      1000,
      50_000_000,
      1_000_000,
      "Most keys remembered, about 32 bytes each; beyond it those are forgotten that are nearest to a full allowance",
    ),
    challenge: Type.Object(
      {
        maxNumber: whole(1000, 10_000_000, 100_000, "Work asked for: half of this many hashes on average"),
        validSeconds: whole(10, 3600, 300, "How long a challenge may be answered"),
        passSeconds: whole(10, 86_400, 1800, "How long a solved one opens the routes that want it"),
      },
      { ...closed, default: {} },
    ),
  },
  { ...closed, default: {} },
);

export const Cache = Type.Object(
  {
    enabled: flag(true, "Keeps what may be kept (RFC 9111)"),
    maxBytes: whole(0, 1024 * 1024 * MiB, 256 * MiB, "Memory for cached answers"),
    objectMaxBytes: whole(1, 1024 * MiB, 8 * MiB, "Larger answers are passed on and not kept"),
    staleIfErrorSeconds: whole(0, 30 * 86_400, 0, "RFC 5861 for answers that do not say it themselves"),
    staleWhileRevalidateSeconds: whole(0, 86_400, 0, "RFC 5861 for answers that do not say it themselves"),
    earlyRefreshPercent: number(0, 100, 90, "A hot object is fetched again when this much of its life is over"),
    collapseMs: whole(0, 60_000, 5000, "How long a follower waits for the one that asked before it goes itself"),
    variantsMax: whole(1, 1000, 32, "Most variants (Vary) of one address"),
    setCookie: Type.Union([Type.Literal("public"), Type.Literal("explicit")], {
      default: "public",
      description:
        "Answers that set a cookie are kept only when they say Cache-Control: public; explicit: whenever they say how long they are fresh (RFC 9111 allows it, shops should not)",
    }),
    queryIgnored: Type.Array(Type.String(), {
      default: [],
      description:
        "Query parameters that change nothing, such as utm_*; they are neither in the key nor forwarded on a miss",
    }),
    compress: flag(true, "Keeps br, zstd and gzip variants of text that the origin sent plain"),
  },
  { ...closed, default: {} },
);

export const Shedding = Type.Object(
  {
    algorithm: Type.Union([Type.Literal("gradient"), Type.Literal("vegas"), Type.Literal("fixed")], {
      default: "gradient",
    }),
    initial: whole(1, 100_000, 64, "Requests under way at an upstream, to begin with"),
    least: whole(1, 100_000, 8, "Never fewer"),
    most: whole(1, 100_000, 1000, "Never more"),
    queueMax: whole(0, 100_000, 512, "Requests that may wait for their turn"),
    queueMs: whole(1, 60_000, 1000, "How long one may wait; somebody who is paying ten times as long"),
  },
  { ...closed, default: {} },
);

export const Pressure = Type.Object(
  {
    queueWaitMs: Type.Array(Type.Number(), {
      default: [20, 100, 400],
      minItems: 3,
      maxItems: 3,
      description: "Mean wait in the queue at which level 1, 2, 3 begins",
    }),
    errorPercent: Type.Array(Type.Number(), { default: [2, 10, 30], minItems: 3, maxItems: 3 }),
    slowdown: Type.Array(Type.Number(), {
      default: [2, 4, 8],
      minItems: 3,
      maxItems: 3,
      description: "Upstream latency against its own quiet time",
    }),
    downAfterSeconds: number(0.1, 600, 10, "A level is left only after the signals were lower for this long"),
    staleFactor: Type.Array(Type.Number(), {
      default: [1, 2, 5],
      minItems: 3,
      maxItems: 3,
      description: "How much longer stale answers may be used at level 1, 2, 3",
    }),
  },
  { ...closed, default: {} },
);

export const Upstream = Type.Object(
  {
    name: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9._:-]{1,80}$" })),
    url: Type.String({ pattern: "^https?://[^/?#]+$", description: "http://10.0.0.7:8080, no path" }),
    weight: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  closed,
);

export const Balancing = Type.Object(
  {
    hostHeader: Type.Union([Type.Literal("client"), Type.Literal("upstream")], {
      default: "client",
      description: "Which Host an upstream sees: the client's, or its own",
    }),
    resolveSeconds: whole(
      0,
      3600,
      0,
      "Looks each upstream's name up in DNS this often, and takes every address; 0: never",
    ),
    connectionsMax: whole(1, 100_000, 256, "Requests under way at one upstream"),
    connectMs: whole(1, 600_000, 3000, "For a connection"),
    answerMs: whole(1, 3_600_000, 30_000, "From the request sent to the answer's head"),
    bodyIdleMs: whole(1, 3_600_000, 30_000, "Between two pieces of an answer's body"),
    retryBudgetPercent: number(0, 100, 20, "Retries may be this many in a hundred requests; idempotent methods only"),
    hedgeMs: whole(0, 60_000, 0, "A GET without an answer after this long is asked of another upstream too; 0: never"),
    healthPath: Type.Optional(
      Type.String({ pattern: "^/", description: "Asked regularly; without it only real traffic tells" }),
    ),
    healthSeconds: number(0.1, 600, 2, "How often"),
    unhealthyAfter: whole(1, 100, 3, "Failures in a row until an upstream is out"),
    healthyAfter: whole(1, 100, 2, "Good answers in a row until it is in again"),
    ejectSeconds: number(0.1, 3600, 10, "First ejection of an outlier; doubles each time"),
    ejectMaxPercent: whole(0, 100, 50, "Never more of the upstreams are out at once by ejection"),
    slowStartSeconds: number(0, 3600, 10, "How long one that came back gets less than its share"),
    panicPercent: whole(0, 100, 50, "With fewer healthy than this, all are asked"),
  },
  { ...closed, default: {} },
);

export const Fallback = Type.Object(
  {
    snapshotDir: Type.Optional(Type.String({ description: "Pages kept by `bin/spillway publish`" })),
    retryAfterSeconds: whole(1, 3600, 15, "In Retry-After of the 503 page"),
    siteName: Type.Optional(Type.String({ description: "Stands in the 503 page; the host name when left out" })),
  },
  { ...closed, default: {} },
);

export const Log = Type.Object(
  {
    accessSample: number(
      0,
      1,
      0,
      "Share of requests in the access log, JSON lines on standard output; errors always when above 0",
    ),
    otlpUrl: Type.Optional(
      Type.String({ description: "http://collector:4318: spans go there (OTLP over HTTP, JSON)" }),
    ),
    traceSample: number(0, 1, 0.01, "Share of requests without a traceparent that become a trace"),
  },
  { ...closed, default: {} },
);

export const EdgeConfig = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    listen: Listen,
    opsPort: whole(0, 65_535, 8001, "Operations: /livez /readyz /metrics and the admin API"),
    adminToken: Type.Optional(
      Type.String({ minLength: 16, description: "Of the admin API; without it the admin API is closed" }),
    ),
    upstreams: Type.Array(Upstream, { default: [], maxItems: 1000 }),
    routes: Type.Array(Route, { default: defaultRoutes, description: "The first that fits counts" }),
    limits: Limits,
    waitingRooms: WaitingRooms,
    cache: Cache,
    shedding: Shedding,
    pressure: Pressure,
    balancing: Balancing,
    fallback: Fallback,
    log: Log,
  },
  { ...closed, title: "Spillway edge", description: "Configuration of `bin/spillway edge`" },
);
export type EdgeConfig = Type.Static<typeof EdgeConfig>;
