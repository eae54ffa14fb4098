/**
 * How long until somebody with so many people ahead is called: as a band that holds for 80 % of them. What is forecast is the pace, calls for each
 * admission, learnt over the last minutes; how far such forecasts are off is learnt from the room itself: forecasts for log-spaced horizons
 * are made all the time, compared with what came, and the band's two ends are moved so that each is crossed once in ten times (online quantiles by
 * the pinball loss; Gibbs and Candès, "Adaptive conformal inference under distribution shift", 2021). Nothing here knows a clock, and the memory is the same for ten people and
 * ten million.
 *
 * A room that has just opened knows nothing yet, so it begins with wide bands; see `priorEnds`.
 */
import type { ByAhead } from "#contract/waiting-room.ts";

export type Observation = {
  readonly roomMs: number;
  /** People called so far: the cursor without holes. */
  readonly called: number;
  /** Admissions that may be given now; 0 while paused or not open: the band then stays where it is. */
  readonly outflowPerMinute: number;
};

export type Bands = {
  /** At most every second or so; more often changes nothing. */
  observe(seen: Observation): void;
  /** Seconds until called, from and to. They count from when people are called, so add the time until doors open. */
  bandFor(ahead: number): [lowSeconds: number, highSeconds: number];
  /** For some twenty values of ahead up to `aheadMax`; between two a reader may go straight. */
  table(aheadMax: number): { readonly waitLowSeconds: ByAhead; readonly waitHighSeconds: ByAhead };
  /** To be kept over a restart: less than a kilobyte as JSON. */
  state(): BandsState;
};

export type BandsState = {
  /** Calls and admissions offered, of late. */
  readonly calls: number;
  readonly offered: number;
  /** For each horizon: the ends of the band, as logarithms of actual over forecast, and how many forecasts they rest on. */
  readonly ends: readonly (readonly [low: number, high: number, count: number])[];
};

/**
 * How often an end may be crossed: one in ten, and a little less where outcomes come so thick that the ends are always on the move, which
 * costs some of what they should hold; a little more over long ones, where the ends begin wide.
 */
const missedAt = (index: number): number => (index < short ? 0.075 : 0.12);
/** Horizons double from 4 seconds to 18 hours. */
const horizons = 15;
const horizonAtSeconds = (index: number): number => 4 * 2 ** index;
const pendingMax = 8;
/** Up to half a minute: outcomes come so thick here that nothing is learnt from other horizons, nor for them. */
const short = 4;

/** Before anything is known: two of three who are called show up. */
const priorCallsForEach = 1.5;
const priorOffered = 20;
/** Short waits end on whole seconds and single people; over long ones crowds and operators change their minds. */
const priorEnds = (index: number): [low: number, high: number, count: number] => [
  -0.07 - 0.6 / 2 ** index - 0.0026 * index ** 2,
  0.05 + 0.9 / 2 ** index + 0.005 * index ** 2,
  0,
];
/** The pace is that of the last `memorySeconds`, or of so many admissions where few are given. */
const memorySeconds = 90;
const memoryAdmissions = 300;
const memorySecondsMax = 600;
/** How much the next longer horizon, which has few outcomes of its own, learns from one. */
const sharing = 0.4;
const stepLeast = 0.018;

type Pending = {
  readonly madeMs: number;
  readonly target: number;
  readonly forecastSeconds: number;
  /** The high end has been crossed, and that has been counted. */
  isLate: boolean;
};

export function createBands(kept?: BandsState): Bands {
  let calls = kept?.calls ?? priorCallsForEach * priorOffered;
  let offered = kept?.offered ?? priorOffered;
  const ends = Array.from(
    { length: horizons },
    (_none, index) => [...(kept?.ends[index] ?? priorEnds(index))] as [number, number, number],
  );
  const pending: Pending[][] = Array.from({ length: horizons }, () => []);
  let last: Observation | undefined;
  let outflowPerMinute = 0;

  /** Seconds for one person ahead. While nothing is given, as it was when something was. */
  const pace = (): number => 60 / Math.max(1e-6, outflowPerMinute) / Math.max(0.05, calls / offered);

  function forget(admissions: number, seconds: number): void {
    const perSecond = admissions / seconds;
    const memory = Math.min(memorySecondsMax, Math.max(memorySeconds, memoryAdmissions / Math.max(perSecond, 1e-6)));
    const kept = Math.exp(-seconds / memory);
    calls *= kept;
    offered *= kept;
  }

  function learn(index: number, error: number, side: "low" | "high"): void {
    const missed = missedAt(index);
    for (let at = index; at < Math.min(horizons, index + (index < short ? 1 : 5)); at++) {
      const end = ends[at] as [number, number, number];
      const weight = sharing ** Math.abs(at - index);
      const scale = Math.max(0.04, (end[1] - end[0]) / 2.56);
      const step = weight * scale * Math.max(stepLeast, 1 / (end[2] + 6));
      if (side === "high") end[1] += step * (error > end[1] ? 1 - missed : -missed) * 4;
      else end[0] += step * (error < end[0] ? missed - 1 : missed) * 4;
      if (end[1] < end[0] + 0.02) end[1] = end[0] + 0.02;
      if (side === "low") end[2] += weight;
    }
  }

  function settle(roomMs: number, called: number): void {
    for (const [index, list] of pending.entries()) {
      for (const forecast of list) {
        const elapsed = (roomMs - forecast.madeMs) / 1000;
        const error = Math.log(Math.max(0.5, elapsed) / forecast.forecastSeconds);
        if (called >= forecast.target) {
          learn(index, error, "low");
          if (!forecast.isLate) learn(index, error, "high");
        } else if (!forecast.isLate && error > (ends[index] as [number, number, number])[1]) {
          // It is known to be late before it is known how late.
          forecast.isLate = true;
          learn(index, error, "high");
        }
      }
      pending[index] = list.filter(({ target }) => called < target);
    }
  }

  function forecastAll(roomMs: number, called: number): void {
    const each = pace();
    for (const [index, list] of pending.entries()) {
      const horizon = horizonAtSeconds(index);
      const newest = list.at(-1);
      if (list.length >= pendingMax || (newest !== undefined && roomMs - newest.madeMs < (horizon * 1000) / 4))
        continue;
      const ahead = Math.round(horizon / each);
      if (ahead < 1) continue;
      list.push({ madeMs: roomMs, target: called + ahead, forecastSeconds: ahead * each, isLate: false });
    }
  }

  function endsAt(seconds: number): [number, number] {
    const at = Math.min(horizons - 1, Math.max(0, Math.log2(Math.max(seconds, 1) / 4)));
    const below = ends[Math.floor(at)] as [number, number, number];
    const above = ends[Math.min(horizons - 1, Math.floor(at) + 1)] as [number, number, number];
    const share = at - Math.floor(at);
    return [below[0] + (above[0] - below[0]) * share, below[1] + (above[1] - below[1]) * share];
  }

  function bandFor(ahead: number): [number, number] {
    const seconds = Math.max(0, ahead) * pace();
    const [low, high] = endsAt(seconds);
    return [seconds * Math.exp(low), seconds * Math.exp(high)];
  }

  return {
    observe(seen) {
      const before = last;
      if (before === undefined) {
        last = seen;
        if (seen.outflowPerMinute > 0) outflowPerMinute = seen.outflowPerMinute;
        return;
      }
      const seconds = (seen.roomMs - before.roomMs) / 1000;
      if (seconds < 0.9) return;
      last = seen;
      if (before.outflowPerMinute > 0) {
        const admissions = (before.outflowPerMinute / 60) * seconds;
        forget(admissions, seconds);
        offered += admissions;
        calls += Math.max(0, seen.called - before.called);
      }
      // A change by the operator is known and counts at once; while paused the last one stands.
      if (seen.outflowPerMinute > 0) outflowPerMinute = seen.outflowPerMinute;
      settle(seen.roomMs, seen.called);
      if (seen.outflowPerMinute > 0) forecastAll(seen.roomMs, seen.called);
    },
    bandFor,
    table(aheadMax) {
      const low: [number, number][] = [[0, 0]];
      const high: [number, number][] = [[0, 0]];
      for (const ahead of aheadsUpTo(aheadMax)) {
        const [from, to] = bandFor(ahead);
        // Nobody further behind is told less.
        low.push([ahead, Math.max(round(from), low.at(-1)?.[1] ?? 0)]);
        high.push([ahead, Math.max(round(to), high.at(-1)?.[1] ?? 0)]);
      }
      return { waitLowSeconds: low, waitHighSeconds: high };
    },
    state: () => ({
      calls: round(calls),
      offered: round(offered),
      ends: ends.map(([low, high, count]) => [round(low), round(high), round(count)]),
    }),
  };
}

/** 1, 2, 5, 10, … up to and with the last. */
export function aheadsUpTo(aheadMax: number): number[] {
  const aheads: number[] = [];
  for (let power = 1; power < aheadMax; power *= 10) {
    for (const ahead of [power, 2 * power, 5 * power]) if (ahead < aheadMax) aheads.push(ahead);
  }
  if (aheadMax >= 1) aheads.push(Math.floor(aheadMax));
  return aheads;
}

/** Four digits that mean something: a document is read by people too, and its size counts. */
const round = (value: number): number => Number(value.toPrecision(4));
