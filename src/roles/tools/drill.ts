/**
 * `spillway drill`: plays one experiment. One that asks for a Spillway gets a house of its own, in a scratch folder and
 * gone afterwards; at the end its books are held against every promise.
 */
import { Glob } from "bun";
import { SpillwayError } from "#kernel/error.ts";
import { type Experiment, rollbackStrategies } from "#rehearse/drills/experiment.ts";
import { outlineOf } from "#rehearse/drills/play.ts";
import type { DrillResult } from "#rehearse/result.ts";
import { openDrill, readDrill, shippedDrills } from "../house/drill.ts";
import { openHouse } from "../house/house.ts";
import { auditHouse, drillHouse } from "../house/house-calls.ts";
import { args, print, table } from "./terminal.ts";

const help = `usage: bin/spillway drill FILE | --list
Plays one trouble: steady state, what is done, steady state again, what undoes it. FILE is an experiment in Chaos Toolkit's format
(JSON or YAML), or the name of a drill that comes with Spillway. One that asks for a Spillway gets one of its own for as long as it takes:
Postgres, shop, worker and edge in a scratch folder. It never touches a shop that runs already.

  --list              the drills that come with Spillway, and what shoppers should see
  --dry               prints what it would do, and does nothing
  --strategy NAME     which rollbacks are played: ${rollbackStrategies.join(", ")} (the file's)
  --var NAME=VALUE    a value of its configuration; may be given several times
  --journal FILE      where Chaos Toolkit's journal is written (journal.json; "-" for nowhere)
  --json              prints the result as one line of JSON

  bin/spillway drill --list
  bin/spillway drill worker-killed
  bin/spillway drill drills/payment-slow.json --dry
  bin/spillway drill my-drill.yaml --strategy always --var service=http://localhost:3000

Exit code 0: all as before. 1: it deviated, or was ended early. 2: wrong usage, or it may not be played. 3: it could not be played.
4: a promise is broken.`;

const usage =
  "usage: bin/spillway drill FILE | --list [--dry] [--strategy NAME] [--var NAME=VALUE] [--journal FILE]. See --help";

export async function drillTool(given: string[], env: Readonly<Record<string, string | undefined>>): Promise<number> {
  if (given.includes("--help") || given.includes("-h")) {
    print(help);
    return 0;
  }
  const { values, positionals } = args(given, {
    list: { type: "boolean" },
    dry: { type: "boolean" },
    strategy: { type: "string" },
    var: { type: "string", multiple: true },
    journal: { type: "string" },
    json: { type: "boolean" },
  });
  if (values.list === true) return await list();
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new SpillwayError("bad_usage", usage);
  const strategy = rollbackStrategies.find((each) => each === values.strategy);
  if (values.strategy !== undefined && strategy === undefined)
    throw new SpillwayError("bad_usage", `--strategy must be one of ${rollbackStrategies.join(", ")}.`);
  const variables = Object.fromEntries((values.var ?? []).map(readVariable));

  const read = await readDrill(file);
  if (values.dry === true) {
    print(`${read.experiment.title}\n${read.experiment.expectation}\n`);
    for (const line of outlineOf(read.experiment)) print(line);
    for (const line of [...read.unplayable, ...read.notes]) print(`note: ${line}`);
    return 0;
  }
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stopping.abort());

  const house = usesHouse(read.experiment) ? await openHouse({ env, needs: read.experiment.needs, log }) : undefined;
  try {
    const drill = await openDrill(file, {
      env,
      log,
      given: variables,
      ...(house === undefined ? {} : { house: drillHouse(house) }),
      ...(strategy === undefined ? {} : { rollbackStrategy: strategy }),
    });
    if (stopping.signal.aborted) return 130;
    stopping.signal.addEventListener("abort", () => void drill.stop(), { once: true });
    const beganAt = performance.now();
    const result = await drill.start({
      secondsNow: () => Math.round(performance.now() - beganAt) / 1000,
      everySecond: () => [],
    });
    const journal = drill.journal();
    const journalFile = values.journal ?? "journal.json";
    if (journal !== undefined && journalFile !== "-")
      await Bun.write(journalFile, `${JSON.stringify(journal, null, 2)}\n`);
    const audit = house === undefined ? undefined : await auditHouse(house);
    if (values.json === true) print(JSON.stringify({ ...result, ...(audit === undefined ? {} : { verify: audit }) }));
    else tell(result, audit);
    if (audit !== undefined && audit.breaches > 0) return 4;
    return { completed: 0, deviated: 1, aborted: 1, failed: 3 }[result.status];
  } finally {
    await house?.close();
  }
}

function tell(result: DrillResult, audit: Awaited<ReturnType<typeof auditHouse>> | undefined): void {
  const words: Record<DrillResult["status"], string> = {
    completed: "all is as before",
    deviated: "the steady state was not met again",
    aborted: "it was ended early",
    failed: "it could not be played",
  };
  print(`\n${result.title}: ${words[result.status]}, after ${result.endedSecond.toFixed(1)} s`);
  print(`expected: ${result.expectation}`);
  for (const note of result.notes) print(`  ${note}`);
  if (audit !== undefined)
    print(
      audit.breaches === 0
        ? `every promise holds: ${audit.checked.toLocaleString("en")} rows were looked at`
        : `${audit.breaches} breaches of ${audit.broken.join(", ")}`,
    );
}

async function list(): Promise<number> {
  const names = (await Array.fromAsync(new Glob("*.json").scan(shippedDrills))).sort();
  const rows = await Promise.all(
    names.map(async (name) => {
      const { experiment } = await readDrill(`${shippedDrills}/${name}`);
      return [name.replace(/\.json$/, ""), experiment.expectation];
    }),
  );
  print(table(rows));
  return 0;
}

/** Something in it speaks to a Spillway that this drill is to bring along. */
function usesHouse(experiment: Experiment): boolean {
  const all = [
    ...(experiment.hypothesis?.probes ?? []),
    ...experiment.aborts.map(({ probe }) => probe),
    ...experiment.method,
    ...experiment.rollbacks,
  ];
  return all.some(({ provider }) => provider.type === "spillway");
}

function readVariable(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1) throw new SpillwayError("bad_usage", `--var ${text} must be NAME=VALUE.`);
  return [text.slice(0, at), text.slice(at + 1)];
}
