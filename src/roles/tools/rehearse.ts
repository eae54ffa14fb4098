/** `spillway rehearse`: plays a crowd against a shop, and says whether the shop held. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { SpillwayError } from "#kernel/error.ts";
import { peakOf, peakSecondOf } from "#rehearse/crowd/arrivals.ts";
import type { RehearsalParts } from "#rehearse/ports.ts";
import { goNoGoHtml, goNoGoMarkdown, goNoGoText } from "#rehearse/report/go-no-go-report.ts";
import { k6Script } from "#rehearse/report/k6-script.ts";
import { exitCodeOf, type RunResult } from "#rehearse/result.ts";
import { readDrill } from "../house/drill.ts";
import { type House, houseWare, openHouse } from "../house/house.ts";
import { drillHouse } from "../house/house-calls.ts";
import { planOfFlags, planOfShop } from "../rehearsal/flag-plan.ts";
import { processesFor, type RehearseFlags, readFlags } from "../rehearsal/flags.ts";
import { rehearseGoNoGo } from "../rehearsal/go-no-go.ts";
import type { Worker } from "../rehearsal/job.ts";
import { decisionLine, liveView, resultText } from "../rehearsal/live.ts";
import { joinMachine, machinesJoined } from "../rehearsal/machines.ts";
import { rehearsalParts } from "../rehearsal/parts.ts";
import { intentOf, type ReadyPlan, readPlanFile, readyPlan, rehearsalSchemaJson } from "../rehearsal/plan-file.ts";
import { type Play, play } from "../rehearsal/play.ts";
import { teamOf } from "../rehearsal/team.ts";
import { startWorkerProcess } from "../rehearsal/worker-process.ts";
import { version } from "../version.ts";
import { importTool } from "./rehearse-import.ts";
import { print } from "./terminal.ts";

export const rehearseHelp = `Plays a plan (.ts, .yaml or .json): who comes when, what they do, what must hold. Arrivals do not wait for answers, and every
time counts from when it should have begun, so that a shop that stands still is not measured less for it.

  bin/spillway rehearse sale.yaml
  bin/spillway rehearse sale.yaml --scale 1.5 --report report/
  bin/spillway rehearse --url http://localhost:8080 --rate 200 --seconds 30 --spike
  bin/spillway rehearse --url http://localhost:8080 --shop --rate 50 --peak 400 --seconds 60
  bin/spillway rehearse --url https://staging.shop.example --owned staging.shop.example --path / --path /products/1
  bin/spillway rehearse --url http://localhost:8080 --users 50 --seconds 20
  bin/spillway rehearse --house --rate 20 --peak 100 --seconds 60 --drill worker-killed
  bin/spillway rehearse --go-no-go sale.yaml --report report/
  bin/spillway rehearse --go-no-go --house --rate 20 --peak 60 --seconds 30
  bin/spillway rehearse import har checkout.har > plan.json      (import --help: openapi, sitemap, log, k6)
  bin/spillway rehearse export k6 sale.yaml > sale.js

  --url URL        the target; in place of the plan's, or with the flags below instead of a plan (errors must stay below 1 %)
  --path PATH      an address to ask for; may come several times (/)
  --shop           the sale of the demonstration shop: browse, search, cart, order, track. Its books are held to the truth where
                   DATABASE_URL or SPILLWAY_DATA say where they are, as for up
  --rate N         journeys begun a second (10)          --seconds N   how long (30)
  --spike          to ten times the rate in the middle   --peak N      to this rate instead
  --users N        a closed crowd: so many, each again when done
  --scale N        1.5 is 150 % of the plan              --seed N      other arrivals, other luck
  --timeout N      seconds that an answer may take (30)
  --owned HOST     this host is yours to load; without it only this machine is fired at
  --trust-any-certificate   for a staging host that signed its own
  --processes N    of the generator (one for each 10,000 requests a second at the peak)
  --listen HOST:PORT --machines N    waits for N other machines, and prints what they are to say
  --join HOST:PORT --token TOKEN     lends this machine to the one that listens
  --house          against a Spillway of its own (Postgres, shop, worker, edge, each a process), gone afterwards
  --drill NAME     a trouble at the peak; may come several times (bin/spillway drill --list)
  --go-no-go       150 and 200 %, the drills at the peak, steps up to the knee; one page says go or no-go, and why
  --report DIR     result.json and every report there is
  --json           the result as JSON on standard output, nothing else there
  --plain          lines instead of the live view        --dry-run     say what would be sent, send nothing
  --schema         the plan's JSON schema

Exit code 0: everything held. 1: a threshold was broken. 2: wrong usage. 3: the run is void, nothing may be concluded.
4: an invariant was broken, such as a unit sold twice.`;

const agent = `spillway-rehearse/${version}`;

/** `open`: how a house is opened; whoever builds upon this may furnish it before its doors open. */
export async function rehearseTool(
  given: string[],
  env: NodeJS.ProcessEnv,
  open: typeof openHouse = openHouse,
): Promise<number> {
  if (given[0] === "import") return await importTool(given.slice(1));
  if (given[0] === "export") return await exportTool(given.slice(1));
  const flags = readFlags(given);
  if (flags.isHelp) {
    print(rehearseHelp);
    return 0;
  }
  if (flags.isSchema) {
    process.stdout.write(rehearsalSchemaJson());
    return 0;
  }
  const stopping = new AbortController();
  const onSignal = (): void => {
    // Once more is meant: whoever is under way is let go.
    if (stopping.signal.aborted) process.exit(3);
    stopping.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    if (flags.join !== undefined) return await lend(flags, stopping.signal);
    return await rehearse(flags, env, stopping.signal, open);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

async function exportTool([kind, file, ...more]: string[]): Promise<number> {
  if (kind !== "k6" || file === undefined || more.length > 0)
    throw new SpillwayError("bad_usage", "usage: bin/spillway rehearse export k6 PLAN > sale.js");
  const { plan } = await readPlanFile(file, () => undefined);
  process.stdout.write(k6Script(plan));
  return 0;
}

async function rehearse(
  flags: RehearseFlags,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  open: typeof openHouse,
): Promise<number> {
  const say = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  const drills =
    flags.drills.length > 0 ? flags.drills : flags.isHouse && flags.isGoNoGo ? drillsOfAHouse : flags.drills;
  // What is wrong with the plan is told before anything is started for it.
  const intended = await planOf(flags, env, flags.isHouse ? { url: "http://127.0.0.1:1" } : undefined);
  const needs = (await Promise.all(drills.map(async (file) => (await readDrill(file)).experiment.needs))).flat();
  if (flags.isDryRun) {
    say(intentOf(intended).join("\n"));
    return 0;
  }
  const house = flags.isHouse ? await open({ env, needs, log: say }) : undefined;
  try {
    const ready = house === undefined ? intended : await planOf(flags, env, targetOf(house));
    const parts = rehearsalParts({ env, log: say, house: house === undefined ? undefined : drillHouse(house) });
    if (flags.isGoNoGo) return await decide(flags, ready, { parts, drills, house, say, signal });
    const withDrills =
      drills.length === 0
        ? ready
        : await readyPlan(
            {
              ...ready.plan,
              drills: [
                ...ready.plan.drills,
                ...drills.map((file, at) => ({ file, atSeconds: peakSecondOf(ready.pieces) + at })),
              ],
            },
            ready.folder,
            ready.plan.name,
          );
    say(intentOf(withDrills).join("\n"));
    const played = await playOnce(flags, withDrills, { parts, say, signal });
    if (played.kind === "not begun") return notBegun(played.reason, say);
    if (flags.report !== undefined) await writeFiles(flags.report, filesOf(parts, played.result, ""), say);
    const { result } = played;
    print(flags.isJson ? JSON.stringify(result) : `\n${resultText(result)}\n${decisionLine(result)}`);
    return exitCodeOf[played.result.verdict];
  } finally {
    await house?.close();
  }
}

/** Played at the peak where nobody names others: one of each kind of trouble. */
const drillsOfAHouse = ["worker-killed", "payment-slow", "postgres-killed"];

/** Where the shop's books are, by the settings of `up`; without them nobody asks for the truth. */
function shopOf({ DATABASE_URL, SPILLWAY_DATA }: NodeJS.ProcessEnv): object {
  if (DATABASE_URL !== undefined) return { kind: "spillway", settings: { databaseUrl: DATABASE_URL } };
  if (SPILLWAY_DATA !== undefined) return { kind: "spillway", settings: { dataDir: SPILLWAY_DATA } };
  return {};
}

const targetOf = ({ doorUrl, databaseUrl, opsUrls }: House) => ({
  url: doorUrl,
  kind: "spillway",
  settings: { databaseUrl, metricsUrl: `${opsUrls.edge}/metrics` },
});

type Stage = {
  readonly parts: RehearsalParts;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
};

async function decide(
  flags: RehearseFlags,
  ready: ReadyPlan,
  stage: Stage & { readonly drills: readonly string[]; readonly house: House | undefined },
): Promise<number> {
  const { parts, drills, house, say, signal } = stage;
  const { metricsUrl } = ready.plan.target.settings;
  const outcome = await rehearseGoNoGo({
    ready,
    drills,
    metricsUrls:
      house === undefined ? [metricsUrl ?? []].flat() : Object.values(house.opsUrls).map((url) => `${url}/metrics`),
    play: async (one, onSecond) => {
      say(intentOf(one).join("\n"));
      const played = await playOnce(flags, one, stage, onSecond);
      if (played.kind === "played") say(resultText(played.result));
      return played;
    },
    say,
    signal,
  });
  if ("reason" in outcome) return notBegun(outcome.reason, say);
  const { found, results } = outcome;
  if (flags.report !== undefined)
    await writeFiles(
      flags.report,
      [
        { file: "go-no-go.html", text: goNoGoHtml(found) },
        { file: "go-no-go.md", text: goNoGoMarkdown(found) },
        ...results.flatMap(({ name, result }) => filesOf(parts, result, `${name}/`)),
      ],
      say,
    );
  print(flags.isJson ? JSON.stringify(found) : `\n${goNoGoText(found)}`);
  return found.exitCode;
}

function notBegun(reason: string, say: (text: string) => void): number {
  say(`${reason}\nThe run did not begin: nothing may be concluded.`);
  return exitCodeOf.void;
}

async function playOnce(
  flags: RehearseFlags,
  ready: ReadyPlan,
  { parts, say, signal }: Stage,
  onSecond: (atSecond: number) => void = () => undefined,
): Promise<Play> {
  const steps = Math.max(...ready.plan.journeys.map((journey) => journey.steps.length));
  const processes = flags.processes ?? processesFor(ready.plan.model === "open" ? peakOf(ready.pieces) * steps : 1);
  const workers: Worker[] = [];
  if (flags.listen !== undefined) workers.push(...(await others(flags, say, signal)));
  const machines = 1 + workers.length;
  for (let at = 0; at < processes; at++) workers.push(startWorkerProcess(`process ${at + 1} of this machine`));
  const team = teamOf(workers, machines);
  const live = liveView(process.stderr, flags.isPlain || flags.isJson);
  try {
    return await play(ready, {
      agent,
      parts,
      team,
      signal,
      onSecond: (second, soFar) => {
        onSecond(second.atSecond);
        live.show(second, soFar);
      },
    });
  } finally {
    live.end();
    await team.close();
  }
}

/** `given`: a target that stands before the plan's. */
async function planOf(flags: RehearseFlags, env: NodeJS.ProcessEnv, given: object | undefined): Promise<ReadyPlan> {
  const change = (raw: Record<string, unknown>): void => {
    const own = typeof raw.target === "object" && raw.target !== null ? raw.target : {};
    const target: Record<string, unknown> = { ...own, ...given };
    if (flags.url !== undefined) target.url = flags.url.replace(/\/+$/, "");
    if (flags.owned.length > 0) target.owned = [...(Array.isArray(target.owned) ? target.owned : []), ...flags.owned];
    if (flags.trustsAnyCertificate) target.trustAnyCertificate = true;
    if (Object.keys(target).length > 0) raw.target = target;
    if (flags.scale !== undefined) raw.scale = flags.scale;
    if (flags.seed !== undefined) raw.seed = flags.seed;
    if (flags.timeout !== undefined) raw.timeoutSeconds = flags.timeout;
  };
  if (flags.plan !== undefined) return await readPlanFile(flags.plan, change);
  const rate = flags.rate ?? 10;
  const base = {
    rate,
    seconds: flags.seconds ?? 30,
    peak: flags.peak ?? (flags.isSpike ? 10 * rate : undefined),
    users: flags.users,
  };
  const url = URL.canParse(flags.url ?? "") ? new URL(flags.url as string) : undefined;
  const own = url === undefined ? "/" : `${url.pathname}${url.search}`;
  const raw: Record<string, unknown> = structuredClone(
    flags.isShop || flags.isHouse
      ? {
          ...planOfShop({ ...base, paths: [] }, flags.isHouse ? houseWare : undefined),
          target: flags.isHouse ? { kind: "spillway" } : shopOf(env),
        }
      : planOfFlags({ ...base, paths: flags.paths.length > 0 ? flags.paths : [own] }),
  );
  // Flags have no word for thresholds, and a shop that only fails has not held. Under drills it may.
  if (flags.drills.length === 0 && !flags.isGoNoGo) raw.thresholds = [{ of: "errors.share", below: 0.01 }];
  change(raw);
  if (url !== undefined) (raw.target as Record<string, unknown>).url = url.origin;
  return await readyPlan(raw, process.cwd(), "The plan of these flags");
}

async function others(flags: RehearseFlags, say: (text: string) => void, signal: AbortSignal): Promise<Worker[]> {
  const place = flags.listen as NonNullable<RehearseFlags["listen"]>;
  const token = flags.token ?? randomBytes(16).toString("hex");
  if (flags.token === undefined)
    say(`on each other machine: bin/spillway rehearse --join THIS-HOST:${place.port} --token ${token}`);
  return await machinesJoined({ ...place, token, machines: flags.machines, say, signal });
}

async function lend(flags: RehearseFlags, signal: AbortSignal): Promise<number> {
  const place = flags.join as NonNullable<RehearseFlags["join"]>;
  const processes = flags.processes ?? processesFor(Number.POSITIVE_INFINITY);
  const team = teamOf(
    Array.from({ length: processes }, (_, at) => startWorkerProcess(`process ${at + 1} of this machine`)),
  );
  try {
    await joinMachine({ ...place, token: flags.token as string, team, say: print, signal });
    print("The run is over.");
    return 0;
  } finally {
    await team.close();
  }
}

type ReportFile = { readonly file: string; readonly text: string };

const filesOf = (parts: RehearsalParts, result: RunResult, folder: string): ReportFile[] =>
  [
    { file: "result.json", text: `${JSON.stringify(result, null, 2)}\n` },
    ...parts.writers.flatMap((writer) => writer(result)),
  ].map(({ file, text }) => ({ file: `${folder}${file}`, text }));

async function writeFiles(folder: string, files: readonly ReportFile[], say: (text: string) => void): Promise<void> {
  const path = resolve(folder);
  for (const { file, text } of files) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), text);
  }
  say(`${files.length} files are in ${path}`);
}
