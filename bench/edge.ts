/**
 * How fast is the edge beside the best servers of the field? One run: each server on one core, by turns; the crowd and the
 * origin on another. The same crowd for all: keep-alive connections on Bun's sockets, a browser's fields (bench/generator);
 * where wrk is installed, it is asked for a second opinion.
 *
 * What is compared is answers for each second of the server's own CPU: what one whole core answers, also where the crowd's core
 * is what limits a round, or a neighbour takes some of the time.
 */
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SpillwayError } from "#kernel/error.ts";
import { startOrigin } from "./edge/origin-process.ts";
import { programOf, type Server, type ServerName, serverNames, startServer } from "./edge/servers.ts";
import { type Generator, startGenerator } from "./generator/generator.ts";
import { browserFields } from "./generator/get.ts";
import type { GetJob } from "./generator/jobs.ts";
import { pinning } from "./kit/cores.ts";
import { cpuSecondsWithChildren, residentWithChildren } from "./kit/processes.ts";
import { table } from "./kit/table.ts";

/** What is to be reached. */
const reach = { hits: 1.5, forward: 0.6, forwardGoal: 0.8, rss5000Mb: 150 };

type Scenario = {
  readonly name: string;
  readonly label: string;
  readonly tls?: boolean;
  /** Answers must come from the cache: the origin may not hear of them. */
  readonly fromCache: boolean;
  readonly job: Pick<GetJob, "path" | "keys" | "connections" | "status" | "length" | "ifNoneMatch">;
};

const hit = (length: number) => ({ path: `/hit/${length}`, keys: 1, connections: 64, status: 200, length });
const manyKeys = (quick: boolean): number => (quick ? 20_000 : 100_000);
const manyConnections = 5000;

const scenarios = (quick: boolean): readonly Scenario[] => [
  { name: "hits100", label: "hits, 100 B", fromCache: true, job: hit(100) },
  { name: "hits2k", label: "hits, 2 KB", fromCache: true, job: hit(2048) },
  { name: "hits50k", label: "hits, 50 KB", fromCache: true, job: hit(51_200) },
  {
    name: "zipf",
    label: `hits, 2 KB, Zipf over ${whole(manyKeys(quick))} keys`,
    fromCache: true,
    job: { ...hit(2048), keys: manyKeys(quick) },
  },
  {
    name: "notModified",
    label: "304, 2 KB",
    fromCache: true,
    job: { ...hit(2048), status: 304, length: 0, ifNoneMatch: '"v1-2048"' },
  },
  { name: "tls", label: "hits over TLS, 2 KB", tls: true, fromCache: true, job: hit(2048) },
  { name: "forward", label: "forwarded, 2 KB", fromCache: false, job: { ...hit(2048), path: "/pass/2048" } },
  {
    name: "connections",
    label: `hits, 2 KB, ${whole(manyConnections)} connections`,
    fromCache: true,
    job: { ...hit(2048), connections: manyConnections },
  },
];

type Measured = {
  /** Right answers for a second of the server's CPU. */
  readonly perCore: number;
  /** The same for a second of the clock. */
  readonly perSecond: number;
  /** Share of its core that the server was busy. */
  readonly busy: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMb: number;
  readonly complaint: string | undefined;
};

/** Of those that are numbers. */
const median = (values: readonly number[]): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};
const whole = (value: number): string => (Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "-");
const two = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "-");

export async function benchEdge(given: string[]): Promise<number> {
  const { values } = parseArgs({
    args: given,
    options: {
      seconds: { type: "string", default: "2" },
      rounds: { type: "string", default: "3" },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
    },
  });
  const windowMs = (values.quick ? 1 : Math.min(Math.max(Number(values.seconds) || 2, 1), 30)) * 1000;
  const rounds = values.quick ? 1 : Math.min(Math.max(Number(values.rounds) || 3, 1), 9);
  const all = scenarios(values.quick);
  const wanted = values.only?.split(",").map((name) => name.trim());
  const unknown = wanted?.find((name) => !all.some((scenario) => scenario.name === name));
  if (unknown !== undefined)
    throw new SpillwayError(
      "bad_usage",
      `--only knows no "${unknown}". It takes, with commas between: ${all.map(({ name }) => name).join(", ")}`,
    );
  const chosen = all.filter(({ name }) => wanted?.includes(name) ?? true);
  const say = (line: string) => process.stderr.write(`${line}\n`);

  // In memory where that can be had: nginx keeps its cache there.
  const place = process.env.TMPDIR === undefined && existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const ground = mkdtempSync(join(place, "spillway-bench-"));
  // Where a bench runs as root, nginx works as somebody else, and would not get in.
  chmodSync(ground, 0o755);
  const pins = pinning();
  say(pins.told);
  const servers: Server[] = [];
  let origin: Awaited<ReturnType<typeof startOrigin>> | undefined;
  let generator: Generator | undefined;
  const close = async () => {
    await generator?.stop();
    await Promise.all(servers.map(async (server) => await server.stop()));
    await origin?.stop();
    rmSync(ground, { recursive: true, force: true });
  };
  const stopOnSignal = () => void close().finally(() => process.exit(130));
  process.once("SIGINT", stopOnSignal);
  process.once("SIGTERM", stopOnSignal);
  try {
    origin = await startOrigin(pins.crowd, ground);
    generator = startGenerator(pins.crowd);
    const certificate = makeCertificate(ground, say);
    for (const name of serverNames) {
      say(`starting ${name}`);
      const on = { folder: ground, originPort: origin.port, before: pins.server, certificate };
      try {
        const server = await startServer(name, on);
        if (server === undefined) say(`${name} is not installed: it is left out`);
        else servers.push(server);
      } catch (error) {
        if (name === "spillway") throw error;
        say(`${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
      }
    }

    const bench = { generator, origin, windowMs };
    const results = new Map<string, Map<ServerName, Measured[]>>();
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      // The many connections come first, so that their memory is not that of the Zipf keys.
      for (const scenario of chosen.toSorted((a, b) => b.job.connections - a.job.connections)) {
        const ofScenario = results.get(scenario.name) ?? new Map<ServerName, Measured[]>();
        results.set(scenario.name, ofScenario);
        for (const server of servers) {
          if (scenario.tls === true && server.tls === undefined) continue;
          const measured = await measure(bench, server, scenario, round === 1).catch((error: unknown) => {
            if (server.name === "spillway") throw error;
            return nothing(error instanceof Error ? error.message : String(error));
          });
          ofScenario.set(server.name, [...(ofScenario.get(server.name) ?? []), measured]);
          say(
            `${scenario.label}, ${server.name}: ${whole(measured.perCore)} a second of its core, ${whole(measured.perSecond)} of the clock, p99 ${two(measured.p99Ms)} ms${measured.complaint === undefined ? "" : `; ${measured.complaint}`}`,
          );
        }
      }
    }
    const second = results.has("hits2k") ? await secondOpinion(bench, servers, pins.crowd, rounds, say) : undefined;
    return report({ chosen, results, servers, second });
  } finally {
    process.removeListener("SIGINT", stopOnSignal);
    process.removeListener("SIGTERM", stopOnSignal);
    await close();
  }
}

type Bench = {
  readonly generator: Generator;
  readonly origin: { readonly port: number; asked(): Promise<number> };
  readonly windowMs: number;
};

const nothing = (complaint: string): Measured => ({
  perCore: Number.NaN,
  perSecond: Number.NaN,
  busy: Number.NaN,
  p50Ms: Number.NaN,
  p99Ms: Number.NaN,
  rssMb: Number.NaN,
  complaint,
});

/** Every key once, so that what is measured are hits. */
async function fill(bench: Bench, server: Server, { job, label, tls }: Scenario): Promise<void> {
  if (job.keys > 1) process.stderr.write(`${label}, ${server.name}: filling its cache\n`);
  const { port } = (tls === true ? server.tls : undefined) ?? server;
  const result = await bench.generator.get({
    ...job,
    connections: Math.min(job.connections, job.keys, 64),
    port,
    tls: tls ?? false,
    once: true,
    warmUpMs: 0,
    windowMs: 60_000,
  });
  if (result.broken > 0)
    throw new Error(`${server.name} broke ${result.broken} connections while its cache was filled`);
}

async function measure(bench: Bench, server: Server, scenario: Scenario, isFirst: boolean): Promise<Measured> {
  if (isFirst && scenario.fromCache) await fill(bench, server, scenario);
  const { port, pid } = (scenario.tls === true ? server.tls : undefined) ?? server;
  let cpuAtBegin = 0;
  let cpu = 0;
  let rss = 0;
  const askedBefore = await bench.origin.asked();
  const result = await bench.generator.get(
    {
      ...scenario.job,
      port,
      tls: scenario.tls ?? false,
      // The first is long enough for a JIT to have seen what comes.
      warmUpMs: isFirst ? 800 : 300,
      windowMs: bench.windowMs,
    },
    (edge) => {
      const seconds = cpuSecondsWithChildren(pid) ?? 0;
      if (edge === "begin") cpuAtBegin = seconds;
      else {
        cpu = seconds - cpuAtBegin;
        rss = residentWithChildren(pid) ?? 0;
      }
    },
  );
  const asked = (await bench.origin.asked()) - askedBefore;
  const answered = Object.values(result.answers).reduce((sum, count) => sum + count, 0);
  const complaints = [
    answered > result.right ? `${whole(answered - result.right)} answers were not what was asked for` : "",
    result.broken > 0 ? `${whole(result.broken)} connections broke` : "",
    scenario.fromCache && asked > result.right / 100 ? `the origin was asked ${whole(asked)} times` : "",
  ].filter((text) => text !== "");
  return {
    perCore: cpu > 0 ? result.right / cpu : result.right / result.windowSeconds,
    perSecond: result.right / result.windowSeconds,
    busy: cpu / result.windowSeconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    rssMb: rss / 1e6,
    complaint: complaints.length === 0 ? undefined : complaints.join(", "),
  };
}

/** The ratio of 2 KB hits as wrk sees it, or undefined where it or nginx is not installed. */
async function secondOpinion(
  bench: Bench,
  servers: readonly Server[],
  before: readonly string[],
  rounds: number,
  say: (line: string) => void,
): Promise<number | undefined> {
  const wrk = programOf("wrk");
  const ours = servers.find(({ name }) => name === "spillway");
  const nginx = servers.find(({ name }) => name === "nginx");
  if (wrk === null || ours === undefined || nginx === undefined) return undefined;
  const perCore = async ({ name, pid, port }: Server): Promise<number> => {
    const cpuAtBegin = cpuSecondsWithChildren(pid) ?? 0;
    const run = Bun.spawn(
      [
        ...[...before, wrk, "-t1", "-c64", `-d${Math.round(bench.windowMs / 1000)}s`],
        ...["Host: shop.example", ...browserFields].flatMap((field) => ["-H", field]),
        `http://127.0.0.1:${port}/hit/2048/0000000`,
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    const text = await new Response(run.stdout).text();
    const rate = Number(/(\d+) requests in/.exec(text)?.[1]) / ((cpuSecondsWithChildren(pid) ?? 0) - cpuAtBegin);
    say(`hits, 2 KB, ${name}, by wrk: ${whole(rate)} a second of its core`);
    return rate;
  };
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) ratios.push((await perCore(ours)) / (await perCore(nginx)));
  return median(ratios);
}

function report(run: {
  chosen: readonly Scenario[];
  results: ReadonlyMap<string, ReadonlyMap<ServerName, readonly Measured[]>>;
  servers: readonly Server[];
  second: number | undefined;
}): number {
  const { chosen, results, servers, second } = run;
  const of = (scenario: string, server: ServerName, read: (measured: Measured) => number): number =>
    median((results.get(scenario)?.get(server) ?? []).map(read));
  const perCore = ({ perCore: value }: Measured) => value;
  const ratio = (scenario: string) => of(scenario, "spillway", perCore) / of(scenario, "nginx", perCore);
  const out = (text: string) => process.stdout.write(`${text}\n`);
  const names = servers.map(({ name }) => name);

  out("\nanswers for a second of the server's core (median; × is to nginx)\n");
  out(
    table([
      ["", ...names, "×"],
      ...chosen.map(({ name, label }) => [
        label,
        ...names.map((server) => whole(of(name, server, perCore))),
        two(ratio(name)),
      ]),
    ]),
  );
  const more = (title: string, shown: (scenario: string, server: ServerName) => string) => {
    out(`\n${title}\n`);
    out(
      table([
        ["", ...names],
        ...chosen.map(({ name, label }) => [label, ...names.map((server) => shown(name, server))]),
      ]),
    );
  };
  more("answers for a second of the clock", (name, server) => whole(of(name, server, ({ perSecond }) => perSecond)));
  more("busy, % of its core", (name, server) => whole(of(name, server, ({ busy }) => 100 * busy)));
  more("p99, ms", (name, server) => two(of(name, server, ({ p99Ms }) => p99Ms)));
  // Later rounds find what the ones before them left in the caches.
  const memory = (scenario: string, server: ServerName) => results.get(scenario)?.get(server)?.[0]?.rssMb ?? Number.NaN;
  more("memory, MB, in the first round (nginx has what it cached in files on tmpfs beside it)", (name, server) =>
    whole(memory(name, server)),
  );

  const complaints = [...results].flatMap(([scenario, ofScenario]) =>
    [...ofScenario].flatMap(([server, measured]) =>
      measured.flatMap(({ complaint }) => (complaint === undefined ? [] : [`${scenario}, ${server}: ${complaint}`])),
    ),
  );
  if (complaints.length > 0) out(`\n${complaints.join("\n")}`);
  if (second !== undefined) out(`\nthe ratio of 2 KB hits as wrk sees it: ${two(second)}`);

  const p99 = (server: ServerName) => of("hits2k", server, ({ p99Ms }) => p99Ms);
  const rss5000Mb = memory("connections", "spillway");
  const lines: readonly (readonly [string, number, string, boolean])[] = [
    ["2 KB hits, × nginx", ratio("hits2k"), `≥ ${reach.hits}`, ratio("hits2k") >= reach.hits],
    [
      `forwarded, × nginx (goal ${reach.forwardGoal})`,
      ratio("forward"),
      `≥ ${reach.forward}`,
      ratio("forward") >= reach.forward,
    ],
    ["p99 of 2 KB hits, ms", p99("spillway"), `≤ ${two(p99("nginx"))}`, p99("spillway") <= p99("nginx")],
    [`MB with ${whole(manyConnections)} connections`, rss5000Mb, `≤ ${reach.rss5000Mb}`, rss5000Mb <= reach.rss5000Mb],
  ];
  out("");
  out(
    table([
      ["", "measured", "to reach", ""],
      ...lines
        .filter(([, measured]) => Number.isFinite(measured))
        .map(([name, measured, target, met]) => [name, two(measured), target, met ? "reached" : "MISSED"]),
    ]),
  );

  const rounded = (value: number, digits: number) =>
    Number.isFinite(value) ? Math.round(value * 10 ** digits) / 10 ** digits : null;
  const byServer = (read: (server: ServerName) => number, digits: number) =>
    Object.fromEntries(serverNames.map((server) => [server, rounded(read(server), digits)]));
  const rates = (scenario: string) => ({
    ...byServer((server) => of(scenario, server, perCore), 0),
    ratio: rounded(ratio(scenario), 2),
  });
  out("");
  out(
    JSON.stringify({
      bench: "edge",
      hits2k: rates("hits2k"),
      forward: rates("forward"),
      p99Ms: byServer(p99, 2),
      rss5000Mb: rounded(rss5000Mb, 0),
    }),
  );
  return complaints.some((complaint) => complaint.includes("spillway")) ? 4 : 0;
}

/** For TLS; of no use to anybody else, and gone with the folder. */
function makeCertificate(
  folder: string,
  say: (line: string) => void,
): { certFile: string; keyFile: string } | undefined {
  if (Bun.which("openssl") === null) {
    say("openssl is not installed: TLS is left out");
    return undefined;
  }
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const made = Bun.spawnSync(
    [
      ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" "),
      ...["-subj", "/CN=shop.example", "-out", certFile, "-keyout", keyFile],
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  if (made.exitCode !== 0) {
    say(`openssl made no certificate, TLS is left out: ${made.stderr.toString().trim()}`);
    return undefined;
  }
  return { certFile, keyFile };
}
