/**
 * Sends each request to one of several upstreams, and to another when that is safe: an idempotent one (RFC 9110 9.2.2)
 * that got no answer, or any of which nothing was sent; within the retry budget, three times at most, and never one whose
 * body was begun. A GET that waits long may be asked of a second upstream (hedged): the first answer counts, the other is
 * given up.
 *
 * With one upstream it is a direct call, counted.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import { RetryBudget } from "#resilience/retry-budget.ts";
import type { Notes } from "../exchange.ts";
import { type Meter, OriginError, type OriginRequest } from "../ports.ts";
import { createCounts, type Outcome } from "./counts.ts";
import { Pool } from "./pool.ts";
import { createRoster, type Roster, type RosterDeps } from "./roster.ts";
import type { Upstream, UpstreamState } from "./upstream.ts";

export type BalancingSettings = EdgeConfig["balancing"];

export type BalancerDeps = Pick<RosterDeps, "open" | "clock" | "random" | "resolve"> & {
  readonly meter: Meter;
  /** Told of each end: how long the answer's head took, and whether there was none or a 5xx. */
  readonly ended?: (tookMs: number, isFailure: boolean) => void;
};

export type Balancer = Roster & {
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

export function createBalancer(
  settings: BalancingSettings,
  configured: EdgeConfig["upstreams"],
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
  const count = createCounts(deps.meter, { pool, budget, clock });
  const roster = createRoster(settings, configured, { ...deps, pool, countsOf: count.of, answersAgain: good });

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

  return {
    ...roster,
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
  };
}
