/**
 * What Spillway wrote down of a sale: every invariant of `verify`, each confirmed order looked up, and what its edge counted.
 * Before it judges it waits until no payment is on its way, for as long as it was told to: what is still open then is stuck.
 */
import type { SQL } from "bun";
import type { Auditor, InvariantReport } from "#commerce/stock/ports.ts";
import { orderId } from "#kernel/order-number.ts";
import type { Outcomes, Truth } from "#rehearse/ports.ts";
import type { PromiseResult } from "#rehearse/result.ts";
import { couldNotLook, notLookedAt, type PromiseName, promise } from "#rehearse/verdict/promises.ts";
import { numbers, query } from "../postgres/database.ts";
import { readMetrics, type Samples, sum } from "./metrics.ts";
import openOrders from "./open-orders.sql" with { type: "text" };
import ordersCount from "./orders-count.sql" with { type: "text" };
import ordersThere from "./orders-there.sql" with { type: "text" };
import parkedTasks from "./parked-tasks.sql" with { type: "text" };
import { roomPromises } from "./rooms.ts";

export type SpillwayBooks = { readonly sql: SQL; readonly auditor: Auditor; close(): Promise<void> };

export type SpillwayTruthOptions = {
  /** Opened before the run and again after it: meanwhile a drill may have killed whoever kept the connection. */
  open(): Promise<SpillwayBooks>;
  /** Where the edge counts, "http://127.0.0.1:8081/metrics"; undefined: nobody says. */
  readonly metricsUrl?: string;
  /** The shop's own address, where its waiting rooms say what they allow. */
  readonly targetUrl?: string;
  /** How long payments may take to come to rest after the last request. */
  readonly settleSeconds: number;
};

/** Which promise each invariant of `verify` is a part of; those that are not here belong to "books". */
const promiseOf: Readonly<Record<string, PromiseName>> = {
  "never oversold": "oversold",
  "allowance counts once": "oversold",
  "charged once": "doubleCharge",
  "one attempt, one charge": "doubleCharge",
  "one order, one charge": "doubleCharge",
  "no stray charge": "strayCharge",
  "lines are held": "phantom",
  "holds match orders": "phantom",
  "paid means charged": "phantom",
  "one key, one order": "duplicate",
  "work waits": "stuck",
  "ledger adds up": "counter",
};

const judged: readonly PromiseName[] = [
  "oversold",
  "doubleCharge",
  "strayCharge",
  "phantom",
  "duplicate",
  "counter",
  "books",
];
const askEveryMs = 500;

export function createSpillwayTruth(options: SpillwayTruthOptions): Truth {
  const { metricsUrl, settleSeconds } = options;
  let metricsBefore: Samples | undefined;

  const withBooks = async <Result>(work: (books: SpillwayBooks) => Promise<Result>): Promise<Result> => {
    const books = await options.open();
    try {
      return await work(books);
    } finally {
      await books.close();
    }
  };

  return {
    async before() {
      await withBooks(async ({ sql }) => await query(sql, ordersCount));
      if (metricsUrl !== undefined) metricsBefore = await readMetrics(metricsUrl);
    },

    after: async (outcomes) =>
      await withBooks(async ({ sql, auditor }) => {
        const open = await settled(sql, settleSeconds);
        const grouped = Map.groupBy(await auditor.audit(), ({ name }) => promiseOf[name] ?? "books");
        return [
          ...judged.map((name) => together(name, grouped.get(name) ?? [])),
          await lost(sql, outcomes),
          await stuck(sql, grouped.get("stuck") ?? [], open, settleSeconds),
          ...(await ofTheEdge(options, metricsBefore, outcomes)),
        ];
      }),

    close: async () => undefined,
  };
}

/** How many orders are still on their way when there are none, or when time is up. */
async function settled(sql: SQL, settleSeconds: number): Promise<number> {
  const giveUpAtMs = Date.now() + settleSeconds * 1000;
  for (;;) {
    const [row] = await query<{ open: number }>(sql, openOrders);
    if (row === undefined || row.open === 0 || Date.now() >= giveUpAtMs) return row?.open ?? 0;
    await Bun.sleep(askEveryMs);
  }
}

function together(name: PromiseName, reports: readonly InvariantReport[]): PromiseResult {
  const broken = reports.filter(({ breaches }) => breaches > 0);
  return promise(
    name,
    reports.reduce((total, { checked }) => total + checked, 0),
    reports.reduce((total, { breaches }) => total + breaches, 0),
    broken.map((report) => `${report.name}: ${report.examples.slice(0, 3).join("; ")}`).join(". "),
  );
}

async function lost(sql: SQL, { acknowledged, acknowledgedCount }: Outcomes): Promise<PromiseResult> {
  const told = acknowledged.flatMap(({ orderNumber }) => (orderNumber === undefined ? [] : [orderNumber]));
  if (acknowledgedCount > 0 && told.length === 0)
    return notLookedAt("lost", 'the plan extracts no "orderNumber" from the answer that confirms an order');
  const ids = new Map(told.map((number) => [number, orderId(number)]));
  const wanted = [...ids.values()].filter((id) => id !== undefined);
  const rows = await query<{ id: number }>(sql, ordersThere, [numbers(wanted)]);
  const there = new Set(rows.map(({ id }) => id));
  const missing = [...ids].filter(([, id]) => id === undefined || !there.has(id)).map(([number]) => number);
  return promise(
    "lost",
    ids.size,
    missing.length,
    missing.length > 0
      ? missing.slice(0, 5).join(", ")
      : acknowledgedCount > told.length
        ? `of ${acknowledgedCount} that were confirmed in all`
        : "",
  );
}

async function stuck(
  sql: SQL,
  reports: readonly InvariantReport[],
  open: number,
  settleSeconds: number,
): Promise<PromiseResult> {
  const [tasks] = await query<{ looked: number; parked: number; examples: string[] }>(sql, parkedTasks);
  const [all] = await query<{ orders: number }>(sql, ordersCount);
  const audited = together("stuck", reports);
  const parked = tasks?.parked ?? 0;
  const words = [
    ...(open > 0 ? [`${open} orders were still on their way after ${settleSeconds} s`] : []),
    ...(parked > 0 ? [`${parked} tasks wait for an operator: ${tasks?.examples.slice(0, 3).join("; ")}`] : []),
    ...(audited.broken > 0 ? [audited.detail] : []),
  ];
  return promise("stuck", all?.orders ?? 0, open + parked + audited.broken, words.join(". "));
}

/** What only the edge knows. */
async function ofTheEdge(
  { metricsUrl: url, targetUrl }: SpillwayTruthOptions,
  before: Samples | undefined,
  outcomes: Outcomes,
): Promise<PromiseResult[]> {
  const room = await roomPromises(outcomes, { metricsUrl: url, targetUrl }, before);
  const unasked = (why: string) => [notLookedAt("shed", why), notLookedAt("passedOver", why)];
  if (url === undefined || before === undefined)
    return [...room, ...unasked("target.settings.metricsUrl names no operations port of an edge")];
  let after: Samples;
  try {
    after = await readMetrics(url);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [...room, couldNotLook("shed", why), couldNotLook("passedOver", why)];
  }
  const since = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    // A process that was restarted counts from nothing again.
    Math.max(
      0,
      sum(after, name, labels) >= sum(before, name, labels)
        ? sum(after, name, labels) - sum(before, name, labels)
        : sum(after, name, labels),
    );
  const requests = since("spillway_edge_requests_total");
  if (requests === 0) return [...room, ...unasked("no request went through an edge that counts there")];
  return [...room, ...ofThosePaying(since, requests)];
}

/**
 * Shed is who was refused for want of room while the shop answered others. Whom nobody could have served, because nothing behind
 * the edge answered or the shop itself refused them, is an error of its step, and is only told here.
 */
function ofThosePaying(
  since: (name: string, labels?: Readonly<Record<string, string>>) => number,
  requests: number,
): PromiseResult[] {
  const refused = (why: string) => since("spillway_edge_paying_refused_total", { why });
  const shed = refused("shed");
  const words = `of requests of somebody paying, ${shed} were shed; ${refused("nothing answered")} were refused while nothing behind the edge answered, and ${refused("upstream")} by the shop itself; those of the crowd are errors of their steps`;
  const passedOver = since("spillway_edge_shed_paying_first_total");
  return [promise("shed", requests, shed, words), promise("passedOver", requests, passedOver, "")];
}
