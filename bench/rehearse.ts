/**
 * How much load does a core of ours make, beside the best generators of the field? One run: a server of raw sockets on one core;
 * each generator by turns on the other, with 64 kept connections in a closed loop, the kind of load that all of them know. Ours is
 * measured as an open crowd too, which keeps a rate and counts from the intended start.
 *
 * What is compared is requests that the server saw for each second of the generator's own CPU, children included, within a
 * window in the middle of its run: so neither its start nor a neighbour on the machine is counted.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type OriginProcess, startOrigin } from "./edge/origin-process.ts";
import { pinning } from "./kit/cores.ts";
import { cpuSecondsWithChildren } from "./kit/processes.ts";
import { table } from "./kit/table.ts";
import { freeze } from "./rehearse/freeze.ts";
import { type GeneratorName, installPeers, type Peers, peersIn } from "./rehearse/generators.ts";

/** What is to be reached. */
const reach = { wrk: 0.6, others: 5 };
const names: readonly GeneratorName[] = ["spillway", "open", "wrk", "hey", "autocannon", "artillery", "k6"];
const labels: Readonly<Record<GeneratorName, string>> = {
  spillway: "spillway rehearse, closed",
  open: "spillway rehearse, open",
  wrk: "wrk",
  hey: "hey",
  autocannon: "autocannon",
  artillery: "Artillery",
  k6: "k6",
};
const connections = 64;
const startsWithinMs = 60_000;
/** Of its CPU, so that a compiler at run time has seen what comes, also on a busy machine. */
const warmUpCpuSeconds = 2.5;
const warmUpMostMs = 20_000;
const warmUpQuickMs = 500;
const quickWindowMs = 1000;

type Measured = { readonly perCore: number; readonly perSecond: number; readonly busy: number };

export async function benchRehearse(given: string[]): Promise<number> {
  const { values } = parseArgs({
    args: given,
    options: {
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "3" },
      quick: { type: "boolean", default: false },
      peers: { type: "string" },
    },
  });
  const windowMs = values.quick ? quickWindowMs : Math.min(Math.max(Number(values.seconds) || 3, 2), 30) * 1000;
  const rounds = values.quick ? 1 : Math.min(Math.max(Number(values.rounds) || 3, 1), 9);
  const say = (line: string) => process.stderr.write(`${line}\n`);

  const ground = mkdtempSync(join(tmpdir(), "spillway-bench-"));
  chmodSync(ground, 0o755);
  const peersFolder = values.peers === undefined ? ground : resolve(values.peers);
  mkdirSync(peersFolder, { recursive: true });
  let origin: OriginProcess | undefined;
  const close = async () => {
    await origin?.stop();
    rmSync(ground, { recursive: true, force: true });
  };
  const stopOnSignal = () => void close().finally(() => process.exit(130));
  process.once("SIGINT", stopOnSignal);
  process.once("SIGTERM", stopOnSignal);
  try {
    // In a quick run only what is here already.
    if (!values.quick) await installPeers(peersFolder, say);
    const peers = peersIn(peersFolder);
    const pins = pinning();
    say(pins.told.replace("servers", "the server").replace("crowd and origin", "each generator by turns"));
    origin = await startOrigin(pins.server, ground);
    const results = new Map<GeneratorName, Measured[]>();
    const absent = new Set<GeneratorName>();
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      for (const name of names) {
        if (absent.has(name)) continue;
        const measured = await measure(name, peers, origin, pins.crowd, windowMs, results.get("spillway")?.[0]);
        if (measured === undefined) {
          absent.add(name);
          say(`${labels[name]} is not installed: it is left out`);
          continue;
        }
        results.set(name, [...(results.get(name) ?? []), measured]);
        say(
          `${labels[name]}: ${whole(measured.perCore)} for a second of its CPU, ${whole(measured.perSecond)} a second`,
        );
      }
    }
    await origin.stop();
    say("a server that stands still");
    const frozen = values.quick ? [] : await freeze(peers);
    report(results, frozen);
    return 0;
  } finally {
    process.removeListener("SIGINT", stopOnSignal);
    process.removeListener("SIGTERM", stopOnSignal);
    await close();
  }
}

/** Undefined: it is not installed. */
async function measure(
  name: GeneratorName,
  peers: Peers,
  origin: OriginProcess,
  before: readonly string[],
  windowMs: number,
  closed: Measured | undefined,
): Promise<Measured | undefined> {
  const command = peers.commandOf(name, {
    url: `http://127.0.0.1:${origin.port}/pass/100/0000000`,
    connections,
    seconds: Math.ceil((startsWithinMs + warmUpMostMs + windowMs) / 1000),
    // What it surely keeps up with, so that it stays an open crowd.
    perSecond: Math.max(1000, Math.round((closed?.perSecond ?? 10_000) / 2)),
  });
  if (command === undefined) return undefined;
  const askedAtStart = await origin.asked();
  const child = Bun.spawn([...before, ...command], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    cwd: peers.folder,
  });
  const errors = new Response(child.stderr).text();
  try {
    const giveUpMs = performance.now() + startsWithinMs;
    while ((await origin.asked()) - askedAtStart < 200) {
      if (child.exitCode !== null || performance.now() > giveUpMs)
        throw new Error(`${labels[name]} sent nothing: ${child.exitCode === null ? "" : await errors}`);
      await Bun.sleep(50);
    }
    const warmUntilMs = performance.now() + (windowMs <= quickWindowMs ? warmUpQuickMs : warmUpMostMs);
    const cpuAtStart = cpuSecondsWithChildren(child.pid) ?? 0;
    while ((cpuSecondsWithChildren(child.pid) ?? 0) - cpuAtStart < warmUpCpuSeconds && performance.now() < warmUntilMs)
      await Bun.sleep(50);
    const [askedBefore, cpuBefore, beganMs] = [
      await origin.asked(),
      cpuSecondsWithChildren(child.pid),
      performance.now(),
    ];
    await Bun.sleep(windowMs);
    const [askedAfter, cpuAfter, endedMs] = [
      await origin.asked(),
      cpuSecondsWithChildren(child.pid),
      performance.now(),
    ];
    if (cpuBefore === undefined || cpuAfter === undefined)
      throw new Error(`${labels[name]} ended before its time: ${child.exitCode === null ? "" : await errors}`);
    const requests = askedAfter - askedBefore;
    const seconds = (endedMs - beganMs) / 1000;
    return {
      perCore: requests / (cpuAfter - cpuBefore),
      perSecond: requests / seconds,
      busy: (cpuAfter - cpuBefore) / seconds,
    };
  } finally {
    child.kill("SIGTERM");
    await Promise.race([child.exited, Bun.sleep(5000)]);
    child.kill("SIGKILL");
    await child.exited;
  }
}

function report(
  results: ReadonlyMap<GeneratorName, readonly Measured[]>,
  frozen: Awaited<ReturnType<typeof freeze>>,
): void {
  const out = (text: string) => process.stdout.write(`${text}\n`);
  const of = (name: GeneratorName, read: (measured: Measured) => number) => median((results.get(name) ?? []).map(read));
  const perCore = (name: GeneratorName) => of(name, (measured) => measured.perCore);
  const ratioTo = (name: GeneratorName) => perCore("spillway") / perCore(name);

  out(`\n${connections} kept connections; requests that the server saw (median of the rounds)\n`);
  out(
    table([
      ["", "for a second of its CPU", "a second", "busy, % of a core", "ours is ×"],
      ...names
        .filter((name) => results.has(name))
        .map((name) => [
          labels[name],
          whole(perCore(name)),
          whole(of(name, ({ perSecond }) => perSecond)),
          whole(of(name, ({ busy }) => 100 * busy)),
          two(ratioTo(name)),
        ]),
    ]),
  );
  const absent = names.filter((name) => !results.has(name)).map((name) => labels[name]);
  if (absent.length > 0) out(`\nnot installed: ${absent.join(", ")}`);
  if (frozen.length > 0) {
    out("\na server that sleeps for the last 2 of 4 seconds, at 200 requests a second, as each reports it (ms)\n");
    const ms = (value: number) => (Number.isFinite(value) ? value.toFixed(value < 10 ? 1 : 0) : "-");
    out(
      table([
        ["", "p50", "p75", "p99", "p99.99", "mean"],
        ["in theory, of those who came", "≤ 1", "1000", "1980", "2000", "500"],
        ...frozen.map((row) => [row.name, ...[row.p50Ms, row.p75Ms, row.p99Ms, row.p9999Ms, row.meanMs].map(ms)]),
      ]),
    );
  }
  const others = (["autocannon", "artillery", "k6"] as const).filter((name) => results.has(name));
  const targets = [
    ...(results.has("wrk") ? [["wrk", reach.wrk] as const] : []),
    ...others.map((name) => [name, reach.others] as const),
  ];
  if (targets.length > 0) {
    out("");
    out(
      table([
        ["", "measured", "to reach", ""],
        ...targets.map(([name, least]) => [
          `× ${labels[name]}`,
          two(ratioTo(name)),
          `≥ ${least}`,
          ratioTo(name) >= least ? "reached" : "MISSED",
        ]),
      ]),
    );
  }
  const rounded = (value: number, digits: number) =>
    Number.isFinite(value) ? Math.round(value * 10 ** digits) / 10 ** digits : null;
  out("");
  out(
    JSON.stringify({
      bench: "rehearse",
      perCore: rounded(perCore("spillway"), 0),
      openPerCore: rounded(perCore("open"), 0),
      ...Object.fromEntries(
        (["wrk", "hey", "autocannon", "artillery", "k6"] as const).map((name) => [name, rounded(perCore(name), 0)]),
      ),
      ratioToWrk: rounded(ratioTo("wrk"), 2),
    }),
  );
}

/** Of those that are numbers. */
const median = (values: readonly number[]): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};
const whole = (value: number): string => (Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "-");
const two = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "-");
