/**
 * Go or no-go, from the rehearsals that were played: 150 % and the drills must hold; 200 % may be slow, but must stay
 * truthful; no promise may break anywhere, and a void run proves nothing. What was not rehearsed is a no.
 */
import { limitWords, share, thresholdFigure, totalsOf } from "../report/words.ts";
import { exitCodeOf, type RunResult } from "../result.ts";
import { type Bottleneck, findBottleneck, type TargetReading, whatToChange } from "./bottleneck.ts";
import { findKnee, type Knee, pointsOfSteps } from "./knee.ts";
import { promiseWords } from "./promises.ts";

export type Rehearsed = {
  /** "scale": the plan at a share of its arrivals; "drills": with its troubles at the peak; "steps": up to the knee. */
  readonly kind: "scale" | "drills" | "steps";
  readonly result: RunResult;
  /** Of a stepped run. */
  readonly steps?: readonly { readonly perSecond: number; readonly seconds: number }[];
  /** What the target said of itself meanwhile. */
  readonly readings?: readonly TargetReading[];
};

export type HeadRoom = {
  /** Requests a second without an error, at the plan's own peak (100 %). */
  readonly neededPerSecond: number;
  /** The least that the target does by the knee's interval, or what it was seen to do. */
  readonly reachedPerSecond: number;
  /** Reached over needed: 1.5 is half as much again. */
  readonly factor: number;
  readonly from: "knee" | "highest run that held";
};

export type GoNoGo = {
  readonly decision: "go" | "no-go";
  readonly name: string;
  readonly target: string;
  readonly why: readonly string[];
  readonly warnings: readonly string[];
  readonly runs: readonly Rehearsed[];
  readonly bottleneck: Bottleneck | undefined;
  readonly knee: Knee | undefined;
  readonly headRoom: HeadRoom | undefined;
  readonly change: readonly string[];
  readonly exitCode: number;
};

const mustHoldScale = 1.5;
const mustStayTrueScale = 2;
const failuresMost = 0.01;
/** One second may be luck; this many in a row are the peak. */
const peakWindowSeconds = 5;

export function goNoGo(runs: readonly Rehearsed[], machine: { readonly cores?: number } = {}): GoNoGo {
  const why: string[] = [];
  const warnings: string[] = [];
  const scaled = (scale: number) =>
    runs.find(({ kind, result }) => kind === "scale" && Math.abs(result.scale - scale) < 0.01)?.result;
  const drills = runs.find(({ kind }) => kind === "drills")?.result;
  const stepped = runs.find(({ kind }) => kind === "steps");

  for (const { kind, result } of runs) {
    const name = runName(kind, result);
    if (result.verdict === "invariant broken") {
      const words = brokenOf(result).map((promise) => `“${promiseWords(promise)}”`);
      (isBeyondKnee(kind, result) ? warnings : why).push(`${name} broke a promise: ${words.join(", ")}.`);
    } else if (result.verdict === "void") {
      const reason = `${name} is void: ${result.voidReasons[0] ?? "the crowd fell behind"}`;
      // The stepped run goes on until something gives in; where that is the crowd, only the knee is lost.
      (kind === "steps" ? warnings : why).push(reason);
    }
  }
  const at150 = scaled(mustHoldScale);
  if (at150 === undefined) why.push("150 % was not rehearsed.");
  else if (at150.verdict === "threshold broken") why.push(...thresholdsOf("At 150 %", at150));
  else if (at150.verdict === "held") why.push(...failuresOf("At 150 %", at150));
  if (drills === undefined || drills.drills.length === 0) why.push("No drill was played at the peak.");
  else if (drills.verdict === "threshold broken") why.push(...thresholdsOf("With the drills", drills));
  const at200 = scaled(mustStayTrueScale);
  if (at200 === undefined) warnings.push("200 % was not rehearsed.");
  else if (at200.verdict === "threshold broken") warnings.push(...thresholdsOf("At 200 %", at200));
  const unseen = new Set(
    runs.flatMap(({ result }) =>
      result.promises.filter(({ looked, held }) => held && looked === 0).map(({ promise }) => promise),
    ),
  );
  for (const { result } of runs)
    for (const { promise, looked } of result.promises) if (looked > 0) unseen.delete(promise);
  if (unseen.size > 0) warnings.push(`Nobody could look into this: ${[...unseen].map(promiseWords).join("; ")}.`);
  if (runs.length > 0 && runs.every(({ result }) => result.promises.length === 0))
    warnings.push("The truth was not asked: nobody knows the books of this target.");

  const knee =
    stepped?.steps === undefined ? undefined : findKnee(pointsOfSteps(stepped.result.everySecond, stepped.steps));
  if (knee !== undefined && !knee.found) warnings.push(`The knee is not known. ${knee.why}`);
  const headRoom = headRoomOf(runs, stepped?.result.verdict === "void" ? undefined : knee);
  const bottleneck = bottleneckOf(runs, machine);
  const first = bottleneck?.first?.bottleneck;
  const change = [
    ...(first === undefined ? [] : [whatToChange[first]]),
    ...(headRoom !== undefined && headRoom.factor < mustHoldScale
      ? [
          `There is head-room for ${Math.round(100 * headRoom.factor)} % of the plan; make it ${Math.round(100 * mustHoldScale)} % before the day, or let fewer in at once.`,
        ]
      : []),
    ...(drills?.drills ?? [])
      .filter(({ status }) => status !== "completed")
      .map(({ title }) => `See the report of the drill “${title}”, and play it again until it is borne.`),
  ];
  const [head] = runs;
  const exitCodes = runs.map(({ kind, result }) =>
    kind === "steps" && (result.verdict !== "invariant broken" || isBeyondKnee(kind, result))
      ? 0
      : exitCodeOf[result.verdict],
  );
  return {
    decision: why.length === 0 ? "go" : "no-go",
    name: head?.result.name ?? "rehearsal",
    target: head?.result.target ?? "",
    why: why.length > 0 ? why : ["150 % and every drill held, and no promise was broken at any load."],
    warnings,
    runs,
    bottleneck,
    knee,
    headRoom,
    change,
    exitCode: why.length === 0 ? 0 : Math.max(1, ...exitCodes),
  };
}

/** Of one run by itself; undefined when it held and nothing was asked of it. */
export function decisionOf(result: RunResult): GoNoGo["decision"] | undefined {
  if (result.verdict !== "held") return "no-go";
  const isAsked =
    result.thresholds.length > 0 || result.drills.length > 0 || result.promises.some(({ looked }) => looked > 0);
  return isAsked ? "go" : undefined;
}

const brokenOf = ({ promises }: RunResult): string[] =>
  promises.filter(({ held }) => !held).map(({ promise }) => promise);

/** The stepped run goes on until even those who pay are more than can be served; whatever else breaks there is a no. */
const isBeyondKnee = (kind: Rehearsed["kind"], result: RunResult): boolean =>
  kind === "steps" && brokenOf(result).every((promise) => promise === "shed");

export function runName(kind: Rehearsed["kind"], { scale }: Pick<RunResult, "scale">): string {
  if (kind === "steps") return "The stepped run";
  return `${kind === "drills" ? "The run with drills" : "The run"} at ${Math.round(100 * scale)} %`;
}

function thresholdsOf(when: string, { thresholds, drills }: RunResult): string[] {
  return [
    ...thresholds
      .filter(({ held }) => !held)
      .map(
        ({ of, step, limit, measured }) =>
          `${when}, ${of}${step === undefined ? "" : ` of ${step}`} was to be ${limitWords(of, limit)} and ${measured === null ? "was not measured" : `is ${thresholdFigure(of, measured)}`}.`,
      ),
    ...drills
      .filter(({ status }) => status !== "completed")
      .map(({ title, status }) => `${when}, “${title}” ${status}.`),
  ];
}

/** A plan that does not say how many requests may fail has not said that all of them may. */
function failuresOf(when: string, result: RunResult): string[] {
  const { requests, errors } = totalsOf(result);
  if (errors === 0 || errors < failuresMost * requests || result.thresholds.some(({ of }) => of.startsWith("errors.")))
    return [];
  return [`${when}, ${share(errors, requests)} of all requests failed, and no threshold says how many may.`];
}

function headRoomOf(runs: readonly Rehearsed[], knee: Knee | undefined): HeadRoom | undefined {
  const scaled = runs
    .filter(({ kind, result }) => kind === "scale" && result.verdict !== "void")
    .map(({ result }) => result);
  const [any] = scaled;
  if (any === undefined) return undefined;
  const neededPerSecond = peakPerSecond(any) / any.scale;
  if (!(neededPerSecond > 0)) return undefined;
  if (knee?.found === true)
    return {
      neededPerSecond,
      reachedPerSecond: knee.throughput.low,
      factor: knee.throughput.low / neededPerSecond,
      from: "knee",
    };
  const held = scaled.filter(({ verdict }) => verdict === "held").sort((a, b) => b.scale - a.scale)[0];
  return held === undefined
    ? undefined
    : { neededPerSecond, reachedPerSecond: peakPerSecond(held), factor: held.scale, from: "highest run that held" };
}

/** Requests a second in the busiest few seconds together. */
function peakPerSecond({ everySecond }: RunResult): number {
  const size = Math.min(peakWindowSeconds, everySecond.length);
  let most = 0;
  for (let from = 0; from + size <= everySecond.length; from += 1) {
    const sum = everySecond.slice(from, from + size).reduce((total, { requests }) => total + requests, 0);
    most = Math.max(most, sum / size);
  }
  return most;
}

/** Of the run that asked most of the target and was watched. */
function bottleneckOf(runs: readonly Rehearsed[], machine: { readonly cores?: number }): Bottleneck | undefined {
  const watched = runs.filter(({ readings }) => (readings?.length ?? 0) > 1);
  const hardest =
    watched.find(({ kind }) => kind === "steps") ?? watched.toSorted((a, b) => b.result.scale - a.result.scale)[0];
  if (hardest !== undefined) return findBottleneck(hardest.result, hardest.readings ?? [], machine);
  const behind = runs.find(({ result }) => result.voidReasons.length > 0 || result.generator.cpuShareMax >= 0.9);
  return behind === undefined ? undefined : findBottleneck(behind.result, [], machine);
}
