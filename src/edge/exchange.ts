/**
 * One request on its way through the edge, and the form of a stage. A stage answers, or passes on and may change what
 * comes back; the list of them stands in `edge.ts`.
 */
import type { RouteClass } from "#contract/edge-config.ts";
import type { AllFields, Fields, ReceivedRequest } from "./ports.ts";

export type Exchange = {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** As the client named it, in lower case, with its port if it named one: "shop.example:8000". Checked by the listener. */
  readonly host: string;
  /** What is forwarded: path and query, "/products/lamp?colour=red". Never a fragment. */
  readonly target: string;
  /** The target up to its query. */
  readonly path: string;
  /** The request's fields. Never written to: a stage that changes some passes on an exchange with a copy. */
  readonly headers: AllFields;
  /** The request as it was received, for its body and its abort signal; null for one that the edge makes itself. */
  readonly request: ReceivedRequest | null;
  /** Tells whoever asked what the origin says before its answer; see `ReceivedRequest`. For an exchange without their request. */
  readonly hint?: ReceivedRequest["hint"];
  /** Of the client, after the rules for trusted proxies; IPv4 or IPv6 without brackets. */
  readonly address: string;
  /** When it was received, milliseconds since the epoch. */
  readonly atMs: number;
  readonly route: MatchedRoute;
  /** What the access log and the counters tell of it; stages write here. */
  readonly notes: Notes;
  /** Set when the client asks for a WebSocket: connects its other end to this upstream. Undefined answers mean "it is done". */
  readonly tunnel?: (upstream: URL, headers: Headers) => Promise<Response | undefined>;
};

/** A request that is only looked at, of which no `Headers` were made: what an exchange is, too. */
export type Glimpse = Omit<Exchange, "headers" | "request" | "hint" | "tunnel"> & { readonly headers: Fields };

export type MatchedRoute = {
  /** The pattern of the config, never the path: "/products/:handle". The label of counters. */
  readonly template: string;
  readonly class: RouteClass;
  readonly challenge: boolean;
};

export type Notes = {
  /** The stage that answered: "limits", "cache", "shedding", "forward", "fallback". */
  answeredBy?: string;
  /** hit, stale, revalidated, miss, collapsed, bypass, … for the log and `spillway_edge_cache_total`. */
  cache?: string;
  /** Name of the upstream that was asked last. */
  upstream?: string;
  /** Times that an upstream was asked. */
  tries?: number;
  /** Why it was refused: the limit's name, "queue full", … */
  refused?: string;
};

export type Answer = Response | Promise<Response>;
export type Next = (exchange: Exchange) => Answer;
export type Stage = (exchange: Exchange, next: Next) => Answer;

/** One function of many: the first stage is met first, `last` has nobody to pass on to. */
export function inOrder(stages: readonly Stage[], last: Next): Next {
  return stages.reduceRight<Next>((next, stage) => (exchange) => stage(exchange, next), last);
}
