/**
 * Placing an order where it gets rough: a neighbour that the database refuses, prices that change again and again, a
 * database that is away, and orders of people who go first.
 */
import { describe, expect, test } from "bun:test";
import { hash128 } from "#adapters/system/hash.ts";
import type { OrderBatch, OrderIntake, OrderVerdict } from "#commerce/orders/ports.ts";
import { PlaceOrder } from "#flows/place-order.ts";
import { SpillwayError } from "#kernel/error.ts";
import { orderRequest, tally, testShop } from "../kit/shop.ts";

const shop = await testShop({ settings: { vips: ["vera@gmail.com"] } });
const { catalogue, clock } = shop.parts;

/** The flow on an intake that answers as the test says. */
function flowOn(
  place: OrderIntake["place"],
  more: { refresh?: () => Promise<void>; batchMax?: number } = {},
): PlaceOrder {
  return new PlaceOrder({
    intake: { place, findByKey: async () => new Map() },
    snapshot: () => catalogue.snapshot(),
    refresh: more.refresh ?? (async () => undefined),
    hash: hash128,
    clock,
    providers: new Map([["sandbox", { fingerprintOf: () => null }]]),
    batchMax: more.batchMax ?? 1000,
    queueMax: 1000,
  });
}

const all = (batch: OrderBatch, verdict: OrderVerdict): OrderVerdict[] => batch.orders.map(() => verdict);

describe("an order that the database cannot take", () => {
  test("fails alone: its neighbours in the same batch are placed", async () => {
    // No door lets this through; should one ever, it must not take others down with it.
    const poisoned = orderRequest(["MUG"], { email: "a\0b@test.example" });
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) =>
        index === 17
          ? await shop.place(poisoned).catch(() => ({ kind: "failed" }))
          : await shop.place(orderRequest(["MUG"])),
      ),
    );
    expect(tally(answers)).toEqual({ placed: 39, failed: 1 });
    expect((await shop.level("MUG")).held).toBe(39);
  });

  test("is looked for by halves, and what was placed on the way is placed once", async () => {
    const sizes: number[] = [];
    const flow = flowOn(async (batch) => {
      sizes.push(batch.orders.length);
      if (batch.orders.some(({ email }) => email.startsWith("bad"))) throw new Error("refused");
      return all(batch, { kind: "placed", id: sizes.length });
    });
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        flow
          .place(orderRequest(["MUG"], { email: `${index === 5 ? "bad" : "good"}@test.example` }), `key-${index}`)
          .catch((error: Error) => ({ kind: error.message })),
      ),
    );
    expect(tally(answers)).toEqual({ placed: 7, refused: 1 });
    expect(sizes).toEqual([8, 4, 4, 2, 1, 1, 2]);
  });
});

describe("a database that is away", () => {
  test("is not asked again for each half: all are told to try again", async () => {
    let calls = 0;
    const flow = flowOn(async () => {
      calls += 1;
      throw new SpillwayError("database_unavailable", "away", { retryAfterSeconds: 2 });
    });
    const answers = await Promise.all(
      Array.from({ length: 16 }, async (_, index) =>
        flow.place(orderRequest(["MUG"]), `key-${index}`).catch((error: SpillwayError) => ({ kind: error.code })),
      ),
    );
    expect([tally(answers), calls]).toEqual([{ database_unavailable: 16 }, 1]);
  });
});

describe("prices that change under an order", () => {
  test("are read again and the order sent again, until it fits", async () => {
    let refreshes = 0;
    const flow = flowOn(async (batch) => all(batch, refreshes < 2 ? { kind: "repriced" } : { kind: "placed", id: 7 }), {
      refresh: async () => {
        refreshes += 1;
      },
    });
    expect(await flow.place(orderRequest(["MUG"]), "key")).toEqual({ kind: "placed", id: 7, replayed: false });
    expect(refreshes).toBe(2);
  });

  test("without end are no endless loop: the shopper is asked to come again", async () => {
    let refreshes = 0;
    const flow = flowOn(async (batch) => all(batch, { kind: "repriced" }), {
      refresh: async () => {
        refreshes += 1;
      },
    });
    const error = await flow.place(orderRequest(["MUG"]), "key").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "intake_full", retryAfterSeconds: 2 });
    expect(refreshes).toBeLessThanOrEqual(10);
  });
});

describe("what is remembered as sold out", () => {
  test("is refused without asking the database, for a second, and then asked for again", async () => {
    let calls = 0;
    const flow = flowOn(async (batch) => {
      calls += 1;
      return all(batch, { kind: "sold_out", short: [{ lineNo: 1, left: 1 }] });
    });
    const wish = (quantity: number) => flow.place(orderRequest([["MUG", quantity]]), crypto.randomUUID());
    expect(await wish(2)).toEqual({ kind: "sold_out", left: [{ sku: "MUG", left: 1 }] });
    expect(await wish(5)).toEqual({ kind: "sold_out", left: [{ sku: "MUG", left: 1 }] });
    expect(calls).toBe(1);
    await wish(1);
    expect(calls).toBe(2);
    shop.forget();
    await wish(2);
    expect(calls).toBe(3);
    flow.forgetSoldOut();
    await wish(2);
    expect(calls).toBe(4);
  });
});

describe("who goes first", () => {
  const priorityOf = async (more: Parameters<typeof orderRequest>[1]) =>
    (await shop.parts.orders.get(await shop.placed(orderRequest(["MUG"], more))))?.priority;

  test("is a VIP, by whatever spelling of their mailbox, then express, then the rest", async () => {
    expect(await priorityOf({})).toBe(2);
    expect(await priorityOf({ shippingMethod: "express" })).toBe(1);
    expect(await priorityOf({ email: "Ve.Ra+sale@googlemail.com" })).toBe(0);
    const tasks = await shop.parts.outbox.take("payments", 10, 60);
    expect(tasks.map(({ priority }) => priority)).toEqual([0, 1, 2]);
    await shop.hurry();
  });
});

test("draining waits for every answer, and gives each", async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const flow = flowOn(
    async (batch) => {
      await held;
      return all(batch, { kind: "placed", id: 1 });
    },
    { batchMax: 1 },
  );
  const answers = Promise.all([flow.place(orderRequest(["MUG"]), "a"), flow.place(orderRequest(["MUG"]), "b")]);
  let isDrained = false;
  const drained = flow.drained().then(() => {
    isDrained = true;
  });
  await Bun.sleep(2);
  expect([isDrained, flow.queueDepth]).toEqual([false, 1]);
  release();
  expect(tally(await answers)).toEqual({ placed: 2 });
  await drained;
  expect(flow.queueDepth).toBe(0);
});
