/**
 * The same small sale on Spillway, Vendure and Medusa, on this machine, in one run: how many whole checkouts a second, and
 * whether the books tell the truth afterwards. Each shop stands alone on the machine, with its own database of the same
 * Postgres, a warm-up of its own, the same shoppers, the same stock. The verdict is read from each shop's own tables.
 *
 * Only ratios on one machine mean anything. Shoppers share its cores with the shop and Postgres, the same for all.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SQL } from "bun";
import { startEmbeddedPostgres } from "#adapters/embedded-postgres/embedded-postgres.ts";
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { createMedusaTruth } from "#adapters/truth-medusa/truth.ts";
import { createSpillwayTruth } from "#adapters/truth-spillway/truth.ts";
import { createVendureTruth } from "#adapters/truth-vendure/truth.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { SpillwayError } from "#kernel/error.ts";
import type { Outcomes, Truth } from "#rehearse/ports.ts";
import type { PromiseResult, RunResult } from "#rehearse/result.ts";
import { promiseWords } from "#rehearse/verdict/promises.ts";
import { plainProduct } from "./kit/plain-product.ts";
import { cpuSeconds, cpuSecondsWithChildren, memory } from "./kit/processes.ts";
import { startScratchShop } from "./kit/scratch-shop.ts";
import { table } from "./kit/table.ts";
import { type Buy, runSale, type SaleResult } from "./peers/driver.ts";
import { spillwayBuyer } from "./peers/journeys.ts";
import { type PeerName, peerNames, preparePeer, versionOf } from "./peers/servers.ts";

const plentiful = "plentiful";
const scarce = "scarce";
const manyUnits = 1_000_000;
const poolMax = 30;
const shopNames = ["spillway", ...peerNames] as const;
type ShopName = (typeof shopNames)[number];

type Settings = {
  readonly shoppers: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly soldOutSecondsMax: number;
  readonly stock: number;
  readonly node: string;
  readonly folder: string | undefined;
};

/** A shop that runs, with those who know its truth. */
type Shop = {
  readonly buy: Buy;
  readonly truth: () => Truth;
  readonly cpuSeconds: () => number;
  readonly peakRssMb: () => number;
};

type ShopResult = {
  readonly shop: ShopName;
  readonly version: string;
  readonly sale: SaleResult;
  readonly cpuMsPerOrder: number;
  readonly soldOut: SaleResult;
  readonly promises: readonly PromiseResult[];
  readonly peakRssMb: number;
};

export async function benchPeers(given: string[]): Promise<number> {
  const { values } = parseArgs({
    args: given,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      shoppers: { type: "string", default: "16" },
      seconds: { type: "string" },
      stock: { type: "string", default: "100" },
      folder: { type: "string" },
      node: { type: "string", default: "node" },
    },
  });
  const number = (name: string, text: string, least: number, most: number): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new SpillwayError("bad_usage", `--${name} must be a whole number from ${least} to ${most}, not ${text}.`);
    return value;
  };
  const only = (values.only?.split(",") ?? [...shopNames]) as ShopName[];
  const strange = only.filter((name) => !shopNames.includes(name));
  if (strange.length > 0)
    throw new SpillwayError("bad_usage", `--only knows ${shopNames.join(", ")}, not ${strange.join(", ")}.`);
  const settings: Settings = {
    shoppers: number("shoppers", values.shoppers, 1, 256),
    seconds: number("seconds", values.seconds ?? (values.quick ? "8" : "30"), 1, 300),
    warmUpSeconds: values.quick ? 8 : 25,
    soldOutSecondsMax: values.quick ? 60 : 200,
    stock: number("stock", values.stock, 1, 100_000),
    node: values.node,
    folder: values.folder,
  };
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const peers = peerNames.filter((name) => only.includes(name));
  if (peers.length > 0) await refuseOldNode(settings.node);

  const results: ShopResult[] = [];
  const missing: string[] = [];
  if (only.includes("spillway")) results.push(await ofSpillway(settings, say));
  await withScratch(settings.folder, async (folder) => {
    for (const name of peers) {
      try {
        results.push(await ofPeer(name, folder, settings, say));
      } catch (error) {
        missing.push(name);
        say(`${name} was not measured: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  });
  print(results, settings);
  process.stdout.write(`${JSON.stringify(lastLine(results, missing, settings))}\n`);
  const ours = results.find(({ shop }) => shop === "spillway");
  if (ours?.promises.some(({ held }) => !held) === true) return 4;
  return missing.length > 0 ? 1 : 0;
}

async function refuseOldNode(node: string): Promise<void> {
  const asked = Bun.spawn([node, "--version"], { stdout: "pipe", stderr: "ignore" });
  const version = (await new Response(asked.stdout).text()).trim();
  if (!(Number(/^v(\d+)/.exec(version)?.[1]) >= 20))
    throw new SpillwayError(
      "bad_usage",
      `The peers need Node 20 or newer; "${node}" says ${version || "nothing"}. Give --node PATH.`,
    );
}

async function withScratch(kept: string | undefined, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = kept ?? mkdtempSync(join(tmpdir(), "spillway-peers-"));
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  try {
    await work(folder);
  } finally {
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function ofSpillway(settings: Settings, say: (line: string) => void): Promise<ShopResult> {
  say("spillway: starting");
  const shop = await startScratchShop();
  try {
    const { pool } = shop.opened.database;
    const stock = { [plentiful]: manyUnits, [scarce]: settings.stock };
    await createCatalogueStore(pool, { defaultSettings }).importProducts(
      Object.entries(stock).map(([sku, onHand]) => plainProduct(sku, onHand)),
    );
    const cpu = () =>
      (cpuSeconds(shop.pid) ?? 0) +
      (shop.postmasterPid === undefined ? 0 : (cpuSecondsWithChildren(shop.postmasterPid) ?? 0));
    return await measure("spillway", ownVersion, settings, say, {
      buy: spillwayBuyer(`http://127.0.0.1:${shop.port}`),
      truth: () =>
        createSpillwayTruth({
          open: async () => ({ sql: pool, auditor: createAuditor(pool), close: async () => undefined }),
          settleSeconds: 60,
          metricsUrl: `http://127.0.0.1:${shop.opsPort}/metrics`,
        }),
      cpuSeconds: cpu,
      peakRssMb: () => Math.round((memory(shop.pid)?.peak ?? 0) / 1e6),
    });
  } finally {
    await shop.close();
  }
}

const ownVersion = "this tree";

async function ofPeer(
  name: PeerName,
  folder: string,
  settings: Settings,
  say: (line: string) => void,
): Promise<ShopResult> {
  // A database of its own each time, of the same Postgres with the same settings as Spillway's.
  const dataDir = join(folder, `${name}-postgres`);
  rmSync(dataDir, { recursive: true, force: true });
  const postgres = await startEmbeddedPostgres({ dataDir, log: say });
  try {
    const admin = new SQL(postgres.url, { max: 1 });
    await admin.unsafe(`create database ${name}`);
    const [{ pid } = { pid: 0 }] = (await admin.unsafe("select pg_backend_pid() as pid")) as { pid: number }[];
    const postmaster = parentOf(pid);
    await admin.close();
    const url = new URL(postgres.url);
    url.pathname = `/${name}`;
    const start = await preparePeer(name, {
      folder,
      node: settings.node,
      databaseUrl: url.href,
      poolMax,
      stock: { [plentiful]: manyUnits, [scarce]: settings.stock },
      say,
    });
    const server = await start();
    try {
      const given = { databaseUrl: url.href, oneOrderPerEmail: true };
      return await measure(name, versionOf(name), settings, say, {
        buy: server.buy,
        truth: () => (name === "vendure" ? createVendureTruth(given) : createMedusaTruth(given)),
        cpuSeconds: () =>
          server.cpuSeconds() + (postmaster === undefined ? 0 : (cpuSecondsWithChildren(postmaster) ?? 0)),
        peakRssMb: server.peakRssMb,
      });
    } finally {
      await server.stop();
    }
  } finally {
    await postgres.stop();
    if (existsSync(dataDir)) rmSync(dataDir, { recursive: true, force: true });
  }
}

function parentOf(pid: number): number | undefined {
  const found = Bun.spawnSync(["ps", "-o", "ppid=", "-p", String(pid)])
    .stdout.toString()
    .trim();
  return /^\d+$/.test(found) ? Number(found) : undefined;
}

async function measure(
  shop: ShopName,
  version: string,
  settings: Settings,
  say: (line: string) => void,
  running: Shop,
): Promise<ShopResult> {
  const { shoppers, seconds } = settings;
  say(`${shop}: warming up for ${settings.warmUpSeconds} s`);
  await runSale(running.buy, {
    sku: plentiful,
    shoppers: Math.min(shoppers, 8),
    seconds: settings.warmUpSeconds,
    tag: "warm",
  });
  const truth = running.truth();
  try {
    await truth.before();
    say(`${shop}: ${shoppers} shoppers buy what there is plenty of, for ${seconds} s`);
    const cpuBefore = running.cpuSeconds();
    const sale = await runSale(running.buy, { sku: plentiful, shoppers, seconds, tag: "sale" });
    const cpuMsPerOrder = (1000 * (running.cpuSeconds() - cpuBefore)) / Math.max(sale.confirmed.length, 1);
    say(`${shop}: ${shoppers} shoppers want ${settings.stock} units, for ${settings.soldOutSecondsMax} s at most`);
    const soldOut = await runSale(running.buy, {
      sku: scarce,
      shoppers,
      seconds: settings.soldOutSecondsMax,
      tag: "rush",
    });
    say(`${shop}: reading its books`);
    const promises = await truth.after(outcomesOf([...sale.confirmed, ...soldOut.confirmed]));
    for (const example of [...sale.examples, ...soldOut.examples]) say(`${shop}: not bought: ${example}`);
    return { shop, version, sale, cpuMsPerOrder, soldOut, promises, peakRssMb: running.peakRssMb() };
  } finally {
    await truth.close();
  }
}

/** The shoppers here are not a rehearsal's crowd; the books are only asked about the orders. */
const noRun: RunResult = {
  name: "peers",
  target: "",
  model: "closed",
  startedAt: "",
  seconds: 0,
  scale: 1,
  planHash: "",
  generator: {
    processes: 1,
    machines: 1,
    cpuShareMax: 0,
    loopLagP99Ms: 0,
    startLateP99Ms: 0,
    startsMissed: 0,
    connectionsMax: 0,
  },
  voidReasons: [],
  journeysBegun: 0,
  journeysDone: 0,
  steps: [],
  everySecond: [],
  thresholds: [],
  promises: [],
  drills: [],
  verdict: "held",
};

const outcomesOf = (orderNumbers: readonly string[]): Outcomes => ({
  acknowledged: orderNumbers.map((orderNumber) => ({ journey: "buy", step: "order", atSecond: 0, orderNumber })),
  acknowledgedCount: orderNumbers.length,
  result: noRun,
});

const rate = ({ confirmed, seconds }: SaleResult): number => confirmed.length / seconds;
const digits = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 1 : 0 });
const calls: Readonly<Record<ShopName, number>> = { spillway: 1, vendure: 5, medusa: 6 };

function print(results: readonly ShopResult[], settings: Settings): void {
  const rows: [string, (result: ShopResult) => string][] = [
    ["version", ({ version }) => version],
    ["calls of one checkout", ({ shop }) => String(calls[shop])],
    [`whole checkouts a second, ${settings.shoppers} shoppers`, ({ sale }) => digits(rate(sale))],
    ["  half within, ms", ({ sale }) => digits(sale.whole.percentileMs(50))],
    ["  99 % within, ms", ({ sale }) => digits(sale.whole.percentileMs(99))],
    ["  the last call, 99 % within, ms", ({ sale }) => digits(sale.last.percentileMs(99))],
    ["  failed", ({ sale }) => `${sale.failed} of ${sale.begun}`],
    ["CPU of shop and Postgres for an order, ms", ({ cpuMsPerOrder }) => digits(cpuMsPerOrder)],
    ["memory of the shop at most, MB", ({ peakRssMb }) => String(peakRssMb)],
    [`${settings.stock} units: confirmed to shoppers`, ({ soldOut }) => String(soldOut.confirmed.length)],
    ["  in seconds", ({ soldOut }) => digits(soldOut.seconds)],
    ["  failed otherwise", ({ soldOut }) => String(soldOut.failed)],
  ];
  const names = new Set(
    results.flatMap(({ promises }) =>
      promises.filter(({ looked, held }) => looked > 0 || !held).map(({ promise }) => promise),
    ),
  );
  for (const name of names)
    rows.push([
      promiseWords(name),
      ({ promises }) => {
        const found = promises.find(({ promise }) => promise === name);
        if (found === undefined || (found.looked === 0 && found.held)) return "not looked at";
        return found.held ? `holds (${found.looked})` : `BROKEN: ${found.broken}`;
      },
    ]);
  const cells = [["", ...results.map(({ shop }) => shop)], ...rows.map(([name, of]) => [name, ...results.map(of)])];
  process.stdout.write(`\n${table(cells)}\n\n`);
  for (const { shop, promises } of results)
    for (const { promise, held, detail } of promises)
      if (!held) process.stdout.write(`${shop}: ${promiseWords(promise)}: ${detail}\n`);
  process.stdout.write(
    `A checkout is what each shop's API asks of a guest; payments are each shop's built-in pretend provider. ${cpus().length} cores, shared by shop, Postgres and shoppers.\n\n`,
  );
}

function lastLine(results: readonly ShopResult[], missing: readonly string[], settings: Settings): unknown {
  const two = (value: number) => Math.round(value * 100) / 100;
  return {
    bench: "peers",
    shoppers: settings.shoppers,
    stock: settings.stock,
    ...Object.fromEntries(
      results.map(({ shop, version, sale, soldOut, promises, cpuMsPerOrder, peakRssMb }) => [
        shop,
        {
          version,
          checkoutsPerSecond: two(rate(sale)),
          p50Ms: two(sale.whole.percentileMs(50)),
          p99Ms: two(sale.whole.percentileMs(99)),
          lastCallP99Ms: two(sale.last.percentileMs(99)),
          cpuMsPerOrder: two(cpuMsPerOrder),
          peakRssMb,
          failed: sale.failed + soldOut.failed,
          scarceConfirmed: soldOut.confirmed.length,
          broken: Object.fromEntries(
            promises.filter(({ held }) => !held).map(({ promise, broken }) => [promise, broken]),
          ),
        },
      ]),
    ),
    missing,
  };
}
