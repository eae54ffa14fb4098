/** What /metrics tells of upstreams. Its labels are the upstreams that were configured: addresses of their names come and go. */
import type { Clock } from "#kernel/clock.ts";
import type { RetryBudget } from "#resilience/retry-budget.ts";
import type { Meter } from "../ports.ts";
import type { Pool } from "./pool.ts";
import type { Upstream, UpstreamCounts } from "./upstream.ts";

/** How a request that was sent to an upstream ended. */
export type Outcome = "answered" | "error" | "refused" | "reset" | "timeout" | "unreachable" | "protocol" | "aborted";
const outcomes: readonly Outcome[] = [
  "answered",
  "error",
  "refused",
  "reset",
  "timeout",
  "unreachable",
  "protocol",
  "aborted",
];

export type BalancerCounts = {
  /** Of one configured upstream. */
  readonly of: (upstream: string) => UpstreamCounts;
  readonly retried: () => void;
  /** Not asked again for lack of budget. */
  readonly unpaid: () => void;
  readonly hedged: () => void;
  readonly hedgeWon: () => void;
  /** No upstream could be asked. */
  readonly none: () => void;
};

export function createCounts(
  meter: Meter,
  { pool, budget, clock }: { readonly pool: Pool; readonly budget: RetryBudget; readonly clock: Clock },
): BalancerCounts {
  const requests = meter.counter(
    "spillway_edge_upstream_requests_total",
    "Requests sent to an upstream, by how they ended.",
  );
  const ejections = meter.counter(
    "spillway_edge_upstream_ejections_total",
    "Times that an upstream was put out of use by what real traffic met.",
  );
  const seconds = meter.histogram(
    "spillway_edge_upstream_seconds",
    "From a request sent to an upstream to the head of its answer.",
  );
  const retries = meter.counter(
    "spillway_edge_upstream_retries_total",
    "Requests asked again, or not for lack of budget.",
  );
  const hedges = meter.counter("spillway_edge_upstream_hedges_total", "Requests asked of a second upstream meanwhile.");
  const none = meter.counter("spillway_edge_upstream_none_total", "Requests for which no upstream could be asked.");
  const each = (read: (upstream: Upstream) => number) => () => {
    const sums = new Map<string, number>();
    for (const upstream of pool.members) sums.set(upstream.group, (sums.get(upstream.group) ?? 0) + read(upstream));
    return [...sums].map(([upstream, value]) => [{ upstream }, value] as const);
  };
  meter.gauge(
    "spillway_edge_upstream_in_flight",
    "Requests without an answer's head.",
    each(({ inFlight }) => inFlight),
  );
  meter.gauge(
    "spillway_edge_upstream_connections",
    "Connections, those that wait for a request included.",
    each(({ connections }) => connections.busy + connections.idle),
  );
  meter.gauge(
    "spillway_edge_upstream_ready",
    "Addresses in use.",
    each(({ isReady }) => (isReady ? 1 : 0)),
  );
  meter.gauge(
    "spillway_edge_upstream_known",
    "Addresses known.",
    each(() => 1),
  );
  meter.gauge("spillway_edge_upstream_panic", "1 while too few are ready and all are asked.", () =>
    pool.isPanic ? 1 : 0,
  );
  meter.gauge("spillway_edge_upstream_retry_budget", "Retries that may be made now.", () => Math.floor(budget.saved));
  meter.gauge("spillway_edge_upstream_latency_seconds", "What the choice goes by; the slowest address.", () => {
    const slowest = new Map<string, number>();
    for (const { group, latency } of pool.members)
      slowest.set(group, Math.max(slowest.get(group) ?? 0, latency.read(clock.now()) / 1000));
    return [...slowest].map(([upstream, value]) => [{ upstream }, value] as const);
  });
  return {
    of: (upstream) => ({
      ends: Object.fromEntries(outcomes.map((outcome) => [outcome, requests({ upstream, outcome })])),
      ejected: ejections({ upstream }),
      seconds: seconds({ upstream }),
    }),
    retried: retries({ outcome: "made" }),
    unpaid: retries({ outcome: "unpaid" }),
    hedged: hedges({ outcome: "made" }),
    hedgeWon: hedges({ outcome: "won" }),
    none: none({}),
  };
}
