/**
 * A plan's thresholds, each held against what was measured. What was not measured has not been held: a threshold on a
 * step that nobody reached, or on a promise that nobody looked into, is broken, because a gate that cannot close is none.
 */
import type { Threshold } from "#contract/rehearsal-plan.ts";
import { Histogram } from "../measure/histogram.ts";
import type { RunResult, StepResult, ThresholdResult } from "../result.ts";
import { promises } from "./promises.ts";

/** What a threshold is judged by: a result that has no verdict yet. */
export type Measured = Pick<
  RunResult,
  "seconds" | "journeysBegun" | "journeysDone" | "steps" | "promises" | "voidReasons" | "drills"
>;

const timeMetric = /^(response|service)\.(?:p(\d{1,2}(?:\.\d+)?|100)|(mean|min|max))$/;
const plainMetrics = ["errors.share", "errors.count", "requests.perSecond", "requests.count", "journeys.share"];
const ofSteps = new Set(plainMetrics.filter((name) => !name.startsWith("journeys.")));

/** What is wrong with a threshold, in one sentence; undefined when it can be judged. */
export function thresholdComplaint(threshold: Threshold): string | undefined {
  const { of } = threshold;
  if (threshold.below === undefined && threshold.above === undefined)
    return `the threshold on "${of}" says neither "below" nor "above"`;
  const ofTruth = of.startsWith("truth.");
  if (ofTruth && !Object.hasOwn(promises, of.slice(6)))
    return `there is no promise "${of}"; the promises are ${Object.keys(promises)
      .map((name) => `truth.${name}`)
      .join(", ")}`;
  if (!ofTruth && !timeMetric.test(of) && !plainMetrics.includes(of))
    return `there is no metric "${of}"; the metrics are response.p99 and service.p99 (any percentile, mean, min or max, in ms), ${plainMetrics.join(", ")}, and truth.oversold and its kind`;
  if (threshold.step !== undefined && !timeMetric.test(of) && !ofSteps.has(of))
    return `"${of}" is not of a step, so "step" must be left out`;
  return undefined;
}

export function judgeThresholds(thresholds: readonly Threshold[], measured: Measured): ThresholdResult[] {
  return thresholds.map((threshold) => {
    const value = measure(threshold, measured);
    const { below, above } = threshold;
    const limits = [
      ...(below === undefined ? [] : [`below ${below}`]),
      ...(above === undefined ? [] : [`above ${above}`]),
    ];
    return {
      of: threshold.of,
      ...(threshold.step === undefined ? {} : { step: threshold.step }),
      limit: limits.join(" and "),
      measured: value ?? null,
      held:
        limits.length > 0 &&
        value !== undefined &&
        (below === undefined || value < below) &&
        (above === undefined || value > above),
    };
  });
}

/** Milliseconds for times, shares from 0 to 1; undefined when there is nothing to measure. */
function measure({ of, step }: Threshold, measured: Measured): number | undefined {
  if (of.startsWith("truth.")) {
    const found = measured.promises.find((candidate) => candidate.promise === of.slice(6));
    return found === undefined || found.looked === 0 ? undefined : found.broken;
  }
  if (of === "journeys.share")
    return measured.journeysBegun === 0 ? undefined : measured.journeysDone / measured.journeysBegun;

  const steps = measured.steps.filter((candidate) => step === undefined || stepName(candidate) === step);
  const sum = (count: (result: StepResult) => number) => steps.reduce((total, result) => total + count(result), 0);
  const requests = sum((result) => result.requests);
  if (requests === 0) return undefined;
  if (of === "errors.share") return sum((result) => result.errors) / requests;
  if (of === "errors.count") return sum((result) => result.errors);
  if (of === "requests.count") return requests;
  if (of === "requests.perSecond") return requests / measured.seconds;

  const [, kind, percentile, word] = timeMetric.exec(of) ?? [];
  if (kind !== "response" && kind !== "service") return undefined;
  const times = new Histogram();
  for (const result of steps) times.merge(result[kind]);
  if (times.count === 0) return undefined;
  if (percentile !== undefined) return times.percentileMs(Number(percentile));
  const us = word === "mean" ? times.meanUs : word === "min" ? times.minUs : times.maxUs;
  return us / 1000;
}

export const stepName = ({ journey, step }: Pick<StepResult, "journey" | "step">): string => `${journey}/${step}`;
