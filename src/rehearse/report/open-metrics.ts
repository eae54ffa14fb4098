/**
 * The result in OpenMetrics 1.0, for a Pushgateway or a file that a scraper reads: seconds and shares, one family a question.
 * Source: https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
import { Histogram } from "../measure/histogram.ts";
import { exitCodeOf, type RunResult, type StepResult } from "../result.ts";

const quantiles = [50, 90, 95, 99, 99.9];

type Labels = Readonly<Record<string, string>>;

export function openMetricsReport(result: RunResult): string {
  const lines: string[] = [];
  const family = (name: string, type: string, unit: string, help: string) => {
    lines.push(`# TYPE ${name} ${type}`);
    if (unit !== "") lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# HELP ${name} ${help}`);
  };
  const sample = (name: string, labels: Labels, value: number) => lines.push(`${name}${written(labels)} ${value}`);
  const ofSteps = (name: string, help: string, of: (step: StepResult) => number) => {
    family(name, "counter", "", help);
    for (const step of result.steps) sample(`${name}_total`, labelsOf(step), of(step));
  };

  family("spillway_rehearsal", "info", "", "What was played.");
  sample(
    "spillway_rehearsal_info",
    { name: result.name, target: result.target, model: result.model, plan: result.planHash, started: result.startedAt },
    1,
  );
  family("spillway_rehearsal_verdict", "stateset", "", "What came of it.");
  for (const verdict of Object.keys(exitCodeOf))
    sample("spillway_rehearsal_verdict", { spillway_rehearsal_verdict: verdict }, verdict === result.verdict ? 1 : 0);
  family("spillway_rehearsal_duration_seconds", "gauge", "seconds", "How long it lasted.");
  sample("spillway_rehearsal_duration_seconds", {}, result.seconds);
  family("spillway_rehearsal_scale_ratio", "gauge", "ratio", "Of the plan's arrivals.");
  sample("spillway_rehearsal_scale_ratio", {}, result.scale);
  family("spillway_rehearsal_journeys", "counter", "", "Journeys, begun and come to their end.");
  sample("spillway_rehearsal_journeys_total", { state: "begun" }, result.journeysBegun);
  sample("spillway_rehearsal_journeys_total", { state: "done" }, result.journeysDone);
  ofSteps("spillway_rehearsal_requests", "Requests of a step.", ({ requests }) => requests);
  ofSteps(
    "spillway_rehearsal_errors",
    "Requests of a step without the answer that was expected.",
    ({ errors }) => errors,
  );
  for (const kind of ["response", "service"] as const) {
    const name = `spillway_rehearsal_${kind}_seconds`;
    family(name, "summary", "seconds", kind === "response" ? "Time since a step was due." : "Time since it was sent.");
    for (const step of result.steps) {
      const times = Histogram.from(step[kind]);
      for (const percentile of times.count === 0 ? [] : quantiles)
        sample(name, { ...labelsOf(step), quantile: String(percentile / 100) }, times.percentileUs(percentile) / 1e6);
      sample(`${name}_count`, labelsOf(step), times.count);
      sample(`${name}_sum`, labelsOf(step), step[kind].sumUs / 1e6);
    }
  }
  family("spillway_rehearsal_threshold_held", "gauge", "", "1 where a threshold held.");
  for (const { of, step, limit, held } of result.thresholds)
    sample("spillway_rehearsal_threshold_held", { of, step: step ?? "", limit }, held ? 1 : 0);
  family("spillway_rehearsal_promise_broken", "gauge", "", "How many broke a promise, of how many looked at.");
  for (const { promise, broken, looked } of result.promises) {
    sample("spillway_rehearsal_promise_broken", { promise, of: "broken" }, broken);
    sample("spillway_rehearsal_promise_broken", { promise, of: "looked" }, looked);
  }
  return `${lines.join("\n")}\n# EOF\n`;
}

const labelsOf = ({ journey, step }: StepResult): Labels => ({ journey, step });

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/["\\\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
