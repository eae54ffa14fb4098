/**
 * The knee of a stepped run: the most that the target does in a second, with its interval of confidence. It is refused
 * where the points do not reach it, because a curve that was never seen to bend can be drawn on to any height.
 */
import type { SecondResult } from "../result.ts";
import {
  fitUsl,
  type LoadPoint,
  optimalLoad,
  peakLoad,
  throughputLimit,
  type UslFit,
  uslGradient,
  uslSlope,
  uslThroughput,
} from "./usl.ts";

/** A value and its interval at 95 %. */
export type Estimate = { readonly value: number; readonly low: number; readonly high: number };

export type Knee =
  | {
      readonly found: true;
      readonly fit: UslFit;
      readonly points: readonly LoadPoint[];
      /** "peak": more load does less. "ceiling": more load does no more, and waits. */
      readonly kind: "peak" | "ceiling";
      /** Under way at once, where throughput is greatest, or where the ceiling is met. */
      readonly load: Estimate;
      readonly throughput: Estimate;
    }
  | {
      readonly found: false;
      readonly why: string;
      readonly fit?: UslFit;
      readonly points: readonly LoadPoint[];
    };

const pointsMin = 5;
/**
 * What the highest load may still gain, in percent of throughput for a percent of load, where it is not beyond the peak.
 * The ray tracer's first points (see the test) foretell peaks that its later ones disprove; those that gain more are refused.
 */
const gainMax = 0.05;
/** Of the greatest throughput: points that lie further from the curve say that it is another curve. */
const scatterMax = 0.15;

export function findKnee(points: readonly LoadPoint[]): Knee {
  const usable = points.filter(({ load, throughput }) => load > 0 && throughput > 0);
  const loads = new Set(usable.map(({ load }) => load));
  if (loads.size < pointsMin)
    return {
      found: false,
      points,
      why: `The curve has three unknowns and needs at least ${pointsMin} different loads; there are ${loads.size}. Play more steps.`,
    };
  const fit = fitUsl(usable);
  const highest = Math.max(...loads);
  const fastest = Math.max(...usable.map(({ throughput }) => throughput));
  const turn = peakLoad(fit);
  const most = Number.isFinite(turn) ? uslThroughput(fit, turn) : throughputLimit(fit);
  if (fit.residualError > scatterMax * fastest)
    return {
      found: false,
      fit,
      points,
      why: `The points lie ${percent(fit.residualError / fastest)} of the greatest throughput away from any such curve, which is more than ${percent(scatterMax)}. Play longer steps, or see what else ran meanwhile.`,
    };
  const beyond = highest >= turn;
  const gain = (uslSlope(fit, highest) * highest) / uslThroughput(fit, highest);
  if (!beyond && gain > gainMax)
    return {
      found: false,
      fit,
      points,
      why: `The points do not reach the knee: at the highest load (${round(highest)} at once) one percent more load still gained ${gain.toFixed(2)} percent of throughput, and ${gainMax} is the most that counts as flat. Play steps with more arrivals.`,
    };

  const t = studentT975(fit.degreesOfFreedom);
  if (beyond || Number.isFinite(turn)) {
    const gradient = uslGradient(fit, turn);
    // At the peak a small change of load changes nothing, so only the law's own parameters move its height.
    return {
      found: true,
      fit,
      points,
      kind: beyond ? "peak" : "ceiling",
      load: interval(fit, t, turn, [-turn / (2 * (1 - fit.alpha)), -turn / (2 * fit.beta), 0]),
      throughput: interval(fit, t, most, gradient),
    };
  }
  const { alpha, gamma } = fit;
  return {
    found: true,
    fit,
    points,
    kind: "ceiling",
    load: interval(fit, t, optimalLoad(fit), [-1 / alpha ** 2, 0, 0]),
    throughput: interval(fit, t, most, [-gamma / alpha ** 2, 0, 1 / alpha]),
  };
}

/** The delta method on the logarithm: what is measured is above zero, and its interval must be, too. */
function interval(fit: UslFit, t: number, value: number, gradient: readonly number[]): Estimate {
  let variance = 0;
  for (let i = 0; i < 3; i += 1)
    for (let j = 0; j < 3; j += 1) variance += (gradient[i] ?? 0) * (gradient[j] ?? 0) * (fit.covariance[i]?.[j] ?? 0);
  const spread = Math.exp((t * Math.sqrt(Math.max(variance, 0))) / value);
  return { value, low: value / spread, high: value * spread };
}

/** The 97.5 % quantile of Student's t; from the fourth on by Cornish and Fisher's expansion (Abramowitz & Stegun 26.7.5). */
export function studentT975(degrees: number): number {
  const first = [12.7062, 4.30265, 3.18245];
  const known = first[degrees - 1];
  if (known !== undefined) return known;
  const z = 1.959964;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
}

/**
 * The points of a stepped run: for each step what was under way and what was answered without an error, per second. The
 * first third of a step is left out: what the step before left behind is still in it.
 */
export function pointsOfSteps(
  seconds: readonly SecondResult[],
  steps: readonly { readonly seconds: number }[],
): LoadPoint[] {
  let from = 0;
  return steps.flatMap((step) => {
    const to = from + step.seconds;
    const settled = seconds.filter(({ atSecond }) => atSecond >= from + step.seconds / 3 && atSecond + 1 <= to);
    from = to;
    if (settled.length === 0) return [];
    const mean = (of: (second: SecondResult) => number): number =>
      settled.reduce((sum, second) => sum + of(second), 0) / settled.length;
    return [{ load: mean(({ underWay }) => underWay), throughput: mean(({ requests, errors }) => requests - errors) }];
  });
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const round = (value: number): string => value.toLocaleString("en", { maximumSignificantDigits: 3 });
