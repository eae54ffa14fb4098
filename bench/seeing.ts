/**
 * What does it cost a request that everything is counted, timed, traced and logged? Two edges share one core, alike but that one of
 * them is blind (bench/seeing/edge-process.ts); crowds and origin are on the other core. The same requests on each of the three ways
 * through the edge: a hit by the quick lane, one that is passed on by the byte lane, and one that takes the stages.
 *
 * Both are asked at the same time, so that the scheduler lets them take turns every few milliseconds: a neighbour disturbs both alike,
 * where turns of a second would measure the neighbour. What is compared is the edge's own CPU time for each answer, within one
 * round; the median of the rounds' differences counts. More than the reach on any way ends it with 4.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startOrigin } from "./edge/origin-process.ts";
import { firstLine } from "./edge/servers.ts";
import { type Generator, startGenerator } from "./generator/generator.ts";
import { browserFields } from "./generator/get.ts";
import { pinning } from "./kit/cores.ts";
import { cpuSeconds } from "./kit/processes.ts";
import { table } from "./kit/table.ts";

/** More on any way, and it ends with 4. */
const reachMicros = 3;
/** Of each crowd. */
const connections = 32;
/** Nothing is exported: whoever sets `otlpUrl` asks for more. */
const log = { accessSample: 0.01, traceSample: 0.01 };

type Way = {
  readonly name: "hit" | "forwarded" | "stages";
  readonly label: string;
  readonly line: string;
  /** Requests of a round: about a second's, when nobody else is at work here. */
  readonly count: number;
};
const ways: readonly Way[] = [
  { name: "hit", label: "hit, 2 KB, by the quick lane", line: "GET /hit/2048/0000000 HTTP/1.1", count: 40_000 },
  {
    name: "forwarded",
    label: "forwarded, 2 KB, by the byte lane",
    line: "GET /pass/2048/0000000 HTTP/1.1",
    count: 25_000,
  },
  // What changes something is no lane's.
  {
    name: "stages",
    label: "forwarded POST, 2 KB, by the stages",
    line: "POST /pass/2048/0000000 HTTP/1.1",
    count: 15_000,
  },
];

/** A browser says no traceparent, whatever stands before us may: half of them have one. */
const requestsOf = ({ line }: Way): readonly string[] => {
  const fields = [line, "Host: shop.example", ...browserFields];
  if (line.startsWith("POST")) fields.push("Content-Length: 0");
  const trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  return [[...fields], [...fields, trace]].map((lines) => [...lines, "", ""].join("\r\n"));
};

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
const median = (values: readonly number[]): number => quantile(values, 0.5);
const two = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "-");
const say = (line: string): void => void process.stderr.write(`${line}\n`);

type Edge = { readonly pid: number; readonly port: number; stop(): Promise<void> };
type Round = { readonly seeing: number; readonly blind: number };

export async function benchSeeing(given: string[]): Promise<number> {
  const { values } = parseArgs({
    args: given,
    options: {
      rounds: { type: "string", default: "9" },
      quick: { type: "boolean", default: false },
    },
  });
  // Enough to see that it works, and nothing to believe.
  const portion = values.quick ? 0.1 : 1;
  const rounds = values.quick ? 1 : Math.min(Math.max(Number(values.rounds) || 9, 1), 31);
  const pins = pinning();
  say(pins.told);
  const folder = mkdtempSync(join(tmpdir(), "spillway-bench-"));
  // Where a bench runs as root, others might not get in.
  chmodSync(folder, 0o755);
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closing.splice(0).reverse()) await one();
    rmSync(folder, { recursive: true, force: true });
  };
  const stopOnSignal = () => void close().finally(() => process.exit(130));
  process.once("SIGINT", stopOnSignal);
  process.once("SIGTERM", stopOnSignal);
  try {
    const origin = await startOrigin(pins.crowd, folder);
    closing.push(origin.stop);
    const generators = { seeing: startGenerator(pins.crowd), blind: startGenerator(pins.crowd) };
    closing.push(generators.seeing.stop, generators.blind.stop);
    const start = async (word: "seeing" | "blind"): Promise<Edge> => {
      const edge = await startEdge(folder, word, { before: pins.server, originPort: origin.port });
      closing.push(edge.stop);
      return edge;
    };
    const edges = { seeing: await start("seeing"), blind: await start("blind") };
    const both = async (way: Way): Promise<Round> => {
      const [seeing, blind] = await Promise.all([
        cpuMicros(generators.seeing, edges.seeing, way, way.count * portion),
        cpuMicros(generators.blind, edges.blind, way, way.count * portion),
      ]);
      return { seeing, blind };
    };
    // A JIT should have seen what comes.
    for (const way of values.quick ? [] : [...ways, ...ways]) await both(way);

    const results = new Map<Way["name"], Round[]>(ways.map(({ name }) => [name, []]));
    for (let round = 1; round <= rounds; round++) {
      for (const way of ways) {
        const { seeing, blind } = await both(way);
        results.get(way.name)?.push({ seeing, blind });
        say(
          `round ${round} of ${rounds}, ${way.label}: ${two(seeing)} µs, blind ${two(blind)} µs: ${two(seeing - blind)} µs`,
        );
      }
    }
    return report(results);
  } finally {
    process.removeListener("SIGINT", stopOnSignal);
    process.removeListener("SIGTERM", stopOnSignal);
    await close();
  }
}

async function startEdge(
  folder: string,
  word: "seeing" | "blind",
  { before, originPort }: { before: readonly string[]; originPort: number },
): Promise<Edge> {
  const config = join(folder, `${word}.json`);
  writeFileSync(
    config,
    JSON.stringify({
      listen: { port: 0, host: "127.0.0.1" },
      upstreams: [{ url: `http://127.0.0.1:${originPort}` }],
      limits: { policies: [{ name: "address", by: "address", perSecond: 10_000_000, burst: 10_000_000 }] },
      // The crowd comes as one: no more of it is under way than its connections.
      shedding: { initial: 1000, most: 1000 },
      balancing: { connectionsMax: 1000 },
      log,
    }),
  );
  const child = Bun.spawn([...before, process.execPath, `${import.meta.dir}/seeing/edge-process.ts`, config, word], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    // Ctrl-C is for the bench, which then ends them.
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
  });
  const stop = async (): Promise<void> => {
    await child.stdin.end();
    if ((await Promise.race([child.exited, Bun.sleep(5000)])) === undefined) child.kill("SIGKILL");
    await child.exited;
  };
  const line = await firstLine(child.stdout);
  const port = Number(/^ready \S+:(\d+)/.exec(line)?.[1]);
  if (Number.isInteger(port)) return { pid: child.pid, port, stop };
  await stop();
  throw new Error(`the edge did not start: ${line}`);
}

/** Of the edge, for each answer: from before the first request to after the last, as no window's edge is told of in time by a busy machine. */
async function cpuMicros(generator: Generator, { pid, port }: Edge, way: Way, count: number): Promise<number> {
  const before = cpuSeconds(pid) ?? Number.NaN;
  const { answers, broken, right } = await generator.send({
    port,
    connections,
    requests: requestsOf(way),
    status: 200,
    count,
    warmUpMs: 0,
    windowMs: 3_600_000,
  });
  // The last of each connection come when nothing more is sent, and are not told of.
  if (broken > 0 || right < count - connections)
    throw new Error(
      `${way.label}: ${broken} connections broke, and of ${count} answers ${right} were 200: ${JSON.stringify(answers)}`,
    );
  return (((cpuSeconds(pid) ?? Number.NaN) - before) / count) * 1e6;
}

function report(results: ReadonlyMap<Way["name"], readonly Round[]>): number {
  const rows = ways.map(({ name, label }) => {
    const rounds = results.get(name) ?? [];
    const costs = rounds.map(({ seeing, blind }) => seeing - blind);
    return {
      name,
      label,
      seeing: median(rounds.map(({ seeing }) => seeing)),
      blind: median(rounds.map(({ blind }) => blind)),
      cost: median(costs),
      half: [quantile(costs, 0.25), quantile(costs, 0.75)] as const,
    };
  });
  const isMet = (cost: number): boolean => cost <= reachMicros;
  const shown = rows.map(({ label, seeing, blind, cost, half }) => [
    label,
    two(seeing),
    two(blind),
    two(cost),
    half.map(two).join(" to "),
    `≤ ${reachMicros}`,
    isMet(cost) ? "reached" : "MISSED",
  ]);
  process.stdout.write(
    `\nCPU of the edge for a request, µs (median; the cost is the median of each round's difference)\n${table([["", "seeing", "blind", "cost of seeing", "half of the rounds", "to reach", ""], ...shown])}\n\n`,
  );
  if (rows.some(({ half: [low, high] }) => high - low > reachMicros))
    process.stdout.write("The rounds differ by more than what is to be reached: this machine is busy, ask again.\n\n");
  const rounded = (value: number): number | null => (Number.isFinite(value) ? Math.round(value * 100) / 100 : null);
  const line = {
    bench: "seeing",
    reachMicros,
    ...Object.fromEntries(
      rows.map(({ name, seeing, blind, cost }) => [
        name,
        { seeingMicros: rounded(seeing), blindMicros: rounded(blind), costMicros: rounded(cost) },
      ]),
    ),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return rows.every(({ cost }) => isMet(cost)) ? 0 : 4;
}
