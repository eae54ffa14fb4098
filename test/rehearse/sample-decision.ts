/** Made-up rehearsals of one plan: 150 %, 200 %, the drills, and steps that go over the knee. */
import type { SecondResult } from "#rehearse/result.ts";
import type { TargetReading } from "#rehearse/verdict/bottleneck.ts";
import type { Rehearsed } from "#rehearse/verdict/go-no-go.ts";
import { uslThroughput } from "#rehearse/verdict/usl.ts";
import { sampleResult } from "./sample-result.ts";

const held = { verdict: "held", thresholds: sampleResult().thresholds.filter((threshold) => threshold.held) } as const;

export const at = (scale: number, changes: Parameters<typeof sampleResult>[0] = {}): Rehearsed => ({
  kind: "scale",
  result: sampleResult({ ...held, drills: [], scale, ...changes }),
});

export const withDrills = (changes: Parameters<typeof sampleResult>[0] = {}): Rehearsed => ({
  kind: "drills",
  result: sampleResult({ ...held, scale: 1, ...changes }),
});

const law = { alpha: 0.02, beta: 1e-4, gamma: 60 };
const loads = [2, 10, 25, 50, 80, 120, 180, 260];

/** Eight steps of half a minute, whose throughput follows a law with its peak at about a hundred under way. */
export function steps(count = loads.length): Rehearsed {
  const taken = loads.slice(0, count);
  const everySecond: SecondResult[] = taken.flatMap((load, index) =>
    Array.from({ length: 30 }, (_, second) => ({
      atSecond: index * 30 + second,
      arrivals: load,
      requests: uslThroughput(law, load) * (1 + 0.01 * Math.sin(7 * index + second)),
      errors: 0,
      underWay: load,
      p50Ms: 10,
      p99Ms: 40,
    })),
  );
  return {
    kind: "steps",
    result: sampleResult({ ...held, drills: [], scale: 1, everySecond, seconds: everySecond.length }),
    steps: taken.map((perSecond) => ({ perSecond, seconds: 30 })),
    readings: readings(everySecond.length, (second) => Math.min(0.99, second / 120)),
  };
}

/** The target's CPU as a share of one core, read every five seconds. */
export function readings(
  seconds: number,
  cpu: (second: number) => number,
  more: (second: number) => TargetReading["samples"] = () => [],
): TargetReading[] {
  let total = 3;
  return Array.from({ length: Math.floor(seconds / 5) }, (_, index) => {
    total += 5 * cpu(index * 5);
    return {
      atSecond: index * 5,
      samples: [
        { name: "process_cpu_seconds_total", labels: {}, value: total },
        { name: "spillway_intake_waiting", labels: {}, value: 3 },
        ...more(index * 5),
      ],
    };
  });
}
