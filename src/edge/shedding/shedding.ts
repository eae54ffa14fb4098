/**
 * Lets no more requests through than what is behind it can do at once, and when there are more, chooses: someone who is
 * paying goes before everybody else, and crawlers wait until nobody does. What "at once" means is found from how long
 * answers take (adaptive-limit.ts), apart for each upstream.
 *
 * A request: -> under way, when there is room -> answered, by the head of its answer
 *            -> in line (waiting-line.ts), when there is none -> under way when its turn comes
 *                                                           -> refused: displaced, or waited too long; or gone
 *            -> refused at once, when the line is full of people who are not behind it
 *
 * Somebody who pays waits longer than the others before they are refused, so that a database that is started again costs them
 * seconds and not their order. What became of those who paid and were not served is counted by why (`payingRefused`).
 *
 * While anybody waits there is no room: whoever arrives then waits too, and each turn goes to the first in line.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import {
  type AdaptiveLimit,
  createFixedLimit,
  createGradientLimit,
  createSampleWindow,
  createVegasLimit,
  type Sample,
} from "#resilience/adaptive-limit.ts";
import type { Answer, Exchange, Glimpse, Next, Stage } from "../exchange.ts";
import { refuse } from "../limits/refusal.ts";
import { type Meter, OriginError } from "../ports.ts";
import { rank as rankOf } from "./rank.ts";
import { classes, type Waiter, WaitingLine } from "./waiting-line.ts";

export type SheddingDeps = {
  /** Milliseconds with fractions, of a clock that never goes back. */
  readonly now: () => number;
  /** Calls once, after so long. */
  readonly later: (ms: number, call: () => void) => void;
  readonly random: () => number;
  readonly meter: Meter;
  /** Another rule than the settings know, for the bench. */
  readonly createLimit?: () => AdaptiveLimit;
  /** Told of everything that pressure is made of. */
  readonly signals?: {
    /** Somebody got through, or gave up, after waiting so long; 0 for not at all. */
    waited(ms: number, nowMs: number): void;
    answered(tookMs: number, isDrop: boolean, nowMs: number): void;
    /** How full it was when somebody came: 1 is all that the limit lets through. */
    filled(share: number, nowMs: number): void;
  };
};

export type Shedding = {
  readonly stage: Stage;
  /** For a request that meets no stages: whether it would be let through now; its beginning, when its upstream is known; its end. */
  hasRoom(): boolean;
  begins(exchange: Glimpse): Turn;
  ends(exchange: Glimpse, turn: Turn, end: End): void;
  stats(): SheddingStats;
  /** Of one upstream, or of all together. */
  limitOf(upstream?: string): number;
  /** These are behind it from now on; those that were there before keep their limits. Without a call: one, unnamed. */
  setUpstreams(names: readonly string[]): void;
  /** Other settings for the same line; limits begin anew when anything about them has changed. */
  configure(settings: EdgeConfig["shedding"]): void;
};

export type SheddingStats = {
  readonly limit: number;
  readonly limits: Readonly<Record<string, number>>;
  readonly inFlight: number;
  readonly waiting: Readonly<Record<string, number>>;
  /** By class and reason: "paying queue full". */
  readonly refused: Readonly<Record<string, number>>;
  readonly gone: number;
};

type Request = {
  readonly exchange: Exchange;
  readonly next: Next;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
  /** Takes the listener from the client's signal. */
  readonly unlisten: () => void;
};

type Behind = {
  readonly limit: AdaptiveLimit;
  readonly sample: (sample: Sample, nowMs: number) => boolean;
  /** Requests that were under way here, as far as it was known when they began. */
  inFlight: number;
};

/** Of one that was let through. */
export type Turn = { readonly startMs: number; readonly at: Behind | undefined };
/** Statuses and errors that say "too much" are drops; what says nothing about the upstream is unknown. */
export type End = "good" | "drop" | "unknown";

type Reason = "queue full" | "displaced" | "waited too long";

/**
 * Somebody who pays waits so many times as long as the others. Ten seconds is as long as people stay with a page that does not
 * answer (Nielsen, Response Times, 1993); a Postgres that is killed and started again after four seconds takes all of five.
 */
const payingPatience = 10;

/**
 * Why somebody who was paying was not served. "shed": there was no room, though what is behind answered others. "nothing
 * answered": from when they came until they were refused nothing behind us gave a good answer to anybody, so that no order of
 * turns could have served them. "upstream": what is behind refused or failed them.
 */
type PayingRefused = "shed" | "nothing answered" | "upstream";

/** For the sample window: short enough to follow the first seconds of a rush, long enough for a mean. */
const window = { ms: 100, samplesMin: 10, dropShare: 0.05 };

export function createShedding(first: EdgeConfig["shedding"], deps: SheddingDeps): Shedding {
  const { now, later, random, signals } = deps;
  const countShed = deps.meter.counter("spillway_edge_shed_total", "Requests refused because there were too many.");
  const countsShed = new Map<string, { inc: () => void; value: number }>();
  const payingCounter = deps.meter.counter(
    "spillway_edge_paying_refused_total",
    "Requests of somebody paying that were not served, by why.",
  );
  // Made at once, so that a reader sees a nought and not nothing.
  const payingRefused: Readonly<Record<PayingRefused, () => void>> = {
    shed: payingCounter({ why: "shed" }),
    "nothing answered": payingCounter({ why: "nothing answered" }),
    upstream: payingCounter({ why: "upstream" }),
  };
  const countPassedOver = deps.meter.counter(
    "spillway_edge_shed_paying_first_total",
    "Requests of somebody paying that were refused although one of another class was let through meanwhile. Never.",
  )({});
  /** When somebody who is not paying was let through last, and when anybody got a good answer. */
  let otherLetInMs = Number.NEGATIVE_INFINITY;
  let goodMs = Number.NEGATIVE_INFINITY;
  const waitSeconds = deps.meter.histogram(
    "spillway_edge_queue_seconds",
    "How long requests that had to wait for their turn waited.",
  );
  const waits = classes.map((name) => waitSeconds({ class: name }));

  let settings = checked(first);
  let patienceMs = patienceOf(settings);
  let behind = new Map<string, Behind>([["", startLimit()]]);
  /** When there is one alone, whatever is asked is asked of it. */
  let only: Behind | undefined;
  /** Sum of the limits; kept, because it is compared with on every request. */
  let limit = settings.initial;
  let inFlight = 0;
  let gone = 0;
  const line = new WaitingLine<Request>(settings.queueMax);
  let isDraining = false;
  let isTimerSet = false;
  sumLimits();

  deps.meter.gauge("spillway_edge_concurrency_limit", "Requests that may be under way at once.", () => limit);
  deps.meter.gauge("spillway_edge_in_flight", "Requests under way at the upstreams.", () => inFlight);
  deps.meter.gauge("spillway_edge_queue_length", "Requests that wait for their turn.", () =>
    classes.map((name, rank) => [{ class: name }, line.lengths[rank] ?? 0] as const),
  );

  function startLimit(): Behind {
    const { algorithm, initial, least, most } = settings;
    const inner =
      deps.createLimit?.() ??
      (algorithm === "fixed"
        ? createFixedLimit(initial)
        : algorithm === "vegas"
          ? createVegasLimit({ initial, least, most, random })
          : createGradientLimit({ initial, least, most, probeEvery: 50, random }));
    return { limit: inner, sample: createSampleWindow(inner, window), inFlight: 0 };
  }

  function sumLimits(): void {
    let sum = 0;
    for (const one of behind.values()) sum += one.limit.limit;
    limit = Math.max(1, sum);
    only = behind.size === 1 ? [...behind.values()][0] : undefined;
  }

  const stage: Stage = (exchange, next) => {
    if (signals !== undefined) signals.filled(inFlight / limit, now());
    if (hasRoom()) {
      signals?.waited(0, now());
      return run(exchange, next);
    }
    return wait(exchange, next);
  };

  const hasRoom = (): boolean => inFlight < limit && line.length === 0;

  function begins(exchange: Glimpse): Turn {
    const startMs = now();
    if (signals !== undefined) {
      signals.filled(inFlight / limit, startMs);
      signals.waited(0, startMs);
    }
    inFlight++;
    const at = behindOf(exchange);
    if (at !== undefined) at.inFlight++;
    return { startMs, at };
  }

  function run(exchange: Exchange, next: Next): Answer {
    inFlight++;
    const startMs = now();
    let answer: Answer;
    try {
      answer = next(exchange);
    } catch (error) {
      ended(exchange, startMs, undefined, endOf(error));
      throw error;
    }
    if (!(answer instanceof Promise)) {
      ended(exchange, startMs, undefined, endOfStatus(answer.status));
      return answer;
    }
    // Who balances has chosen by now, or will while nobody counts.
    const at = behindOf(exchange);
    if (at !== undefined) at.inFlight++;
    return answer.then(
      (response) => {
        ended(exchange, startMs, at, endOfStatus(response.status));
        return response;
      },
      (error: unknown) => {
        ended(exchange, startMs, at, endOf(error));
        throw error;
      },
    );
  }

  const behindOf = (exchange: Glimpse): Behind | undefined =>
    only ?? (exchange.notes.upstream === undefined ? undefined : behind.get(exchange.notes.upstream));

  function ended(exchange: Glimpse, startMs: number, begunAt: Behind | undefined, end: End): void {
    const nowMs = now();
    if (end === "good") goodMs = nowMs;
    else if (end === "drop" && exchange.route.class === "paying") payingRefused.upstream();
    if (end !== "unknown") {
      const rtt = Math.max(nowMs - startMs, 0.001);
      signals?.answered(rtt, end === "drop", nowMs);
      // The one that was asked last: by a retry it may be another than in the beginning.
      const at = behindOf(exchange);
      const sample = { rtt, inFlight: Math.max(1, at?.inFlight ?? 1), dropped: end === "drop" };
      if (at?.sample(sample, nowMs) === true) sumLimits();
    }
    if (begunAt !== undefined) begunAt.inFlight--;
    inFlight--;
    drain();
  }

  /** Turns for as many as there is room for. One loop however the answers come, or a long line would be a deep stack. */
  function drain(): void {
    if (isDraining) return;
    isDraining = true;
    try {
      while (line.length > 0 && inFlight < limit) {
        const waiter = line.next();
        if (waiter === undefined) break;
        line.leave(waiter);
        const { exchange, next, resolve, reject, unlisten } = waiter.who;
        if (waiter.rank > 0) otherLetInMs = now();
        unlisten();
        leftLine(waiter);
        try {
          resolve(run(exchange, next));
        } catch (error) {
          reject(error);
        }
      }
    } finally {
      isDraining = false;
    }
  }

  function leftLine(waiter: Waiter<Request>): void {
    const nowMs = now();
    const waitedMs = nowMs - waiter.sinceMs;
    waits[waiter.rank]?.(waitedMs / 1000);
    signals?.waited(waitedMs, nowMs);
  }

  function wait(exchange: Exchange, next: Next): Answer {
    const rank = rankOf(exchange);
    const signal = exchange.request?.signal;
    const nowMs = now();
    let resolve: (answer: Answer) => void = () => {};
    let reject: (error: unknown) => void = () => {};
    const answer = new Promise<Response>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    let waiter: Waiter<Request> | undefined;
    const onAbort = (): void => {
      if (waiter === undefined || !line.leave(waiter)) return;
      gone++;
      leftLine(waiter);
      exchange.notes.answeredBy = "shedding";
      exchange.notes.refused = "client gone";
      // Nobody reads it; 499 is what nginx writes into its log for this.
      resolve(new Response(null, { status: 499 }));
    };
    const unlisten = (): void => signal?.removeEventListener("abort", onAbort);
    const entered = line.enter({ exchange, next, resolve, reject, unlisten }, rank, nowMs);
    if (entered === undefined) {
      signals?.waited(settings.queueMs, nowMs);
      if (rank === 0) {
        if (line.length > (line.lengths[0] ?? 0)) countPassedOver();
        countPaying(nowMs - settings.queueMs);
      }
      return refused(exchange, rank, "queue full");
    }
    waiter = entered.waiter;
    if (entered.displaced !== null) turnAway(entered.displaced, "displaced");
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    if (!isTimerSet) setTimer(settings.queueMs);
    return answer;
  }

  function turnAway(waiter: Waiter<Request>, reason: Reason): void {
    waiter.who.unlisten();
    leftLine(waiter);
    if (waiter.rank === 0) {
      if (otherLetInMs > waiter.sinceMs) countPassedOver();
      countPaying(waiter.sinceMs);
    }
    waiter.who.resolve(refused(waiter.who.exchange, waiter.rank, reason));
  }

  /** Whoever finds the line full has not waited; of them it is asked what happened as long as others wait. */
  function countPaying(sinceMs: number): void {
    payingRefused[goodMs >= sinceMs ? "shed" : "nothing answered"]();
  }

  /**
   * One timer for the whole line: it is set for whoever's patience ends first. It never runs for longer than the shortest
   * patience, so that whoever comes while it runs is not kept beyond theirs.
   */
  function setTimer(ms: number): void {
    isTimerSet = true;
    later(Math.max(1, Math.ceil(ms)), () => {
      isTimerSet = false;
      const nowMs = now();
      let first = line.endsFirst(patienceMs);
      while (first !== undefined && nowMs - first.sinceMs >= (patienceMs[first.rank] ?? 0)) {
        line.leave(first);
        turnAway(first, "waited too long");
        first = line.endsFirst(patienceMs);
      }
      if (first !== undefined)
        setTimer(Math.min(settings.queueMs, first.sinceMs + (patienceMs[first.rank] ?? 0) - nowMs));
    });
  }

  function refused(exchange: Exchange, rank: number, reason: Reason): Response {
    const name = classes[rank] ?? "browsing";
    const key = `${name} ${reason}`;
    let count = countsShed.get(key);
    if (count === undefined) {
      count = { inc: countShed({ class: name, reason }), value: 0 };
      countsShed.set(key, count);
    }
    count.inc();
    count.value++;
    exchange.notes.answeredBy = "shedding";
    exchange.notes.refused = reason;
    // Spread over a few seconds, or everybody who was refused together would come back together.
    const least = name === "background" ? 30 : name === "paying" ? 1 : 3;
    const seconds = least + Math.floor(random() * (least + 1));
    return refuse(exchange, {
      status: 503,
      type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
      title: "Very busy just now",
      detail:
        name === "paying"
          ? "More people are paying at once than the shop can serve. Nothing of yours is lost: please try again in a few seconds."
          : "More people are here at once than the shop can serve. Please try again in a few seconds.",
      retryAfterSeconds: seconds,
      members: { "violated-policies": ["concurrency"] },
    });
  }

  return {
    stage,
    hasRoom,
    begins,
    ends: (exchange, { startMs, at }, end) => ended(exchange, startMs, at, end),
    limitOf: (upstream) => (upstream === undefined ? limit : (behind.get(upstream)?.limit.limit ?? 0)),
    setUpstreams(names) {
      const known = behind;
      behind = new Map(names.map((name) => [name, known.get(name) ?? startLimit()]));
      if (behind.size === 0) behind.set("", startLimit());
      sumLimits();
      drain();
    },
    configure(next) {
      const previous = settings;
      settings = checked(next);
      patienceMs = patienceOf(settings);
      const isSame = (["algorithm", "initial", "least", "most"] as const).every((key) => previous[key] === next[key]);
      if (!isSame) behind = new Map([...behind.keys()].map((name) => [name, startLimit()]));
      line.max = next.queueMax;
      sumLimits();
      drain();
    },
    stats: () => ({
      limit,
      limits: Object.fromEntries([...behind].map(([name, one]) => [name, one.limit.limit])),
      inFlight,
      waiting: Object.fromEntries(classes.map((name, rank) => [name, line.lengths[rank] ?? 0])),
      refused: Object.fromEntries([...countsShed].map(([key, { value }]) => [key, value])),
      gone,
    }),
  };
}

/** How long each class may wait for its turn. */
const patienceOf = ({ queueMs }: EdgeConfig["shedding"]): readonly number[] =>
  classes.map((name) => (name === "paying" ? payingPatience * queueMs : queueMs));

function checked(settings: EdgeConfig["shedding"]): EdgeConfig["shedding"] {
  const { least, initial, most } = settings;
  if (least > initial || initial > most) {
    throw new RangeError(`shedding: write least <= initial <= most; they are ${least}, ${initial} and ${most}.`);
  }
  return settings;
}

/**
 * Statuses that say "too much" (429, 502, 503, 504) and answers that did not come are drops. A client that left says
 * nothing about the upstream, nor does any other error of a server: it may fail faster than it works.
 */
export function endOfStatus(status: number): End {
  if (status < 500) return status === 429 ? "drop" : "good";
  return status >= 502 && status <= 504 ? "drop" : "unknown";
}

export const endOf = (error: unknown): End => (error instanceof OriginError ? "drop" : "unknown");
