/**
 * Kill rounds on real processes: a load of orders with every fault the sandbox can play, `kill -9` of a process at a
 * random moment, a start again, and at the end the books: no acknowledged order lost, none charged twice, nothing
 * oversold. By command: `bin/bun test/kill/rounds.ts --rounds 200 --seed 7 --kind up|roles`
 *
 * up     one `spillway up` with its own Postgres: the process itself or its postmaster is killed
 * roles  one shop and two workers on a Postgres that stays: any of them is killed
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../kit/generated-catalogue.ts";
import { dataFolder, freePort, type RunningShop, spillway, startShop } from "../kit/running-shop.ts";

export type KillReport = {
  readonly rounds: number;
  readonly killed: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly lost: readonly string[];
  /** Keys that gave another number when they were sent again. */
  readonly renumbered: readonly string[];
  readonly unsettled: readonly string[];
  readonly verified: { readonly code: number; readonly out: string };
};

const hot = { sku: "HOT", units: 400 };
/** A charge that gets no answer costs the worker its whole time-out, so those are rarer than in a bad night. */
const tokens = [
  ...Array.from({ length: 22 }, () => "ok"),
  "declined",
  "slow:300",
  "error_after_charge",
  "duplicate_webhook",
  "once_failed",
  "rate_limited",
  "timeout_then_success",
  "action_required",
  "out_of_order_webhooks",
];
const clients = 12;
const settleWithinMs = 150_000;

type Acknowledged = {
  readonly key: string;
  readonly body: string;
  readonly orderNumber: string;
  readonly statusUrl: string;
};

export async function killRounds(options: {
  readonly kind: "up" | "roles";
  readonly rounds: number;
  readonly seed: number;
  /** For `roles`: an empty database. */
  readonly databaseUrl?: string;
  readonly log?: (line: string) => void;
}): Promise<KillReport> {
  const random = seededRandom(options.seed);
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  const log = options.log ?? (() => undefined);
  const home = await dataFolder();
  const dataDir = join(home, "data");
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "/",
    PORT: String(await freePort()),
    SPILLWAY_OPS_PORT: String(await freePort()),
    SPILLWAY_DATA: dataDir,
    SPILLWAY_DEMO: "0",
    SPILLWAY_SANDBOX_PER_SECOND: "400",
    ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
  };
  const words = options.kind === "up" ? ["up"] : ["shop", "worker", "worker"];
  const members: RunningShop[] = [];
  const killed: Record<string, number> = {};

  const startMember = async (index: number): Promise<void> => {
    const ops = index === 0 ? env.SPILLWAY_OPS_PORT : String(await freePort());
    members[index] = await startShop({
      dataDir,
      word: words[index] as string,
      env: { ...env, SPILLWAY_OPS_PORT: ops as string },
    });
  };

  const acknowledged = new Map<string, Acknowledged>();
  let stopped = false;
  let keys = 0;
  const url = `http://localhost:${env.PORT}`;

  async function client(number: number): Promise<void> {
    while (!stopped) {
      keys += 1;
      const key = `kill-${options.seed}-${number}-${keys}`;
      const body = JSON.stringify({
        lines: [
          {
            sku: random() < 0.5 ? hot.sku : `PLENTY-${Math.floor(random() * 20)}`,
            quantity: 1 + Math.floor(random() * 2),
          },
        ],
        email: `${key}@example.com`,
        shippingAddress: { name: "A Shopper", line1: `${key} Street`, city: "Oslo", postalCode: "0150", country: "NO" },
        shippingMethod: random() < 0.2 ? "express" : "standard",
        payment: { provider: "sandbox", token: pick(tokens) },
      });
      // As a real client: the same key again until there is an answer.
      for (let attempt = 0; attempt < 200 && !stopped; attempt++) {
        const answer = await send(key, body);
        if (answer === undefined) {
          await Bun.sleep(30);
          continue;
        }
        if (answer.status === 202) acknowledged.set(key, { key, body, ...answer.json });
        if (answer.status < 500) break;
        await Bun.sleep(30);
      }
      await Bun.sleep(random() * 120);
    }
  }

  async function send(
    key: string,
    body: string,
  ): Promise<{ status: number; json: { orderNumber: string; statusUrl: string } } | undefined> {
    try {
      const response = await fetch(`${url}/api/orders`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body,
        signal: AbortSignal.timeout(20_000),
      });
      return { status: response.status, json: (await response.json()) as { orderNumber: string; statusUrl: string } };
    } catch {
      return undefined;
    }
  }

  try {
    await startMember(0);
    const csv = join(home, "shop.csv");
    await Bun.write(csv, catalogue());
    const imported = await spillway(env, "catalogue", "import", csv);
    if (imported.code !== 0) throw new Error(`the catalogue was not imported: ${imported.out}${imported.err}`);
    for (let index = 1; index < words.length; index++) await startMember(index);

    const load = Array.from({ length: clients }, (_, number) => client(number));
    for (let round = 1; round <= options.rounds; round++) {
      await Bun.sleep(100 + random() * 700);
      const index = Math.floor(random() * members.length);
      const member = members[index] as RunningShop;
      if (options.kind === "up" && random() < 0.4) {
        const postmaster = await postmasterOf(dataDir);
        process.kill(postmaster, "SIGKILL");
        killed.postgres = (killed.postgres ?? 0) + 1;
        // Its shop starts it again; the next round begins when another one is there and orders are answered.
        for (let look = 0; look < 400; look++) {
          await Bun.sleep(50);
          if ((await postmasterOf(dataDir)) === postmaster) continue;
          if ((await fetch(`${member.opsUrl}/readyz`).catch(() => undefined))?.status === 200) break;
        }
      } else {
        await member.stop("SIGKILL");
        const name = words[index] === "up" ? "shop and worker" : (words[index] as string);
        killed[name] = (killed[name] ?? 0) + 1;
        await startMember(index);
      }
      log(`round ${round} of ${options.rounds}: ${acknowledged.size} orders acknowledged`);
    }
    stopped = true;
    await Promise.all(load);

    const lost: string[] = [];
    const renumbered: string[] = [];
    for (const order of acknowledged.values()) {
      if ((await statusOf(url, order.statusUrl)) === undefined) lost.push(order.orderNumber);
      const again = await send(order.key, order.body);
      if (again?.json.orderNumber !== order.orderNumber) renumbered.push(order.key);
    }
    log(`settling ${acknowledged.size} orders`);
    let unsettled = [...acknowledged.values()];
    const giveUpAt = performance.now() + settleWithinMs;
    while (unsettled.length > 0 && performance.now() < giveUpAt) {
      const moving: Acknowledged[] = [];
      for (const order of unsettled) {
        const status = await statusOf(url, order.statusUrl);
        if (status === undefined || ["received", "paying", "unknown"].includes(status)) moving.push(order);
      }
      unsettled = moving;
      if (moving.length > 0) await Bun.sleep(1000);
    }
    const verified = await spillway(env, "verify");
    return {
      rounds: options.rounds,
      killed,
      acknowledged: acknowledged.size,
      lost,
      renumbered,
      unsettled: unsettled.map((order) => order.orderNumber),
      verified,
    };
  } finally {
    stopped = true;
    for (const member of members.reverse()) await member?.stop();
    await rm(home, { recursive: true, force: true });
  }
}

/** While none is written down, 0. */
const postmasterOf = async (dataDir: string): Promise<number> =>
  Number(
    (
      await Bun.file(join(dataDir, "cluster", "postmaster.pid"))
        .text()
        .catch(() => "0")
    ).split("\n")[0],
  );

async function statusOf(url: string, statusUrl: string): Promise<string | undefined> {
  try {
    const response = await fetch(url + statusUrl, {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(10_000),
    });
    return ((await response.json()) as { status?: string }).status;
  } catch {
    return undefined;
  }
}

/** Less of the hot one than will be asked for, and plenty of twenty others. */
function catalogue(): string {
  const rows = [
    [hot.sku, hot.units] as const,
    ...Array.from({ length: 20 }, (_, index) => [`PLENTY-${index}`, 100_000] as const),
  ];
  return [
    "Handle,Title,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Requires Shipping,Variant Taxable",
    ...rows.map(
      ([sku, units]) =>
        `${sku.toLowerCase()},${sku},true,Title,Default Title,${sku},shopify,${units},deny,19.90,true,true`,
    ),
  ].join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      rounds: { type: "string", default: "30" },
      seed: { type: "string", default: "1" },
      kind: { type: "string", default: "up" },
      "database-url": { type: "string" },
    },
  });
  const report = await killRounds({
    kind: values.kind === "roles" ? "roles" : "up",
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    ...(values["database-url"] === undefined ? {} : { databaseUrl: values["database-url"] }),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${report.verified.out}\n${JSON.stringify({ ...report, verified: report.verified.code })}\n`);
  process.exit(
    report.lost.length + report.renumbered.length + report.unsettled.length + report.verified.code === 0 ? 0 : 4,
  );
}
