/**
 * Which rule should find the limit? The stage itself, on a clock of its own, before a simulated upstream that has so many
 * workers and loses speed when more is asked of it at once, as a database does. A quiet time, a rush of several times
 * what it can do, a part of the rush in which it is twice as slow, and a quiet time again.
 *
 * Prints a table and, last, one line of JSON. Luck is a seed: the same figures on every machine.
 *
 *   bin/bun bench/shedding.ts [seeds] [only what begins so] [workers] [service in ms] [collapse]
 */
import { type RouteClass, Shedding as SheddingSettings } from "#contract/edge-config.ts";
import type { Exchange } from "#edge/exchange.ts";
import { createShedding } from "#edge/shedding/shedding.ts";
import { type AdaptiveLimit, createGradientLimit } from "#resilience/adaptive-limit.ts";
import { settingsOf } from "../test/kit/exchange.ts";

const workers = Number(process.argv[4] ?? 32);
const serviceMs = Number(process.argv[5] ?? 20);
const perSecond = (workers * 1000) / serviceMs;
/** With twice as many at it as it has workers, each takes this much longer. */
const collapse = Number(process.argv[6] ?? 0.5);
/** Later than this nobody wants an answer any more. */
const patienceMs = 2000;

type Phase = { readonly name: string; readonly untilMs: number; readonly load: number; readonly slowdown: number };
const phases: readonly Phase[] = [
  { name: "quiet", untilMs: 15_000, load: 0.6, slowdown: 1 },
  { name: "rush", untilMs: 35_000, load: 3, slowdown: 1 },
  { name: "slow", untilMs: 45_000, load: 3, slowdown: 2 },
  { name: "rush again", untilMs: 60_000, load: 3, slowdown: 1 },
  { name: "quiet again", untilMs: 80_000, load: 0.6, slowdown: 1 },
];

/** Of a hundred requests: 8 pay, 12 have a cart, 35 look at a product, 35 browse, 10 are crawlers. */
const mix: readonly (readonly [RouteClass, number])[] = [
  ["paying", 8],
  ["cart", 20],
  ["product", 55],
  ["browsing", 90],
  ["background", 100],
];

type Contender = { readonly settings: object; readonly createLimit?: () => AdaptiveLimit };

type Tally = { arrived: number; good: number; tookMs: number[] };
type Run = Record<string, { all: Tally; paying: Tally; limitMean: number }>;

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Events in the order of their time: a binary heap. */
class Agenda {
  readonly #heap: { atMs: number; call: () => void }[] = [];

  add(atMs: number, call: () => void): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push({ atMs, call });
    while (at > 0) {
      const up = (at - 1) >> 1;
      const [a, b] = [heap[at], heap[up]];
      if (a === undefined || b === undefined || b.atMs <= a.atMs) break;
      heap[at] = b;
      heap[up] = a;
      at = up;
    }
  }

  take(): { atMs: number; call: () => void } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      let low = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && (heap[child]?.atMs ?? 0) < (heap[low]?.atMs ?? 0)) low = child;
      }
      if (low === at) return first;
      const [a, b] = [heap[at], heap[low]];
      if (a === undefined || b === undefined) return first;
      heap[at] = b;
      heap[low] = a;
      at = low;
    }
  }
}

async function simulate(given: Contender, seed: number): Promise<{ run: Run; recoveryMs: number }> {
  const random = randomOf(seed);
  const exponential = (mean: number): number => -mean * Math.log(1 - random());
  const agenda = new Agenda();
  let nowMs = 0;
  const shedding = createShedding(settingsOf(SheddingSettings, given.settings), {
    ...(given.createLimit === undefined ? {} : { createLimit: given.createLimit }),
    now: () => nowMs,
    later: (ms, call) => agenda.add(nowMs + ms, call),
    random,
    meter: { counter: () => () => () => {}, gauge: () => {}, histogram: () => () => () => {} },
  });

  // The upstream: a line of its own, and workers that slow each other down.
  let busy = 0;
  const queue: (() => void)[] = [];
  const work = (): void => {
    while (busy < workers && queue.length > 0) {
      busy++;
      const done = queue.shift();
      const over = Math.max(0, busy + queue.length - workers) / workers;
      const slow = phaseAt(nowMs)?.slowdown ?? 1;
      agenda.add(nowMs + exponential(serviceMs) * slow * (1 + collapse * over), () => {
        busy--;
        done?.();
        work();
      });
    }
  };
  const next = (): Promise<Response> =>
    new Promise((resolve) => {
      queue.push(() => resolve(ok));
      work();
    });

  const run: Run = {};
  for (const { name } of phases) {
    const tally = (): Tally => ({ arrived: 0, good: 0, tookMs: [] });
    run[name] = { all: tally(), paying: tally(), limitMean: 0 };
  }
  const lastRush = phases.at(-2)?.untilMs ?? 0;
  let lastBadMs = lastRush;

  const arrive = (phase: Phase): void => {
    const luck = random() * 100;
    const name = mix.find(([, upTo]) => luck < upTo)?.[0] ?? "browsing";
    const startMs = nowMs;
    const tallies = [run[phase.name]?.all, name === "paying" ? run[phase.name]?.paying : undefined];
    for (const tally of tallies) if (tally !== undefined) tally.arrived++;
    const exchange = { ...blank, notes: {}, atMs: nowMs, route: { template: name, class: name, challenge: false } };
    const ended = (response: Response): void => {
      const tookMs = nowMs - startMs;
      const isGood = response === ok && tookMs <= patienceMs;
      if (!isGood && startMs > lastRush && startMs > lastBadMs) lastBadMs = startMs;
      for (const tally of tallies) {
        if (tally === undefined) continue;
        if (isGood) tally.good++;
        if (response === ok) tally.tookMs.push(tookMs);
      }
    };
    const answer = shedding.stage(exchange, next);
    if (answer instanceof Promise) void answer.then(ended);
    else ended(answer);
  };

  const schedule = (): void => {
    const phase = phaseAt(nowMs);
    if (phase === undefined) return;
    agenda.add(nowMs + exponential(1000 / (perSecond * phase.load)), () => {
      const now = phaseAt(nowMs);
      if (now !== undefined) arrive(now);
      schedule();
    });
  };
  schedule();
  const counts = new Map<string, number>();
  const watch = (): void => {
    const phase = phaseAt(nowMs);
    if (phase === undefined) return;
    const tally = run[phase.name];
    const count = (counts.get(phase.name) ?? 0) + 1;
    counts.set(phase.name, count);
    if (tally !== undefined) tally.limitMean += (shedding.limitOf() - tally.limitMean) / count;
    agenda.add(nowMs + 100, watch);
  };
  watch();

  for (let event = agenda.take(); event !== undefined && event.atMs < 120_000; event = agenda.take()) {
    nowMs = event.atMs;
    event.call();
    // Promises settle between two events, however many hang on one another.
    for (let i = 0; i < 6; i++) await Promise.resolve();
  }
  return { run, recoveryMs: lastBadMs - lastRush };
}

const phaseAt = (ms: number): Phase | undefined => phases.find(({ untilMs }) => ms < untilMs);
const ok = new Response("ok");
const blank: Omit<Exchange, "notes" | "atMs" | "route"> = {
  method: "GET",
  scheme: "https",
  host: "shop.example",
  target: "/",
  path: "/",
  headers: new Headers(),
  request: null,
  address: "192.0.2.1",
};

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const fixed = (initial: number): Contender => ({ settings: { algorithm: "fixed", initial, most: 100_000 } });
const contenders: Readonly<Record<string, Contender>> = {
  "no limit": fixed(100_000),
  "fixed at 32": fixed(32),
  "fixed at 64": fixed(64),
  "fixed at 512": fixed(512),
  vegas: { settings: { algorithm: "vegas" } },
  gradient: { settings: { algorithm: "gradient" } },
  "gradient, never halved": {
    settings: {},
    createLimit: () => createGradientLimit({ initial: 64, least: 8, most: 1000 }),
  },
};

const only = process.argv[3] ?? "";
const seeds = Number(process.argv[2] ?? 3);
const figures: Record<string, unknown> = {};
const rows: Record<string, string | number>[] = [];
for (const [name, given] of Object.entries(contenders)) {
  if (!name.startsWith(only)) continue;
  const runs = [];
  for (let seed = 1; seed <= seeds; seed++) runs.push(await simulate(given, seed));
  const figure: Record<string, unknown> = {};
  for (const { name: phase, untilMs, slowdown } of phases) {
    const index = phases.findIndex((one) => one.name === phase);
    const seconds = (untilMs - (phases[index - 1]?.untilMs ?? 0)) / 1000;
    const tallies = runs.map(({ run }) => run[phase]);
    const sum = (pick: (tally: NonNullable<(typeof tallies)[0]>) => number): number =>
      tallies.reduce((total, tally) => total + (tally === undefined ? 0 : pick(tally)), 0);
    const percent = (part: number, whole: number): number => Math.round((1000 * part) / whole) / 10;
    const took = tallies.flatMap((tally) => tally?.paying.tookMs ?? []);
    const values = {
      payingGood: percent(
        sum((t) => t.paying.good),
        sum((t) => t.paying.arrived),
      ),
      payingP99Ms: Math.round(percentile(took, 0.99)),
      /** Of what the upstream could do in that time. */
      goodput: percent(
        sum((t) => t.all.good),
        (seeds * seconds * perSecond) / slowdown,
      ),
      limit: Math.round(sum((t) => t.limitMean) / seeds),
    };
    figure[phase] = values;
    rows.push({
      limit: name,
      phase,
      "paying served %": values.payingGood,
      "paying p99 ms": values.payingP99Ms,
      "goodput %": values.goodput,
      "limit, mean": values.limit,
    });
  }
  const recoveryMs = Math.round(runs.reduce((total, { recoveryMs }) => total + recoveryMs, 0) / seeds);
  rows.push({ limit: name, phase: "recovery ms", "paying served %": recoveryMs });
  figures[name] = { ...figure, recoveryMs };
}
console.table(rows);
console.log(JSON.stringify({ bench: "shedding", seeds, workers, serviceMs, collapse, perSecond, figures }));
