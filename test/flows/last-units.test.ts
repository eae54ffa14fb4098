/**
 * Many people want what few can have: at every end of a race exactly as many orders stand as there were units, whatever
 * shares the stock, wherever it lies, and whatever is counted, released or withheld meanwhile.
 */
import { describe, expect, test } from "bun:test";
import { createOrderIntake } from "#adapters/postgres/order-intake.ts";
import { productDraft } from "../kit/drafts.ts";
import { seededRandom } from "../kit/generated-catalogue.ts";
import { orderRequest, type ShopProcess, tally, testShop } from "../kit/shop.ts";

const shop = await testShop({
  processes: 2,
  products: [
    productDraft("mug", [{ sku: "MUG", price: 2000, onHand: 100 }]),
    productDraft("tee", [{ sku: "TEE", price: 3000, onHand: 100 }]),
    productDraft("cap", [{ sku: "CAP", price: 1500, onHand: 100 }]),
    productDraft("lamp", [{ sku: "LAMP", onHand: 3, policy: { kind: "backorder", allowance: 5 } }]),
    productDraft("console", [
      { sku: "CONSOLE", onHand: 0, policy: { kind: "preorder", allowance: 6, shipsOn: "2030-06-01" } },
    ]),
    productDraft("set", [
      {
        sku: "SET",
        price: 7000,
        components: [
          { sku: "MUG", quantity: 1 },
          { sku: "TEE", quantity: 2 },
        ],
      },
    ]),
    productDraft("pair", [{ sku: "PAIR", price: 3500, components: [{ sku: "MUG", quantity: 2 }] }]),
  ],
});
const [here, there] = shop.processes as [ShopProcess, ShopProcess];

/** The n-th of many buyers, spread over the processes. */
const at = (index: number): ShopProcess => (index % 2 === 0 ? here : there);
const buyers = async (count: number, request: (index: number) => Parameters<ShopProcess["place"]>[0]) =>
  await Promise.all(Array.from({ length: count }, async (_, index) => await at(index).place(request(index))));

describe("for the last unit", () => {
  test("two carts at the same moment: one has it, the other is told that none is left", async () => {
    for (let round = 0; round < 25; round++) {
      await shop.stock("MUG", round + 1);
      const answers = await Promise.all([here.place(orderRequest(["MUG"])), there.place(orderRequest(["MUG"]))]);
      expect(tally(answers)).toEqual({ placed: 1, sold_out: 1 });
      expect(answers.find(({ kind }) => kind === "sold_out")).toEqual({
        kind: "sold_out",
        left: [{ sku: "MUG", left: 0 }],
      });
    }
  });

  test("64 buyers in two processes for 10 units: exactly 10 have one", async () => {
    await shop.stock("MUG", 10);
    const answers = await buyers(64, () => orderRequest(["MUG"]));
    expect(tally(answers)).toEqual({ placed: 10, sold_out: 54 });
    expect(await shop.level("MUG")).toEqual({ onHand: 10, held: 10, sold: 0, available: 0 });
  });

  test("64 buyers who order past every queue and every memory, each on a connection of its own: exactly 10", async () => {
    await shop.stock("MUG", 10);
    const mug = here.parts.catalogue.snapshot().variants.get("MUG");
    if (mug === undefined) throw new Error("no mug");
    const { plainOrder } = await import("../kit/priced-order.ts");
    const intake = createOrderIntake(shop.sql);
    const { reading } = here.parts.catalogue.snapshot();
    const verdicts = await Promise.all(
      Array.from({ length: 64 }, async (_, index) => {
        const orders = [plainOrder(`lone ${index}`, [mug])];
        return (await intake.place({ reading, currency: "EUR", taxIncluded: true, orders }))[0] ?? { kind: "none" };
      }),
    );
    expect(tally(verdicts)).toEqual({ placed: 10, sold_out: 54 });
  });

  test("whoever wants three gets three or none, and the rest goes to those who want one", async () => {
    await shop.stock("MUG", 20);
    const answers = await buyers(40, (index) => orderRequest([["MUG", index % 2 === 0 ? 3 : 1]]));
    const units = answers.reduce(
      (sum, answer, index) => sum + (answer.kind !== "placed" ? 0 : index % 2 === 0 ? 3 : 1),
      0,
    );
    const { held } = await shop.level("MUG");
    expect(held).toBe(units);
    expect(units).toBeLessThanOrEqual(20);
    // With twenty ones among them nothing can be left over but what every three was too large for.
    for (let left = 20 - units; left > 0; left--) await here.placed(orderRequest(["MUG"]));
    expect((await here.place(orderRequest(["MUG"]))).kind).toBe("sold_out");
  });

  test("an order of two things, one of them gone, keeps nothing of the other", async () => {
    await shop.stock("TEE", 0);
    const answers = await buyers(20, () => orderRequest(["MUG", "TEE"]));
    expect(tally(answers)).toEqual({ sold_out: 20 });
    expect(answers[0]).toEqual({ kind: "sold_out", left: [{ sku: "TEE", left: 0 }] });
    expect(await shop.level("MUG")).toEqual({ onHand: 100, held: 0, sold: 0, available: 100 });
  });
});

describe("what is left", () => {
  test("is told of each line that fell short, and of no other", async () => {
    await shop.stock("MUG", 3);
    await shop.stock("CAP", 1);
    expect(
      await here.place(
        orderRequest([
          ["MUG", 4],
          ["TEE", 5],
          ["CAP", 2],
        ]),
      ),
    ).toEqual({
      kind: "sold_out",
      left: [
        { sku: "MUG", left: 3 },
        { sku: "CAP", left: 1 },
      ],
    });
  });

  test("is what anybody may have, also when one order asks for the same thing twice", async () => {
    await shop.stock("MUG", 3);
    expect(
      await here.place(
        orderRequest([
          ["MUG", 2],
          ["MUG", 2],
        ]),
      ),
    ).toEqual({
      kind: "sold_out",
      left: [{ sku: "MUG", left: 3 }],
    });
  });

  test("does not shrink for others because somebody asked in vain for all of it and one more", async () => {
    await shop.stock("MUG", 3);
    expect(
      (
        await here.place(
          orderRequest([
            ["MUG", 3],
            ["MUG", 1],
          ]),
        )
      ).kind,
    ).toBe("sold_out");
    // What this process remembers for a second must not keep the three from those who want them.
    expect((await here.place(orderRequest([["MUG", 3]]))).kind).toBe("placed");
  });

  test("does not shrink because a bundle took a part of it for an order that failed", async () => {
    await shop.stock("MUG", 2);
    await shop.stock("TEE", 1);
    expect(
      (
        await here.place(
          orderRequest([
            ["PAIR", 1],
            ["TEE", 9],
          ]),
        )
      ).kind,
    ).toBe("sold_out");
    expect(
      (
        await here.place(
          orderRequest([
            ["PAIR", 1],
            ["MUG", 1],
          ]),
        )
      ).kind,
    ).toBe("sold_out");
    expect(
      (
        await here.place(
          orderRequest([
            ["MUG", 2],
            ["TEE", 1],
          ]),
        )
      ).kind,
    ).toBe("placed");
  });

  test("of a bundle is told in bundles, and once, however many of its parts are scarce", async () => {
    await shop.stock("MUG", 3);
    expect(await here.place(orderRequest([["PAIR", 2]]))).toEqual({
      kind: "sold_out",
      left: [{ sku: "PAIR", left: 1 }],
    });
    // And again, from memory.
    expect(await here.place(orderRequest([["PAIR", 2]]))).toEqual({
      kind: "sold_out",
      left: [{ sku: "PAIR", left: 1 }],
    });
    await shop.stock("TEE", 3);
    expect(await there.place(orderRequest([["SET", 4]]))).toEqual({
      kind: "sold_out",
      left: [{ sku: "SET", left: 1 }],
    });
    expect((await here.place(orderRequest([["MUG", 3]]))).kind).toBe("placed");
  });

  test("of a smaller number is still sold while a larger one is refused from memory", async () => {
    await shop.stock("MUG", 5);
    expect((await here.place(orderRequest([["MUG", 6]]))).kind).toBe("sold_out");
    expect((await here.place(orderRequest([["MUG", 6]]))).kind).toBe("sold_out");
    expect((await here.place(orderRequest([["MUG", 5]]))).kind).toBe("placed");
  });
});

describe("a bundle", () => {
  test("and a single that share one stock item never sell it twice", async () => {
    await shop.stock("MUG", 12);
    const answers = await buyers(60, (index) => orderRequest([["SET", "MUG", "PAIR"][index % 3] as string]));
    const of = (offset: number) =>
      answers.filter(({ kind }, index) => kind === "placed" && index % 3 === offset).length;
    const mugs = of(0) + of(1) + 2 * of(2);
    expect(mugs).toBe(12);
    expect(await shop.level("MUG")).toMatchObject({ held: 12, available: 0 });
    expect((await shop.level("TEE")).held).toBe(2 * of(0));
  });

  test("is sold out as soon as its scarcest part is, and keeps no other part", async () => {
    await shop.stock("TEE", 1);
    expect(await here.place(orderRequest(["SET"]))).toMatchObject({ kind: "sold_out", left: [{ sku: "SET" }] });
    expect((await shop.level("MUG")).held).toBe(0);
    expect((await here.place(orderRequest(["MUG", "TEE"]))).kind).toBe("placed");
  });

  test("beside its own part in one order takes both from the same stock", async () => {
    await shop.stock("MUG", 3);
    expect((await here.place(orderRequest(["PAIR", ["MUG", 2]]))).kind).toBe("sold_out");
    expect((await here.place(orderRequest(["PAIR", "MUG"]))).kind).toBe("placed");
    expect(await shop.level("MUG")).toMatchObject({ held: 3, available: 0 });
  });
});

describe("locks", () => {
  test("orders that name the same products in opposite orders never wait for each other in a circle", async () => {
    const random = seededRandom(7);
    const skus = ["MUG", "TEE", "CAP", "SET", "PAIR"];
    for (const sku of ["MUG", "TEE", "CAP"]) await shop.stock(sku, 10_000);
    for (let round = 0; round < 40; round++) {
      const shuffled = skus.toSorted(() => random() - 0.5);
      const answers = await buyers(8, (index) => orderRequest(index % 2 === 0 ? shuffled : shuffled.toReversed()));
      expect(tally(answers)).toEqual({ placed: 8 });
    }
  });

  test("also not with cancellations, counts, payments and shipments of the same products between them", async () => {
    for (const sku of ["MUG", "TEE", "CAP"]) await shop.stock(sku, 1000);
    const { orders, ledger } = there.parts;
    for (let round = 0; round < 12; round++) {
      const first = await Promise.all(
        ["SET", "MUG", "CAP", "TEE"].map(async (sku) => await here.placed(orderRequest([sku, "MUG", "TEE"]))),
      );
      const [toCancel, toPay, toShip, toExpire] = first as [number, number, number, number];
      await here.work();
      const answers = await Promise.all([
        orders.cancel(toCancel, "test"),
        orders.cancel(toPay, "test"),
        orders.fulfil(toShip, "shipped", null),
        orders.fulfil(toExpire, "packed", null),
        ledger.change({ sku: "TEE", kind: "adjust", delta: -1, reason: "broken" }),
        ledger.change({ sku: "MUG", kind: "receive", quantity: 1, reason: "found" }),
        ...["CAP", "SET", "PAIR"].map((sku) => here.placed(orderRequest([sku, "CAP", "TEE", "MUG"]))),
        ...["SET", "CAP", "PAIR"].map((sku) => there.placed(orderRequest(["MUG", "TEE", sku]))),
        there.work(),
      ]);
      expect(answers).toHaveLength(13);
    }
  });
});

describe("while selling", () => {
  test("counting, receiving and correcting stock loses no unit and makes none", async () => {
    await shop.stock("MUG", 40);
    const { ledger } = there.parts;
    const selling = buyers(120, () => orderRequest(["MUG"]));
    let received = 0;
    for (let round = 0; round < 20; round++) {
      await ledger.change({ sku: "MUG", kind: "receive", quantity: 2, reason: "delivery" });
      const taken = await ledger.change({ sku: "MUG", kind: "adjust", delta: -1, reason: "broken" });
      received += taken.ok ? 1 : 2;
    }
    const counts = tally(await selling);
    const level = await shop.level("MUG");
    expect(level.onHand).toBe(40 + received);
    expect(level.held).toBe(counts.placed ?? 0);
    expect(level.held).toBeLessThanOrEqual(level.onHand);
  });

  test("a count below what is promised is refused, however the two meet", async () => {
    for (let round = 0; round < 20; round++) {
      await shop.stock("CAP", 10 * (round + 1));
      const before = await shop.level("CAP");
      const [answer, counted] = await Promise.all([
        here.place(orderRequest([["CAP", before.available]])),
        there.parts.ledger.change({ sku: "CAP", kind: "set", onHand: before.held + 5, reason: "count" }),
      ]);
      // Either the order came first and the count is refused, or the count came first and the order found too few.
      expect([answer.kind, counted.ok]).toEqual(answer.kind === "placed" ? ["placed", false] : ["sold_out", true]);
      if (counted.ok) await here.placed(orderRequest([["CAP", 5]]));
      shop.forget();
    }
  });

  test("units that come back are sold again, each once", async () => {
    await shop.stock("MUG", 5);
    const first = await Promise.all(Array.from({ length: 5 }, async () => await here.placed(orderRequest(["MUG"]))));
    shop.forget();
    const [cancelled, answers] = await Promise.all([
      Promise.all(first.map(async (id) => await there.parts.orders.cancel(id, "changed my mind"))),
      buyers(30, () => orderRequest(["MUG"])),
    ]);
    expect(cancelled).toEqual(Array(5).fill("cancelled"));
    const placed = tally(answers).placed ?? 0;
    expect(placed).toBeLessThanOrEqual(5);
    expect((await shop.level("MUG")).held).toBe(placed);
    shop.forget();
    for (let left = 5 - placed; left > 0; left--) await there.placed(orderRequest(["MUG"]));
    expect((await there.place(orderRequest(["MUG"]))).kind).toBe("sold_out");
  });

  test("a delivery is told to every process that remembers the product as sold out", async () => {
    await shop.stock("MUG", 0);
    expect((await here.place(orderRequest(["MUG"]))).kind).toBe("sold_out");
    expect((await there.place(orderRequest(["MUG"]))).kind).toBe("sold_out");
    await there.parts.ledger.change({ sku: "MUG", kind: "receive", quantity: 1_000, reason: "delivery" });
    for (const process of [here, there]) {
      let kind = "";
      for (let look = 0; look < 200 && kind !== "placed"; look++) {
        await Bun.sleep(1);
        ({ kind } = await process.place(orderRequest(["MUG"])));
      }
      expect(kind).toBe("placed");
    }
  });
});

describe("beyond what is there", () => {
  test("a backorder sells its stock and its allowance, and not one more", async () => {
    const answers = await buyers(30, () => orderRequest(["LAMP"]));
    expect(tally(answers)).toEqual({ placed: 8, sold_out: 22 });
    expect(await shop.level("LAMP")).toEqual({ onHand: 3, held: 8, sold: 0, available: 0 });
    await here.work();
    expect(await shop.level("LAMP")).toEqual({ onHand: 3, held: 0, sold: 8, available: 0 });
    await shop.change({ sku: "LAMP", kind: "receive", quantity: 4, reason: "delivery" });
    expect(tally(await buyers(10, () => orderRequest(["LAMP"])))).toEqual({ placed: 4, sold_out: 6 });
  });

  test("a preorder of what is not there yet sells its allowance, and not one more", async () => {
    const answers = await buyers(20, () => orderRequest([["CONSOLE", 2]]));
    expect(tally(answers)).toEqual({ placed: 3, sold_out: 17 });
    expect(await shop.level("CONSOLE")).toMatchObject({ onHand: 0, held: 6 });
  });

  test("an allowance counts once, however many locations there are", async () => {
    await shop.stock("LAMP", 2, "oslo");
    await shop.stock("LAMP", 0, "bergen");
    const answers = await buyers(30, () => orderRequest(["LAMP"]));
    expect(tally(answers)).toEqual({ placed: 10, sold_out: 20 });
  });

  test("a backordered order that is cancelled gives its place to the next", async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, async () => await here.placed(orderRequest(["LAMP"]))));
    await here.work();
    expect(await there.parts.orders.cancel(ids[0] as number, "no")).toBe("refunding");
    await here.work();
    shop.forget();
    expect(tally(await buyers(4, () => orderRequest(["LAMP"])))).toEqual({ placed: 1, sold_out: 3 });
  });
});

describe("withheld and scattered", () => {
  test("safety stock is not sold, whoever asks for it", async () => {
    await shop.stock("MUG", 50);
    await shop.change({ sku: "MUG", kind: "policy", safetyPercent: 10, reason: "counts are never quite right" });
    const answers = await buyers(60, () => orderRequest(["MUG"]));
    expect(tally(answers)).toEqual({ placed: 45, sold_out: 15 });
    expect(await shop.level("MUG")).toEqual({ onHand: 50, held: 45, sold: 0, available: 0 });
    // Sold units do not shrink what is withheld: it is a share of the count.
    await here.work();
    expect((await here.place(orderRequest(["MUG"]))).kind).toBe("sold_out");
  });

  test("a unit that is withheld in one place does not hide one that is free in another", async () => {
    await shop.stock("MUG", 1);
    await shop.change({ sku: "MUG", kind: "policy", safetyPercent: 100, reason: "test" });
    await shop.stock("MUG", 3, "oslo");
    const answers = await buyers(10, () => orderRequest(["MUG"]));
    expect(tally(answers)).toEqual({ placed: 3, sold_out: 7 });
  });

  test("an order is split over locations when none has all of it, the first location first", async () => {
    await shop.stock("MUG", 2);
    await shop.stock("MUG", 3, "oslo");
    await shop.stock("MUG", 4, "bergen");
    expect((await here.place(orderRequest([["MUG", 10]]))).kind).toBe("sold_out");
    await here.placed(orderRequest([["MUG", 6]]));
    const levels = await shop.parts.ledger.levels(["MUG"]);
    expect(levels.map(({ location, held }) => [location, held])).toEqual([
      ["main", 2],
      ["oslo", 3],
      ["bergen", 1],
    ]);
    expect(tally(await buyers(10, () => orderRequest(["MUG"])))).toEqual({ placed: 3, sold_out: 7 });
  });

  test("units scattered one by one are still sold to the last, to buyers who want two", async () => {
    await shop.stock("MUG", 1);
    for (let place = 1; place < 8; place++) await shop.stock("MUG", 1, `shelf-${place}`);
    const answers = await buyers(12, () => orderRequest([["MUG", 2]]));
    expect(tally(answers)).toEqual({ placed: 4, sold_out: 8 });
  });

  test("a split order that is cancelled, or shipped, leaves each location as it should be", async () => {
    await shop.stock("MUG", 2);
    await shop.stock("MUG", 3, "oslo");
    const cancelled = await here.placed(orderRequest([["MUG", 4]]));
    await shop.parts.orders.cancel(cancelled, "test");
    shop.forget();
    const shipped = await here.placed(orderRequest([["MUG", 4]]));
    await here.work();
    await shop.parts.orders.fulfil(shipped, "shipped", null);
    const levels = await shop.parts.ledger.levels(["MUG"]);
    expect(levels.map(({ location, onHand, held, sold }) => [location, onHand, held, sold])).toEqual([
      ["main", 0, 0, 0],
      ["oslo", 1, 0, 0],
    ]);
  });
});
