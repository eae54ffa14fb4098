/** What several workers and machines counted, as one. */
import type { HistogramData, SecondResult, StepResult } from "../result.ts";
import { Histogram } from "./histogram.ts";
import type { SecondCount } from "./tally.ts";

export function mergeHistograms(all: readonly HistogramData[]): HistogramData {
  const merged = new Histogram();
  for (const data of all) merged.merge(data);
  return merged.toData();
}

/** By journey and step, in the order in which they come first. */
export function mergeSteps(parts: readonly (readonly StepResult[])[]): StepResult[] {
  const groups = new Map<string, StepResult[]>();
  for (const step of parts.flat()) {
    const key = JSON.stringify([step.journey, step.step]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [step]);
    else group.push(step);
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [StepResult];
    const inLine = mergeHistograms(group.flatMap((step) => step.inLine ?? []));
    return {
      journey: first.journey,
      step: first.step,
      requests: sum(group.map(({ requests }) => requests)),
      statuses: sumByName(group.map(({ statuses }) => statuses)),
      failures: sumByName(group.map(({ failures }) => failures)),
      errors: sum(group.map(({ errors }) => errors)),
      bytesIn: sum(group.map(({ bytesIn }) => bytesIn)),
      response: mergeHistograms(group.map(({ response }) => response)),
      service: mergeHistograms(group.map(({ service }) => service)),
      ...(inLine.count === 0 ? {} : { inLine }),
    };
  });
}

/** All that is known of one second. */
export function mergeSecond(counts: readonly SecondCount[]): SecondResult {
  const response = Histogram.from(mergeHistograms(counts.map((count) => count.response)));
  return {
    atSecond: counts[0]?.atSecond ?? 0,
    arrivals: sum(counts.map(({ arrivals }) => arrivals)),
    requests: sum(counts.map(({ requests }) => requests)),
    errors: sum(counts.map(({ errors }) => errors)),
    underWay: sum(counts.map(({ underWay }) => underWay)),
    p50Ms: response.percentileMs(50),
    p99Ms: response.percentileMs(99),
  };
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function sumByName(all: readonly Readonly<Partial<Record<string, number>>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const counts of all)
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + (count ?? 0);
  return total;
}
