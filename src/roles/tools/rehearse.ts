/** `spillway rehearse`: plays a crowd against a shop, and says whether the shop held. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { peakOf } from "#rehearse/crowd/arrivals.ts";
import { exitCodeOf, type RunResult } from "#rehearse/result.ts";
import { planOfFlags, planOfShop } from "../rehearsal/flag-plan.ts";
import { processesFor, type RehearseFlags, readFlags } from "../rehearsal/flags.ts";
import type { Worker } from "../rehearsal/job.ts";
import { liveView, resultText } from "../rehearsal/live.ts";
import { joinMachine, machinesJoined } from "../rehearsal/machines.ts";
import { rehearsalParts } from "../rehearsal/parts.ts";
import { intentOf, type ReadyPlan, readPlanFile, readyPlan, rehearsalSchemaJson } from "../rehearsal/plan-file.ts";
import { play } from "../rehearsal/play.ts";
import { teamOf } from "../rehearsal/team.ts";
import { startWorkerProcess } from "../rehearsal/worker-process.ts";
import { version } from "../version.ts";
import { print } from "./terminal.ts";

export const rehearseHelp = `Plays a plan (.ts, .yaml or .json): who comes when, what they do, what must hold. Arrivals do not wait for answers, and every
time counts from when it should have begun, so that a shop that stands still is not measured less for it.

  bin/spillway rehearse sale.yaml
  bin/spillway rehearse sale.yaml --scale 1.5 --report report/
  bin/spillway rehearse --url http://localhost:8080 --rate 200 --seconds 30 --spike
  bin/spillway rehearse --url http://localhost:8080 --shop --rate 50 --peak 400 --seconds 60
  bin/spillway rehearse --url https://staging.shop.example --owned staging.shop.example --path / --path /products/1
  bin/spillway rehearse --url http://localhost:8080 --users 50 --seconds 20

  --url URL        the target; in place of the plan's, or with the flags below instead of a plan
  --path PATH      an address to ask for; may come several times (/)
  --shop           the sale of the demonstration shop: browse, search, cart, order, track
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
  --report DIR     result.json and every report there is
  --json           the result as JSON on standard output, nothing else there
  --plain          lines instead of the live view        --dry-run     say what would be sent, send nothing
  --schema         the plan's JSON schema

Exit code 0: everything held. 1: a threshold was broken. 2: wrong usage. 3: the run is void, nothing may be concluded.
4: an invariant was broken, such as a unit sold twice.`;

const agent = `spillway-rehearse/${version}`;

export async function rehearseTool(given: string[]): Promise<number> {
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
    return await rehearse(flags, stopping.signal);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

async function rehearse(flags: RehearseFlags, signal: AbortSignal): Promise<number> {
  const ready = await planOf(flags);
  const say = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  say(intentOf(ready).join("\n"));
  if (flags.isDryRun) return 0;

  const steps = Math.max(...ready.plan.journeys.map((journey) => journey.steps.length));
  const processes = flags.processes ?? processesFor(ready.plan.model === "open" ? peakOf(ready.pieces) * steps : 1);
  const workers: Worker[] = [];
  if (flags.listen !== undefined) workers.push(...(await others(flags, say, signal)));
  const machines = 1 + workers.length;
  for (let at = 0; at < processes; at++) workers.push(startWorkerProcess(`process ${at + 1} of this machine`));
  const team = teamOf(workers, machines);
  const live = liveView(process.stderr, flags.isPlain || flags.isJson);
  try {
    const played = await play(ready, {
      agent,
      parts: rehearsalParts,
      team,
      signal,
      onSecond: (second, soFar) => live.show(second, soFar),
    });
    if (played.kind === "not begun") {
      say(`${played.reason}\nThe run did not begin: nothing may be concluded.`);
      return exitCodeOf.void;
    }
    if (flags.report !== undefined) await writeReports(flags.report, played.result, say);
    print(flags.isJson ? JSON.stringify(played.result) : `\n${resultText(played.result)}`);
    return exitCodeOf[played.result.verdict];
  } finally {
    await team.close();
  }
}

async function planOf(flags: RehearseFlags): Promise<ReadyPlan> {
  const change = (raw: Record<string, unknown>): void => {
    const target = (typeof raw.target === "object" && raw.target !== null ? raw.target : {}) as Record<string, unknown>;
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
    flags.isShop
      ? { ...planOfShop({ ...base, paths: [] }), target: { kind: "spillway" } }
      : planOfFlags({ ...base, paths: flags.paths.length > 0 ? flags.paths : [own] }),
  );
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

async function writeReports(folder: string, result: RunResult, say: (text: string) => void): Promise<void> {
  const path = resolve(folder);
  await mkdir(path, { recursive: true });
  const files = [
    { file: "result.json", text: `${JSON.stringify(result, null, 2)}\n` },
    ...rehearsalParts.writers.flatMap((writer) => writer(result)),
  ];
  for (const { file, text } of files) await writeFile(join(path, file), text);
  say(`${files.length} files are in ${path}`);
}
