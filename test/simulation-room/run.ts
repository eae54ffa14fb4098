/**
 * Simulations by hand: one seed with its story, or as many as there is time for, in ranges, on as many processors as are given to it. What it was told and
 * what came of it is one line of JSON at the end; where it is, is said meanwhile, with the words that go on from there.
 */
import { parseArgs } from "node:util";
import { both, mutantOf, noTotals, playRange, type Totals } from "./range.ts";
import { simulate } from "./simulate.ts";

const help = `bin/bun test/simulation-room/run.ts [options]

  --seeds N      how many seeds (1000)
  --from N       the first of them (1)
  --jobs N       so many processes beside each other (1)
  --chunk N      seeds of one range; after each of them it says how far it is (200)
  --all          goes on when a seed breaks a promise
  --seed N       this one alone, with its story
  --mutant NAME  takes away the rule whose name begins so; a wrong name lists them`;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    jobs: { type: "string", default: "1" },
    chunk: { type: "string", default: "200" },
    all: { type: "boolean", default: false },
    mutant: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function numberOf(name: "seed" | "seeds" | "from" | "jobs" | "chunk"): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(`--${name} takes a whole number from 1 on, not "${values[name]}".\n\n${help}`);
  process.exit(2);
}

if (values.help) {
  console.log(help);
  process.exit(0);
}
const mutation = mutantOf(values.mutant);

if (values.seed !== undefined) {
  const { story, plan, violations } = await simulate(numberOf("seed"), mutation, true);
  console.log(story.join("\n"));
  console.log(JSON.stringify(plan));
  for (const violation of violations) console.log(`broken: ${violation}`);
  process.exit(violations.length > 0 ? 1 : 0);
}

type Player = { play(from: number, count: number): Promise<Totals>; end(): void };

const here: Player = {
  play: async (from, count) => await playRange(from, count, values.mutant, values.all),
  end: () => undefined,
};

function elsewhere(): Player {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/range-worker.ts`], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = linesOf(child.stdout);
  return {
    async play(from, count) {
      await child.stdin.write(`${JSON.stringify({ from, count, mutant: values.mutant, isWhole: values.all })}\n`);
      await child.stdin.flush();
      const { value } = await lines.next();
      if (value === undefined) throw new Error(`The process that played the seeds from ${from} on has ended.`);
      return JSON.parse(value) as Totals;
    },
    end: () => void child.stdin.end(),
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

const [first, seeds, jobs, chunk] = [numberOf("from"), numberOf("seeds"), numberOf("jobs"), numberOf("chunk")];
const beganMs = performance.now();
const secondsSoFar = (): number => (performance.now() - beganMs) / 1000;
let totals = noTotals;
let next = first;
/** Ranges that are under way, by their first seed. */
const underWay = new Set<number>();

function say(): void {
  const seconds = secondsSoFar();
  // What is done without a gap: ranges end out of their order.
  const goesOn = Math.min(next, ...underWay);
  const left = ((first + seeds - next) * seconds) / Math.max(1, totals.runs);
  console.error(
    `${totals.runs} of ${seeds} runs, ${totals.broken.length} broken, ${totals.admitted} admitted, ${seconds.toFixed(0)} s, ${(totals.cpuMs / totals.runs).toFixed(1)} ms of a processor each${goesOn < first + seeds ? `, about ${(left / 60).toFixed(0)} min left; to go on from here: --from ${goesOn} --seeds ${first + seeds - goesOn}` : ""}`,
  );
}

async function work(player: Player): Promise<void> {
  while (next < first + seeds && (values.all || totals.broken.length === 0)) {
    const from = next;
    next = Math.min(first + seeds, next + chunk);
    underWay.add(from);
    const played = await player.play(from, next - from);
    underWay.delete(from);
    totals = both(totals, played);
    for (const { seed, violations } of played.broken) {
      console.log(`seed ${seed} breaks a promise:`);
      for (const violation of violations) console.log(`  ${violation}`);
      console.log(`  the story: bin/bun test/simulation-room/run.ts --seed ${seed}`);
    }
    say();
  }
  player.end();
}

await Promise.all(Array.from({ length: jobs }, async () => await work(jobs === 1 ? here : elsewhere())));

const { broken, throughput, throughputCutOff, resumedSeconds, strandedShare, cpuMs, ...counts } = totals;
const seen = ({ count, sum, least, most }: Totals["throughput"]) =>
  count === 0 ? null : { runs: count, mean: sum / count, least, most };
console.log(
  JSON.stringify({
    seeds: `${first} to ${first + seeds - 1}`,
    ...counts,
    broken: broken.length,
    throughput: seen(throughput),
    throughputCutOff: seen(throughputCutOff),
    resumedSeconds: seen(resumedSeconds),
    strandedShare: seen(strandedShare),
    seconds: Math.round(secondsSoFar()),
    cpuMsPerSeed: Math.round((cpuMs / Math.max(1, totals.runs)) * 10) / 10,
  }),
);
process.exit(broken.length === 0 ? 0 : 1);
