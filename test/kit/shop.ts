/**
 * A whole shop in this process, for tests that sell: a database of its own, a small catalogue, the real handler, a
 * pretend bank, and a worker that works when it is told to. Several processes' worth of it may stand on one database,
 * each with its own connections and its own memory, as on a sale day.
 *
 * opened at the top of a file -> (reset: empty books, the catalogue again) -> a test sells -> audited -> … -> closed
 *
 * After every test the auditor looks at the whole database: a test that leaves an oversold unit or a lost cent fails,
 * whatever it was about.
 */
import { afterAll, afterEach, beforeEach, expect } from "bun:test";
import type { SQL } from "bun";
import { createMemoryBooks } from "#adapters/payment-sandbox/memory-books.ts";
import { createSandboxGateway, type SandboxGateway } from "#adapters/payment-sandbox/payment-gateway.ts";
import type { SandboxBooks } from "#adapters/payment-sandbox/ports.ts";
import { type Database, openDatabase } from "#adapters/postgres/database.ts";
import { createSandboxBooks } from "#adapters/postgres/sandbox-books.ts";
import { systemClock } from "#adapters/system/clock.ts";
import type { PromotionDraft } from "#commerce/catalogue/ports.ts";
import type { ProductDraft } from "#commerce/catalogue/product.ts";
import type { OrderRequest } from "#commerce/orders/order-request.ts";
import type { Task } from "#commerce/outbox/ports.ts";
import type { PaymentGateway } from "#commerce/payments/ports.ts";
import { defaultSettings, type ShopSettings } from "#commerce/pricing/shop-settings.ts";
import type { StockChange } from "#commerce/stock/ports.ts";
import { PaymentDesk } from "#flows/internal/payment-desk.ts";
import { expireOrder, payOrder, refundPayment, resolvePayment } from "#flows/pay-order.ts";
import type { PlaceOrderAnswer } from "#flows/place-order.ts";
import type { TaskEnd } from "#flows/work-outbox.ts";
import { orderPath } from "#http/order-link.ts";
import type { Clock } from "#kernel/clock.ts";
import { readConfig } from "#roles/config.ts";
import { createParts, type Parts } from "#roles/parts.ts";
import { createShop, type Shop, type ShopRooms } from "#roles/shop.ts";
import { productDraft } from "./drafts.ts";
import { clearTables, testDatabase } from "./postgres.ts";

export const origin = "http://shop.test";
export const adminToken = "an-admin-token-of-the-tests";

/** Prices are whole euros, so that a reader can do the sums. */
export const fixtureProducts: readonly ProductDraft[] = [
  productDraft("mug", [{ sku: "MUG", price: 2000, onHand: 100 }], { title: "Stone Mug", type: "Mug" }),
  productDraft(
    "tee",
    [
      { sku: "TEE-S", price: 3000, onHand: 50, options: ["S"] },
      { sku: "TEE-M", price: 3000, onHand: 50, options: ["M"] },
    ],
    { title: "Plain Tee", optionNames: ["Size"] },
  ),
  productDraft("print", [{ sku: "PRINT", price: 10_000, onHand: 20, purchaseLimit: 2 }], { title: "Harbour Print" }),
  productDraft("lamp", [{ sku: "LAMP", price: 8000, onHand: 3, policy: { kind: "backorder", allowance: 5 } }]),
  productDraft("console", [
    { sku: "CONSOLE", price: 40_000, onHand: 0, policy: { kind: "preorder", allowance: 6, shipsOn: "2030-06-01" } },
  ]),
  productDraft("set", [
    {
      sku: "SET",
      price: 7000,
      components: [
        { sku: "MUG", quantity: 1 },
        { sku: "TEE-S", quantity: 2 },
      ],
    },
  ]),
  productDraft("card", [{ sku: "CARD", price: 2500, onHand: 100, requiresShipping: false, taxable: false }], {
    title: "Gift Card",
  }),
  productDraft("draft", [{ sku: "DRAFT", onHand: 10 }], { publishedAtMs: null }),
];

const promotion = (code: string, more: Partial<PromotionDraft>): PromotionDraft => ({
  code,
  kind: "percent",
  value: 10,
  minimumSubtotal: 0,
  startsAtMs: 0,
  endsAtMs: Number.MAX_SAFE_INTEGER,
  limitPerPerson: null,
  usageLimit: null,
  ...more,
});

export const fixturePromotions: readonly PromotionDraft[] = [
  promotion("TEN", {}),
  promotion("FIVE-TIMES", { usageLimit: 5 }),
  promotion("ONCE-EACH", { limitPerPerson: 1 }),
  promotion("FREE-SHIP", { kind: "free_shipping", value: 0 }),
  promotion("ALL-OFF", { value: 100 }),
  promotion("BIG", { kind: "fixed", value: 5000, minimumSubtotal: 50_000 }),
  promotion("LATER", { startsAtMs: Date.UTC(2099, 0, 1) }),
  promotion("OVER", { endsAtMs: Date.UTC(2020, 0, 1) }),
];

export type TestShopOptions = {
  /** How many processes share the database; 1 unless given. */
  readonly processes?: number;
  /** Where the pretend bank keeps its books; in Postgres unless given, so that the auditor can lay them beside ours. */
  readonly books?: "postgres" | "memory";
  readonly products?: readonly ProductDraft[];
  readonly promotions?: readonly PromotionDraft[];
  readonly settings?: Partial<ShopSettings>;
  /** The waiting rooms before the shop. */
  readonly rooms?: ShopRooms;
};

/** One process of the shop. */
export type ShopProcess = {
  readonly parts: Parts;
  readonly shop: Shop;
  /** The pretend bank as this process calls it. */
  readonly bank: SandboxGateway;
  /** Charges of this process wait where they are told to: see `Gate`. */
  readonly gate: Gate;
  /** What the bank tells this process of its own accord never arrives, until it is told otherwise. */
  loseWebhooks(areLost: boolean): void;
  /** Places an order as the API would, past the checks of its shape. */
  place(request: OrderRequest, key?: string): Promise<PlaceOrderAnswer>;
  /** The same, which must go through: the order's id. */
  placed(request: OrderRequest, key?: string): Promise<number>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Runs the tasks that are due, and those that follow from them, until none is; answers their topics in order. */
  work(): Promise<string[]>;
};

export type TestShop = ShopProcess & {
  readonly url: string;
  readonly sql: SQL;
  readonly processes: readonly ShopProcess[];
  /** What must never be, asked of the database: fails the test with the breaches. Runs by itself after every test. */
  verify(): Promise<void>;
  /** Puts a SKU's stock at a number, at its first location unless another is named. */
  stock(sku: string, onHand: number, location?: string): Promise<void>;
  change(change: StockChange): Promise<void>;
  /** Held, sold and on hand of a SKU, over all of its locations. */
  level(sku: string): Promise<{ onHand: number; held: number; sold: number; available: number }>;
  /** Whatever any process remembers for a second is older than that now. */
  forget(): void;
  /** Tasks that wait for their time are due now. */
  hurry(): Promise<void>;
  /** The shopper's time to act on this order is over. */
  timeRunsOut(orderId: number): Promise<void>;
  statusOf(orderId: number): Promise<string>;
  /** The order's own address. */
  linkOf(orderId: number): string;
  /** How many rows there are in all tables but those that count and log: two calls with nothing written between agree. */
  rows(): Promise<string>;
};

/** Where charges can be made to wait: the bank has acted, and its answer is still on its way. */
export type Gate = {
  /** From now on answers of the bank wait. */
  close(): void;
  open(): void;
  /** Resolves when this many answers wait. */
  waiting(count: number): Promise<void>;
};

/** To be awaited at the top of a test file. */
export async function testShop(options: TestShopOptions = {}): Promise<TestShop> {
  const closing: (() => Promise<void>)[] = [];
  // Before the database's own: hooks run in the order in which they were given, and it is dropped last.
  afterAll(async () => {
    for (const close of closing) await close();
  });
  const { url, sql } = await testDatabase();
  await refuseCircles(sql);
  const memoryBooks = options.books === "memory" ? createMemoryBooks() : undefined;
  let aheadMs = 0;
  const clock: Clock = {
    now: () => Date.now() + aheadMs,
    sleep: async (ms, signal) => await systemClock.sleep(ms, signal),
  };
  const processes: ShopProcess[] = [];
  for (let count = options.processes ?? 1; count > 0; count--) {
    const { process, close } = await openProcess(url, clock, memoryBooks, options.rooms);
    processes.push(process);
    closing.unshift(close);
  }
  const first = processes[0] as ShopProcess;
  const { catalogueStore, ledger, auditor, orders, signer } = first.parts;
  const secrets = await sql.unsafe("select name, encode(value, 'hex') as value from secrets");

  const change = async (wanted: StockChange) => {
    const answer = await ledger.change(wanted);
    if (!answer.ok) throw new Error(answer.reason.message);
  };

  const shop: TestShop = {
    ...first,
    url,
    sql,
    processes,
    async verify() {
      for (const { bank } of processes) await bank.settled();
      const broken = (await auditor.audit()).filter(({ breaches }) => breaches > 0);
      expect(broken.map(({ name, examples }) => ({ name, examples }))).toEqual([]);
    },
    async stock(sku, onHand, location) {
      await change({ sku, kind: "set", onHand, reason: "test", ...(location === undefined ? {} : { location }) });
      shop.forget();
    },
    async change(wanted) {
      await change(wanted);
      shop.forget();
    },
    async level(sku) {
      const sum = { onHand: 0, held: 0, sold: 0, available: 0 };
      for (const level of await ledger.levels([sku])) {
        for (const name of ["onHand", "held", "sold", "available"] as const) sum[name] += level[name];
      }
      return sum;
    },
    forget() {
      aheadMs += 2000;
    },
    async hurry() {
      await sql.unsafe("update outbox set run_at = now() where run_at < 'infinity' and run_at > now()");
    },
    async timeRunsOut(orderId) {
      await sql.unsafe("update orders set hold_until = now() - interval '1 second' where id = $1", [orderId]);
    },
    async statusOf(orderId) {
      return (await orders.get(orderId))?.status ?? "missing";
    },
    linkOf: (orderId) => orderPath(signer, orderId),
    async rows() {
      const [row] = await sql.unsafe(
        `select string_agg(relname || ' ' || (xpath('/row/count/text()', query_to_xml('select count(*) from ' || quote_ident(relname), false, true, '')))[1]::text, ', ' order by relname) as counts
         from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`,
      );
      return (row as { counts: string }).counts;
    },
  };

  beforeEach(async () => {
    for (const { bank, shop: running, gate, loseWebhooks } of processes) {
      gate.open();
      loseWebhooks(false);
      await running.placeOrder.drained();
      await bank.settled();
    }
    await quiet(processes);
    await emptyTables(sql);
    for (const { name, value } of secrets as { name: string; value: string }[]) {
      await sql.unsafe("insert into secrets (name, value) values ($1, decode($2, 'hex'))", [name, value]);
    }
    await catalogueStore.writeSettings({ ...defaultSettings, ...options.settings });
    await catalogueStore.importProducts(options.products ?? fixtureProducts);
    await catalogueStore.importCollections([
      {
        handle: "all",
        title: "Everything",
        description: "",
        products: (options.products ?? fixtureProducts).map(({ handle }) => handle),
      },
    ]);
    await catalogueStore.importPromotions(options.promotions ?? fixturePromotions);
    await quiet(processes);
    shop.forget();
  });

  afterEach(async () => await shop.verify());
  return shop;
}

/**
 * Everything that a shop writes is gone. Rows are deleted, which takes milliseconds where to truncate takes a quarter of
 * a second, and waits for nobody who reads. Ids go on counting.
 */
export async function emptyTables(sql: SQL): Promise<void> {
  await sql
    .unsafe(`do $$ declare name text; begin
      -- Past foreign keys and triggers.
      set local session_replication_role = replica;
      for name in
        select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
          and relname not in ('migrations', 'shop_state', 'locations', 'order_transitions')
      loop execute format('delete from %I', name); end loop;
      delete from locations where id > 1;
    end $$`)
    .simple()
    .catch(async (error: unknown) => {
      // 42501: the database user may not.
      if ((error as { errno?: unknown }).errno !== "42501") throw error;
      await clearTables(sql);
    });
}

/** Every process has read the catalogue as it is now, and none is at it any more. */
async function quiet(processes: readonly ShopProcess[]): Promise<void> {
  for (const { parts } of processes) await parts.catalogue.refresh();
}

async function openProcess(
  url: string,
  clock: Clock,
  memoryBooks: SandboxBooks | undefined,
  rooms: ShopRooms | undefined,
): Promise<{ process: ShopProcess; close: () => Promise<void> }> {
  const config = readConfig({
    DATABASE_URL: url,
    PORT: "0",
    SPILLWAY_OPS_PORT: "0",
    SPILLWAY_ORIGIN: origin,
    SPILLWAY_ADMIN_TOKEN: adminToken,
    SPILLWAY_SANDBOX_PER_SECOND: "100000",
  });
  const database: Database = openDatabase(url);
  const complaints: string[] = [];
  let handle: Shop["handler"] | undefined;
  let areLost = false;
  const made = await createParts(
    config,
    { url, database, lost: new Promise(() => undefined), close: async () => undefined },
    { log: (line) => complaints.push(line), deliverSandboxWebhook: async () => new Response(null, { status: 503 }) },
  );
  const bank = createSandboxGateway({
    clock: hastyClock,
    random: Math.random,
    books: memoryBooks ?? createSandboxBooks(database.pool),
    deliverWebhook: async (request) => {
      if (areLost) return new Response();
      const answer = await handle?.(new Request(`${origin}/webhooks/sandbox`, request));
      return answer ?? new Response(null, { status: 503 });
    },
    webhookSecret: Buffer.from(await secretOf(database.pool)).toString("base64url"),
    requestsPerSecond: 100_000,
    script: (token) => token.split("#")[0] ?? "",
  });
  const { gate, gateway } = gated(bank);
  const parts: Parts = {
    ...made,
    clock,
    gateways: {
      all: [gateway],
      sandbox: {
        ...bank,
        challenge: async (reference) => {
          const attemptKey = reference.replace(/^sandbox_/, "");
          return (await (memoryBooks ?? createSandboxBooks(database.pool)).findCharge(attemptKey)) ?? null;
        },
      },
      options: made.gateways.options,
    },
    paymentFlow: { ...made.paymentFlow, desk: new PaymentDesk([gateway], systemClock) },
  };
  const shop = await createShop(parts, undefined, rooms);
  handle = shop.handler;

  const process: ShopProcess = {
    parts,
    shop,
    bank,
    gate,
    loseWebhooks(lost) {
      areLost = lost;
    },
    place: async (request, key = crypto.randomUUID()) => await shop.placeOrder.place(request, key),
    async placed(request, key = crypto.randomUUID()) {
      const answer = await shop.placeOrder.place(request, key);
      if (answer.kind !== "placed") throw new Error(`the order was not placed: ${JSON.stringify(answer)}`);
      return answer.id;
    },
    fetch: async (path, init) => await shop.handler(new Request(`${origin}${path}`, init)),
    async work() {
      const topics: string[] = [];
      for (;;) {
        const tasks = await parts.outbox.take("payments", 100, 120);
        if (tasks.length === 0) return topics;
        topics.push(...tasks.map(({ topic }) => topic));
        await Promise.all(
          tasks.map(async (task) => {
            const end = await runTask(parts, task);
            if (end === "settled") await parts.outbox.done(task);
            else await parts.outbox.putOff(task, end.againInSeconds, "not settled yet", end.payload);
          }),
        );
      }
    },
  };
  return {
    process,
    close: async () => {
      gate.open();
      await bank.settled();
      await shop.stop();
      await database.close();
      // What nobody foresaw is noted by the shop; a test that caused it has not looked.
      expect(complaints).toEqual([]);
    },
  };
}

/**
 * Postgres breaks a circle of locks after a second, and the order path then tries again: a sale would stumble and no
 * test would notice. Here nobody breaks it, and whoever waits this long fails.
 */
async function refuseCircles(sql: SQL): Promise<void> {
  const [row] = await sql.unsafe("select current_database() as name, current_setting('is_superuser') = 'on' as may");
  const { name, may } = row as { name: string; may: boolean };
  if (!may) return console.warn("NOT CHECKED for circles of locks: the database user may not set deadlock_timeout.");
  await sql.unsafe(`alter database ${name} set deadlock_timeout = '10min'`);
  await sql.unsafe(`alter database ${name} set lock_timeout = '8s'`);
}

const startedMs = Date.now();
/** The pretend bank takes its time with what it tells; for a test a twentieth of it will do. One bank, one clock. */
const hastyClock: Clock = {
  now: () => startedMs + (Date.now() - startedMs) * 20,
  sleep: async (ms, signal) => await systemClock.sleep(ms / 20, signal),
};

async function secretOf(sql: SQL): Promise<Uint8Array> {
  const [row] = await sql.unsafe("select encode(value, 'hex') as value from secrets where name = 'sandbox-webhook'");
  return Buffer.from((row as { value: string }).value, "hex");
}

async function runTask({ paymentFlow }: Parts, task: Task): Promise<TaskEnd> {
  const id = task.orderId ?? 0;
  switch (task.topic) {
    case "pay":
      await payOrder(paymentFlow, id);
      return "settled";
    case "resolve":
      return await resolvePayment(paymentFlow, id, task.attempts);
    case "expire":
      return await expireOrder(paymentFlow, id, task.attempts);
    case "refund":
      return await refundPayment(paymentFlow, String(task.payload.refundKey), task.attempts);
    default:
      throw new Error(`the payments lane has the task "${task.topic}", which this kit does not know`);
  }
}

function gated(bank: SandboxGateway): { gate: Gate; gateway: PaymentGateway } {
  let passage: PromiseWithResolvers<void> | undefined;
  let waiting = 0;
  const pass = async <Answer>(answer: Answer): Promise<Answer> => {
    if (passage === undefined) return answer;
    waiting += 1;
    await passage.promise;
    return answer;
  };
  return {
    gate: {
      close() {
        passage ??= Promise.withResolvers<void>();
      },
      open() {
        passage?.resolve();
        passage = undefined;
        waiting = 0;
      },
      async waiting(count) {
        while (waiting < count) await Bun.sleep(1);
      },
    },
    gateway: {
      ...bank,
      charge: async (request, signal) => await pass(await bank.charge(request, signal)),
    },
  };
}

/** A guest in Oslo who wants one of each of these SKUs. Every part can be another. */
export function orderRequest(
  skus: readonly (string | readonly [sku: string, quantity: number])[],
  more: Partial<OrderRequest> = {},
): OrderRequest {
  return {
    lines: skus.map((line) =>
      typeof line === "string" ? { sku: line, quantity: 1 } : { sku: line[0], quantity: line[1] },
    ),
    email: `${crypto.randomUUID()}@test.example`,
    shippingAddress: {
      name: "Ada Berg",
      line1: `Kirkeveien ${crypto.randomUUID()}`,
      city: "Oslo",
      postalCode: "0364",
      country: "NO",
    },
    shippingMethod: "standard",
    payment: { provider: "sandbox", token: "ok" },
    ...more,
  };
}

/** How often each kind of answer came. */
export function tally(answers: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of answers) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
