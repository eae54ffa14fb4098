/** Time, luck and servers of a simulation: a day of traffic in a second, the same for the same seed. */
import { type BalancerDeps, type BalancingSettings, createBalancer } from "#edge/balancing/balancer.ts";
import type { UpstreamOrigin } from "#edge/balancing/upstream.ts";
import { type Meter, OriginError, type OriginRequest } from "#edge/ports.ts";
import type { Clock } from "#kernel/clock.ts";

export class World {
  nowMs = 0;
  #events: { atMs: number; order: number; happen: () => void }[] = [];
  #order = 0;
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** mulberry32. */
  readonly random = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };

  exponential(mean: number): number {
    return -Math.log(1 - this.random()) * mean;
  }

  after(ms: number, happen: () => void): void {
    const event = { atMs: this.nowMs + Math.max(0, ms), order: this.#order++, happen };
    // A heap, smallest first.
    const events = this.#events;
    let at = events.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent] as typeof event;
      if (before(above, event)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  #take() {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) return first;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && before(events[child + 1] as typeof last, events[child] as typeof last))
        child += 1;
      const below = events[child] as typeof last;
      if (before(last, below)) break;
      events[at] = below;
      at = child;
    }
    events[at] = last;
    return first;
  }

  /** Everything that happens within the next `ms`. */
  async run(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    while ((this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY) <= untilMs) {
      const event = this.#take();
      if (event === undefined) break;
      this.nowMs = event.atMs;
      event.happen();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.nowMs = untilMs;
    await new Promise((resolve) => setImmediate(resolve));
  }

  readonly clock: Clock = {
    now: () => this.nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) resolve();
        else {
          signal?.addEventListener("abort", () => resolve(), { once: true });
          this.after(ms, resolve);
        }
      }),
  };

  /** Calls `ask` at random moments, `perSecond` times on average, for `ms`. */
  traffic(perSecond: number, ms: number, ask: () => void): void {
    const untilMs = this.nowMs + ms;
    const next = (): void => {
      if (this.nowMs >= untilMs) return;
      ask();
      this.after(this.exponential(1000 / perSecond), next);
    };
    this.after(this.exponential(1000 / perSecond), next);
  }
}

const before = (one: { atMs: number; order: number }, other: { atMs: number; order: number }): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

/** A server with so many workers and a queue before them. */
export class Server implements UpstreamOrigin {
  readonly #world: World;
  mood: "well" | "refuses" | "hangs" | "errs" | "resets" = "well";
  workers = 8;
  serviceMs: () => number;
  asked = 0;
  /** When each request came. */
  readonly askedAtMs: number[] = [];
  aborted = 0;
  underWay = 0;
  peak = 0;
  isClosed = false;
  #busy = 0;
  readonly #queue: (() => void)[] = [];

  constructor(world: World, meanMs: number) {
    this.#world = world;
    this.serviceMs = () => world.exponential(meanMs);
  }

  send(request: OriginRequest): Promise<Response> {
    this.asked += 1;
    this.askedAtMs.push(this.#world.nowMs);
    this.underWay += 1;
    this.peak = Math.max(this.peak, this.underWay);
    return new Promise<Response>((resolve, reject) => {
      let isOver = false;
      const over = (): boolean => {
        if (isOver) return false;
        isOver = true;
        this.underWay -= 1;
        return true;
      };
      request.signal.addEventListener("abort", () => {
        if (!over()) return;
        this.aborted += 1;
        reject(request.signal.reason);
      });
      const fail = (ms: number, error: OriginError) => this.#world.after(ms, () => over() && reject(error));
      if (this.mood === "refuses") fail(0.2, new OriginError("refused", false, "refused"));
      else if (this.mood === "resets") fail(1, new OriginError("reset", true, "reset"));
      else if (this.mood === "hangs") fail(30_000, new OriginError("timeout", true, "timeout"));
      else {
        const work = (): void => {
          this.#busy += 1;
          this.#world.after(this.serviceMs(), () => {
            this.#busy -= 1;
            this.#queue.shift()?.();
            if (over()) resolve(new Response(null, { status: this.mood === "errs" ? 500 : 200 }));
          });
        };
        if (this.#busy < this.workers) work();
        else this.#queue.push(work);
      }
    });
  }

  close(): void {
    this.isClosed = true;
  }
}

export const settings: BalancingSettings = {
  hostHeader: "client",
  resolveSeconds: 0,
  connectionsMax: 256,
  connectMs: 3000,
  answerMs: 30_000,
  bodyIdleMs: 30_000,
  retryBudgetPercent: 20,
  hedgeMs: 0,
  healthSeconds: 2,
  unhealthyAfter: 3,
  healthyAfter: 2,
  ejectSeconds: 10,
  ejectMaxPercent: 50,
  slowStartSeconds: 10,
  panicPercent: 50,
};

const nothing = (): void => undefined;
export const noMeter: Meter = {
  counter: () => () => nothing,
  gauge: nothing,
  histogram: () => () => nothing,
};

/** A balancer before these servers, named a, b, c, … */
export function balancerFor(
  world: World,
  servers: readonly Server[],
  more: Partial<BalancingSettings> = {},
  deps: Partial<BalancerDeps> = {},
  weights: readonly number[] = [],
) {
  const names = servers.map((_, index) => String.fromCharCode(97 + index));
  return createBalancer(
    { ...settings, ...more },
    names.map((name, index) => ({ name, url: `http://${name}.test`, weight: weights[index] ?? 1 })),
    {
      open: (url) => {
        const server = servers[new URL(url).hostname.charCodeAt(0) - 97];
        if (server === undefined) throw new Error(`no server for ${url}`);
        return server;
      },
      clock: world.clock,
      random: world.random,
      meter: noMeter,
      ...deps,
    },
  );
}

export const get = (more: Partial<OriginRequest> = {}): OriginRequest => ({
  method: "GET",
  target: "/",
  headers: new Headers(),
  body: null,
  signal: new AbortController().signal,
  ...more,
});

/** Sends and keeps count. */
export class Crowd {
  readonly #world: World;
  asked = 0;
  answered = 0;
  errors: unknown[] = [];
  readonly tookMs: number[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  ask(balancer: { send(request: OriginRequest): Promise<Response> }, request = get()): void {
    this.asked += 1;
    const beganMs = this.#world.nowMs;
    balancer.send(request).then(
      () => {
        this.answered += 1;
        this.tookMs.push(this.#world.nowMs - beganMs);
      },
      (error: unknown) => void this.errors.push(error),
    );
  }

  quantile(share: number): number {
    const sorted = this.tookMs.toSorted((a, b) => a - b);
    return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  }
}
