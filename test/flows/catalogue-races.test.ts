/**
 * The catalogue changes while people order: a price at a set second, a product taken off the shelves, an import. Nobody
 * pays a price that no longer stood when their order was placed, by the database's clock, and nobody pays one unseen.
 */
import { describe, expect, test } from "bun:test";
import { productDraft } from "../kit/drafts.ts";
import { fixtureProducts, orderRequest, type ShopProcess, tally, testShop } from "../kit/shop.ts";

const shop = await testShop({ processes: 2 });
const [here, there] = shop.processes as [ShopProcess, ShopProcess];
const at = (index: number): ShopProcess => (index % 2 === 0 ? here : there);
const store = shop.parts.catalogueStore;

const priceOf = async (orderId: number) => (await shop.parts.orders.get(orderId))?.lines[0]?.unitPrice;
const eur = (amount: number) => ({ amount, currency: "EUR" });

/** The database's clock, in ms. */
async function databaseNow(): Promise<number> {
  const [row] = await shop.sql.unsafe("select (extract(epoch from clock_timestamp()) * 1000)::float8 as now");
  return (row as { now: number }).now;
}

/** Orders go on in both processes, as fast as they are answered, until the work is done and a little longer. */
async function whileOrdering<Answer>(order: (index: number) => Promise<Answer>, work: () => Promise<void>) {
  const answers: Answer[] = [];
  let isDone = false;
  const buyers = Array.from({ length: 6 }, async (_, index) => {
    for (let more = 2; more > 0; more -= isDone ? 1 : 0) answers.push(await order(index));
  });
  await work().finally(() => {
    isDone = true;
  });
  await Promise.all(buyers);
  return answers;
}

describe("a price that changes at a set second", () => {
  test("is the price of every order from then on, and of none before, by the database's clock", async () => {
    await shop.stock("MUG", 100_000);
    await here.placed(orderRequest(["MUG"]));
    const atMs = Math.ceil(await databaseNow()) + 250;
    await store.schedulePrice("MUG", { atMs, price: 1500, compareAt: 2000 });
    const answers = await whileOrdering(
      async (index) => await at(index).place(orderRequest(["MUG"])),
      async () => {
        while ((await databaseNow()) < atMs + 150) await Bun.sleep(20);
      },
    );
    expect(tally(answers)).toEqual({ placed: answers.length });
    await there.placed(orderRequest(["MUG"]));
    const [row] = await shop.sql.unsafe(
      `select count(*) filter (where o.placed_at < to_timestamp($1::float8 / 1000) and l.unit_price = 2000)::int as old_before,
         count(*) filter (where o.placed_at >= to_timestamp($1::float8 / 1000) and l.unit_price = 1500)::int as new_after,
         count(*)::int as all
       from orders o join order_lines l on l.order_id = o.id`,
      [atMs],
    );
    const counts = row as { old_before: number; new_after: number; all: number };
    expect(counts.old_before).toBeGreaterThan(0);
    expect(counts.new_after).toBeGreaterThan(0);
    expect(counts.old_before + counts.new_after).toBe(counts.all);
  });

  test("is never paid unseen: who agreed to the old total is asked again, and nothing is ordered", async () => {
    await shop.stock("MUG", 100_000);
    const atMs = Math.ceil(await databaseNow()) + 150;
    await store.schedulePrice("MUG", { atMs, price: 2500, compareAt: null });
    const answers = await whileOrdering(
      async (index) => await at(index).place(orderRequest(["MUG"], { expectedTotal: eur(2490) })),
      async () => {
        while ((await databaseNow()) < atMs + 100) await Bun.sleep(20);
      },
    );
    const { placed = 0, price_changed = 0 } = tally(answers);
    expect(placed + price_changed).toBe(answers.length);
    expect(answers.at(-1)).toEqual({ kind: "price_changed", total: 2990, currency: "EUR" });
    const [row] = await shop.sql.unsafe("select count(*)::int as count, max(total)::int as total from orders");
    expect(row).toEqual({ count: placed, total: 2490 });
    expect((await here.place(orderRequest(["MUG"], { expectedTotal: eur(2990) }))).kind).toBe("placed");
  });

  test("is known at once to a process that has not heard of it yet", async () => {
    for (let round = 1; round <= 20; round++) {
      const price = 2000 + round;
      await here.parts.catalogueStore.schedulePrice("MUG", {
        atMs: Math.floor(await databaseNow()),
        price,
        compareAt: null,
      });
      // No waiting for the news: the order's own commit is what finds out.
      const ids = await Promise.all([there.placed(orderRequest(["MUG"])), here.placed(orderRequest(["MUG"]))]);
      expect(await Promise.all(ids.map(priceOf))).toEqual([price, price]);
    }
  });

  test("in another currency, or of another total by a cent, is not what the shopper agreed to", async () => {
    const total = (amount: number, currency = "EUR") =>
      here.place(orderRequest(["MUG"], { expectedTotal: { amount, currency } }));
    expect(await total(2489)).toEqual({ kind: "price_changed", total: 2490, currency: "EUR" });
    expect(await total(2490, "USD")).toEqual({ kind: "price_changed", total: 2490, currency: "EUR" });
    expect((await total(2490)).kind).toBe("placed");
  });

  test("of a bundle's part leaves the bundle's own price as it is", async () => {
    await store.schedulePrice("MUG", { atMs: Math.floor(await databaseNow()), price: 1, compareAt: null });
    expect(await priceOf(await there.placed(orderRequest(["SET"])))).toBe(7000);
  });
});

describe("a code that ends at a set second", () => {
  test("takes nothing off any order from then on", async () => {
    await shop.stock("MUG", 100_000);
    const endsAtMs = Math.ceil(await databaseNow()) + 200;
    await store.importPromotions([
      {
        code: "HURRY",
        kind: "percent",
        value: 50,
        minimumSubtotal: 0,
        startsAtMs: 0,
        endsAtMs,
        limitPerPerson: null,
        usageLimit: null,
      },
    ]);
    for (const { parts } of shop.processes) await parts.catalogue.refresh();
    const answers = await whileOrdering(
      async (index) => await at(index).place(orderRequest(["MUG"], { promotionCode: "hurry " })),
      async () => {
        while ((await databaseNow()) < endsAtMs + 80) await Bun.sleep(20);
      },
    );
    const [row] = await shop.sql.unsafe(
      "select count(*)::int as late from orders where promotion_id is not null and placed_at >= to_timestamp($1::float8 / 1000)",
      [endsAtMs],
    );
    expect((row as { late: number }).late).toBe(0);
    expect(answers.at(-1)).toEqual({
      kind: "invalid",
      complaints: [{ pointer: "/promotionCode", message: "this code is no longer valid" }],
    });
  });
});

describe("a product that is taken off the shelves", () => {
  test("is ordered by nobody from then on, also not from a process that still shows it", async () => {
    for (let round = 0; round < 10; round++) {
      await store.publish("mug", Math.floor(await databaseNow()) - 1000);
      for (const { parts } of shop.processes) await parts.catalogue.refresh();
      const before = await whileOrdering(
        async (index) => await at(index).place(orderRequest(["MUG"])),
        async () => {
          await store.publish("mug", null);
          expect((await there.place(orderRequest(["MUG"]))).kind).toBe("invalid");
          expect((await here.place(orderRequest(["SET"]))).kind).toBe("placed");
        },
      );
      const { placed = 0, invalid = 0 } = tally(before);
      expect(placed + invalid).toBe(before.length);
      await shop.stock("MUG", 100 + (await shop.level("MUG")).held);
    }
  });

  test("goes back on sale at the second that was set for it", async () => {
    const atMs = Math.ceil(await databaseNow()) + 150;
    await store.publish("mug", atMs);
    expect((await there.place(orderRequest(["MUG"]))).kind).toBe("invalid");
    while ((await databaseNow()) < atMs) await Bun.sleep(20);
    const ids = await Promise.all([there.placed(orderRequest(["MUG"])), here.placed(orderRequest(["MUG"]))]);
    const [row] = await shop.sql.unsafe(
      "select count(*)::int as early from orders where placed_at < to_timestamp($1::float8 / 1000)",
      [atMs],
    );
    expect([ids.length, (row as { early: number }).early]).toEqual([2, 0]);
  });
});

describe("an import while people order", () => {
  test("gives each order one of the two prices, whole, and after it only the new one", async () => {
    const priced = (price: number) =>
      fixtureProducts
        .filter(({ handle }) => handle === "mug" || handle === "tee")
        .map((product) => ({
          ...product,
          variants: product.variants.map((variant) => ({ ...variant, price, onHand: null })),
        }));
    await shop.stock("MUG", 100_000);
    await shop.stock("TEE-S", 100_000);
    let last = 0;
    const answers = await whileOrdering(
      async (index) => await at(index).place(orderRequest(["MUG", "TEE-S"])),
      async () => {
        for (let round = 0; round < 10; round++) {
          last = 5000 + round;
          await store.importProducts(priced(last));
          // An order that is asked for after the import has the imported price.
          const id = await at(round).placed(orderRequest(["TEE-S"]));
          expect(await priceOf(id)).toBe(last);
        }
      },
    );
    expect(tally(answers)).toEqual({ placed: answers.length });
    const mixed = await shop.sql.unsafe(
      `select order_id from order_lines group by order_id having count(*) = 2 and count(distinct unit_price) > 1
         and bool_and(unit_price >= 5000)`,
    );
    expect([...mixed]).toEqual([]);
  });

  test("that counts stock loses no unit that is being ordered", async () => {
    const counted = (onHand: number) => [productDraft("mug", [{ sku: "MUG", price: 2000, onHand }])];
    await shop.stock("MUG", 500);
    let refused = 0;
    const answers = await whileOrdering(
      async (index) => await at(index).place(orderRequest(["MUG"])),
      async () => {
        for (let round = 0; round < 12; round++) {
          await store.importProducts(counted(400 + 10 * round)).catch(() => {
            refused += 1;
          });
        }
      },
    );
    const { placed = 0 } = tally(answers);
    const level = await shop.level("MUG");
    expect(level.held).toBe(placed);
    if (refused < 12) expect(level.onHand % 10).toBe(0);
  });

  test("that drops a variant keeps it for the orders that have it, and sells it to nobody more", async () => {
    const teeOf = (...sizes: string[]) => [
      productDraft(
        "tee",
        sizes.map((size) => ({ sku: `TEE-${size}`, price: 3000, options: [size], onHand: null })),
        { optionNames: ["Size"] },
      ),
    ];
    for (let round = 0; round < 6; round++) {
      await store.importProducts(teeOf("S", "M", `R${round}`));
      await shop.stock(`TEE-R${round}`, 50);
      for (const { parts } of shop.processes) await parts.catalogue.refresh();
      const answers = await whileOrdering(
        async (index) => await at(index).place(orderRequest([`TEE-R${round}`])),
        async () => {
          await store.importProducts(teeOf("S", "M"));
          expect((await at(round).place(orderRequest([`TEE-R${round}`]))).kind).not.toBe("placed");
        },
      );
      const { placed = 0, invalid = 0, sold_out = 0 } = tally(answers);
      expect(placed + invalid + sold_out).toBe(answers.length);
    }
  });

  test("that lowers a limit for one person is kept from then on", async () => {
    const print = (purchaseLimit: number) => [
      productDraft("print", [{ sku: "PRINT", price: 10_000, onHand: null, purchaseLimit }]),
    ];
    const ada = orderRequest([["PRINT", 2]]);
    await store.importProducts(print(1));
    expect(await there.place(ada)).toEqual({ kind: "limit", left: 1 });
    await store.importProducts(print(4));
    expect((await there.place(ada)).kind).toBe("placed");
    expect((await here.place(ada)).kind).toBe("placed");
    expect(await here.place(ada)).toEqual({ kind: "limit", left: 0 });
  });
});

describe("settings that change while people order", () => {
  test("a new tax or delivery price is in every order that is asked for after it", async () => {
    const { settings } = here.parts.catalogue.snapshot();
    await store.writeSettings({
      ...settings,
      shipping: settings.shipping.map((method) => ({
        ...method,
        rates: method.rates.map((rate) => ({ ...rate, price: 100, freeFrom: null })),
      })),
    });
    const orders = await Promise.all(
      [here, there].map(async (process) => await shop.parts.orders.get(await process.placed(orderRequest(["MUG"])))),
    );
    expect(orders.map((order) => order?.total)).toEqual([2100, 2100]);
  });
});
