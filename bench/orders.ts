/**
 * How many durable orders a second does this machine take, over HTTP, beside the bare statement? One run: the shop as it
 * ships (`up`: shop, worker and Postgres), the crowd in a process of its own, everything on this machine's cores.
 * The bare statement is measured between the HTTP rounds, at its best batch size, so that noise meets both.
 */
import { parseArgs } from "node:util";
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { startGenerator } from "./generator/generator.ts";
import type { LoadResult } from "./generator/jobs.ts";
import { plainProduct } from "./kit/plain-product.ts";
import { cpuSeconds, cpuSecondsWithChildren, memory } from "./kit/processes.ts";
import { startScratchShop } from "./kit/scratch-shop.ts";
import { table } from "./kit/table.ts";

/** What issue and README promise on two cores. */
const reach = { ordersPerSecond: 8000, ratio: 0.6, loneOverCommit: 2, soldOutPerSecond: 25_000, rssMb: 250 };

const hotSku = "HOT-0000";
const goneSku = "GONE-000";
const zipfSkus = Array.from({ length: 1000 }, (_, index) => `ZIPF-${String(index).padStart(3, "0")}`);
const units = 100_000_000;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const whole = (value: number): string => Math.round(value).toLocaleString("en");
const perSecond = (result: LoadResult, status: number): number => (result.answers[status] ?? 0) / result.windowSeconds;

export async function benchOrders(given: string[]): Promise<number> {
  const { values } = parseArgs({
    args: given,
    options: {
      seconds: { type: "string", default: "4" },
      rounds: { type: "string", default: "3" },
      quick: { type: "boolean", default: false },
    },
  });
  const windowMs = values.quick ? 1500 : Math.min(Math.max(Number(values.seconds) || 4, 1), 30) * 1000;
  const rounds = values.quick ? 1 : Math.min(Math.max(Number(values.rounds) || 3, 1), 9);
  const warmUpMs = values.quick ? 700 : 1500;
  const say = (line: string) => process.stderr.write(`${line}\n`);

  say("starting a shop of its own");
  const shop = await startScratchShop();
  const generator = startGenerator();
  const stopOnSignal = () => {
    void generator.stop();
    void shop.close().finally(() => process.exit(130));
  };
  process.once("SIGINT", stopOnSignal);
  process.once("SIGTERM", stopOnSignal);
  try {
    const { pool } = shop.opened.database;
    const store = createCatalogueStore(pool, { defaultSettings });
    await store.importProducts([
      plainProduct(hotSku, units),
      plainProduct(goneSku, 0),
      ...zipfSkus.map((sku) => plainProduct(sku, units)),
    ]);

    let jobs = 0;
    let acknowledged = 0;
    let broken = 0;
    const load = async (
      label: string,
      connections: number,
      skus: readonly string[],
    ): Promise<LoadResult & { shopCpu: number; postgresCpu: number }> => {
      jobs += 1;
      let shopAtBegin = 0;
      let postgresAtBegin = 0;
      let shopCpu = 0;
      let postgresCpu = 0;
      const result = await generator.load(
        { port: shop.port, connections, warmUpMs, windowMs, skus, keyPrefix: `b${jobs}` },
        (edge) => {
          const own = cpuSeconds(shop.pid) ?? 0;
          const postgres = shop.postmasterPid === undefined ? 0 : (cpuSecondsWithChildren(shop.postmasterPid) ?? 0);
          if (edge === "begin") [shopAtBegin, postgresAtBegin] = [own, postgres];
          else [shopCpu, postgresCpu] = [own - shopAtBegin, postgres - postgresAtBegin];
        },
      );
      acknowledged += result.acknowledged;
      broken += result.broken;
      const answered = Object.values(result.answers).reduce((sum, count) => sum + count, 0) / result.windowSeconds;
      say(
        `${label}: ${whole(answered)} answers/s, p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`,
      );
      return { ...result, shopCpu, postgresCpu };
    };
    let bareOrders = 0;
    const bare = async (batchSize: number, shortMs = windowMs): Promise<{ perSecond: number; p50Ms: number }> => {
      const result = await generator.bare({
        databaseUrl: shop.opened.url,
        batchSize,
        inFlight: 1,
        warmUpMs: 500,
        windowMs: shortMs,
        skus: [hotSku],
      });
      bareOrders += result.placed;
      say(`bare statement, batches of ${batchSize}: ${whole(result.orders / result.windowSeconds)} orders/s`);
      return { perSecond: result.orders / result.windowSeconds, p50Ms: result.p50Ms };
    };

    // The bare statement gets its best batch size, found in this run.
    const sizes = values.quick ? [256, 1000] : [64, 128, 256, 512, 1000, 2000];
    const trials: { size: number; perSecond: number }[] = [];
    for (const size of sizes) trials.push({ size, perSecond: (await bare(size, Math.min(windowMs, 1500))).perSecond });
    const best = trials.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));

    const levels = values.quick ? [1, 256, 1000] : [1, 8, 64, 256, 1000];
    const hot = new Map<number, Awaited<ReturnType<typeof load>>[]>(levels.map((level) => [level, []]));
    const bares: number[] = [];
    const commits: number[] = [];
    const zipf: LoadResult[] = [];
    const storm: LoadResult[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      commits.push((await bare(1, Math.min(windowMs, 2000))).p50Ms);
      for (const level of levels) hot.get(level)?.push(await load(`hot SKU, ${level} connections`, level, [hotSku]));
      bares.push((await bare(best.size)).perSecond);
      zipf.push(await load("Zipf over 1,000 SKUs, 256 connections", 256, zipfSkus));
      storm.push(await load("sold-out storm, 256 connections", 256, [goneSku]));
    }
    const used = memory(shop.pid);
    const batches = await batchSizes(shop.opsPort);

    say("checking every promise");
    const [counted] = (await pool.unsafe("select count(*)::int as orders from orders")) as { orders: number }[];
    const reports = await createAuditor(pool).audit();
    const breaches = reports.reduce((sum, report) => sum + report.breaches, 0);

    const rate = (level: number) => median((hot.get(level) ?? []).map((result) => perSecond(result, 202)));
    const at = (level: number, key: "p50Ms" | "p99Ms") => median((hot.get(level) ?? []).map((result) => result[key]));
    const bestLevel = levels.reduce((a, b) => (rate(b) > rate(a) ? b : a));
    const barePerSecond = median(bares);
    const commitMs = median(commits);
    const loneMs = at(1, "p50Ms");
    const ordersPerSecond = rate(bestLevel);
    const soldOutPerSecond = median(storm.map((result) => perSecond(result, 409)));
    const rssMb = Math.round((used?.peak ?? 0) / 1e6);
    const ratio = ordersPerSecond / barePerSecond;

    const rows: string[][] = [["", "a second", "p50 ms", "p99 ms"]];
    for (const level of levels)
      rows.push([
        `orders, one hot SKU, ${level} connections`,
        whole(rate(level)),
        at(level, "p50Ms").toFixed(1),
        at(level, "p99Ms").toFixed(1),
      ]);
    rows.push([
      "orders, Zipf over 1,000 SKUs, 256 connections",
      whole(median(zipf.map((result) => perSecond(result, 202)))),
      median(zipf.map((result) => result.p50Ms)).toFixed(1),
      median(zipf.map((result) => result.p99Ms)).toFixed(1),
    ]);
    rows.push([
      "sold-out answers, 256 connections",
      whole(soldOutPerSecond),
      median(storm.map((result) => result.p50Ms)).toFixed(1),
      median(storm.map((result) => result.p99Ms)).toFixed(1),
    ]);
    rows.push([`the bare statement, batches of ${best.size}`, whole(barePerSecond), "", ""]);
    rows.push(["one commit of one order", "", commitMs.toFixed(2), ""]);
    process.stdout.write(`\n${table(rows)}\n\n`);

    const busiest = (hot.get(bestLevel) ?? [])[0];
    if (busiest !== undefined) {
      const share = (seconds: number) => `${Math.round((100 * seconds) / busiest.windowSeconds)} %`;
      process.stdout.write(
        `CPU at ${bestLevel} connections, of one core: shop and worker ${share(busiest.shopCpu)}, Postgres ${share(busiest.postgresCpu)}, crowd ${share(busiest.cpuSeconds)}\n`,
      );
    }
    process.stdout.write(`orders in a commit: ${batches}\n`);
    process.stdout.write(`memory of the shop: ${rssMb} MB at most\n`);
    process.stdout.write(
      `orders acknowledged ${whole(acknowledged)}, in the database beside ${whole(bareOrders)} bare ones ${whole((counted?.orders ?? 0) - bareOrders)}; connections broken ${broken}; promises broken ${breaches}\n\n`,
    );
    const lines: [string, string, string, boolean][] = [
      [
        "orders a second, hot SKU",
        whole(ordersPerSecond),
        `≥ ${whole(reach.ordersPerSecond)}`,
        ordersPerSecond >= reach.ordersPerSecond,
      ],
      ["of the bare statement", ratio.toFixed(2), `≥ ${reach.ratio}`, ratio >= reach.ratio],
      [
        "a lone order, in commits",
        (loneMs / commitMs).toFixed(2),
        `≤ ${reach.loneOverCommit}`,
        loneMs <= reach.loneOverCommit * commitMs,
      ],
      [
        "sold-out answers a second",
        whole(soldOutPerSecond),
        `≥ ${whole(reach.soldOutPerSecond)}`,
        soldOutPerSecond >= reach.soldOutPerSecond,
      ],
      ["memory of the shop, MB", String(rssMb), `≤ ${reach.rssMb}`, rssMb <= reach.rssMb],
    ];
    process.stdout.write(
      `${table([["", "measured", "to reach", ""], ...lines.map(([name, measured, target, met]) => [name, measured, target, met ? "reached" : "MISSED"])])}\n\n`,
    );

    const two = (value: number) => Math.round(value * 100) / 100;
    process.stdout.write(
      `${JSON.stringify({
        bench: "orders",
        hotSku: {
          ordersPerSecond: Math.round(ordersPerSecond),
          barePerSecond: Math.round(barePerSecond),
          ratio: two(ratio),
          p99Ms: two(at(bestLevel, "p99Ms")),
          loneMs: two(loneMs),
          commitMs: two(commitMs),
        },
        zipf: {
          ordersPerSecond: Math.round(median(zipf.map((result) => perSecond(result, 202)))),
          p99Ms: two(median(zipf.map((result) => result.p99Ms))),
        },
        soldOutPerSecond: Math.round(soldOutPerSecond),
        rssMb,
      })}\n`,
    );
    return breaches > 0 || acknowledged !== (counted?.orders ?? 0) - bareOrders ? 4 : 0;
  } finally {
    process.removeListener("SIGINT", stopOnSignal);
    process.removeListener("SIGTERM", stopOnSignal);
    await generator.stop();
    await shop.close();
  }
}

/** "1: 12 %, 64: 30 %, …" from the operations port. */
async function batchSizes(opsPort: number): Promise<string> {
  const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
  const counts = [...text.matchAll(/^spillway_intake_batches_total\{atLeast="(\d+)"\} (\d+)$/gm)].map(
    ([, size, count]) => [Number(size), Number(count)] as const,
  );
  const orders = counts.reduce((sum, [size, count]) => sum + size * count, 0);
  return counts
    .filter(([, count]) => count > 0)
    .map(
      ([size, count]) =>
        `${size}+ ${whole(count)} commits (${Math.round((100 * size * count) / Math.max(orders, 1))} % of orders)`,
    )
    .join(", ");
}
