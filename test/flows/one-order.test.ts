/**
 * However often, wherever and how fast a shopper sends an order, it is one order: double clicks in one batch and over
 * two processes, retries after everything has changed, and a key that comes back with another order behind it.
 */
import { describe, expect, test } from "bun:test";
import { orderRequest, tally, testShop } from "../kit/shop.ts";

const shop = await testShop({ processes: 2 });
const [here, there] = shop.processes as [(typeof shop.processes)[0], (typeof shop.processes)[0]];

const orderCount = async () => {
  const [row] = await shop.sql.unsafe("select count(*)::int as count from orders");
  return (row as { count: number }).count;
};

const newKey = () => crypto.randomUUID();

describe("the same order twice", () => {
  test("a double click in one batch is one order, and both answers name it", async () => {
    const request = orderRequest(["MUG"]);
    const key = newKey();
    const answers = await Promise.all([here.place(request, key), here.place(request, key), here.place(request, key)]);
    const ids = new Set(answers.map((answer) => (answer.kind === "placed" ? answer.id : answer.kind)));
    expect(ids.size).toBe(1);
    expect(answers.map((answer) => answer.kind === "placed" && answer.replayed)).toEqual([false, true, true]);
    expect(await orderCount()).toBe(1);
    expect((await shop.level("MUG")).held).toBe(1);
  });

  test("a double click that meets two processes at the same moment is one order", async () => {
    for (let round = 0; round < 25; round++) {
      const request = orderRequest(["MUG", ["TEE-S", 2]]);
      const key = newKey();
      const answers = await Promise.all([here.place(request, key), there.place(request, key)]);
      expect(tally(answers)).toEqual({ placed: 2 });
      const [one, two] = answers as { id: number; replayed: boolean }[];
      expect(one?.id).toBe(two?.id as number);
      expect([one?.replayed, two?.replayed].sort()).toEqual([false, true]);
    }
    expect(await orderCount()).toBe(25);
  });

  test("a hundred retries from both processes, among other people's orders, stay one order each", async () => {
    const wanted = Array.from({ length: 10 }, () => ({ request: orderRequest(["TEE-M"]), key: newKey() }));
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const { request, key } = wanted[index % 10] as (typeof wanted)[0];
        return await (index % 3 === 0 ? here : there).place(request, key);
      }),
    );
    expect(tally(answers)).toEqual({ placed: 100 });
    expect(answers.filter((answer) => answer.kind === "placed" && !answer.replayed)).toHaveLength(10);
    expect(await orderCount()).toBe(10);
    expect((await shop.level("TEE-M")).held).toBe(10);
  });

  test("of the last unit, a retry is told of the order that has it, and never that it is sold out", async () => {
    await shop.stock("MUG", 1);
    const request = orderRequest(["MUG"]);
    const key = newKey();
    const id = await here.placed(request, key);
    expect(tally([await here.place(orderRequest(["MUG"])), await there.place(orderRequest(["MUG"]))])).toEqual({
      sold_out: 2,
    });
    // Both processes now remember that it is sold out.
    for (const process of [here, there]) {
      expect(await process.place(request, key)).toEqual({ kind: "placed", id, replayed: true });
    }
  });

  test("a retry finds its order when its price, its code and the product itself have gone since", async () => {
    const request = orderRequest(["MUG"], {
      promotionCode: "TEN",
      expectedTotal: { amount: 2290, currency: "EUR" },
    });
    const key = newKey();
    const id = await here.placed(request, key);
    const { catalogueStore } = shop.parts;
    await catalogueStore.schedulePrice("MUG", { atMs: Date.now() - 1000, price: 9900, compareAt: null });
    for (const { parts } of shop.processes) await parts.catalogue.refresh();
    expect(await there.place(request, key)).toEqual({ kind: "placed", id, replayed: true });
    await catalogueStore.publish("mug", null);
    for (const { parts } of shop.processes) await parts.catalogue.refresh();
    expect(await here.place(request, key)).toEqual({ kind: "placed", id, replayed: true });
    expect((await here.place(request)).kind).toBe("invalid");
  });

  test("a retry finds its order when that has long been paid, shipped and delivered", async () => {
    const request = orderRequest(["MUG"]);
    const key = newKey();
    const id = await here.placed(request, key);
    await here.work();
    await shop.parts.orders.fulfil(id, "shipped", null);
    await shop.parts.orders.fulfil(id, "delivered", null);
    expect(await there.place(request, key)).toEqual({ kind: "placed", id, replayed: true });
    expect(await there.shop.placeOrder.placedWith(key)).toBe(id);
    expect(await there.shop.placeOrder.placedWith(newKey())).toBeUndefined();
  });

  test("an order that was refused may be sent again under its key once there is stock", async () => {
    await shop.stock("MUG", 0);
    const request = orderRequest(["MUG"]);
    const key = newKey();
    expect((await here.place(request, key)).kind).toBe("sold_out");
    await shop.stock("MUG", 1);
    expect(await here.place(request, key)).toMatchObject({ kind: "placed", replayed: false });
  });

  test("the total that the shopper agreed to is not part of what makes an order another one", async () => {
    const request = orderRequest(["MUG"]);
    const key = newKey();
    const id = await here.placed(request, key);
    expect(await here.place({ ...request, expectedTotal: { amount: 2490, currency: "EUR" } }, key)).toEqual({
      kind: "placed",
      id,
      replayed: true,
    });
  });
});

describe("another order under the same key", () => {
  const request = orderRequest(["MUG"]);
  const address = request.shippingAddress;
  const others = {
    "another quantity": { lines: [{ sku: "MUG", quantity: 2 }] },
    "another product": { lines: [{ sku: "TEE-S", quantity: 1 }] },
    "one line more": { lines: [...request.lines, { sku: "TEE-S", quantity: 1 }] },
    "another e-mail": { email: "other@test.example" },
    "a phone number": { phone: "+47 22 00 00 00" },
    "another street": { shippingAddress: { ...address, line1: "Elsewhere 1" } },
    "another recipient": { shippingAddress: { ...address, name: "Bo Dahl" } },
    "another country": { shippingAddress: { ...address, country: "SE" } },
    "another delivery": { shippingMethod: "express" },
    "a promotion code": { promotionCode: "TEN" },
    "another card": { payment: { provider: "sandbox", token: "declined" } },
    "a second card to fall back on": {
      payment: { ...request.payment, backup: { provider: "sandbox", token: "declined" } },
    },
  };
  for (const [name, more] of Object.entries(others)) {
    test(`with ${name} is refused, and the first one stays as it is`, async () => {
      const key = newKey();
      const id = await here.placed(request, key);
      const before = await shop.parts.orders.get(id);
      expect((await there.place({ ...request, ...more }, key)).kind).toBe("conflict");
      expect(await shop.parts.orders.get(id)).toEqual(before as NonNullable<typeof before>);
      expect(await orderCount()).toBe(1);
    });
  }

  test("in the same batch is refused, whichever is first is placed", async () => {
    const key = newKey();
    const answers = await Promise.all([
      here.place(request, key),
      here.place({ ...request, email: "other@test.example" }, key),
    ]);
    expect(answers.map(({ kind }) => kind)).toEqual(["placed", "conflict"]);
  });

  test("at the same moment at two processes, one of the two is placed and the other refused", async () => {
    for (let round = 0; round < 20; round++) {
      const key = newKey();
      const answers = await Promise.all([
        here.place(request, key),
        there.place({ ...request, lines: [{ sku: "TEE-M", quantity: 1 }] }, key),
      ]);
      expect(tally(answers)).toEqual({ placed: 1, conflict: 1 });
    }
    expect(await orderCount()).toBe(20);
  });

  test("in the batch of one that is sold out is not told that its own product is sold out", async () => {
    await shop.stock("MUG", 0);
    const key = newKey();
    const other = { ...request, lines: [{ sku: "TEE-M", quantity: 1 }] };
    const answers = await Promise.all([here.place(request, key), here.place(other, key)]);
    expect(answers).toEqual([{ kind: "sold_out", left: [{ sku: "MUG", left: 0 }] }, { kind: "conflict" }]);
    // Nothing was placed under the key, so that sent again it goes through.
    expect((await here.place(other, key)).kind).toBe("placed");
  });
});

describe("one cart on two devices", () => {
  test("under two keys is two orders for the order path: the cart is what keeps them apart", async () => {
    const request = orderRequest(["MUG"]);
    const answers = await Promise.all([here.place(request, newKey()), there.place(request, newKey())]);
    expect(tally(answers)).toEqual({ placed: 2 });
  });
});
