/** The promises of StockLedger (src/commerce/stock/ports.ts), kept by the adapter for Postgres. */
import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { createOrderIntake } from "#adapters/postgres/order-intake.ts";
import { createStockLedger } from "#adapters/postgres/stock-ledger.ts";
import type { Product, Variant } from "#commerce/catalogue/product.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import type { StockChange, StockLevel } from "#commerce/stock/ports.ts";
import { SpillwayError } from "#kernel/error.ts";
import { productDraft } from "../kit/drafts.ts";
import { seededRandom } from "../kit/generated-catalogue.ts";
import { clearTables, testDatabase } from "../kit/postgres.ts";
import { plainOrder } from "../kit/priced-order.ts";

const { sql } = await testDatabase();
const store = createCatalogueStore(sql, { defaultSettings });
const ledger = createStockLedger(sql);
const intake = createOrderIntake(sql);

let tee: Variant;
let preorder: Variant;
let revision: number;

beforeEach(async () => {
  await clearTables(sql);
  await store.importProducts([
    productDraft("tee", [
      { sku: "T" },
      { sku: "P", policy: { kind: "preorder", allowance: 5, shipsOn: "2030-01-01" } },
    ]),
    productDraft("pair", [{ sku: "PAIR", components: [{ sku: "T", quantity: 2 }] }]),
  ]);
  const rows = await store.read();
  revision = rows.revision;
  [tee, preorder] = (rows.products[0] as Product).variants as [Variant, Variant];
});

async function changed(change: StockChange): Promise<StockLevel> {
  const result = await ledger.change(change);
  if (!result.ok) throw new Error(result.reason.message);
  return result.value;
}

async function refused(change: StockChange) {
  const result = await ledger.change(change);
  if (result.ok) throw new Error("was not refused");
  return result.reason;
}

const place = async (variant: Variant, quantity: number, key = crypto.randomUUID()) => {
  const [verdict] = await intake.place({
    reading: { revision, validFrom: 0, validUntil: Number.MAX_SAFE_INTEGER },
    currency: "EUR",
    taxIncluded: true,
    orders: [plainOrder(key, [variant], { quantity })],
  });
  return verdict?.kind;
};

const entries = async () =>
  [
    ...(await sql.unsafe(
      "select kind::text as kind, on_hand_delta as delta, reason from stock_entries where order_id is null order by ctid",
    )),
  ] as { kind: string; delta: number; reason: string }[];

const breaches = async () => (await createAuditor(sql).audit()).filter((report) => report.breaches > 0);

describe("a change", () => {
  test("is written to level and ledger at once, with its reason", async () => {
    expect(await changed({ sku: "T", kind: "set", onHand: 10, reason: "first count" })).toEqual({
      variantId: tee.id,
      sku: "T",
      location: "main",
      onHand: 10,
      held: 0,
      sold: 0,
      safety: 0,
      safetyPercent: 0,
      allowance: 0,
      lowStockAt: 0,
      available: 10,
    });
    expect((await changed({ sku: "T", kind: "receive", quantity: 5, reason: "delivery 7" })).onHand).toBe(15);
    expect((await changed({ sku: "T", kind: "adjust", delta: -2, reason: "broken" })).onHand).toBe(13);
    expect(await entries()).toEqual([
      { kind: "set", delta: 10, reason: "first count" },
      { kind: "receive", delta: 5, reason: "delivery 7" },
      { kind: "adjust", delta: -2, reason: "broken" },
    ]);
    expect(await breaches()).toEqual([]);
  });

  test("at a new location makes the location and the level, after those that are there", async () => {
    await changed({ sku: "T", kind: "set", onHand: 4, reason: "count" });
    await changed({ sku: "T", location: "oslo", kind: "receive", quantity: 6, reason: "delivery" });
    const levels = await ledger.levels(["T"]);
    expect(levels.map(({ location, onHand }) => [location, onHand])).toEqual([
      ["main", 4],
      ["oslo", 6],
    ]);
    expect((await ledger.available()).get(tee.id)).toBe(10);
    expect(await breaches()).toEqual([]);
  });

  test("of an unknown SKU, or of a bundle, is refused in a sentence", async () => {
    expect(await refused({ sku: "X", kind: "set", onHand: 1, reason: "" })).toEqual({
      code: "not_found",
      message: 'No variant has the SKU "X".',
    });
    expect(await refused({ sku: "PAIR", kind: "set", onHand: 1, reason: "" })).toEqual({
      code: "stock_conflict",
      message: '"PAIR" is a bundle and has the stock of its parts: count those.',
    });
  });

  test("that would break a promise is refused in a sentence and changes nothing", async () => {
    await changed({ sku: "T", kind: "set", onHand: 8, reason: "" });
    expect(await place(tee, 8)).toBe("placed");
    const before = await ledger.levels(null);
    expect(await refused({ sku: "T", kind: "adjust", delta: -3, reason: "" })).toEqual({
      code: "stock_conflict",
      message: "3 fewer would leave 5 units for 8 that are already promised; cancel orders first.",
    });
    expect((await refused({ sku: "T", kind: "set", onHand: 7, reason: "" })).message).toBe(
      "7 units are not enough for 8 that are already promised; cancel orders first.",
    );
    expect((await refused({ sku: "T", location: "oslo", kind: "adjust", delta: -1, reason: "" })).message).toBe(
      "1 fewer are more than the 0 that are there.",
    );
    expect(await ledger.levels(null)).toEqual(before);
    expect(await sql.unsafe("select from locations")).toHaveLength(1);
    expect(await entries()).toHaveLength(1);
  });

  test("may leave less than is promised as far as the variant is sold beyond its stock", async () => {
    await changed({ sku: "P", kind: "set", onHand: 3, reason: "" });
    expect(await place(preorder, 6)).toBe("placed");
    expect((await changed({ sku: "P", kind: "adjust", delta: -2, reason: "" })).available).toBe(0);
    expect((await refused({ sku: "P", kind: "adjust", delta: -1, reason: "" })).message).toBe(
      "1 fewer would leave 0 units and an allowance of 5 for 6 that are already promised; cancel orders first.",
    );
  });

  test("that would take the allowance from a location that has promised it is refused", async () => {
    await sql.unsafe("insert into locations (code, name, position) values ('first', 'First', -1)");
    expect(await place(preorder, 5)).toBe("placed");
    const refusal = await refused({ sku: "P", location: "first", kind: "receive", quantity: 1, reason: "" });
    expect(refusal.message).toBe(
      'What "P" may sell beyond its stock is promised at another location already; cancel orders first.',
    );
    expect(await entries()).toEqual([]);
  });

  test("with numbers that make no sense is an error before it reaches the database", async () => {
    const nonsense: StockChange[] = [
      { sku: "T", kind: "set", onHand: -1, reason: "" },
      { sku: "T", kind: "set", onHand: 1.5, reason: "" },
      { sku: "T", kind: "receive", quantity: 0, reason: "" },
      { sku: "T", kind: "receive", quantity: 2 ** 31, reason: "" },
      { sku: "T", kind: "adjust", delta: Number.NaN, reason: "" },
      { sku: "T", kind: "policy", safetyPercent: 101, reason: "" },
      { sku: "T", kind: "policy", lowStockAt: -1, reason: "" },
    ];
    for (const change of nonsense) {
      const error = await ledger.change(change).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SpillwayError);
      expect((error as SpillwayError).code).toBe("invalid_request");
    }
    await changed({ sku: "T", kind: "set", onHand: 2 ** 31 - 1, reason: "" });
    expect((await refused({ sku: "T", kind: "receive", quantity: 1, reason: "" })).message).toContain(
      "more than can be counted",
    );
  });

  test("loses nothing when many come at once, also to a level that is not there yet", async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        changed({ sku: "T", location: index % 2 ? "oslo" : "main", kind: "receive", quantity: index + 1, reason: "" }),
      ),
    );
    expect((await ledger.available()).get(tee.id)).toBe((60 * 61) / 2);
    expect(await breaches()).toEqual([]);
  });

  test("while orders come in never leaves a promise without its unit", async () => {
    await changed({ sku: "T", kind: "set", onHand: 40, reason: "" });
    const random = seededRandom(4);
    const orders = Array.from({ length: 80 }, async () => await place(tee, 1));
    const changes = Array.from({ length: 80 }, async (_, index) => {
      const sku = "T";
      await ledger.change(
        index % 4 === 0
          ? { sku, kind: "set", onHand: Math.floor(random() * 60), reason: "" }
          : { sku, kind: "adjust", delta: Math.floor(random() * 20) - 12, reason: "" },
      );
    });
    const verdicts = await Promise.all(orders);
    await Promise.all(changes);
    expect(verdicts.every((kind) => kind === "placed" || kind === "sold_out")).toBe(true);
    expect(await breaches()).toEqual([]);
  });

  test("after any others gives what arithmetic gives", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), onHand: fc.nat(50) }),
      fc.record({ kind: fc.constant("receive" as const), quantity: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constant("adjust" as const), delta: fc.integer({ min: -20, max: 20 }) }),
      fc.record({ kind: fc.constant("policy" as const), safetyPercent: fc.nat(100) }),
      fc.record({ kind: fc.constant("order" as const), quantity: fc.integer({ min: 1, max: 6 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await sql.unsafe("truncate stock_levels, stock_entries, orders, order_lines, outbox, order_events");
        let [onHand, held, percent, safety] = [0, 0, 0, 0];
        for (const step of steps) {
          if (step.kind === "order") {
            const isEnough = onHand - safety - held >= step.quantity;
            expect(await place(tee, step.quantity)).toBe(isEnough ? "placed" : "sold_out");
            if (isEnough) held += step.quantity;
            continue;
          }
          const result = await ledger.change({ sku: "T", reason: "", ...step });
          const after =
            step.kind === "set"
              ? step.onHand
              : onHand + (step.kind === "receive" ? step.quantity : step.kind === "adjust" ? step.delta : 0);
          expect(result.ok).toBe(after >= held);
          if (!result.ok) continue;
          onHand = after;
          if (step.kind === "policy") percent = step.safetyPercent;
          safety = Math.ceil((onHand * percent) / 100);
          expect(result.value).toMatchObject({ onHand, held, safety, available: Math.max(onHand - safety - held, 0) });
        }
      }),
      { numRuns: 30, seed: 9 },
    );
    expect(await breaches()).toEqual([]);
  });
});

describe("what is withheld", () => {
  test("is a share of the count, rounded up, and reckoned anew at each count", async () => {
    await changed({ sku: "T", kind: "set", onHand: 21, reason: "" });
    expect(await changed({ sku: "T", kind: "policy", safetyPercent: 10, reason: "" })).toMatchObject({
      safety: 3,
      safetyPercent: 10,
      available: 18,
    });
    expect((await changed({ sku: "T", kind: "receive", quantity: 20, reason: "" })).safety).toBe(5);
    expect(await place(tee, 37)).toBe("sold_out");
    expect(await place(tee, 36)).toBe("placed");
    const [level] = await ledger.levels(["T"]);
    expect([level?.safety, level?.available]).toEqual([5, 0]);
    expect(await entries()).toHaveLength(2);
  });
});

describe("what can be promised", () => {
  test("is told of what is held as itself, over all locations, and is what the order path decides by", async () => {
    await changed({ sku: "T", kind: "set", onHand: 4, reason: "" });
    await changed({ sku: "T", location: "oslo", kind: "set", onHand: 3, reason: "" });
    expect(Object.fromEntries(await ledger.available())).toEqual({ [tee.id]: 7, [preorder.id]: 5 });
    expect(await place(tee, 8)).toBe("sold_out");
    expect(await place(tee, 6)).toBe("placed");
    expect(await place(preorder, 5)).toBe("placed");
    expect(Object.fromEntries(await ledger.available())).toEqual({ [tee.id]: 1, [preorder.id]: 0 });
  });

  test("of an empty shop is nothing", async () => {
    await clearTables(sql);
    expect((await ledger.available()).size).toBe(0);
    expect(await ledger.levels(null)).toEqual([]);
  });
});

describe("an alert", () => {
  const alerts = async () =>
    (
      (await sql.unsafe(
        "select payload ->> 'levelId' as level from outbox where topic = 'stock_alert' order by id",
      )) as {
        level: string;
      }[]
    ).map(({ level }) => Number(level));
  const levelOf = async (sku: string): Promise<number> => {
    const [row] = await sql.unsafe(
      "select l.id from stock_levels l join variants v on v.id = l.variant_id where v.sku = $1::text",
      [sku],
    );
    return row.id;
  };

  test("is written once when orders take the stock below its mark, and again only after it had risen", async () => {
    const level = await levelOf("T");
    await changed({ sku: "T", kind: "set", onHand: 10, reason: "" });
    await changed({ sku: "T", kind: "policy", lowStockAt: 5, reason: "" });
    await place(tee, 5);
    expect(await alerts()).toEqual([]);
    await place(tee, 1);
    await place(tee, 1);
    expect(await alerts()).toEqual([level]);
    await changed({ sku: "T", kind: "receive", quantity: 1, reason: "" });
    expect(await alerts()).toEqual([level]);
    await changed({ sku: "T", kind: "receive", quantity: 9, reason: "" });
    await changed({ sku: "T", kind: "adjust", delta: -9, reason: "" });
    expect(await alerts()).toEqual([level, level]);
  });

  test("is written when the mark is set above what is there, and none without a mark", async () => {
    await changed({ sku: "T", kind: "set", onHand: 3, reason: "" });
    await changed({ sku: "T", kind: "adjust", delta: -3, reason: "" });
    expect(await alerts()).toEqual([]);
    await changed({ sku: "T", kind: "policy", lowStockAt: 1, reason: "" });
    expect(await alerts()).toEqual([await levelOf("T")]);
  });
});

test("whoever remembers something as sold out hears when there may be more, and only then", async () => {
  let heard = 0;
  const subscription = await sql.listen("stock", () => {
    heard += 1;
  });
  const hears = async (times: number) => {
    for (let waited = 0; heard < times && waited < 15_000; waited += 10) await Bun.sleep(10);
    await Bun.sleep(50);
    expect(heard).toBe(times);
  };
  await changed({ sku: "T", kind: "set", onHand: 10, reason: "" });
  await hears(1);
  await changed({ sku: "T", kind: "policy", safetyPercent: 50, reason: "" });
  await changed({ sku: "T", kind: "adjust", delta: -2, reason: "" });
  await hears(1);
  await changed({ sku: "T", kind: "policy", safetyPercent: 0, reason: "" });
  await hears(2);
  await subscription.unlisten();
});
