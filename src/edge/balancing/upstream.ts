/**
 * One server that requests can be sent to, and what is known of it. It is `ready` from the start; `out` while its
 * circuit is open (real traffic said so); `unhealthy` while its health checks fail; `draining` by command, until what
 * is under way has its answer: `drained`. It is forgotten when it is removed and drained.
 */
import { CircuitBreaker } from "#resilience/circuit-breaker.ts";
import { FailureWatch } from "#resilience/failure-watch.ts";
import { PeakEwma } from "#resilience/peak-ewma.ts";
import type { Origin } from "../ports.ts";

/** An origin that holds connections. */
export type UpstreamOrigin = Origin & {
  /** True when it has no connection left: it is asked no more until one of its answers has been read. */
  isFull?(): boolean;
  /** Busy ones include those whose answer's body is still on its way. */
  connections?(): { readonly busy: number; readonly idle: number };
  /** Closes idle connections at once, others when their answer has been read. */
  close?(): void;
};

export type UpstreamState = {
  readonly name: string;
  readonly url: string;
  /** Where its name led to, if it was looked up. */
  readonly address?: string;
  readonly weight: number;
  readonly state: "ready" | "out" | "probing" | "unhealthy" | "draining" | "drained";
  /** Why it is out. */
  readonly reason?: "no-answer" | "errors";
  readonly inFlight: number;
  readonly latencyMs: number;
  /** Since the start: requests that were sent to it, and those that had no answer or a 5xx. */
  readonly requests: number;
  readonly failures: number;
  readonly ejections: number;
};

export type UpstreamCounts = {
  readonly ends: Readonly<Record<string, () => void>>;
  readonly ejected: () => void;
  readonly seconds: (seconds: number) => void;
};

export type UpstreamOptions = {
  readonly name: string;
  /** The configured upstream it belongs to: several addresses of one name are one group. */
  readonly group: string;
  readonly url: string;
  readonly address: string | undefined;
  readonly weight: number;
  readonly origin: UpstreamOrigin;
  readonly counts: UpstreamCounts;
  readonly ejectSeconds: number;
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
  readonly nowMs: number;
};

/** Latencies are those of the last few seconds. Longer, and one slow answer would keep a good node idle for a minute. */
const latencyTauMs = 2000;
/** Below this all latencies are alike: what is left is noise of the clock and of the scheduler. */
const latencyFloorMs = 0.5;
const ejectMaxMs = 300_000;

export class Upstream {
  readonly name: string;
  readonly group: string;
  readonly url: string;
  readonly address: string | undefined;
  readonly origin: UpstreamOrigin;
  readonly counts: UpstreamCounts;
  readonly circuit: CircuitBreaker;
  readonly watch: FailureWatch;
  readonly latency: PeakEwma;
  weight: number;
  inFlight = 0;
  requests = 0;
  failures = 0;
  ejections = 0;
  isDraining = false;
  /** Closed when the last request under way ends. */
  isRemoved = false;
  isUnhealthy = false;
  /** Why the circuit is not closed. */
  reason: "no-answer" | "errors" = "no-answer";
  outAtMs = Number.NEGATIVE_INFINITY;
  /** When it came back or was added; long ago for those of the start. */
  backAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: UpstreamOptions) {
    this.name = options.name;
    this.group = options.group;
    this.url = options.url;
    this.address = options.address;
    this.weight = options.weight;
    this.origin = options.origin;
    this.counts = options.counts;
    this.circuit = new CircuitBreaker({
      openMs: options.ejectSeconds * 1000,
      openMaxMs: Math.max(ejectMaxMs, options.ejectSeconds * 1000),
      goodNeeded: options.healthyAfter,
    });
    this.watch = new FailureWatch({
      noAnswersInRow: options.unhealthyAfter,
      // A page that is broken on every upstream makes short rows of errors everywhere.
      errorsInRow: Math.max(5, options.unhealthyAfter),
      windowMs: 10_000,
      requestsMin: 20,
      errorShare: 0.5,
    });
    this.latency = new PeakEwma(latencyTauMs, 0, options.nowMs);
  }

  /** In the rotation of good times. */
  get isReady(): boolean {
    return !this.isDraining && !this.isUnhealthy && this.circuit.state === "closed";
  }

  cost(nowMs: number): number {
    return ((this.latency.read(nowMs) + latencyFloorMs) * (this.inFlight + 1)) / this.weight;
  }

  /** Connections that it holds open or, for an origin without any, none. */
  get connections(): { readonly busy: number; readonly idle: number } {
    return this.origin.connections?.() ?? { busy: 0, idle: 0 };
  }

  state(nowMs: number): UpstreamState {
    const state = this.isDraining
      ? this.inFlight > 0 || this.connections.busy > 0
        ? "draining"
        : "drained"
      : this.circuit.state === "open"
        ? "out"
        : this.circuit.state === "half-open"
          ? "probing"
          : this.isUnhealthy
            ? "unhealthy"
            : "ready";
    return {
      name: this.name,
      url: this.url,
      ...(this.address === undefined ? {} : { address: this.address }),
      weight: this.weight,
      state,
      ...(this.circuit.state === "closed" ? {} : { reason: this.reason }),
      inFlight: this.inFlight,
      latencyMs: this.latency.read(nowMs),
      requests: this.requests,
      failures: this.failures,
      ejections: this.ejections,
    };
  }
}
