/** The parcel's way: each step once, whoever presses the button how often, and stock that leaves the building with it. */
import { describe, expect, test } from "bun:test";
import { announceDelays } from "#flows/announce-delays.ts";
import { orderRequest, type ShopProcess, testShop } from "../kit/shop.ts";

const shop = await testShop({ processes: 2 });
const [here, there] = shop.processes as [ShopProcess, ShopProcess];
const { orders } = shop.parts;
const parcel = { carrier: "Posten", number: "370123", url: "https://track.example/370123" };

async function paid(): Promise<number> {
  const id = await here.placed(orderRequest([["MUG", 2]]));
  await here.work();
  return id;
}

/** Everything that was said to the shopper about an order, by template. */
async function told(id: number): Promise<string[]> {
  const rows = await shop.sql.unsafe(
    "select payload ->> 'template' as template from outbox where order_id = $1 and topic = 'notice' order by id",
    [id],
  );
  return (rows as { template: string }[]).map(({ template }) => template);
}

describe("a parcel", () => {
  test("is packed, shipped and delivered, and its units leave the building when it does", async () => {
    const id = await paid();
    expect(await orders.fulfil(id, "packed", null)).toBe(true);
    expect(await shop.level("MUG")).toEqual({ onHand: 100, held: 0, sold: 2, available: 98 });
    expect(await orders.fulfil(id, "shipped", parcel)).toBe(true);
    expect(await shop.level("MUG")).toEqual({ onHand: 98, held: 0, sold: 0, available: 98 });
    expect(await orders.fulfil(id, "delivered", null)).toBe(true);
    expect(await orders.get(id)).toMatchObject({ status: "delivered", tracking: parcel });
    expect(await told(id)).toEqual(["paid", "shipped", "delivered"]);
  });

  test("shipped by ten presses in two processes leaves once, and the shopper is told once", async () => {
    const id = await paid();
    const done = await Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        (index % 2 === 0 ? here : there).parts.orders.fulfil(id, "shipped", parcel),
      ),
    );
    expect(done).toEqual(Array(10).fill(true));
    expect(await shop.level("MUG")).toMatchObject({ onHand: 98, sold: 0 });
    expect(await told(id)).toEqual(["paid", "shipped"]);
  });

  test("is not sent for an order that is not paid, is given up, or is not there", async () => {
    const waiting = await here.placed(orderRequest(["MUG"]));
    expect(await orders.fulfil(waiting, "packed", null)).toBe(false);
    expect(await orders.fulfil(waiting, "shipped", null)).toBe(false);
    await orders.cancel(waiting, "no");
    expect(await orders.fulfil(waiting, "shipped", null)).toBe(false);
    expect(await orders.fulfil(999_999, "shipped", null)).toBe(false);
    const id = await paid();
    expect(await orders.fulfil(id, "delivered", null)).toBe(false);
  });

  test("of an order that was refunded in part leaves once, before or after", async () => {
    const before = await paid();
    await orders.refund(before, 100, "a", "late");
    await here.work();
    expect(await orders.fulfil(before, "delivered", null)).toBe(false);
    expect(await orders.fulfil(before, "shipped", null)).toBe(true);
    const after = await paid();
    await orders.fulfil(after, "shipped", null);
    await orders.refund(after, 100, "a", "late");
    await here.work();
    expect(await shop.statusOf(after)).toBe("part_refunded");
    expect(await orders.fulfil(after, "packed", null)).toBe(false);
    expect(await orders.fulfil(after, "shipped", null)).toBe(false);
    expect(await orders.fulfil(after, "delivered", null)).toBe(true);
    expect(await shop.level("MUG")).toMatchObject({ onHand: 96, sold: 0 });
  });

  test("of an order that was refunded whole never leaves", async () => {
    const id = await paid();
    await orders.refund(id, (await orders.get(id))?.total ?? 0, "a", "sorry");
    await here.work();
    expect(await orders.fulfil(id, "shipped", null)).toBe(false);
    expect(await shop.level("MUG")).toMatchObject({ onHand: 100 });
  });

  test("of a bundle takes all of its parts out of the building", async () => {
    const id = await here.placed(orderRequest([["SET", 3]]));
    await here.work();
    await orders.fulfil(id, "shipped", null);
    expect([await shop.level("MUG"), await shop.level("TEE-S")]).toEqual([
      { onHand: 97, held: 0, sold: 0, available: 97 },
      { onHand: 44, held: 0, sold: 0, available: 44 },
    ]);
  });
});

describe("a delay", () => {
  test("is told once in the same words, however often it is announced", async () => {
    const id = await paid();
    expect(await Promise.all(["A", "A", "A"].map(async (text) => await orders.announceDelay(id, text)))).toContain(
      true,
    );
    expect(await orders.announceDelay(id, "A")).toBe(false);
    expect(await orders.announceDelay(id, "B")).toBe(true);
    expect((await told(id)).filter((template) => template === "delayed")).toHaveLength(2);
    await orders.fulfil(id, "shipped", null);
    expect((await orders.get(id))?.delay).toBeNull();
  });

  test("is announced by itself to whoever waits too long to be charged, and to nobody else", async () => {
    const late = await here.placed(orderRequest(["MUG"]));
    const fresh = await here.placed(orderRequest(["MUG"]));
    await shop.sql.unsafe("update outbox set created_at = now() - interval '11 minutes' where order_id = $1", [late]);
    const round = async (process: ShopProcess) => await announceDelays(process.parts.orders, Date.now());
    await Promise.all([round(here), round(there)]);
    await round(here);
    expect([await told(late), await told(fresh)]).toEqual([["delayed"], []]);
  });
});

test("a notice that is put off comes back knowing what it has said already", async () => {
  await paid();
  const { outbox } = shop.parts;
  const [task] = await outbox.take("notices", 1, 60);
  if (task === undefined) throw new Error("no notice waits");
  await outbox.putOff(task, 0, "the text message failed", { ...task.payload, sent: ["email"] });
  const [again] = await outbox.take("notices", 1, 60);
  expect(again).toMatchObject({ id: task.id, attempts: 2, payload: { template: "paid", sent: ["email"] } });
  if (again !== undefined) await outbox.putOff(again, 0, "once more");
  expect((await outbox.take("notices", 1, 60))[0]?.payload).toEqual({ template: "paid", sent: ["email"] });
});
