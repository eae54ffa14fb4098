/**
 * A code that may be used so often, and a drop of which one person may have so many: held in the commit that takes the
 * units, whoever races whom, and however a person spells their name.
 */
import { describe, expect, test } from "bun:test";
import type { OrderRequest } from "#commerce/orders/order-request.ts";
import { orderRequest, type ShopProcess, tally, testShop } from "../kit/shop.ts";

const shop = await testShop({ processes: 2 });
const [here, there] = shop.processes as [ShopProcess, ShopProcess];
const at = (index: number): ShopProcess => (index % 2 === 0 ? here : there);

const uses = async (code: string) => {
  const [row] = await shop.sql.unsafe(
    "select used from promotion_uses u join promotions p on p.id = u.promotion_id where code = $1",
    [code],
  );
  return (row as { used: number }).used;
};

describe("a code with a usage limit", () => {
  test("is used exactly so often when forty people try at once in two processes", async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) =>
        at(index).place(orderRequest(["MUG"], { promotionCode: "FIVE-TIMES" })),
      ),
    );
    expect(tally(answers)).toEqual({ placed: 5, promotion_used_up: 35 });
    expect(await uses("FIVE-TIMES")).toBe(5);
    expect((await shop.level("MUG")).held).toBe(5);
  });

  test("leaves nothing behind when it is used up: no units, no order, and the same cart goes through without it", async () => {
    for (let use = 0; use < 5; use++) await here.placed(orderRequest(["MUG"], { promotionCode: "FIVE-TIMES" }));
    const request = orderRequest(["MUG"], { promotionCode: "FIVE-TIMES" });
    const before = await shop.rows();
    const key = crypto.randomUUID();
    expect((await there.place(request, key)).kind).toBe("promotion_used_up");
    expect(await shop.rows()).toBe(before);
    const { promotionCode: _, ...without } = request;
    expect((await there.place(without, key)).kind).toBe("placed");
  });

  test("is not used by an order that is sold out, nor by one sent twice", async () => {
    await shop.stock("TEE-S", 0);
    for (let round = 0; round < 8; round++) {
      const answer = await at(round).place(orderRequest(["TEE-S"], { promotionCode: "FIVE-TIMES" }));
      expect(answer.kind).toBe("sold_out");
    }
    const request = orderRequest(["MUG"], { promotionCode: "FIVE-TIMES" });
    const key = crypto.randomUUID();
    await Promise.all(Array.from({ length: 12 }, async (_, index) => at(index).place(request, key)));
    expect(await uses("FIVE-TIMES")).toBe(1);
  });

  test("gets its use back when an order is cancelled, before or after it was paid, or expires", async () => {
    const place = async (token = "ok") =>
      await here.placed(
        orderRequest(["MUG"], { promotionCode: "FIVE-TIMES", payment: { provider: "sandbox", token } }),
      );
    const [unpaid, declined] = [await place(), await place("declined")];
    const paid = await place();
    const { orders } = shop.parts;
    expect(await orders.cancel(unpaid, "no")).toBe("cancelled");
    await here.work();
    expect(await uses("FIVE-TIMES")).toBe(2);
    expect(await orders.cancel(paid, "no")).toBe("refunding");
    await shop.timeRunsOut(declined);
    await shop.hurry();
    await here.work();
    expect(await shop.statusOf(declined)).toBe("expired");
    expect(await shop.statusOf(paid)).toBe("refunded");
    expect(await uses("FIVE-TIMES")).toBe(0);
  });

  test("never waits in a circle with orders that use it while others that used it are given up", async () => {
    await shop.parts.catalogueStore.importPromotions([
      {
        code: "MANY",
        kind: "percent",
        value: 10,
        minimumSubtotal: 0,
        startsAtMs: 0,
        endsAtMs: Number.MAX_SAFE_INTEGER,
        limitPerPerson: null,
        usageLimit: 100_000,
      },
    ]);
    for (const { parts } of shop.processes) await parts.catalogue.refresh();
    await shop.stock("MUG", 10_000);
    const request = () => orderRequest(["MUG"], { promotionCode: "MANY" });
    for (let round = 0; round < 15; round++) {
      const unpaid = await Promise.all(Array.from({ length: 6 }, async () => await here.placed(request())));
      const answers = await Promise.all([
        ...unpaid.map(async (id) => await shop.parts.orders.cancel(id, "no")),
        ...Array.from({ length: 6 }, async (_, index) => (await at(index).place(request())).kind),
      ]);
      expect(answers).toEqual([...Array(6).fill("cancelled"), ...Array(6).fill("placed")]);
    }
    await here.work();
    const paid = await shop.parts.orders.list({ status: "paid", limit: 60 });
    const ends = await Promise.all([
      ...paid.map(async ({ id }) => await there.parts.orders.cancel(id, "no")),
      ...Array.from({ length: 30 }, async (_, index) => (await at(index).place(request())).kind),
    ]);
    expect(tally(ends.map((kind) => ({ kind })))).toEqual({ refunding: paid.length, placed: 30 });
  });
});

describe("a limit for one person", () => {
  const ada = orderRequest(["PRINT"], {
    email: "ada.berg@gmail.com",
    shippingAddress: { name: "Ada Berg", line1: "Kirkeveien 12, B", city: "Oslo", postalCode: "0364", country: "NO" },
    payment: { provider: "sandbox", token: "ok#4242" },
  });
  const elsewhere = () => orderRequest([]).shippingAddress;
  const someone = () => `${crypto.randomUUID()}@test.example`;
  const card = () => ({ provider: "sandbox", token: `ok#${crypto.randomUUID()}` });

  test("two are sold, and the third is refused with what is left for them", async () => {
    expect(await here.place({ ...ada, lines: [{ sku: "PRINT", quantity: 3 }] })).toEqual({ kind: "limit", left: 2 });
    await here.placed(ada);
    expect(await there.place({ ...ada, lines: [{ sku: "PRINT", quantity: 2 }] })).toEqual({ kind: "limit", left: 1 });
    await there.placed(ada);
    expect(await here.place(ada)).toEqual({ kind: "limit", left: 0 });
    expect((await shop.level("PRINT")).held).toBe(2);
  });

  test("the same person twenty times at once in two processes has two", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => at(index).place(ada)));
    expect(tally(answers)).toEqual({ placed: 2, limit: 18 });
    expect((await shop.level("PRINT")).held).toBe(2);
  });

  const sameMailbox = [
    "ada.berg@gmail.com",
    "Ada.Berg@Gmail.com",
    "adaberg@gmail.com",
    "a.d.a.b.e.r.g@googlemail.com",
    "ada.berg+drop@gmail.com",
    "ADABERG+1+2@GOOGLEMAIL.COM",
  ];
  test("every spelling of one mailbox is one person, raced from both processes with other cards and doors", async () => {
    const answers = await Promise.all(
      sameMailbox.map(async (email, index) =>
        at(index).place({ ...ada, email, shippingAddress: elsewhere(), payment: card() }),
      ),
    );
    expect(tally(answers)).toEqual({ placed: 2, limit: 4 });
  });

  const sameDoor: Partial<OrderRequest["shippingAddress"]>[] = [
    {},
    { line1: "KIRKEVEIEN 12B" },
    { line1: "Kirkeveien 12 - b.", name: "B. Erg" },
    { line1: "Kirkeveien 12,\u00a0B", postalCode: " 0364" },
    { line1: "Ｋｉｒｋｅｖｅｉｅｎ １２ B", city: "OSLO" },
    { line1: "Kirkeveien 12", line2: "B" },
  ];
  test("every spelling of one door is one person, raced from both processes with other mailboxes and cards", async () => {
    const answers = await Promise.all(
      sameDoor.map(async (part, index) =>
        at(index).place({
          ...ada,
          email: someone(),
          shippingAddress: { ...ada.shippingAddress, ...part },
          payment: card(),
        }),
      ),
    );
    expect(tally(answers)).toEqual({ placed: 2, limit: 4 });
  });

  test("one card is one person, whatever it is told to do by the pretend bank", async () => {
    const answers = await Promise.all(
      ["ok#77", "declined#77", "action_required#77", "ok#77"].map(async (token, index) =>
        at(index).place({
          ...ada,
          email: someone(),
          shippingAddress: elsewhere(),
          payment: { provider: "sandbox", token },
        }),
      ),
    );
    expect(tally(answers)).toEqual({ placed: 2, limit: 2 });
  });

  test("two people who share neither mailbox nor door nor card have two each", async () => {
    const bo = { ...ada, email: "bo@test.example", shippingAddress: elsewhere(), payment: card() };
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => at(index).place(index % 3 === 0 ? ada : bo)),
    );
    expect(tally(answers)).toEqual({ placed: 4, limit: 8 });
  });

  test("dots and a plus in a mailbox elsewhere than Google's are not all ignored: dots tell people apart", async () => {
    await here.placed({ ...ada, email: "ada.berg@test.example", lines: [{ sku: "PRINT", quantity: 2 }] });
    const other = { ...ada, shippingAddress: elsewhere(), payment: card() };
    expect((await here.place({ ...other, email: "ada.berg+x@test.example" })).kind).toBe("limit");
    expect((await here.place({ ...other, email: "adaberg@test.example" })).kind).toBe("placed");
  });

  test("tells the least of what mailbox, door and card may still have", async () => {
    await here.placed({ ...ada, shippingAddress: elsewhere(), payment: card() });
    await here.placed({ ...ada, email: someone(), payment: card(), lines: [{ sku: "PRINT", quantity: 2 }] });
    const answer = await here.place({ ...ada, lines: [{ sku: "PRINT", quantity: 2 }] });
    expect(answer).toEqual({ kind: "limit", left: 0 });
  });

  test("counts all lines of one order together", async () => {
    const lines = [
      { sku: "PRINT", quantity: 2 },
      { sku: "PRINT", quantity: 1 },
    ];
    expect((await here.place({ ...ada, lines })).kind).toBe("limit");
    expect((await here.place({ ...ada, lines: lines.map(({ sku }) => ({ sku, quantity: 1 })) })).kind).toBe("placed");
  });

  test("is given back when an order is given up, and not when it is only refunded", async () => {
    const both = { ...ada, lines: [{ sku: "PRINT", quantity: 2 }] };
    const first = await here.placed(both);
    expect((await there.place(ada)).kind).toBe("limit");
    await shop.parts.orders.cancel(first, "no");
    const second = await there.placed(both);
    await here.work();
    await shop.parts.orders.fulfil(second, "shipped", null);
    await shop.parts.orders.refund(second, 1000, "a", "late");
    await here.work();
    expect((await here.place(ada)).kind).toBe("limit");
  });

  test("is not spent by an order that was sold out", async () => {
    await shop.stock("TEE-S", 0);
    const lines = [
      { sku: "PRINT", quantity: 2 },
      { sku: "TEE-S", quantity: 1 },
    ];
    expect((await here.place({ ...ada, lines })).kind).toBe("sold_out");
    expect((await there.place({ ...ada, lines: [{ sku: "PRINT", quantity: 2 }] })).kind).toBe("placed");
  });

  test("of a code holds for its person: once each, raced with different mailboxes at one door", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        at(index).place({
          ...ada,
          lines: [{ sku: "MUG", quantity: 1 }],
          email: someone(),
          payment: card(),
          promotionCode: "ONCE-EACH",
        }),
      ),
    );
    expect(tally(answers)).toEqual({ placed: 1, limit: 9 });
    expect(await uses("ONCE-EACH")).toBe(1);
  });

  test("two people who buy for each other at the same moment never wait in a circle", async () => {
    await shop.stock("PRINT", 1000);
    const doors = [elsewhere(), elsewhere()];
    const mails = [someone(), someone()];
    for (let round = 0; round < 20; round++) {
      const fresh = (index: number): OrderRequest => ({
        ...ada,
        email: `${round}-${index}${mails[index % 2]}`,
        shippingAddress: { ...(doors[(index + 1) % 2] as OrderRequest["shippingAddress"]), line1: `${round}` },
        payment: card(),
      });
      await Promise.all(Array.from({ length: 4 }, async (_, index) => at(index).place(fresh(index))));
    }
  });
});
