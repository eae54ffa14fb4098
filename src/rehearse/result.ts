/**
 * What a rehearsal found: the one value that the crowd, the drills and the judges write together and every report reads.
 * It is plain data, so that it can be kept as JSON, merged from several machines and laid beside another run's.
 */

/** An HDR histogram as data: microseconds, log-linear buckets, sparse. Made and merged by `measure/histogram.ts`. */
export type HistogramData = {
  readonly count: number;
  readonly minUs: number;
  readonly maxUs: number;
  /** The exact sum of what was recorded, for the mean. */
  readonly sumUs: number;
  /** Pairs of bucket index and count, ascending. */
  readonly buckets: readonly (readonly [index: number, count: number])[];
};

/** Why a request has no answer. */
export type FailureKind = "refused" | "reset" | "timeout" | "malformed" | "unsent";

export type StepResult = {
  readonly journey: string;
  readonly step: string;
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>;
  /** Answers whose status the plan did not expect, and requests without any. */
  readonly errors: number;
  readonly bytesIn: number;
  /** From the intended start to the last byte: every answer, whatever its status, and what was given up on for its time. */
  readonly response: HistogramData;
  /** From the moment the request was written to the last byte: the same requests. */
  readonly service: HistogramData;
  /** From being sent to a waiting room to being let in; only where somebody was. */
  readonly inLine?: HistogramData;
};

/** One second of the run. */
export type SecondResult = {
  readonly atSecond: number;
  /** Journeys that were due to begin. */
  readonly arrivals: number;
  readonly requests: number;
  readonly errors: number;
  readonly underWay: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

/** One waiting room's line, as the crowd stood in it. */
export type LineResult = {
  readonly room: string;
  readonly came: number;
  readonly letIn: number;
  /** The greatest outflow that the room has named; null: nobody heard it. */
  readonly allowedPerMinute: number | null;
  readonly everySecond: readonly {
    readonly atSecond: number;
    /** Of the crowd, at this second's end. */
    readonly inLine: number;
    /** Of the crowd, within the 60 seconds that end here. */
    readonly letInLastMinute: number;
  }[];
  /** How many had a place and were not called yet, of this crowd or not, by the room's own word. */
  readonly said: readonly { readonly atSecond: number; readonly waiting: number }[];
};

/** What the generator noticed of itself. */
export type GeneratorResult = {
  readonly processes: number;
  readonly machines: number;
  /** Of one core, of the busiest process, in its busiest second: 0 to 1. */
  readonly cpuShareMax: number;
  readonly loopLagP99Ms: number;
  /** How late requests were written after their due time through no fault of the target. */
  readonly startLateP99Ms: number;
  readonly startsMissed: number;
  readonly connectionsMax: number;
  /** CPU seconds of all its processes within the measured time. */
  readonly cpuSeconds?: number;
};

export type ThresholdResult = {
  readonly of: string;
  readonly step?: string;
  readonly limit: string;
  readonly measured: number | null;
  readonly held: boolean;
};

/** One promise, held against the shop's own books. */
export type PromiseResult = {
  readonly promise: string;
  readonly held: boolean;
  /** How many rows or events were looked at; 0 says that nothing was there to be broken. */
  readonly looked: number;
  readonly broken: number;
  readonly detail: string;
};

export type DrillResult = {
  readonly title: string;
  readonly file: string;
  readonly startedSecond: number;
  readonly endedSecond: number;
  /** "completed": steady state before and after; "deviated": it was not met again; "aborted": a condition stopped it; "failed": it could not be played. */
  readonly status: "completed" | "deviated" | "aborted" | "failed";
  readonly rolledBack: boolean;
  readonly expectation: string;
  readonly notes: readonly string[];
};

export type Verdict = "held" | "threshold broken" | "void" | "invariant broken";

/** 0 held, 1 a threshold broken, 3 void, 4 an invariant broken; 2 is bad usage, which has no result. */
export const exitCodeOf: Readonly<Record<Verdict, number>> = {
  held: 0,
  "threshold broken": 1,
  void: 3,
  "invariant broken": 4,
};

/** A broken promise is a fact however the crowd fared; of a void run nothing else may be concluded. */
export function verdictOf(result: Pick<RunResult, "promises" | "voidReasons" | "thresholds" | "drills">): Verdict {
  if (result.promises.some(({ held }) => !held)) return "invariant broken";
  if (result.voidReasons.length > 0) return "void";
  const isMet =
    result.thresholds.every(({ held }) => held) && result.drills.every(({ status }) => status === "completed");
  return isMet ? "held" : "threshold broken";
}

export type RunResult = {
  readonly name: string;
  readonly target: string;
  readonly model: "open" | "closed";
  readonly startedAt: string;
  readonly seconds: number;
  readonly scale: number;
  /** SHA-256 of the plan that was played, hex: a changed plan makes a result stale. */
  readonly planHash: string;
  readonly generator: GeneratorResult;
  /** Why nothing may be concluded from this run; empty when it is valid. */
  readonly voidReasons: readonly string[];
  readonly journeysBegun: number;
  readonly journeysDone: number;
  readonly steps: readonly StepResult[];
  readonly everySecond: readonly SecondResult[];
  /** Waiting rooms that the crowd met; left out when there were none. */
  readonly lines?: readonly LineResult[];
  /** What a reader should know: the first example of each failure, what was cut short. */
  readonly notes?: readonly string[];
  readonly thresholds: readonly ThresholdResult[];
  readonly promises: readonly PromiseResult[];
  readonly drills: readonly DrillResult[];
  readonly verdict: Verdict;
};
