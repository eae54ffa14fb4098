/**
 * What gave in first, from what the target counts of itself while it is loaded. Each rule names its signal and its limit, so
 * that a reader can disagree; a signal that the target does not give is said to be missing, never taken as healthy.
 */
import type { RunResult } from "../result.ts";

/** One reading of the target's /metrics: samples by name, labels as Prometheus writes them. */
export type TargetReading = {
  readonly atSecond: number;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
};

export type BottleneckName =
  | "generator"
  | "event loop"
  | "CPU"
  | "database commit"
  | "pool"
  | "payment pacing"
  | "edge limit";

export type Signal = {
  readonly bottleneck: BottleneckName;
  /** What was looked at, and from where on it is a bottleneck. */
  readonly rule: string;
  /** The worst of it, in words; undefined: the target does not tell. */
  readonly worst: string | undefined;
  /** When it was first over its limit; undefined: never. */
  readonly sinceSecond: number | undefined;
};

export type Bottleneck = { readonly first: Signal | undefined; readonly signals: readonly Signal[] };

export const whatToChange: Readonly<Record<BottleneckName, string>> = {
  generator: "Play the crowd from more processes or machines: it fell behind before the target did.",
  "event loop":
    "One process of the shop has a whole core: run more of them behind the edge, or let the edge answer more from its cache.",
  CPU: "The machine has no core left: give it more, or take work off it (the database to its own machine first).",
  "database commit": "Orders wait for the commit: a faster disk for the log, or the database on a machine of its own.",
  pool: "Work waits for a connection to the database: a larger pool, if the database has cores for it.",
  "payment pacing":
    "Charges wait for their turn: ask the provider for a higher rate and raise the pace, or tell shoppers to expect the confirmation later.",
  "edge limit":
    "The edge holds requests back because the shop behind it grows slow: see what the shop waits for, then its limit rises by itself.",
};

const generatorShare = 0.9;
const coreShare = 0.9;
const waitingOrders = 512;
const paymentWaitSeconds = 10;
const sustainedReadings = 2;

export function findBottleneck(
  result: Pick<RunResult, "generator" | "voidReasons">,
  readings: readonly TargetReading[],
  machine: { readonly cores?: number } = {},
): Bottleneck {
  const own = result.generator.cpuShareMax;
  const signals: Signal[] = [
    {
      bottleneck: "generator",
      rule: `the crowd's own CPU at ${percent(generatorShare)} of a core, or a void run`,
      worst: `${percent(own)} of a core`,
      sinceSecond: own >= generatorShare || result.voidReasons.length > 0 ? 0 : undefined,
    },
    overTime(
      "event loop",
      `a process at ${percent(coreShare)} of one core, as JavaScript has one thread`,
      cpuShares(readings),
      coreShare,
      (value) => `${percent(value)} of a core`,
    ),
    ...(machine.cores === undefined
      ? []
      : [
          overTime(
            "CPU",
            `the process at ${percent(coreShare)} of all ${machine.cores} cores`,
            cpuShares(readings).map(([at, share]) => [at, share / (machine.cores ?? 1)] as const),
            coreShare,
            percent,
          ),
        ]),
    overTime(
      "database commit",
      `${waitingOrders} orders waiting for the commit under way (spillway_intake_waiting)`,
      gauge(readings, "spillway_intake_waiting"),
      waitingOrders,
      (value) => `${Math.round(value)} orders waiting`,
    ),
    overTime(
      "pool",
      "queries waiting for a connection (spillway_pool_waiting)",
      gauge(readings, "spillway_pool_waiting"),
      1,
      (value) => `${Math.round(value)} waiting`,
    ),
    overTime(
      "payment pacing",
      `the oldest charge due for ${paymentWaitSeconds} s (spillway_outbox_oldest_due_seconds of payments)`,
      gauge(readings, "spillway_outbox_oldest_due_seconds", { lane: "payments" }),
      paymentWaitSeconds,
      (value) => `${Math.round(value)} s overdue`,
    ),
    overTime(
      "edge limit",
      "requests waiting in the edge's line (spillway_edge_queue_length)",
      gauge(readings, "spillway_edge_queue_length"),
      1,
      (value) => `${Math.round(value)} in line`,
    ),
  ];
  const over = signals.filter((signal) => signal.sinceSecond !== undefined);
  // What stands behind the edge's line is the cause; the line is only its sign.
  const causes = over.filter(({ bottleneck }) => bottleneck !== "edge limit");
  const [first] = (causes.length > 0 ? causes : over).sort((a, b) => (a.sinceSecond ?? 0) - (b.sinceSecond ?? 0));
  return { first, signals };
}

type Series = readonly (readonly [atSecond: number, value: number])[];

function overTime(
  bottleneck: BottleneckName,
  rule: string,
  series: Series,
  limit: number,
  words: (value: number) => string,
): Signal {
  if (series.length === 0) return { bottleneck, rule, worst: undefined, sinceSecond: undefined };
  const worst = Math.max(...series.map(([, value]) => value));
  // One reading may be chance.
  const index = series.findIndex((_reading, at) => {
    const next = series.slice(at, at + sustainedReadings);
    return next.length === sustainedReadings && next.every(([, value]) => value >= limit);
  });
  return { bottleneck, rule, worst: words(worst), sinceSecond: series[index]?.[0] };
}

function gauge(
  readings: readonly TargetReading[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Series {
  return readings.flatMap(({ atSecond, samples }) => {
    const found = samples.filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
    return found.length === 0 ? [] : [[atSecond, found.reduce((sum, { value }) => sum + value, 0)] as const];
  });
}

/** Of one core, between each reading and the one before it. A counter that went back is a process that began anew. */
function cpuShares(readings: readonly TargetReading[]): Series {
  const totals = gauge(readings, "process_cpu_seconds_total");
  return totals.slice(1).flatMap(([at, value], index) => {
    const [before, was] = totals[index] ?? [at, value];
    return at <= before || value < was ? [] : [[at, (value - was) / (at - before)] as const];
  });
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
