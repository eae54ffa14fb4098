/**
 * One number, 0 to 3, for how hard it is: from the wait in the line, how full it is, answer times and errors of what is
 * behind. The shop (`Spillway-Pressure` on what goes upstream) and its pages (`Spillway-Pressure`, `Server-Timing`) do
 * with less while it is above 0, and the cache keeps stale answers longer.
 *
 * Every window of half a second has a level, the highest that one of its signals asks for. The level told is the highest
 * of the windows that ended within `downAfterSeconds`: up at once, and down only after it has been quieter for that long.
 * So it goes down at most once in that time and comes to rest under signals that go to and fro.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Answer, Exchange, Stage } from "./exchange.ts";
import { withFields } from "./limits/limits.ts";
import { type AllFields, FieldList, type Meter } from "./ports.ts";

export type PressureLevel = 0 | 1 | 2 | 3;

export type Pressure = {
  level(): PressureLevel;
  /** The signals, as they come; `Shedding` takes this object for its `signals`. */
  readonly signals: {
    waited(ms: number, nowMs: number): void;
    answered(tookMs: number, isDrop: boolean, nowMs: number): void;
    filled(share: number, nowMs: number): void;
  };
  /** What an operator says goes before what is measured; null: measured again. */
  override(level: PressureLevel | null): void;
  /** How much longer stale answers may be used now. */
  staleFactor(): number;
  /** Before the cache: tells the pages. */
  readonly answerStage: Stage;
  /** Behind the cache: tells the upstream. */
  readonly upstreamStage: Stage;
  /**
   * The same for requests that meet no stages: `looked` when one comes while the level is above 0, then `told`, what is added to its
   * answer as the level is by then. Always the same list for one level.
   */
  looked(nowMs: number): void;
  told(): Told;
  stats(): PressureStats;
  configure(settings: EdgeConfig["pressure"]): void;
};

export type Told = readonly (readonly [string, string])[];

export type PressureStats = {
  readonly level: PressureLevel;
  readonly override: PressureLevel | null;
  /** Of the last whole window. */
  readonly waitMs: number;
  readonly errorPercent: number;
  readonly latencyMs: number;
  readonly quietMs: number;
  readonly filled: number;
};

const windowMs = 500;
/** Fewer answers than this make no share of errors and no mean time. */
const answersMin = 10;
/** Times below this are noise of the machine: nobody notices that 2 ms became 8. */
const quietMsMin = 10;
/** Mean share of the limit in use from which level 1 begins: there is no more room. */
const filledFrom = 0.95;

export const pressureField = "spillway-pressure";

/** By level. */
const tellings: readonly Told[] = [0, 1, 2, 3].map((level) =>
  level === 0
    ? []
    : [
        [pressureField, String(level)],
        ["server-timing", `pressure;desc="${level}"`],
      ],
);

export function createPressure(first: EdgeConfig["pressure"], deps: { readonly meter: Meter }): Pressure {
  let settings = first;
  let measured: PressureLevel = 0;
  let set: PressureLevel | null = null;
  /** When a window last asked for this level or a higher one. */
  const lastAtMs = [0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];

  let windowEndsMs = Number.NEGATIVE_INFINITY;
  let waits = 0;
  let waitSumMs = 0;
  let answers = 0;
  let answerSumMs = 0;
  let drops = 0;
  let fills = 0;
  let fillSum = 0;
  let quietMs = 0;
  let last = { waitMs: 0, errorPercent: 0, latencyMs: 0, filled: 0 };

  deps.meter.gauge("spillway_edge_pressure", "How hard it is, 0 to 3.", level);

  function level(): PressureLevel {
    return set ?? measured;
  }

  /** Ends the window when its time is over. */
  function look(nowMs: number): void {
    // Far before its beginning: the clock was set back.
    if (nowMs < windowEndsMs && nowMs > windowEndsMs - 20 * windowMs) return;
    const isFirst = windowEndsMs === Number.NEGATIVE_INFINITY;
    windowEndsMs = nowMs + windowMs;
    if (isFirst) return;
    const finished = answers + drops;
    const latencyMs = answers >= answersMin ? answerSumMs / answers : 0;
    last = {
      waitMs: waits === 0 ? 0 : waitSumMs / waits,
      errorPercent: finished >= answersMin ? (100 * drops) / finished : 0,
      latencyMs,
      filled: fills === 0 ? 0 : fillSum / fills,
    };
    const slowdown = latencyMs === 0 || quietMs === 0 ? 0 : latencyMs / Math.max(quietMs, quietMsMin);
    const asked = Math.max(
      steps(settings.queueWaitMs, last.waitMs),
      steps(settings.errorPercent, last.errorPercent),
      steps(settings.slowdown, slowdown),
      last.filled >= filledFrom && fills >= answersMin ? 1 : 0,
    );
    learnQuiet(latencyMs, asked);
    waits = waitSumMs = answers = answerSumMs = drops = fills = fillSum = 0;
    for (let at = 1; at <= asked; at++) lastAtMs[at] = nowMs;
    let highest: PressureLevel = 0;
    for (const at of [1, 2, 3] as const) {
      const agoMs = nowMs - (lastAtMs[at] as number);
      // A clock that was set back must not hold a level for as long as it was set back.
      if (agoMs >= 0 && (agoMs < settings.downAfterSeconds * 1000 || asked >= at)) highest = at;
    }
    measured = highest;
  }

  /**
   * The quiet time: taken down at once by halves, and up slowly while nothing else is wrong. Very slowly it follows even
   * then: what is three times slower for half an hour is not under pressure, it is slower.
   */
  function learnQuiet(latencyMs: number, asked: number): void {
    if (latencyMs === 0) return;
    if (quietMs === 0) quietMs = latencyMs;
    else if (latencyMs < quietMs) quietMs += (latencyMs - quietMs) / 2;
    else quietMs += (latencyMs - quietMs) * (asked === 0 ? 0.02 : 0.0005);
  }

  const signals: Pressure["signals"] = {
    waited(ms, nowMs) {
      waits++;
      waitSumMs += ms;
      look(nowMs);
    },
    answered(tookMs, isDrop, nowMs) {
      if (isDrop) drops++;
      else {
        answers++;
        answerSumMs += tookMs;
      }
      look(nowMs);
    },
    filled(share) {
      fills++;
      fillSum += share;
    },
  };

  const answerStage: Stage = (exchange, next) => {
    const before = level();
    if (before === 0) return next(exchange);
    // When everything comes from the cache, no signal would end the window.
    look(exchange.atMs);
    const answer: Answer = next(exchange);
    if (exchange.tunnel !== undefined) return answer;
    return answer instanceof Promise ? answer.then(tell) : tell(answer);
  };

  const told = (): Told => tellings[level()] as Told;
  const tell = (response: Response): Response => withFields(response, told());

  /** Nobody outside may say how hard it is: pages made for a pressure that was made up could end in a cache. */
  const upstreamStage: Stage = (exchange, next) => {
    const now = level();
    if (now === 0 && !exchange.headers.has(pressureField)) return next(exchange);
    return next({ ...exchange, headers: saying(exchange.headers, now) } satisfies Exchange);
  };

  return {
    level,
    signals,
    override(to) {
      set = to;
    },
    staleFactor() {
      const now = level();
      return now === 0 ? 1 : (settings.staleFactor[now - 1] ?? 1);
    },
    answerStage,
    upstreamStage,
    looked: look,
    told,
    stats: () => ({ level: level(), override: set, quietMs, ...last }),
    configure(next) {
      settings = next;
    },
  };
}

/** The fields for an upstream, which is told the level where there is one. All others are as they came. */
export function saying(fields: AllFields, level: PressureLevel): FieldList {
  const flat: string[] = [];
  for (const [name, value] of fields) if (name !== pressureField) flat.push(name, value);
  if (level > 0) flat.push(pressureField, String(level));
  return new FieldList(flat);
}

/** How many of the thresholds are reached. */
function steps(thresholds: readonly number[], value: number): number {
  let reached = 0;
  for (const threshold of thresholds) {
    if (value >= threshold) reached++;
  }
  return reached;
}
