/**
 * The same server that stands still, asked by each generator as its users would: 200 requests a second for four seconds, of
 * which it sleeps two. What each reports is printed; nobody's figures are corrected.
 *
 * In theory, of those who came: half waited next to nothing, three quarters no more than 1 s, the last 2 s, and 0.5 s is the mean.
 * Ours comes with even gaps, as the others do: of people's random ones a few more or less than half would come in time, and the
 * median would say which.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Histogram } from "#rehearse/measure/histogram.ts";
import type { RunResult } from "#rehearse/result.ts";
import type { GeneratorName, Peers } from "./generators.ts";

export type Frozen = {
  readonly name: string;
  readonly p50Ms: number;
  readonly p75Ms: number;
  readonly p99Ms: number;
  /** Not a number: the generator does not say. */
  readonly p9999Ms: number;
  readonly meanMs: number;
};

const perSecond = 200;
const seconds = 4;
const connections = 10;

export async function freeze(peers: Peers): Promise<Frozen[]> {
  const rows: Frozen[] = [];
  for (const { name, told, options, read } of asked) {
    const server = await startServer();
    try {
      const command = peers.commandOf(name, { url: server.url, connections, seconds, perSecond });
      if (command === undefined) continue;
      const child = Bun.spawn(options(command, { folder: peers.folder, url: server.url }), {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
      });
      const text = await new Response(child.stdout).text();
      await child.exited;
      rows.push({ name: told, ...read(text) });
    } finally {
      await server.stop();
    }
  }
  return rows;
}

type Figures = Omit<Frozen, "name">;
const asked: readonly {
  readonly name: GeneratorName;
  readonly told: string;
  readonly options: (command: readonly string[], where: { readonly folder: string; readonly url: string }) => string[];
  readonly read: (text: string) => Figures;
}[] = [
  {
    name: "open",
    told: "spillway rehearse, open",
    options: ([spillway = ""], { folder, url }) => {
      const plan = join(folder, "freeze.json");
      const journeys = [{ name: "look", steps: [{ name: "page", path: "/" }] }];
      const arrivals = { shape: "constant", perSecond, seconds };
      writeFileSync(plan, JSON.stringify({ target: { url }, arrivals, spacing: "even", journeys }));
      return [spillway, "rehearse", plan, "--processes", "1", "--json"];
    },
    read: (text) => {
      const response = Histogram.from((JSON.parse(text) as RunResult).steps[0]?.response ?? new Histogram().toData());
      const at = (percentile: number) => response.percentileMs(percentile);
      return { p50Ms: at(50), p75Ms: at(75), p99Ms: at(99), p9999Ms: at(99.99), meanMs: response.meanUs / 1000 };
    },
  },
  {
    name: "wrk",
    told: "wrk (closed: it has no rate)",
    options: (command) => [...command, "--latency"],
    read: (text) => ({ ...percentilesOf(text, /^\s*(\d+)%\s+([\d.]+)(us|ms|s)/gm), meanMs: wrkMean(text) }),
  },
  {
    name: "hey",
    told: "hey -q (each worker waits for its answer)",
    options: (command) => [...command.slice(0, -1), "-q", String(perSecond / connections), command.at(-1) as string],
    read: (text) => ({
      ...percentilesOf(text, /^\s*(\d+)% in ([\d.]+) (s)ecs/gm),
      meanMs: Number(/Average:\s+([\d.]+) secs/.exec(text)?.[1]) * 1000,
    }),
  },
  {
    name: "autocannon",
    told: "autocannon -R (with its own correction)",
    options: (command) => [...command.slice(0, -1), "-R", String(perSecond), "-j", command.at(-1) as string],
    read: (text) => {
      const { latency } = JSON.parse(text) as { latency: Readonly<Record<string, number>> };
      const of = (name: string) => latency[name] ?? Number.NaN;
      return { p50Ms: of("p50"), p75Ms: of("p75"), p99Ms: of("p99"), p9999Ms: of("p99_99"), meanMs: of("average") };
    },
  },
];

const inMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

function percentilesOf(text: string, line: RegExp): Omit<Figures, "meanMs"> {
  const found = new Map(
    [...text.matchAll(line)].map(([, percent, value, unit]) => [
      percent,
      Number(value) * (inMs[unit ?? ""] ?? Number.NaN),
    ]),
  );
  const of = (percent: string) => found.get(percent) ?? Number.NaN;
  return { p50Ms: of("50"), p75Ms: of("75"), p99Ms: of("99"), p9999Ms: of("99.99") };
}

function wrkMean(text: string): number {
  const [, value, unit] = /Latency\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  return Number(value) * (inMs[unit ?? ""] ?? Number.NaN);
}

async function startServer(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/freezing-server.ts`, "2000", "2000"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  return {
    url: `http://127.0.0.1:${Number(new TextDecoder().decode(value))}/`,
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
