/** What happened in a drill, as Chaos Toolkit's journal (https://chaostoolkit.org/reference/api/journal/), and in short. */
import type { DrillResult } from "../result.ts";
import type { ActivityRun } from "./activity.ts";
import type { Experiment, JsonObject } from "./experiment.ts";

export type SteadyState = { steady_state_met: boolean; readonly probes: ActivityRun[] };

export type Journal = {
  readonly "spillway-version": string;
  readonly platform: string;
  readonly node: string;
  readonly experiment: JsonObject;
  readonly start: string;
  status: "completed" | "failed" | "aborted" | "interrupted";
  deviated: boolean;
  readonly steady_states: { before: SteadyState | null; after: SteadyState | null; readonly during: SteadyState[] };
  readonly run: ActivityRun[];
  readonly rollbacks: ActivityRun[];
  end: string;
  duration: number;
  /** Ours: why the method ended before its end. */
  abort_reason?: string;
};

/** `atSecond` says where on the run's clock a moment of the journal is. */
export function drillResultOf(
  experiment: Experiment,
  file: string,
  journal: Journal,
  notes: readonly string[],
  seconds: { readonly started: number; readonly ended: number },
): DrillResult {
  const { before, after } = journal.steady_states;
  const found: string[] = [...notes];
  const failed = journal.run.filter(({ status }) => status === "failed");
  if (before?.steady_state_met === false) found.push(`before anything was done: ${outside(before)}`);
  if (journal.abort_reason !== undefined) found.push(`ended early: ${journal.abort_reason}`);
  if (after?.steady_state_met === false) found.push(`afterwards: ${outside(after)}`);
  for (const entry of journal.abort_reason === undefined ? failed : [])
    found.push(`"${String(entry.activity.name)}" failed: ${entry.exception?.[0] ?? "no reason given"}`);
  for (const entry of journal.rollbacks.filter(({ status }) => status === "failed"))
    found.push(`the rollback "${String(entry.activity.name)}" failed: ${entry.exception?.[0] ?? "no reason given"}`);

  let status: DrillResult["status"] = "completed";
  if (before?.steady_state_met === false) status = "failed";
  else if (journal.abort_reason !== undefined) status = "aborted";
  else if (journal.deviated) status = "deviated";
  else if (failed.some(({ activity }) => activity.type === "action")) status = "failed";
  return {
    title: experiment.title,
    file,
    startedSecond: seconds.started,
    endedSecond: seconds.ended,
    status,
    rolledBack: journal.rollbacks.length > 0 && journal.rollbacks.every((entry) => entry.status === "succeeded"),
    expectation: experiment.expectation,
    notes: found,
  };
}

function outside(state: SteadyState): string {
  const last = state.probes.at(-1);
  if (last === undefined) return "the steady state was not met";
  const said = last.exception?.[0] ?? shortened(last.output);
  return `"${String(last.activity.name)}" is outside of its tolerance: ${said}`;
}

function shortened(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)} …` : text;
}
