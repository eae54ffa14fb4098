/**
 * Plays a drill: steady state, method, steady state, rollbacks.
 *
 * before -> method (unless the steady state is not met) -> after (unless it was aborted) -> rolling back -> over
 *
 * The method ends early when an abort condition holds, when its time is over, or when it is told to stop; then what it
 * did is rolled back. Which rollbacks are played is the strategy's to say, as in Chaos Toolkit:
 *   default   unless a probe of the steady state could not be asked
 *   always    in any case
 *   never     in no case
 *   deviated  when the steady state was not met afterwards
 */
import { type ActivityRun, playActivity, type Stage } from "./activity.ts";
import type { AbortCondition, Activity, Experiment, RollbackStrategy } from "./experiment.ts";
import type { Journal, SteadyState } from "./journal.ts";

export type PlayOptions = {
  readonly stage: Stage;
  readonly machine: { readonly version: string; readonly platform: string; readonly node: string };
  /** Goes before what the file says. */
  readonly rollbackStrategy?: RollbackStrategy;
  /** Ends the method; what was done is undone. */
  readonly stopping: AbortSignal;
};

const abortCheckEveryMs = 1000;
/** Rollbacks are not cut short by what cut the method short, and yet they end. */
const rollbacksMaxMs = 300_000;

export async function playExperiment(experiment: Experiment, options: PlayOptions): Promise<Journal> {
  const { stage, machine, stopping } = options;
  const { clock, log } = stage;
  const beganAtMs = clock.now();
  const journal: Journal = {
    "spillway-version": machine.version,
    platform: machine.platform,
    node: machine.node,
    experiment: experiment.raw,
    start: new Date(beganAtMs).toISOString(),
    status: "completed",
    deviated: false,
    steady_states: { before: null, after: null, during: [] },
    run: [],
    rollbacks: [],
    end: "",
    duration: 0,
  };

  const before = await steadyState(experiment, stage, stopping, "before");
  journal.steady_states.before = before;
  if (before !== null && !before.steady_state_met) journal.status = statusAfter(before);
  else {
    const reason = await playMethod(experiment, stage, journal, stopping);
    if (reason !== undefined) {
      journal.status = "aborted";
      journal.abort_reason = reason;
      log(`the method ends early: ${reason}`);
    } else {
      const after = await steadyState(experiment, stage, stopping, "after");
      journal.steady_states.after = after;
      if (after !== null && !after.steady_state_met) {
        journal.deviated = true;
        journal.status = statusAfter(after);
      }
    }
  }
  await rollBack(experiment, options, journal);
  const endedAtMs = clock.now();
  journal.end = new Date(endedAtMs).toISOString();
  journal.duration = (endedAtMs - beganAtMs) / 1000;
  return journal;
}

/** A probe that is out of its tolerance has worked; one that could not be asked has failed. */
function statusAfter(state: SteadyState): Journal["status"] {
  return state.probes.some(({ status }) => status === "failed") ? "failed" : "completed";
}

/** Null: the experiment has none. It ends at the first probe that is outside. */
async function steadyState(
  experiment: Experiment,
  stage: Stage,
  signal: AbortSignal,
  when: string,
): Promise<SteadyState | null> {
  const { hypothesis } = experiment;
  if (hypothesis === undefined) return null;
  stage.log(`steady state ${when}: ${hypothesis.title}`);
  const state: SteadyState = { steady_state_met: false, probes: [] };
  for (const probe of hypothesis.probes) {
    const entry = await playActivity(stage, probe, signal);
    entry.tolerance_met ??= false;
    state.probes.push(entry);
    if (!entry.tolerance_met) {
      stage.log(`  outside of its tolerance`);
      return state;
    }
  }
  state.steady_state_met = true;
  return state;
}

/** Answers why it ended early; undefined when it was played to its end. */
async function playMethod(
  experiment: Experiment,
  stage: Stage,
  journal: Journal,
  stopping: AbortSignal,
): Promise<string | undefined> {
  const ending = new AbortController();
  let reason: string | undefined;
  const end = (why: string): void => {
    reason ??= why;
    ending.abort();
  };
  const watchers = new AbortController();
  const onStop = (): void => end("it was told to stop");
  if (stopping.aborted) onStop();
  stopping.addEventListener("abort", onStop, { once: true });
  const watching = [
    ...experiment.aborts.map(async (condition) => await watch(condition, stage, watchers.signal, end)),
    stage.clock.sleep(stage.limits.seconds * 1000, watchers.signal).then(() => {
      if (!watchers.signal.aborted) end(`it took longer than its limit of ${stage.limits.seconds} s`);
    }),
  ];

  const inBackground: Promise<unknown>[] = [];
  const noted = (entry: ActivityRun): void => void journal.run.push(entry);
  for (const activity of experiment.method) {
    if (ending.signal.aborted) break;
    const played = playActivity(stage, activity, ending.signal, noted);
    if (activity.background) inBackground.push(played);
    else await played;
  }
  await Promise.all(inBackground);
  watchers.abort();
  stopping.removeEventListener("abort", onStop);
  await Promise.all(watching);
  return reason;
}

async function watch(
  { probe, forSeconds }: AbortCondition,
  stage: Stage,
  signal: AbortSignal,
  end: (why: string) => void,
): Promise<void> {
  const quiet: Stage = { ...stage, log: () => undefined };
  let outsideSinceMs: number | undefined;
  while (!signal.aborted) {
    const beganAtMs = stage.clock.now();
    const entry = await playActivity(quiet, probe, signal);
    if (signal.aborted) return;
    // Nothing there to be seen is no reason to end.
    const isInside = entry.tolerance_met === true || (entry.status === "succeeded" && entry.output === null);
    outsideSinceMs = isInside ? undefined : (outsideSinceMs ?? beganAtMs);
    if (outsideSinceMs !== undefined && stage.clock.now() - outsideSinceMs >= forSeconds * 1000) {
      end(`"${probe.name}" is outside of its tolerance${forSeconds > 0 ? ` for ${forSeconds} s` : ""}`);
      return;
    }
    await stage.clock.sleep(Math.max(beganAtMs + abortCheckEveryMs - stage.clock.now(), 0), signal);
  }
}

async function rollBack(experiment: Experiment, options: PlayOptions, journal: Journal): Promise<void> {
  const { stage } = options;
  const strategy = options.rollbackStrategy ?? experiment.rollbackStrategy;
  if (!isRolledBack(strategy, journal)) {
    if (experiment.rollbacks.length > 0) stage.log(`rollbacks are not played: the strategy is "${strategy}"`);
    return;
  }
  if (experiment.rollbacks.length > 0) stage.log("rolling back");
  const ending = new AbortController();
  const timer = new AbortController();
  const timing = stage.clock.sleep(rollbacksMaxMs, timer.signal).then(() => ending.abort());
  const noted = (entry: ActivityRun): void => void journal.rollbacks.push(entry);
  const inBackground: Promise<unknown>[] = [];
  for (const activity of experiment.rollbacks) {
    const played = playActivity(stage, activity, ending.signal, noted);
    if (activity.background) inBackground.push(played);
    else await played;
  }
  await Promise.all(inBackground);
  timer.abort();
  await timing;
}

function isRolledBack(strategy: RollbackStrategy, journal: Journal): boolean {
  switch (strategy) {
    case "always":
      return true;
    case "never":
      return false;
    case "deviated":
      return journal.deviated;
    case "default":
      return journal.status !== "failed";
  }
}

/** What would be played, in order: for `--dry`. */
export function outlineOf(experiment: Experiment): readonly string[] {
  const line = (activity: Activity): string => {
    const { provider } = activity;
    const what =
      provider.type === "http"
        ? `${String(provider.method ?? "GET")} ${String(provider.url)}`
        : provider.type === "process"
          ? `run ${String(provider.path)} ${[provider.arguments ?? []].flat().join(" ")}`.trim()
          : JSON.stringify(provider);
    const before = activity.pauses.before === undefined ? "" : `, ${String(activity.pauses.before)} s before`;
    const after = activity.pauses.after === undefined ? "" : `, ${String(activity.pauses.after)} s after`;
    return `  ${activity.type} ${activity.name}${activity.background ? " (in the background)" : ""}: ${what}${before}${after}`;
  };
  const { hypothesis, limits } = experiment;
  return [
    ...(hypothesis === undefined ? [] : [`steady state, before and after: ${hypothesis.title}`]),
    ...(hypothesis?.probes ?? []).map(line),
    "method:",
    ...experiment.method.map(line),
    ...(experiment.aborts.length === 0 ? [] : ["ended early, asked every second, when outside:"]),
    ...experiment.aborts.map(
      ({ probe, forSeconds }) => `${line(probe)}${forSeconds > 0 ? `, for ${forSeconds} s` : ""}`,
    ),
    `rollbacks (${experiment.rollbackStrategy}):`,
    ...experiment.rollbacks.map(line),
    limits === undefined
      ? "limits: none are named, so it is not played"
      : `limits: targets ${limits.targets.join(", ") || "none"}; commands ${limits.commands.join(", ") || "none"}; hosts ${limits.hosts.join(", ") || "none"}; ${limits.seconds} s`,
  ];
}
