/**
 * Simulations by hand: `bin/bun test/simulation/run.ts --seed 1234` replays one run and shows all that happened in it;
 * `--seeds 10000` goes through many, from `--from` on, and stops at the first that breaks a promise unless `--all`.
 * `--mutant "old news"` takes away the rule that begins so, to see which day finds it.
 */
import { parseArgs } from "node:util";
import { SQL } from "bun";
import { openSimulationDatabase } from "./database.ts";
import { mutants } from "./mutants.ts";
import { openServer } from "./server.ts";
import { fillShelves } from "./shelves.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    all: { type: "boolean", default: false },
    dull: { type: "boolean", default: false },
    mutant: { type: "string" },
  },
});
const { mutant: wanted } = values;
const mutant =
  wanted === undefined ? undefined : Object.entries(mutants).find(([name]) => name.startsWith(wanted))?.[1];
if (wanted !== undefined && mutant === undefined)
  throw new Error(`No mutant begins so. There are:\n${Object.keys(mutants).join("\n")}`);

const server = await openServer();
let isFine = true;
try {
  const filling = new SQL(server.url, { max: 1 });
  await fillShelves(filling);
  await filling.close();
  const database = await openSimulationDatabase(server.url);
  const first = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  const beganMs = performance.now();
  let events = 0;
  const tally: Record<string, number> = {};
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await simulate(database, seed, mutant?.() ?? {}, values.dull);
    events += outcome.events;
    for (const [status, orders] of Object.entries(outcome.statuses)) tally[status] = (tally[status] ?? 0) + orders;
    for (const what of outcome.befell) tally[what] = (tally[what] ?? 0) + 1;
    if (outcome.doubleCharges.length > 0) {
      tally["charged twice"] = (tally["charged twice"] ?? 0) + 1;
      if (values.seed === undefined)
        console.log(
          `seed ${seed} charged twice, and gave one back: ${outcome.doubleCharges}; befell: ${[...outcome.befell]}`,
        );
    }
    if (values.seed !== undefined) {
      console.log(outcome.trace.join("\n"));
      console.log(JSON.stringify(outcome.plan));
      console.log(
        `${outcome.events} events, trace ${outcome.hash}, ${JSON.stringify(outcome.statuses)}, charged twice: ${outcome.doubleCharges}`,
      );
    }
    if (outcome.violations.length > 0) {
      isFine = false;
      console.log(`seed ${seed} breaks ${outcome.violations.length} promises:`);
      for (const violation of outcome.violations) console.log(`  ${violation}`);
      if (!values.all) break;
    }
    if ((seed - first + 1) % 100 === 0) {
      const seconds = (performance.now() - beganMs) / 1000;
      console.error(
        `${seed - first + 1} runs, ${events} events, ${seconds.toFixed(1)} s, ${((seconds * 1000) / (seed - first + 1)).toFixed(1)} ms a run`,
      );
    }
  }
  console.log(JSON.stringify(tally));
  await database.close();
} finally {
  await server.close();
}
process.exit(isFine ? 0 : 1);
