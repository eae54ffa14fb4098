/**
 * Simulations by hand: `bin/bun test/simulation-room/run.ts --seed 1234` replays one run and tells its story; `--seeds 100000` goes through many, from
 * `--from` on, and stops at the first that breaks a promise unless `--all`. `--mutant` takes away the rule whose name begins so.
 */
import { parseArgs } from "node:util";
import { mutants } from "./mutants.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    all: { type: "boolean", default: false },
    mutant: { type: "string" },
  },
});
const name = Object.keys(mutants).find((one) => values.mutant !== undefined && one.startsWith(values.mutant));
if (values.mutant !== undefined && name === undefined)
  throw new Error(`No mutant begins so. There are:\n${Object.keys(mutants).join("\n")}`);
const mutation = name === undefined ? {} : mutants[name];

const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const beganMs = performance.now();
const tally = new Map<string, number>();
const throughputs: number[] = [];
const resumes: number[] = [];
const stranded: number[] = [];
let isFine = true;
let events = 0;
let admitted = 0;
let twice = 0;
let cutOffAdmitted = 0;
let usedTwice = 0;
for (let seed = first; seed < first + count; seed++) {
  const outcome = await simulate(seed, mutation, values.seed !== undefined);
  events += outcome.events;
  admitted += outcome.admitted;
  twice += outcome.twice;
  cutOffAdmitted += outcome.cutOff.admitted;
  usedTwice += outcome.cutOff.usedTwice;
  for (const [what, times] of outcome.befell) tally.set(what, (tally.get(what) ?? 0) + times);
  if (outcome.throughput !== undefined) throughputs.push(outcome.throughput);
  if (outcome.resumedSeconds !== undefined) resumes.push(outcome.resumedSeconds);
  if (outcome.strandedShare !== undefined) stranded.push(outcome.strandedShare);
  if (values.seed !== undefined) {
    console.log(outcome.story.join("\n"));
    console.log(JSON.stringify(outcome.plan));
  }
  if (outcome.violations.length > 0) {
    isFine = false;
    console.log(`seed ${seed} breaks ${outcome.violations.length} promises:`);
    for (const violation of outcome.violations.slice(0, 5)) console.log(`  ${violation}`);
    if (!values.all) {
      console.log(`  befell: ${[...outcome.befell].map(([what, times]) => `${what} × ${times}`).join(", ")}`);
      console.log(`  the story: bin/bun test/simulation-room/run.ts --seed ${seed}`);
      break;
    }
  }
  if ((seed - first + 1) % 100 === 0) {
    const seconds = (performance.now() - beganMs) / 1000;
    console.error(
      `${seed - first + 1} runs, ${events} events, ${admitted} admitted, ${seconds.toFixed(1)} s, ${((seconds * 1000) / (seed - first + 1)).toFixed(1)} ms a run`,
    );
  }
}
const mean = (list: readonly number[]): number =>
  list.reduce((sum, value) => sum + value, 0) / Math.max(1, list.length);
const least = (list: readonly number[]): number => list.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const most = (list: readonly number[]): number => list.reduce((a, b) => Math.max(a, b), 0);
console.log(
  JSON.stringify({
    runs: count,
    admitted,
    cutOffAdmitted,
    twice,
    usedTwice,
    quiet: throughputs.length,
    throughput: { mean: mean(throughputs), least: least(throughputs) },
    resumedSeconds: { mean: mean(resumes), most: most(resumes) },
    strandedShare: { mean: mean(stranded), most: most(stranded) },
    befell: Object.fromEntries(tally),
  }),
);
process.exit(isFine ? 0 : 1);
