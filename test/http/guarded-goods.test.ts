/**
 * The second gate: goods of a waiting room are sold to those who were let in, once for each turn, however they try; and the rooms are told what
 * becomes of the stock that their people wait for.
 */
import { describe, expect, test } from "bun:test";
import Value from "typebox/value";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import type { RoomStock } from "#commerce/stock/ports.ts";
import { Room } from "#contract/waiting-room.ts";
import { createTokens, type TokenKind } from "#edge/waiting-room/token.ts";
import { createPassGate } from "#roles/pass-gate.ts";
import { fixtureProducts, orderRequest, type ShopProcess, tally, testShop } from "../kit/shop.ts";
import { describedApi } from "./described-api.ts";
import { Shopper } from "./shopper.ts";

const roomOf = (room: Partial<Room>): Room => Value.Default(Room, room) as Room;
const rooms: Room[] = [
  roomOf({
    id: "drop",
    match: { paths: ["/products/lamp"], hosts: [], tags: [], except: [] },
    skus: ["LAMP", "not-yet-made"],
  }),
  roomOf({ id: "mugs", skus: ["MUG"], epoch: 3 }),
  roomOf({ id: "open-bar", skus: ["CARD"], onePerOrder: false }),
];
const keysOf = (secret: string) => createRoomKeys([{ id: 7, secret: Buffer.from(secret.padEnd(32)) }]);
const keys = keysOf("the edges' secret");
const gate = createPassGate(rooms, keys, Date.now);

const told = new Map<string, RoomStock>();
const shop = await testShop({
  processes: 2,
  products: fixtureProducts,
  rooms: {
    passGate: () => gate,
    tellStock: async (room, stock) => {
      told.set(room, stock);
    },
  },
});
const [here, there] = shop.processes as [ShopProcess, ShopProcess];
const api = await describedApi(shop);

type Given = { room?: string; epoch?: number; kind?: TokenKind; by?: typeof keys; endsMs?: number };
function pass(
  seq: number,
  { room = "drop", epoch = room === "mugs" ? 3 : 1, kind = "pass", by = keys, endsMs = Date.now() }: Given = {},
): string {
  return createTokens(by, { kind, room, epoch }).issue({
    seq,
    fromMs: endsMs,
    // In room time, which the shop does not know.
    untilMs: 2,
    generation: 0,
    thumbprint: null,
  });
}

async function place(
  skus: readonly string[],
  passes: string | null,
  { key = crypto.randomUUID() as string, by = here, more = {} }: { key?: string; by?: ShopProcess; more?: object } = {},
) {
  const response = await by.fetch("/api/orders", {
    method: "POST",
    headers: {
      accept: "application/json",
      "content-type": "application/json",
      "idempotency-key": key,
      ...(passes === null ? {} : { "spillway-pass": passes }),
    },
    body: JSON.stringify(orderRequest(skus, more)),
  });
  const body = (await response.json()) as { code?: string; page?: string; orderNumber?: string };
  expect(api.complaints("POST /api/orders", response, body)).toEqual([]);
  return { ...body, status: response.status, told: response.headers.get("spillway-room") };
}

describe("an order for goods that people wait for", () => {
  test("is placed with the pass of a turn, and the edge is told that the turn has been used", async () => {
    expect(await place(["LAMP"], pass(1))).toMatchObject({
      status: 202,
      told: "ordered;units=1;room=drop, release;room=drop",
    });
  });

  test("is refused without one, and told where to wait", async () => {
    expect(await place(["LAMP"], null)).toMatchObject({
      status: 403,
      code: "pass_required",
      page: "http://shop.test/products/lamp",
      told: null,
    });
    expect((await shop.level("LAMP")).held).toBe(0);
  });

  test("is refused with a pass that is none for it: forged, of another room, of an epoch that is over, or only a ticket", async () => {
    const others = [
      pass(1, { by: keysOf("somebody else's secret") }),
      pass(1, { room: "mugs" }),
      pass(1, { epoch: 2 }),
      pass(1, { kind: "ticket" }),
      `${pass(1).slice(0, -1)}${pass(1).endsWith("A") ? "B" : "A"}`,
      "",
      "x".repeat(10_000),
    ];
    for (const other of others) expect((await place(["LAMP"], other)).code).toBe("pass_required");
  });

  test("is refused when the time of the turn is over by more than clocks may differ, and told so; another turn's pass beside it counts", async () => {
    const over = pass(11, { endsMs: Date.now() - 130_000 });
    expect(await place(["LAMP"], over)).toMatchObject({
      status: 403,
      code: "pass_over",
      page: "http://shop.test/products/lamp",
      told: null,
    });
    expect(await place(["LAMP"], pass(12, { endsMs: Date.now() - 110_000 }))).toMatchObject({ status: 202 });
    expect(await place(["LAMP"], `${over}, ${pass(13)}`)).toMatchObject({ status: 202 });
  });

  test("that was placed within its turn is found again by its key afterwards", async () => {
    const same = { key: crypto.randomUUID(), more: orderRequest(["LAMP"]) };
    const { orderNumber } = await place([], pass(14), same);
    expect(await place([], pass(14, { endsMs: Date.now() - 3_600_000 }), same)).toMatchObject({
      status: 202,
      orderNumber,
    });
  });

  test("cannot go around the line in a bundle", async () => {
    expect((await place(["SET"], null)).code).toBe("pass_required");
    expect(await place(["SET"], pass(1, { room: "mugs" }))).toMatchObject({ status: 202 });
  });

  test("of two rooms needs the passes of both, and uses up both", async () => {
    expect((await place(["LAMP", "MUG"], pass(4))).code).toBe("pass_required");
    const both = `${pass(4)}, ${pass(4, { room: "mugs" })}`;
    expect(await place(["LAMP", "MUG"], both)).toMatchObject({
      status: 202,
      told: "ordered;units=1;room=drop, release;room=drop, ordered;units=1;room=mugs, release;room=mugs",
    });
    expect((await place(["MUG"], both)).code).toBe("pass_used");
    expect((await place(["LAMP"], both)).code).toBe("pass_used");
  });

  test("counts the units of guarded goods only", async () => {
    const more = {
      lines: [
        { sku: "LAMP", quantity: 2 },
        { sku: "TEE-S", quantity: 3 },
      ],
    };
    expect((await place([], pass(5), { more })).told).toBe("ordered;units=2;room=drop, release;room=drop");
  });

  test("is placed as often as its holder likes where a turn buys more than once", async () => {
    for (let order = 0; order < 2; order++) {
      expect(await place(["CARD"], pass(1, { room: "open-bar" }))).toMatchObject({
        status: 202,
        told: "ordered;units=1;room=open-bar",
      });
    }
  });
});

describe("a pass", () => {
  test("that was copied a hundred times buys one order, whichever process is asked", async () => {
    await shop.stock("MUG", 100);
    const answers = await Promise.all(
      Array.from(
        { length: 100 },
        async (_, index) => await place(["MUG"], pass(9, { room: "mugs" }), { by: index % 2 === 0 ? here : there }),
      ),
    );
    expect(tally(answers.map(({ code = "placed" }) => ({ kind: code })))).toEqual({ placed: 1, pass_used: 99 });
    expect((await shop.level("MUG")).held).toBe(1);
  });

  test("is left by an order that could not be placed, for the next try", async () => {
    const more = { lines: [{ sku: "LAMP", quantity: 9 }] };
    expect((await place([], pass(10), { more })).code).toBe("sold_out");
    expect(await place(["LAMP"], pass(10))).toMatchObject({ status: 202 });
  });

  test("is not asked for again by a retry: the same key is the same order, with it or without", async () => {
    const more = orderRequest(["LAMP"]);
    const first = await place([], pass(11), { key: "retry", more });
    const again = await place([], pass(11), { key: "retry", by: there, more });
    expect(again).toMatchObject({ status: 202, orderNumber: first.orderNumber });
    // Also with another turn's pass, which stays as good as it was.
    const later = await place([], pass(12), { key: "retry", more });
    expect([again.told, later.told, later.orderNumber]).toEqual([null, null, first.orderNumber]);
    expect((await place(["LAMP"], pass(12))).status).toBe(202);
    const without = await place([], null, { key: "retry", more });
    expect(without).toMatchObject({ status: 202, orderNumber: first.orderNumber, told: null });
  });
});

describe("goods that nobody waits for", () => {
  test("are sold without a pass, and with whatever is sent as one", async () => {
    for (const passes of [null, "nonsense", pass(1)])
      expect(await place(["TEE-S"], passes)).toMatchObject({ status: 202, told: null });
  });
});

describe("the checkout form", () => {
  const fields = {
    email: "ada@test.example",
    name: "Ada Berg",
    line1: "Kirkeveien 12",
    postalCode: "0364",
    city: "Oslo",
    country: "NO",
    paymentToken: "ok",
    action: "order",
  };

  test("says that the goods are for those whose turn it is, and keeps the cart for then", async () => {
    let passes: string | null = null;
    let roomField: string | null = null;
    const ada = new Shopper({
      fetch: async (path, init = {}) => {
        const headers = new Headers(init.headers);
        if (passes !== null) headers.set("spillway-pass", passes);
        const answer = await here.fetch(path, { ...init, headers });
        roomField ??= answer.headers.get("spillway-room");
        return answer;
      },
    });
    await ada.send(await ada.open("/products/lamp"), "/cart/lines");
    const refused = await ada.send(await ada.open("/checkout"), "/checkout", fields);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain("is sold to those whose turn it is");
    passes = pass(20);
    const ordered = await ada.send(refused, "/checkout", fields);
    expect(ordered.path).toStartWith("/orders/");
    expect<string | null>(roomField).toBe("ordered;units=1;room=drop, release;room=drop");

    await ada.send(await ada.open("/products/lamp"), "/cart/lines");
    const again = await ada.send(await ada.open("/checkout"), "/checkout", fields);
    expect(again.status).toBe(409);
    expect(again.text).toContain("Your turn has bought an order already");
  });
});

describe("the stock that a room is told", () => {
  test("is what can still be had, is held and sold of its goods, a second after it has changed", async () => {
    await shop.stock("LAMP", 3);
    await place(["LAMP"], pass(30));
    const expected = { remaining: 7, held: 1, sold: 0 };
    for (let tries = 0; tries < 60 && !Bun.deepEquals(told.get("drop"), expected); tries++) await Bun.sleep(50);
    expect(told.get("drop")).toEqual(expected);
    expect(told.get("mugs")).toEqual({ remaining: 100, held: 0, sold: 0 });
  });
});
