/**
 * What a rehearsal needs of the world, and where its parts meet: the crowd plays and measures, drills hurt, a judge holds the
 * result against thresholds and the truth, writers make reports of it. `roles/rehearsal` puts them together.
 */
import type { RehearsalPlan, Threshold } from "#contract/rehearsal-plan.ts";
import type { DrillResult, FailureKind, PromiseResult, RunResult, SecondResult, ThresholdResult } from "./result.ts";

/** An order that a shopper was told they have: the answer was a success, and the step took this out of it. */
export type Acknowledged = {
  readonly journey: string;
  readonly step: string;
  /** Seconds into the run, when the answer was there. */
  readonly atSecond: number;
  /** The extract named `orderNumber`, the one named `statusUrl`; at least one is there. */
  readonly orderNumber?: string;
  readonly statusUrl?: string;
};

/**
 * What one shopper went through in one room's line. Moments are seconds into the run; a request is a pair: when it was sent, and when it was
 * answered.
 */
export type LineVisit = {
  readonly room: string;
  /** The request by which they came. */
  readonly came: readonly [sent: number, answered: number];
  readonly number?: number;
  /** Where they stand in the order of the line: the number, where there was no draw. */
  readonly rank?: number;
  /** When they were told their number. */
  readonly numberedSecond?: number;
  /** When the last request was sent that was answered: wait. */
  readonly waitedSecond?: number;
  /** Requests to be let in. */
  readonly claims: readonly (readonly [sent: number, answered: number])[];
  /** The request that let them in. */
  readonly letIn?: readonly [sent: number, answered: number];
  /** How often they were told another number or rank, or more people ahead than before. */
  readonly movedBack: number;
};

/** What a room's document said, to anybody of the crowd. */
export type Sighting = {
  readonly room: string;
  readonly atSecond: number;
  readonly outflowPerMinute: number;
  /** Numbers that were given and not called. */
  readonly waiting: number;
};

/** Of all waiting rooms that the crowd met, those of the warm-up too. */
export type RoomsSeen = {
  readonly visits: readonly LineVisit[];
  /** More than `visits` has, when there were too many to be kept. */
  readonly visitsCount: number;
  readonly sightings: readonly Sighting[];
};

/** What the crowd knows at the end. The list is bounded: `acknowledgedCount` says how many there were in all. */
export type Outcomes = {
  readonly acknowledged: readonly Acknowledged[];
  readonly acknowledgedCount: number;
  /** Left out where no plan was played. */
  readonly rooms?: RoomsSeen;
  /** Without promises and verdict, which are to come: both are empty and "held". */
  readonly result: RunResult;
};

/** A shop's own books, asked before the first request and after the last. One adapter for each kind of target. */
export interface Truth {
  /** Rejects with a sentence when the books cannot be reached: the run then does not begin. */
  before(): Promise<void>;
  /** A promise that could not be looked at is not held: `looked` 0, and `detail` says why. */
  after(outcomes: Outcomes): Promise<readonly PromiseResult[]>;
  close(): Promise<void>;
}

/** What a drill may look at while it is played, for its abort conditions. */
export interface RunView {
  /** Seconds since the measured time began; below zero while the crowd warms up. */
  secondsNow(): number;
  /** The seconds that are complete, oldest first. */
  everySecond(): readonly SecondResult[];
}

/** One trouble of the plan. */
export interface Drill {
  readonly title: string;
  readonly file: string;
  /**
   * Steady state, method, steady state, rollbacks. Called once, when its second has come; resolves when all of that is over,
   * by itself or because of `stop`. Never rejects: what could not be played is a result with status "failed".
   */
  start(run: RunView): Promise<DrillResult>;
  /** The run is over: ends early, and undoes what it did. Resolves when that is done; `start` then resolves too. */
  stop(): Promise<void>;
}

export type JudgeThresholds = (thresholds: readonly Threshold[], result: RunResult) => readonly ThresholdResult[];

/** Makes files of a result, for `--report DIR`. Pure: whoever calls writes them. */
export type ReportWriter = (result: RunResult) => readonly { readonly file: string; readonly text: string }[];

/** What the others bring; a part that is missing is said aloud where a plan asks for it. */
export type RehearsalParts = {
  readonly judgeThresholds?: JudgeThresholds;
  /** Undefined: nobody knows the truth of such a target. */
  readonly truthOf?: (plan: RehearsalPlan, folder: string) => Truth | undefined;
  /** Reads and checks the plan's drill before the run; throws a SpillwayError with its complaints. */
  readonly drillOf?: (file: string, plan: RehearsalPlan) => Promise<Drill>;
  readonly writers: readonly ReportWriter[];
};

// What the crowd needs.

/** What was read of an answer. The object is used again for the next one: take what you need at once. */
export interface Answer {
  readonly status: number;
  /** Bytes of head and body as they came over the wire. */
  readonly bytes: number;
  /** Of the first field of that name, its value; undefined when there is none. `name` in lower case. */
  field(name: string): string | undefined;
  /** Every value of that field. */
  fields(name: string): readonly string[];
  /** The body as text, as far as it was to be kept. */
  text(): string;
}

/** One request and who waits for its answer. The wire writes to it and calls it exactly once, `answered` or `failed`. */
export interface Exchange {
  /** The whole request, head and body. Not changed until the exchange is over. */
  request: Uint8Array;
  /** A HEAD request: the answer has no body, whatever its length says. */
  isHead: boolean;
  /** May be asked again on another connection when a kept one turns out to be closed (RFC 9112 9.3.1). */
  isSafe: boolean;
  /** How much of the body is to be kept for `text()`; 0: none. */
  keepBytes: number;
  /** How fast the answer is read; 0: as it comes. */
  bytesPerSecond: number;
  /** Whose connection it is: exchanges of one owner share a connection; 0: any will do. */
  owner: number;
  /** The wire's own: on how many connections it was tried before. */
  tries: number;
  /** Set by the wire: when the first byte was given to the kernel, on the crowd's clock; 0 while it waits. */
  sentAtMs: number;
  answered(answer: Answer, nowMs: number): void;
  failed(kind: FailureKind, detail: string, nowMs: number): void;
}

/** Connections to one target, kept and used again, one exchange at a time on each. */
export interface Wire {
  /** At once on a free connection, else on a new one, else it waits for one (bounded: fails as "unsent"). */
  send(exchange: Exchange): void;
  /** No exchange of this owner will come: its connection may be closed. */
  release(owner: number): void;
  readonly state: WireState;
}

export type WireState = {
  /** Connections now and at most so far; exchanges on them; exchanges that wait for one. */
  readonly open: number;
  readonly openMax: number;
  readonly busy: number;
  readonly waiting: number;
  /** How many exchanges had to wait since all connections were taken. */
  readonly capped: number;
};
