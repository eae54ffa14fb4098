/**
 * Plays a plan from its first look at the target to the verdict. Whoever wants several runs calls it several times.
 *
 * looking -> prepared (books read, workers ready) -> begun -> over -> judged
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import { SpillwayError } from "#kernel/error.ts";
import { secondsOf } from "#rehearse/crowd/arrivals.ts";
import { outcomesOf } from "#rehearse/crowd/outcome.ts";
import { Histogram } from "#rehearse/measure/histogram.ts";
import { mergeSecond, sum } from "#rehearse/measure/merge.ts";
import type { SecondCount } from "#rehearse/measure/tally.ts";
import type { Drill, RehearsalParts, RunView } from "#rehearse/ports.ts";
import {
  type DrillResult,
  type RunResult,
  type SecondResult,
  type ThresholdResult,
  verdictOf,
} from "#rehearse/result.ts";
import type { ReadyPlan } from "./plan-file.ts";
import { connectionsAllowed, unreachable } from "./preflight.ts";
import type { Team } from "./team.ts";

export type PlayOptions = {
  readonly agent: string;
  readonly parts: RehearsalParts;
  /** Closed by the caller. */
  readonly team: Team;
  /** Aborted: ends with what was measured. */
  readonly signal: AbortSignal;
  readonly onSecond: (second: SecondResult, soFar: SoFar) => void;
};

export type SoFar = {
  readonly seconds: readonly SecondResult[];
  readonly secondsPlanned: number;
  /** Those of the plan's thresholds that can be judged while it plays: over all steps together. */
  readonly thresholds: readonly ThresholdResult[];
};

export type Play =
  | { readonly kind: "played"; readonly result: RunResult }
  /** It did not begin: the sentence says why. Nothing may be concluded. */
  | { readonly kind: "not begun"; readonly reason: string };

const beginInMs = 300;
/** Seconds of several workers that belong together come within this; what is later is taken without the others. */
const secondsPatience = 3;
const graceSeconds = 15;

export async function play(ready: ReadyPlan, options: PlayOptions): Promise<Play> {
  const { plan } = ready;
  const { parts, team } = options;
  if (plan.thresholds.length > 0 && parts.judgeThresholds === undefined)
    throw new SpillwayError("bad_usage", "The plan has thresholds, and this Spillway has nobody who judges them.");
  if (plan.drills.length > 0 && parts.drillOf === undefined)
    throw new SpillwayError("bad_usage", "The plan has drills, and this Spillway has nobody who plays them.");

  const reason = await unreachable(plan);
  if (reason !== undefined) return { kind: "not begun", reason };
  const drills: { drill: Drill; atSeconds: number }[] = [];
  for (const { file, atSeconds } of plan.drills)
    if (parts.drillOf !== undefined)
      drills.push({ drill: await parts.drillOf(resolveIn(ready.folder, file), plan), atSeconds });
  const connectionsMax = Math.min(plan.connectionsMax, connectionsAllowed(team.processes) * team.machines);

  const truth = parts.truthOf?.(plan, ready.folder);
  try {
    await team.prepare({
      // Workers ask nobody for the truth, and need none of its secrets.
      plan: { ...plan, connectionsMax, target: { ...plan.target, settings: {} } },
      tables: ready.tables,
      pieces: ready.pieces,
      runName: randomBytes(8).toString("hex"),
      agent: options.agent,
    });
    await truth?.before();
    if (options.signal.aborted) return { kind: "not begun", reason: "It was stopped before it began." };

    const startedAt = new Date();
    const zeroMs = performance.now() + beginInMs + plan.warmUpSeconds * 1000;
    const planned = plan.model === "open" ? secondsOf(ready.pieces) : (plan.closed?.seconds ?? 0);
    const secondsPlanned = Math.round(planned * 1000) / 1000;
    const counts: SecondCount[] = [];
    const seconds: SecondResult[] = [];
    const response = new Histogram();
    const thresholdsSoFar = (): readonly ThresholdResult[] => {
      const liveOnes = plan.thresholds.filter(({ of, step }) => step === undefined && judgedLive.test(of));
      if (liveOnes.length === 0 || parts.judgeThresholds === undefined) return [];
      return parts.judgeThresholds(liveOnes, resultSoFar(plan, seconds, response));
    };
    const collect = secondCollector(team.processes, (second) => {
      seconds.push(second);
      options.onSecond(second, { seconds, secondsPlanned, thresholds: thresholdsSoFar() });
    });
    const view: RunView = { secondsNow: () => (performance.now() - zeroMs) / 1000, everySecond: () => seconds };
    const playing = startDrills(drills, view);
    const stop = () => team.stop();
    options.signal.addEventListener("abort", stop, { once: true });
    // A worker that says nothing any more must not keep us: its time is over when the plan's is, and some.
    const lastMs = (secondsPlanned + plan.warmUpSeconds + plan.timeoutSeconds + graceSeconds) * 1000;
    const giveUp = setTimeout(stop, lastMs);
    const { parts: found, lost } = await team.begin(beginInMs, (count) => {
      counts.push(count);
      response.merge(count.response);
      collect(count);
    });
    clearTimeout(giveUp);
    options.signal.removeEventListener("abort", stop);
    const drillResults = await playing.end();

    const outcomes = outcomesOf({
      plan,
      planHash: ready.hash,
      startedAt: startedAt.toISOString(),
      secondsPlanned,
      connectionsMax,
      machines: team.machines,
      isStopped: options.signal.aborted,
      parts: found,
      seconds: counts,
      lost,
    });
    const measured = { ...outcomes.result, drills: drillResults };
    const promises = (await truth?.after({ ...outcomes, result: measured })) ?? [];
    const thresholds = parts.judgeThresholds?.(plan.thresholds, { ...measured, promises }) ?? [];
    const judged = { ...measured, promises, thresholds };
    return { kind: "played", result: { ...judged, verdict: verdictOf(judged) } };
  } finally {
    await truth?.close();
  }
}

/** What is known without asking each worker for its steps. */
const judgedLive = /^(?:response|errors|requests)\./;

function resultSoFar(plan: RehearsalPlan, seconds: readonly SecondResult[], response: Histogram): RunResult {
  const data = response.toData();
  const all = {
    journey: "all",
    step: "all",
    requests: sum(seconds.map(({ requests }) => requests)),
    statuses: {},
    failures: {},
    errors: sum(seconds.map(({ errors }) => errors)),
    bytesIn: 0,
    response: data,
    service: data,
  };
  const played = { plan, planHash: "", startedAt: "", secondsPlanned: 0, connectionsMax: 0, machines: 1 };
  const { result } = outcomesOf({ ...played, isStopped: false, parts: [], seconds: [], lost: [] });
  return { ...result, seconds: seconds.length, steps: [all], everySecond: seconds };
}

/** A file beside the plan; what is none there is the name of a drill that comes along. */
function resolveIn(folder: string, file: string): string {
  const beside = resolve(folder, file);
  return existsSync(beside) ? beside : file;
}

/** Drills begin in their second, and are all ended before the books are read. */
function startDrills(drills: readonly { drill: Drill; atSeconds: number }[], view: RunView) {
  const begun: { drill: Drill; result: Promise<DrillResult> }[] = [];
  const timers = drills.map(({ drill, atSeconds }) =>
    setTimeout(
      () => begun.push({ drill, result: drill.start(view) }),
      Math.max(0, (atSeconds - view.secondsNow()) * 1000),
    ),
  );
  return {
    async end(): Promise<DrillResult[]> {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(begun.map(async ({ drill }) => await drill.stop()));
      const results = await Promise.all(begun.map(async ({ result }) => await result));
      const missed = drills.filter(({ drill }) => !begun.some((one) => one.drill === drill));
      return [
        ...results,
        ...missed.map(
          ({ drill, atSeconds }): DrillResult => ({
            title: drill.title,
            file: drill.file,
            startedSecond: atSeconds,
            endedSecond: atSeconds,
            status: "failed",
            rolledBack: true,
            expectation: "",
            notes: ["The run was over before it was to begin."],
          }),
        ),
      ];
    },
  };
}

/** Puts a second's counts together when all workers have sent theirs, in order. */
function secondCollector(workers: number, take: (second: SecondResult) => void): (count: SecondCount) => void {
  const waiting = new Map<number, SecondCount[]>();
  let next = 0;
  return (count) => {
    if (count.atSecond < next) return;
    waiting.set(count.atSecond, [...(waiting.get(count.atSecond) ?? []), count]);
    const newest = Math.max(...waiting.keys());
    for (;;) {
      const counts = waiting.get(next) ?? [];
      if (counts.length < workers && newest - next < secondsPatience) return;
      waiting.delete(next);
      if (counts.length > 0) take(mergeSecond(counts));
      next += 1;
    }
  };
}
