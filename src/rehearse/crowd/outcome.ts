/** From what workers counted to the one result that drills, judges and reports go on with. */
import type { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import { Histogram } from "../measure/histogram.ts";
import { mergeHistograms, mergeSecond, mergeSteps, sum } from "../measure/merge.ts";
import type { SecondCount } from "../measure/tally.ts";
import type { Acknowledged, Outcomes } from "../ports.ts";
import type { HistogramData, RunResult } from "../result.ts";
import type { CrowdPart } from "./crowd.ts";
import { linesOf, roomsSeenOf } from "./rooms.ts";
import { voidReasonsOf } from "./validity.ts";

/** What one process found, and what it noticed of itself. */
export type WorkerPart = CrowdPart & {
  readonly loopLag: HistogramData;
  /** Of one core, second by second. */
  readonly cpuShares: readonly number[];
  readonly cpuSeconds: number;
};

export type PlayedRun = {
  readonly plan: RehearsalPlan;
  readonly planHash: string;
  readonly startedAt: string;
  readonly secondsPlanned: number;
  readonly connectionsMax: number;
  readonly machines: number;
  readonly isStopped: boolean;
  readonly parts: readonly WorkerPart[];
  readonly seconds: readonly SecondCount[];
  /** Workers that ended before their time, each in a sentence. */
  readonly lost: readonly string[];
};

const notesMax = 40;

export function outcomesOf(run: PlayedRun): Outcomes {
  const { plan, parts } = run;
  const startLate = Histogram.from(mergeHistograms(parts.map((part) => part.startLate)));
  const loopLag = Histogram.from(mergeHistograms(parts.map((part) => part.loopLag)));
  const bySecond = new Map<number, SecondCount[]>();
  for (const count of run.seconds) bySecond.set(count.atSecond, [...(bySecond.get(count.atSecond) ?? []), count]);
  const cut = sum(parts.map((part) => part.cut));
  const notes = new Set(parts.flatMap((part) => part.notes));
  const rooms = roomsSeenOf(parts.map((part) => part.rooms));
  const seconds = parts.reduce((most, part) => Math.max(most, part.seconds), 0);
  const lines = linesOf(rooms, seconds);
  const result: RunResult = {
    name: plan.name,
    target: plan.target.url,
    model: plan.model,
    startedAt: run.startedAt,
    seconds,
    scale: plan.scale,
    planHash: run.planHash,
    generator: {
      processes: parts.length,
      machines: run.machines,
      cpuShareMax: Math.max(0, ...parts.flatMap((part) => part.cpuShares)),
      loopLagP99Ms: loopLag.percentileMs(99),
      startLateP99Ms: startLate.percentileMs(99),
      startsMissed: sum(parts.map((part) => part.startsMissed)),
      connectionsMax: sum(parts.map((part) => part.connectionsMax)),
      cpuSeconds: sum(parts.map((part) => part.cpuSeconds)),
    },
    voidReasons: voidReasonsOf(
      { ...run, isOpen: plan.model === "open", lateStartMs: plan.lateStartMs },
      parts,
      run.lost,
    ),
    journeysBegun: sum(parts.map((part) => part.journeysBegun)),
    journeysDone: sum(parts.map((part) => part.journeysDone)),
    steps: mergeSteps(parts.map((part) => part.steps)),
    everySecond: [...bySecond.values()].map(mergeSecond).sort((one, other) => one.atSecond - other.atSecond),
    ...(lines.length === 0 ? {} : { lines }),
    notes: [
      ...[...notes].slice(0, notesMax),
      ...(cut === 0 ? [] : [`${cut} requests were under way when the run ended; they are not counted.`]),
    ],
    thresholds: [],
    promises: [],
    drills: [],
    verdict: "held",
  };
  const acknowledged: Acknowledged[] = parts.flatMap((part) => part.acknowledged);
  return { acknowledged, acknowledgedCount: sum(parts.map((part) => part.acknowledgedCount)), rooms, result };
}
