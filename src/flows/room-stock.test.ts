/** A waiting room hears of its stock when that changes, again after a while, and again when it could not be told. */
import { describe, expect, test } from "bun:test";
import type { Variant } from "#commerce/catalogue/product.ts";
import type { Snapshot } from "#commerce/catalogue/snapshot.ts";
import type { RoomStock, StockLevel } from "#commerce/stock/ports.ts";
import { RoomStockFeed, roomStock } from "./room-stock.ts";

const part = (variantId: number, quantity = 1) => ({ variantId, quantity });
const variants = [
  { id: 1, sku: "CUP", components: [part(1)] },
  { id: 2, sku: "TEE", components: [part(2)] },
  { id: 3, sku: "SET", components: [part(1), part(2, 2)] },
] as unknown as Variant[];
const catalogue = {
  variants: new Map(variants.map((variant) => [variant.sku, variant])),
  variantsById: new Map(variants.map((variant) => [variant.id, variant])),
} as Pick<Snapshot, "variants" | "variantsById"> as Snapshot;
const level = (variantId: number, available: number, held = 0, sold = 0) =>
  ({ variantId, available, held, sold }) as StockLevel;

describe("what is left in a room", () => {
  test("is the sum over its goods and their locations", () => {
    const levels = [level(1, 3, 1, 2), level(1, 4), level(2, 5, 1)];
    expect(roomStock(catalogue, levels, ["CUP", "TEE", "unknown"])).toEqual({ remaining: 12, held: 2, sold: 2 });
  });

  test("is of a bundle what its scarcest part makes", () => {
    expect(roomStock(catalogue, [level(1, 9), level(2, 5, 4, 2)], ["SET"])).toEqual({ remaining: 2, held: 2, sold: 1 });
  });

  test("counts no unit twice when a bundle is sold beside its parts", () => {
    expect(roomStock(catalogue, [level(1, 9), level(2, 5)], ["SET", "TEE"])).toEqual({
      remaining: 5,
      held: 0,
      sold: 0,
    });
  });
});

describe("telling a room", () => {
  function feed(tell: (room: string, stock: RoomStock) => Promise<void>) {
    const world = { nowMs: 0, left: 5, asked: [] as (readonly string[] | null)[] };
    const made = new RoomStockFeed({
      rooms: () => [{ id: "drop", skus: ["SET"] }],
      ledger: {
        levels: async (skus) => {
          world.asked.push(skus);
          return [level(1, world.left), level(2, 100)];
        },
      },
      snapshot: () => catalogue,
      tell,
      clock: { now: () => world.nowMs, sleep: async () => undefined },
      report: () => undefined,
    });
    return { world, made };
  }

  test("happens when something has changed, and in any case after a while", async () => {
    const told: number[] = [];
    const { world, made } = feed(async (_room, { remaining }) => {
      told.push(remaining);
    });
    for (const [nowMs, left] of [
      [0, 5],
      [1000, 5],
      [2000, 4],
      [3000, 4],
      [16_999, 4],
      [17_000, 4],
    ] as const) {
      Object.assign(world, { nowMs, left });
      await made.tell();
    }
    expect(told).toEqual([5, 4, 4]);
    expect(world.asked[0]).toEqual(["CUP", "TEE"]);
  });

  test("is tried again at the next look when it failed, though nothing has changed", async () => {
    const fates = [false, true, true];
    let tries = 0;
    const { made } = feed(async () => {
      if (fates[tries++] === false) throw new Error("the edge is away");
    });
    expect(await made.tell().catch(String)).toContain("away");
    await made.tell();
    await made.tell();
    expect(tries).toBe(2);
  });
});
