/**
 * Sends each request to one of several upstreams, and to another when that is safe: an idempotent one (RFC 9110 9.2.2)
 * that got no answer, or any of which nothing was sent; within the retry budget, three times at most, and never one whose
 * body was begun. A GET that waits long may be asked of a second upstream (hedged): the first answer counts, the other is
 * given up.
 *
 * With one upstream it is a direct call, counted.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Clock, Random } from "#kernel/clock.ts";
import { RetryBudget } from "#resilience/retry-budget.ts";
import type { Notes } from "../exchange.ts";
import { type Meter, OriginError, type OriginRequest } from "../ports.ts";
import { checkHealth } from "./health-checks.ts";
import { isAddress, lookUp, type Resolve } from "./name-lookup.ts";
import { Pool } from "./pool.ts";
import { Upstream, type UpstreamCounts, type UpstreamOrigin, type UpstreamState } from "./upstream.ts";

export type BalancingSettings = EdgeConfig["balancing"];
export type UpstreamSettings = EdgeConfig["upstreams"][number];

export type BalancerDeps = {
  /** `address`: connect there instead of looking the URL's host up; it stays the name for TLS. */
  readonly open: (url: string, address: string | undefined) => UpstreamOrigin;
  /** Its `now` should be steady and finer than a millisecond: `performance.now`. */
  readonly clock: Clock;
  readonly random: Random;
  readonly meter: Meter;
  /** Needed when `resolveSeconds` is set. */
  readonly resolve?: Resolve;
  /** Told of each end: how long the answer's head took, and whether there was none or a 5xx. */
  readonly ended?: (tookMs: number, isFailure: boolean) => void;
};

export type Balancer = {
  /**
   * Rejects with `OriginError` when no upstream answers; with any other error when the request was given up, or is one
   * that no upstream could be sent. `request.signal` is read only when something takes long or fails: make it lazily.
   */
  send(request: OriginRequest, notes?: Notes): Promise<Response>;
  /**
   * For a GET or HEAD without a body that is sent as bytes: whether that can be done, whom to ask, and what came of it. `failed`
   * gives the next one to ask, if any; `error` is no `OriginError` when the request was given up.
   */
  mayCarry(method: string): boolean;
  first(method: string, notes: Notes): Turn | OriginError;
  answered(turn: Turn, status: number): void;
  failed(turn: Turn, error: unknown, notes: Notes): Turn | undefined;
  /** For a WebSocket's tunnel: whom to connect to, if anyone. `failed` tells that it could not be reached. */
  choose(): { readonly name: string; readonly url: URL; readonly failed: () => void } | undefined;
  upstreams(): UpstreamState[];
  /** Makes the list be this one: new ones are added, missing ones removed, weights set. For a config that was reloaded. */
  replace(upstreams: readonly UpstreamSettings[]): void;
  /** False when the name is taken. */
  add(upstream: UpstreamSettings): boolean;
  /** These take the name of an upstream or of one of its addresses; false when nothing has that name. */
  remove(name: string): boolean;
  drain(name: string): boolean;
  resume(name: string): boolean;
  setWeight(name: string, weight: number): boolean;
  /** No more checks and look-ups; connections are closed when they are idle. */
  stop(): void;
};

/** One upstream's turn to answer a request. */
export type Turn = {
  readonly upstream: Upstream;
  readonly isProbe: boolean;
  readonly method: string;
  /** Those who were asked before it. */
  readonly asked: readonly Upstream[];
  readonly beganMs: number;
};
/** What decides whether a request is asked again. */
type Asked = Pick<OriginRequest, "method" | "body"> & { readonly signal: Pick<AbortSignal, "aborted"> };

const triesMax = 3;
const idempotent = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const nobody: readonly Upstream[] = [];
/** Requests as bytes, as far as it matters here: whoever gives one up says so by its error. */
const aGet: Asked = { method: "GET", body: null, signal: { aborted: false } };
const aHead: Asked = { ...aGet, method: "HEAD" };

type Outcome = "answered" | "error" | "refused" | "reset" | "timeout" | "unreachable" | "protocol" | "aborted";
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

/** `http://shop.internal:8080` is `shop.internal:8080` when it has no name of its own. */
export const nameOf = (upstream: UpstreamSettings): string => upstream.name ?? new URL(upstream.url).host;

export function createBalancer(
  settings: BalancingSettings,
  configured: readonly UpstreamSettings[],
  deps: BalancerDeps,
): Balancer {
  const { clock, random } = deps;
  const pool = new Pool(
    {
      connectionsMax: settings.connectionsMax,
      ejectMaxPercent: settings.ejectMaxPercent,
      slowStartMs: settings.slowStartSeconds * 1000,
      panicPercent: settings.panicPercent,
    },
    random,
  );
  // When an upstream dies, everything that was under way there may be asked again.
  const budget = new RetryBudget(settings.retryBudgetPercent, settings.connectionsMax);
  const count = counters(deps.meter, pool, budget, clock);
  /** By the configured upstream's name: its settings, and what ends its looking up. */
  const groups = new Map<string, { readonly settings: UpstreamSettings; readonly end: AbortController }>();
  const ends = new Map<Upstream, AbortController>();

  function begun(upstream: Upstream): number {
    upstream.inFlight += 1;
    upstream.requests += 1;
    return clock.now();
  }

  function answered(upstream: Upstream, status: number, beganMs: number, isProbe: boolean): void {
    const nowMs = clock.now();
    upstream.latency.record(nowMs, nowMs - beganMs);
    upstream.counts.seconds((nowMs - beganMs) / 1000);
    ended(upstream, nowMs, beganMs, status >= 500 ? "error" : "answered", isProbe);
  }

  function failed(upstream: Upstream, request: Asked, error: unknown, beganMs: number, isProbe: boolean): void {
    const nowMs = clock.now();
    const tookMs = nowMs - beganMs;
    if (request.signal.aborted || !(error instanceof OriginError)) {
      // Whoever asked has gone, or sent what no upstream could use. It took at least this long.
      if (tookMs > upstream.latency.read(nowMs)) upstream.latency.record(nowMs, tookMs);
      ended(upstream, nowMs, beganMs, "aborted", isProbe);
      return;
    }
    // A node that refuses is not a fast one.
    upstream.latency.record(nowMs, Math.max(tookMs, 2 * upstream.latency.read(nowMs) + 10));
    ended(upstream, nowMs, beganMs, error.kind, isProbe);
  }

  function ended(upstream: Upstream, nowMs: number, beganMs: number, outcome: Outcome, isProbe: boolean): void {
    upstream.inFlight -= 1;
    upstream.counts.ends[outcome]?.();
    if (upstream.isRemoved && upstream.inFlight === 0) upstream.origin.close?.();
    if (outcome === "aborted") {
      if (isProbe) upstream.circuit.undecided();
      return;
    }
    const isFailure = outcome !== "answered";
    if (isFailure) upstream.failures += 1;
    deps.ended?.(nowMs - beganMs, isFailure);
    if (upstream.circuit.state === "closed") {
      // Whoever answers what cannot be understood is there, and may be fine at other addresses.
      const isThere = outcome === "error" || outcome === "protocol";
      const end = outcome === "answered" ? "answered" : isThere ? "server-error" : "no-answer";
      const verdict = upstream.watch.record(nowMs, end, () => pool.errorShareBeside(upstream));
      if (verdict !== undefined && pool.judge(upstream, verdict, nowMs)) upstream.counts.ejected();
      return;
    }
    // What began before it was put out says nothing about now.
    if (!isProbe && beganMs < upstream.outAtMs) return;
    // An upstream that was silent and now says 500 is there again; whether it is worse than others is another question.
    if (!isFailure || (outcome === "error" && upstream.reason === "no-answer")) good(upstream, nowMs);
    else {
      upstream.circuit.bad(nowMs);
      upstream.outAtMs = nowMs;
    }
  }

  function good(upstream: Upstream, nowMs: number): void {
    if (upstream.circuit.good(nowMs)) pool.welcomeBack(upstream, nowMs);
  }

  /** The next one to ask, and whether the request is its probe. */
  function next(request: Asked, asked: readonly Upstream[]): { upstream: Upstream; isProbe: boolean } | undefined {
    const nowMs = clock.now();
    // Only what can be asked again elsewhere finds out whether an upstream is back.
    if (request.body === null && idempotent.has(request.method)) {
      const probed = pool.probe(nowMs, asked);
      if (probed !== undefined) return { upstream: probed, isProbe: true };
    }
    const chosen = pool.choose(nowMs, asked);
    return chosen === undefined ? undefined : { upstream: chosen, isProbe: false };
  }

  function mayAskAgain(error: unknown, request: Asked, tries: number): boolean {
    if (!(error instanceof OriginError) || tries >= triesMax || request.signal.aborted) return false;
    if (error.sent && !idempotent.has(request.method)) return false;
    // A body that was begun is gone. One of which nothing was sent is whole, unless somebody holds it.
    return request.body === null || (!error.sent && !request.body.locked);
  }

  /** Whom to ask again after `error`, paid for from the budget. */
  function another(error: unknown, request: Asked, asked: readonly Upstream[]) {
    if (!mayAskAgain(error, request, asked.length)) return undefined;
    let again = next(request, asked);
    // The only upstream may be several behind one address, or have closed a connection that it kept too long.
    if (again === undefined && asked.length === 1 && (error as OriginError).kind === "reset")
      again = next(request, nobody);
    if (again === undefined) return undefined;
    if (budget.withdraw()) {
      count.retried();
      return again;
    }
    if (again.isProbe) again.upstream.circuit.undecided();
    count.unpaid();
    return undefined;
  }

  function attempt(
    { upstream, isProbe }: { upstream: Upstream; isProbe: boolean },
    request: OriginRequest,
    notes: Notes | undefined,
    asked: readonly Upstream[],
  ): Promise<Response> {
    if (notes !== undefined) {
      notes.upstream = upstream.group;
      notes.tries = asked.length + 1;
    }
    const beganMs = begun(upstream);
    return upstream.origin.send(request).then(
      (response) => {
        answered(upstream, response.status, beganMs, isProbe);
        return response;
      },
      (error: unknown) => {
        failed(upstream, request, error, beganMs, isProbe);
        const nowAsked = [...asked, upstream];
        const again = another(error, request, nowAsked);
        if (again === undefined) throw error;
        return attempt(again, request, notes, nowAsked);
      },
    );
  }

  /** The first answer of two; whoever is late is given up. */
  function hedge(
    first: { upstream: Upstream; isProbe: boolean },
    request: OriginRequest,
    notes: Notes | undefined,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const asked: Upstream[] = [];
      const underWay = new Set<AbortController>();
      const timer = new AbortController();
      let isOver = false;

      const launch = ({ upstream, isProbe }: { upstream: Upstream; isProbe: boolean }, isHedge: boolean): void => {
        asked.push(upstream);
        const own = new AbortController();
        underWay.add(own);
        if (notes !== undefined) notes.tries = asked.length;
        const { method, target, headers, body } = request;
        const mine = { method, target, headers, body, signal: AbortSignal.any([request.signal, own.signal]) };
        const beganMs = begun(upstream);
        upstream.origin.send(mine).then(
          (response) => {
            answered(upstream, response.status, beganMs, isProbe);
            underWay.delete(own);
            if (isOver) {
              response.body?.cancel().catch(() => undefined);
              return;
            }
            finish();
            if (isHedge) count.hedgeWon();
            if (notes !== undefined) notes.upstream = upstream.group;
            resolve(response);
          },
          (error: unknown) => {
            failed(upstream, mine, error, beganMs, isProbe);
            underWay.delete(own);
            if (isOver) return;
            const again = another(error, request, asked);
            if (again !== undefined) launch(again, false);
            else if (underWay.size === 0) {
              finish();
              if (notes !== undefined) notes.upstream = upstream.group;
              reject(error);
            }
          },
        );
      };
      const finish = (): void => {
        isOver = true;
        timer.abort();
        for (const late of underWay) late.abort();
      };

      launch(first, false);
      clock.sleep(settings.hedgeMs, timer.signal).then(
        () => {
          if (isOver || timer.signal.aborted || request.signal.aborted || asked.length >= triesMax) return;
          const second = pool.choose(clock.now(), asked);
          if (second === undefined || !budget.withdraw()) return;
          count.hedged();
          launch({ upstream: second, isProbe: false }, true);
        },
        () => undefined,
      );
    });
  }

  function turn(
    { upstream, isProbe }: { upstream: Upstream; isProbe: boolean },
    method: string,
    notes: Notes,
    asked: readonly Upstream[],
  ): Turn {
    notes.upstream = upstream.group;
    notes.tries = asked.length + 1;
    return { upstream, isProbe, method, asked, beganMs: begun(upstream) };
  }

  function noUpstream(): OriginError {
    const members = pool.members.length;
    if (members === 0)
      return new OriginError("unreachable", false, "No upstream is configured: add one to `upstreams`.");
    const busy = pool.members.some(({ isReady }) => isReady);
    return busy
      ? new OriginError("refused", false, `Every upstream has its ${settings.connectionsMax} requests under way.`)
      : new OriginError("unreachable", false, "No upstream is ready: all are drained, or gave no answer lately.");
  }

  function watchOver(upstream: Upstream): void {
    const path = settings.healthPath;
    if (path === undefined) return;
    const end = new AbortController();
    ends.set(upstream, end);
    void checkHealth(
      upstream,
      {
        path,
        everyMs: settings.healthSeconds * 1000,
        unhealthyAfter: settings.unhealthyAfter,
        healthyAfter: settings.healthyAfter,
      },
      {
        clock,
        random,
        good: () => {
          // It can be reached again. Errors in its answers to shoppers are another matter, which only time mends.
          if (upstream.reason === "no-answer") good(upstream, clock.now());
        },
        changed: () => {
          if (upstream.isUnhealthy) pool.refresh();
          else pool.welcomeBack(upstream, clock.now());
        },
      },
      end.signal,
    );
  }

  function open(group: UpstreamSettings, address: string | undefined, isLate: boolean): void {
    const groupName = nameOf(group);
    const nowMs = clock.now();
    const upstream = new Upstream({
      name: address === undefined ? groupName : `${groupName}@${address}`,
      group: groupName,
      url: group.url,
      address,
      weight: group.weight ?? 1,
      origin: deps.open(group.url, address),
      counts: count.of(groupName),
      ejectSeconds: settings.ejectSeconds,
      healthyAfter: settings.healthyAfter,
      unhealthyAfter: settings.unhealthyAfter,
      nowMs,
    });
    pool.add(upstream, isLate ? nowMs : undefined);
    watchOver(upstream);
  }

  function close(upstream: Upstream): void {
    ends.get(upstream)?.abort();
    ends.delete(upstream);
    upstream.isRemoved = true;
    pool.forget(upstream);
    if (upstream.inFlight === 0) upstream.origin.close?.();
  }

  const named = (name: string): Upstream[] =>
    pool.members.filter((upstream) => upstream.name === name || upstream.group === name);

  function add(upstream: UpstreamSettings, isLate: boolean): boolean {
    const name = nameOf(upstream);
    if (groups.has(name)) return false;
    const end = new AbortController();
    groups.set(name, { settings: upstream, end });
    const { hostname } = new URL(upstream.url);
    const { resolve } = deps;
    // Until the first answer comes, the name itself is as good as an address.
    open(upstream, undefined, isLate);
    if (settings.resolveSeconds > 0 && resolve !== undefined && !isAddress(hostname)) {
      const found = (addresses: readonly string[]): void => {
        const present = named(name);
        const weight = present[0]?.weight;
        const isDraining = present.length > 0 && present.every((member) => member.isDraining);
        const wanted = addresses.filter((address) => !present.some((member) => member.address === address));
        const isFirst = present.some(({ address }) => address === undefined);
        for (const address of wanted) {
          open({ ...upstream, ...(weight === undefined ? {} : { weight }) }, address, isLate || !isFirst);
          if (isDraining) for (const member of named(`${name}@${address}`)) member.isDraining = true;
        }
        for (const member of present) if (!addresses.includes(member.address ?? "")) close(member);
        pool.refresh();
      };
      void lookUp(hostname, settings.resolveSeconds * 1000, { clock, resolve, found }, end.signal);
    }
    return true;
  }

  function remove(name: string): boolean {
    const members = named(name);
    for (const upstream of members) close(upstream);
    groups.get(name)?.end.abort();
    return groups.delete(name) || members.length > 0;
  }

  function change(name: string, how: (upstream: Upstream) => void): boolean {
    const members = named(name);
    for (const upstream of members) how(upstream);
    pool.refresh();
    return members.length > 0;
  }

  const setWeight = (name: string, weight: number): boolean =>
    change(name, (upstream) => {
      upstream.weight = weight;
    });

  for (const upstream of configured) {
    if (!add(upstream, false))
      throw new Error(`Two upstreams have the name ${nameOf(upstream)}: give one of them another \`name\`.`);
  }

  return {
    send(request, notes) {
      budget.deposit();
      const first = next(request, nobody);
      if (first === undefined) {
        count.none();
        return Promise.reject(noUpstream());
      }
      if (settings.hedgeMs > 0 && request.method === "GET" && request.body === null && pool.breadth > 1)
        return hedge(first, request, notes);
      return attempt(first, request, notes, nobody);
    },
    mayCarry: (method) => pool.mayCarry && (settings.hedgeMs === 0 || method !== "GET" || pool.breadth <= 1),
    first(method, notes) {
      budget.deposit();
      const first = next(method === "GET" ? aGet : aHead, nobody);
      if (first !== undefined) return turn(first, method, notes, nobody);
      count.none();
      return noUpstream();
    },
    answered: ({ upstream, beganMs, isProbe }, status) => answered(upstream, status, beganMs, isProbe),
    failed({ upstream, method, asked, beganMs, isProbe }, error, notes) {
      const request = method === "GET" ? aGet : aHead;
      failed(upstream, request, error, beganMs, isProbe);
      const nowAsked = [...asked, upstream];
      const again = another(error, request, nowAsked);
      return again === undefined ? undefined : turn(again, method, notes, nowAsked);
    },
    choose() {
      const upstream = pool.choose(clock.now(), nobody);
      if (upstream === undefined) return undefined;
      return {
        name: upstream.name,
        url: new URL(upstream.url),
        failed: () => {
          upstream.inFlight += 1;
          upstream.requests += 1;
          const nowMs = clock.now();
          ended(upstream, nowMs, nowMs, "refused", false);
        },
      };
    },
    upstreams: () => pool.members.map((upstream) => upstream.state(clock.now())),
    replace(upstreams) {
      const wanted = new Map(upstreams.map((upstream) => [nameOf(upstream), upstream]));
      for (const [name, group] of [...groups]) if (wanted.get(name)?.url !== group.settings.url) remove(name);
      for (const [name, upstream] of wanted) {
        if (!add(upstream, true)) setWeight(name, upstream.weight ?? 1);
      }
    },
    add: (upstream) => add(upstream, true),
    remove,
    drain: (name) =>
      change(name, (upstream) => {
        upstream.isDraining = true;
      }),
    resume: (name) =>
      change(name, (upstream) => {
        if (upstream.isDraining) upstream.backAtMs = clock.now();
        upstream.isDraining = false;
      }),
    setWeight,
    stop() {
      for (const name of [...groups.keys()]) remove(name);
    },
  };
}

function counters(meter: Meter, pool: Pool, budget: RetryBudget, clock: Clock) {
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
    // Addresses come and go: the labels are the configured upstreams, which stay.
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
    of: (upstream: string): UpstreamCounts => ({
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
