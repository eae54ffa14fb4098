/**
 * Go or no-go: the plan at 150 and at 200 %, its drills at the peak, and a stepped run up to the knee, one after another against the same
 * target; meanwhile the target's own counters are read. One page comes of it.
 */
import { availableParallelism } from "node:os";
import { readMetrics } from "#adapters/truth-spillway/metrics.ts";
import { peakOf } from "#rehearse/crowd/arrivals.ts";
import type { RunResult } from "#rehearse/result.ts";
import type { TargetReading } from "#rehearse/verdict/bottleneck.ts";
import { type GoNoGo, goNoGo, type Rehearsed, runName } from "#rehearse/verdict/go-no-go.ts";
import { type ReadyPlan, readyPlan } from "./plan-file.ts";
import type { Play } from "./play.ts";

export type GoNoGoOptions = {
  readonly ready: ReadyPlan;
  /** Played at the peak, one after another, in a run of their own; the plan's own where there are none. */
  readonly drills: readonly string[];
  /** Addresses of /metrics; may be none. */
  readonly metricsUrls: readonly string[];
  readonly play: (ready: ReadyPlan, onSecond: (atSecond: number) => void) => Promise<Play>;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

/** How long a drill has the peak for itself. */
const drillSeconds = 60;
const drillQuietSeconds = 5;
/** Of the peak. The knee may be beyond: then none is claimed. */
const stepShares = [0.5, 1, 1.5, 2, 3, 4, 6, 8];
const stepSeconds = 9;
const readingsEveryMs = 2000;
const readingsMax = 2000;

export async function rehearseGoNoGo(
  options: GoNoGoOptions,
): Promise<{ found: GoNoGo; results: readonly { name: string; result: RunResult }[] } | { reason: string }> {
  const { ready, drills, say, signal } = options;
  const { plan } = ready;
  const peak = peakOf(ready.pieces) / plan.scale;
  const steps = stepShares.map((share) => ({ perSecond: share * peak, seconds: stepSeconds }));
  const other = async (change: object): Promise<ReadyPlan> =>
    await readyPlan({ ...plan, drills: [], ...change }, ready.folder, plan.name);
  const withDrills =
    drills.length > 0
      ? await other({
          scale: 1,
          arrivals: {
            shape: "constant",
            perSecond: peak,
            seconds: drills.length * drillSeconds + 2 * drillQuietSeconds,
          },
          drills: drills.map((file, at) => ({ file, atSeconds: drillQuietSeconds + at * drillSeconds })),
        })
      : plan.drills.length > 0
        ? await other({ scale: 1, drills: plan.drills })
        : undefined;
  const wanted: { kind: Rehearsed["kind"]; ready: ReadyPlan }[] = [
    { kind: "scale", ready: await other({ scale: 1.5 }) },
    { kind: "scale", ready: await other({ scale: 2 }) },
    ...(withDrills === undefined ? [] : [{ kind: "drills" as const, ready: withDrills }]),
    // Thresholds are for the sale; here the question is where they end.
    { kind: "steps", ready: await other({ scale: 1, arrivals: { shape: "steps", steps }, thresholds: [] }) },
  ];

  const runs: Rehearsed[] = [];
  for (const [at, { kind, ready: one }] of wanted.entries()) {
    if (signal.aborted) return { reason: "It was stopped before all runs were played." };
    say(`\n${at + 1} of ${wanted.length}: ${runName(kind, { scale: one.plan.scale }).toLowerCase()}`);
    const reader = readingsOf(options.metricsUrls);
    const played = await options.play(one, reader.at).finally(reader.stop);
    if (played.kind === "not begun") return { reason: played.reason };
    runs.push({ kind, result: played.result, readings: await reader.taken(), ...(kind === "steps" ? { steps } : {}) });
  }
  return {
    found: goNoGo(runs, { cores: availableParallelism() }),
    results: runs.map(({ kind, result }) => ({
      name: kind === "scale" ? `at-${Math.round(100 * result.scale)}` : kind,
      result,
    })),
  };
}

/** A reading every two seconds; one that does not come is left out. */
function readingsOf(urls: readonly string[]) {
  const readings: TargetReading[] = [];
  let atSecond = 0;
  let last: Promise<void> = Promise.resolve();
  const read = async (): Promise<void> => {
    const second = atSecond;
    const texts = await Promise.all(urls.map(async (url) => await readMetrics(url).catch(() => [])));
    const samples = texts.flat();
    if (samples.length > 0 && readings.length < readingsMax) readings.push({ atSecond: second, samples });
  };
  const timer = setInterval(() => {
    last = last.then(read);
  }, readingsEveryMs);
  if (urls.length === 0) clearInterval(timer);
  return {
    at: (second: number): void => {
      atSecond = second;
    },
    stop: (): void => clearInterval(timer),
    taken: async (): Promise<readonly TargetReading[]> => {
      await last;
      return readings;
    },
  };
}
