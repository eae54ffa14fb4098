/** Many runs one after the other, and what they came to in sums: so that ranges which were played beside each other, or yesterday, can be added up. */
import { mutants } from "./mutants.ts";
import { simulate } from "./simulate.ts";

type Spread = { readonly count: number; readonly sum: number; readonly least: number; readonly most: number };

export type Totals = {
  readonly runs: number;
  readonly broken: readonly { readonly seed: number; readonly violations: readonly string[] }[];
  readonly events: number;
  readonly admitted: number;
  /** By edges that were cut off. */
  readonly cutOffAdmitted: number;
  /** Places that two edges admitted, because one of them was cut off; and how many of these an edge found when it was back. */
  readonly twice: number;
  readonly usedTwice: number;
  /** Of quiet runs: admitted in the last minute, as a share of the outflow. */
  readonly throughput: Spread;
  /** Of runs with partitions: admitted while the troubles lasted, as a share of what the outflow would have allowed. */
  readonly throughputCutOff: Spread;
  readonly resumedSeconds: Spread;
  readonly strandedShare: Spread;
  readonly befell: Readonly<Record<string, number>>;
  readonly cpuMs: number;
};

const noSpread: Spread = { count: 0, sum: 0, least: 1e9, most: 0 };

export const noTotals: Totals = {
  runs: 0,
  broken: [],
  events: 0,
  admitted: 0,
  cutOffAdmitted: 0,
  twice: 0,
  usedTwice: 0,
  throughput: noSpread,
  throughputCutOff: noSpread,
  resumedSeconds: noSpread,
  strandedShare: noSpread,
  befell: {},
  cpuMs: 0,
};

const spreadOf = (value: number | undefined): Spread =>
  value === undefined ? noSpread : { count: 1, sum: value, least: value, most: value };

const bothSpreads = (a: Spread, b: Spread): Spread => ({
  count: a.count + b.count,
  sum: a.sum + b.sum,
  least: Math.min(a.least, b.least),
  most: Math.max(a.most, b.most),
});

export function both(a: Totals, b: Totals): Totals {
  const befell = { ...a.befell };
  for (const [what, times] of Object.entries(b.befell)) befell[what] = (befell[what] ?? 0) + times;
  return {
    runs: a.runs + b.runs,
    broken: [...a.broken, ...b.broken],
    events: a.events + b.events,
    admitted: a.admitted + b.admitted,
    cutOffAdmitted: a.cutOffAdmitted + b.cutOffAdmitted,
    twice: a.twice + b.twice,
    usedTwice: a.usedTwice + b.usedTwice,
    throughput: bothSpreads(a.throughput, b.throughput),
    throughputCutOff: bothSpreads(a.throughputCutOff, b.throughputCutOff),
    resumedSeconds: bothSpreads(a.resumedSeconds, b.resumedSeconds),
    strandedShare: bothSpreads(a.strandedShare, b.strandedShare),
    befell,
    cpuMs: a.cpuMs + b.cpuMs,
  };
}

/** `mutant`: by the beginning of its name. Ends at the first run that breaks a promise, unless `isWhole`. */
export async function playRange(
  from: number,
  count: number,
  mutant: string | undefined,
  isWhole: boolean,
): Promise<Totals> {
  const mutation = mutantOf(mutant);
  let totals = noTotals;
  for (let seed = from; seed < from + count; seed++) {
    const before = process.cpuUsage();
    const outcome = await simulate(seed, mutation);
    const { user, system } = process.cpuUsage(before);
    const { violations } = outcome;
    totals = both(totals, {
      runs: 1,
      broken: violations.length === 0 ? [] : [{ seed, violations: violations.slice(0, 5) }],
      events: outcome.events,
      admitted: outcome.admitted,
      cutOffAdmitted: outcome.cutOff.admitted,
      twice: outcome.twice,
      usedTwice: outcome.cutOff.usedTwice,
      throughput: spreadOf(outcome.throughput),
      throughputCutOff: spreadOf(outcome.throughputCutOff),
      resumedSeconds: spreadOf(outcome.resumedSeconds),
      strandedShare: spreadOf(outcome.strandedShare),
      befell: Object.fromEntries(outcome.befell),
      cpuMs: (user + system) / 1000,
    });
    if (violations.length > 0 && !isWhole) break;
  }
  return totals;
}

export function mutantOf(beginning: string | undefined): (typeof mutants)[string] {
  if (beginning === undefined) return {};
  const name = Object.keys(mutants).find((one) => one.startsWith(beginning));
  if (name === undefined) throw new Error(`No mutant begins so. There are:\n${Object.keys(mutants).join("\n")}`);
  return mutants[name] ?? {};
}
