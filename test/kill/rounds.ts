/**
 * Kill rounds on real processes: a crowd that orders with every fault the sandbox can play, `kill -9` at random moments,
 * a start again, and after it the books: no acknowledged order lost, none charged twice, nothing oversold.
 * By command: `bin/bun test/kill/rounds.ts --rounds 500 --seed 7 --kind up|roles`
 *
 * up     one `spillway up` with its own Postgres: the process or its postmaster is killed
 * roles  one shop and two workers on a Postgres of its own: any of them is killed, also two at once
 *
 * opened -> (a kill and a start again, under load; now and then all books are looked through) -> the crowd goes home ->
 * everything is killed once more, and time passes -> what was left undone is done -> looked through
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SQL } from "bun";
import { startEmbeddedPostgres } from "#adapters/embedded-postgres/embedded-postgres.ts";
import { seededRandom } from "../kit/generated-catalogue.ts";
import { dataFolder, freePort, type RunningShop, spillway, startShop } from "../kit/running-shop.ts";
import { type Acknowledged, openStreet } from "./crowd.ts";
import { type DurablePostgres, startDurablePostgres } from "./durable-postgres.ts";

export type KillReport = {
  readonly rounds: number;
  readonly killed: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  /** What the shoppers did and were told, counted. */
  readonly crowd: Readonly<Record<string, number>>;
  /** Acknowledged orders that cannot be read. */
  readonly lost: readonly string[];
  /** Keys that gave another number when they were sent again, and other answers that contradict each other. */
  readonly contradictions: readonly string[];
  /** Orders that nobody goes on with, though their time is over. */
  readonly unsettled: readonly string[];
  /** How often `spillway verify` looked through all books, and what it said when a promise was broken. */
  readonly verified: { readonly times: number; readonly breaches: readonly string[] };
};

type Kind = "up" | "roles";

const hot = { sku: "HOT", units: 40 };
const plenty = Array.from({ length: 20 }, (_, index) => `PLENTY-${index}`);
const shoppers = 12;
/** Short, so that challenges left open end while others are being killed. */
const holdMinutes = 0.2;
/** A `spillway up` whose Postgres ends again and again gives up, as it should. */
const postgresInARowMax = 3;
const roundsBetweenLooks = 5;
const readyWithinMs = 60_000;
const settleWithinMs = 150_000;
const open = new Set(["received", "paying", "action_required", "unknown"]);

export async function killRounds(options: {
  readonly kind: Kind;
  readonly rounds: number;
  readonly seed: number;
  readonly log?: (line: string) => void;
}): Promise<KillReport> {
  const { kind, rounds, seed, log = () => undefined } = options;
  const random = seededRandom(seed);
  const home = await dataFolder();
  const house = await openHouse(kind, home);
  const killed: Record<string, number> = {};
  const breaches: string[] = [];
  let looks = 0;
  const verify = async () => {
    looks += 1;
    const { code, out, err } = await spillway(house.env, "verify");
    if (code !== 0) breaches.push(`exit code ${code}: ${out}${err}`);
  };
  try {
    const crowd = openStreet({ url: house.url, seed, shoppers, skus: plenty, hotSku: hot.sku });
    try {
      for (let round = 1; round <= rounds; round++) {
        await Bun.sleep(100 + random() * 700);
        const victims = house.pickVictims(random);
        for (const name of victims) killed[name] = (killed[name] ?? 0) + 1;
        await house.killAndRestart(victims);
        // The promises have no exceptions: they hold in the middle of everything.
        if (round % roundsBetweenLooks === 0) await verify();
        log(
          `round ${round} of ${rounds} killed ${victims.join(" and ")}; ${crowd.acknowledged.size} orders, ${breaches.length} breaches`,
        );
        if (breaches.length > 0 || crowd.contradictions.length > 0) break;
      }
    } finally {
      await crowd.stop();
    }

    const orders = [...crowd.acknowledged.values()];
    log(`${orders.length} orders are to be settled`);
    await house.killAllAndLetTimePass();
    const unsettled = await settled(orders, async (order) => {
      const status = await crowd.statusOf(order);
      return status !== undefined && !open.has(status);
    });
    const lost: string[] = [];
    const contradictions = [...crowd.contradictions];
    for (const order of orders) {
      if ((await crowd.statusOf(order)) === undefined) lost.push(order.orderNumber);
      const number = await crowd.again(order);
      if (number !== order.orderNumber) contradictions.push(`${order.key} was ${order.orderNumber}, now ${number}`);
    }
    await verify();
    return {
      rounds,
      killed,
      acknowledged: orders.length,
      crowd: crowd.counts,
      lost,
      contradictions,
      unsettled: unsettled.map(({ orderNumber }) => orderNumber),
      verified: { times: looks, breaches },
    };
  } finally {
    await house.close();
    await rm(home, { recursive: true, force: true });
  }
}

async function settled(
  orders: readonly Acknowledged[],
  isSettled: (order: Acknowledged) => Promise<boolean>,
): Promise<readonly Acknowledged[]> {
  let waiting = orders;
  for (const giveUpAt = performance.now() + settleWithinMs; ; ) {
    const still: Acknowledged[] = [];
    for (const order of waiting) if (!(await isSettled(order))) still.push(order);
    waiting = still;
    if (waiting.length === 0 || performance.now() > giveUpAt) return waiting;
    await Bun.sleep(1000);
  }
}

/** The processes of a shop, its Postgres included, as they are started, killed and started again. */
type House = {
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  pickVictims(random: () => number): readonly string[];
  killAndRestart(victims: readonly string[]): Promise<void>;
  /**
   * Kills all that could hold a task, makes everything due that waits for its time, as if an hour had passed, and starts
   * again. Nobody's lease is cut short by it: who held one is dead.
   */
  killAllAndLetTimePass(): Promise<void>;
  close(): Promise<void>;
};

const timePasses = "update outbox set run_at = now() where run_at > now() and run_at < 'infinity'";

async function openHouse(kind: Kind, home: string): Promise<House> {
  const dataDir = join(home, "data");
  const members = new Map<string, RunningShop>();
  let postgres: DurablePostgres | undefined;
  const close = async () => {
    for (const member of [...members.values()].reverse()) await member.stop();
    await postgres?.stop();
  };
  try {
    if (kind === "roles") postgres = await startDurablePostgres(join(home, "postgres"));
    const env: Record<string, string> = {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "/",
      PORT: String(await freePort()),
      SPILLWAY_OPS_PORT: String(await freePort()),
      SPILLWAY_DATA: dataDir,
      SPILLWAY_DEMO: "0",
      SPILLWAY_SANDBOX_PER_SECOND: "400",
      ...(postgres === undefined ? {} : { DATABASE_URL: postgres.url }),
    };
    const words: Readonly<Record<string, string>> =
      kind === "up" ? { "shop and workers": "up" } : { shop: "shop", "worker 1": "worker", "worker 2": "worker" };
    const names = Object.keys(words);
    const start = async (name: string) => {
      const opsPort = members.get(name)?.env.SPILLWAY_OPS_PORT ?? String(await freePort());
      const word = words[name] as string;
      members.set(name, await startShop({ dataDir, word, env: { ...env, SPILLWAY_OPS_PORT: opsPort } }));
    };
    const kill = async (name: string) => await members.get(name)?.stop("SIGKILL");

    await start(names[0] as string);
    await fillShelves(env, home);
    await withDatabase(postgres?.url, dataDir, async (sql) => {
      await sql.unsafe(
        `update shop_settings set settings = jsonb_set(settings, '{holdMinutes}', '${holdMinutes}'::jsonb)`,
      );
    });
    for (const name of names.slice(1)) await start(name);

    let postgresInARow = 0;
    return {
      url: `http://localhost:${env.PORT}`,
      env,
      pickVictims(random) {
        const pick = (items: readonly string[]) => items[Math.floor(random() * items.length)] as string;
        postgresInARow = random() < 0.3 && postgresInARow < postgresInARowMax ? postgresInARow + 1 : 0;
        if (postgresInARow > 0) return ["postgres"];
        const first = pick(names);
        const second = pick(names);
        return first !== second && random() < 0.4 ? [first, second] : [first];
      },
      async killAndRestart(victims) {
        if (!victims.includes("postgres")) {
          await Promise.all(victims.map(kill));
          await Promise.all(victims.map(start));
          return;
        }
        if (postgres === undefined) {
          // Its owner sees it end, and starts another. Until then the shop may well look ready on what the old one left.
          const before = await postmasterOf(dataDir);
          if (before === undefined) throw new Error("a shop that is ready has no Postgres");
          process.kill(before, "SIGKILL");
          const isAnother = async () => ![before, undefined].includes(await postmasterOf(dataDir));
          await until(isAnother, "no other Postgres was started");
        } else await postgres.killAndRestart();
        for (const member of members.values()) {
          await until(async () => await isReady(member), `it did not become ready again:\n${member.output()}`);
        }
      },
      async killAllAndLetTimePass() {
        await Promise.all(names.map(kill));
        await withDatabase(postgres?.url, dataDir, async (sql) => await sql.unsafe(timePasses));
        await Promise.all(names.map(start));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Less of the hot one than will be asked for, and plenty of the others. */
async function fillShelves(env: Readonly<Record<string, string>>, home: string): Promise<void> {
  const rows = [[hot.sku, hot.units] as const, ...plenty.map((sku) => [sku, 100_000] as const)];
  const csv = [
    "Handle,Title,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Requires Shipping,Variant Taxable",
    ...rows.map(
      ([sku, units]) =>
        `${sku.toLowerCase()},${sku},true,Title,Default Title,${sku},shopify,${units},deny,19.90,true,true`,
    ),
  ].join("\n");
  const file = join(home, "shelves.csv");
  await Bun.write(file, csv);
  const { code, out, err } = await spillway(env, "catalogue", "import", file);
  if (code !== 0) throw new Error(`the shelves could not be filled: ${out}${err}`);
}

/** Beside the shop that runs, or as the owner of its Postgres when none does. */
async function withDatabase(
  url: string | undefined,
  dataDir: string,
  work: (sql: SQL) => Promise<unknown>,
): Promise<void> {
  const own = url === undefined ? await startEmbeddedPostgres({ dataDir, shareRunning: true }) : undefined;
  const sql = new SQL(url ?? own?.url ?? "", { max: 1, connectionTimeout: 10 });
  try {
    await work(sql);
  } finally {
    await sql.close();
    await own?.stop();
  }
}

/** Undefined while none has written its name. */
async function postmasterOf(dataDir: string): Promise<number | undefined> {
  const text = await Bun.file(join(dataDir, "cluster", "postmaster.pid"))
    .text()
    .catch(() => "");
  return Number(text.split("\n")[0]) || undefined;
}

const isReady = async (member: RunningShop): Promise<boolean> =>
  (await fetch(`${member.opsUrl}/readyz`).catch(() => undefined))?.status === 200;

async function until(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (const giveUpAt = performance.now() + readyWithinMs; !(await isSo()); ) {
    if (performance.now() > giveUpAt) throw new Error(otherwise);
    await Bun.sleep(50);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      rounds: { type: "string", default: "30" },
      seed: { type: "string", default: "1" },
      kind: { type: "string", default: "up" },
    },
  });
  const kind = values.kind === "roles" ? "roles" : "up";
  const report = await killRounds({
    kind,
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  const { lost, contradictions, unsettled, verified } = report;
  const isFine = lost.length + contradictions.length + unsettled.length + verified.breaches.length === 0;
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (!isFine) process.stdout.write(`broken with --seed ${values.seed} --kind ${kind}\n`);
  process.exit(isFine ? 0 : 4);
}
