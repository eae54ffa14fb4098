/** The promises of CartStore (src/commerce/cart/ports.ts), kept by the adapter for Postgres. */
import { beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { createCartStore } from "#adapters/postgres/cart-store.ts";
import { cartLinesMax } from "#commerce/cart/ports.ts";
import { clearTables, testDatabase } from "../kit/postgres.ts";

const { sql } = await testDatabase();
const carts = createCartStore(sql);
let id: string;

beforeEach(async () => {
  await clearTables(sql);
  id = crypto.randomUUID();
});

test("a cart that nobody began is not there", async () => {
  expect(await carts.read(id)).toBeUndefined();
});

test("lines keep the order in which they were put in, whatever happens to them later", async () => {
  await carts.add(id, "a", 1);
  await carts.add(id, "b", 2);
  await carts.add(id, "c", 3);
  await carts.add(id, "a", 4);
  await carts.set(id, "b", 9);
  const cart = await carts.read(id);
  expect(cart).toEqual({
    id,
    lines: [
      { sku: "a", quantity: 5 },
      { sku: "b", quantity: 9 },
      { sku: "c", quantity: 3 },
    ],
    promotionCode: null,
    country: null,
  });
  expect((await carts.set(id, "b", 0)).lines.map(({ sku }) => sku)).toEqual(["a", "c"]);
  expect((await carts.set(id, "gone", 0)).lines.map(({ sku }) => sku)).toEqual(["a", "c"]);
});

test("setting a line that is not there begins it, in a cart that is not there", async () => {
  expect((await carts.set(id, "a", 2)).lines).toEqual([{ sku: "a", quantity: 2 }]);
});

test("a line holds no more than 1,000", async () => {
  await carts.add(id, "a", 999);
  expect((await carts.add(id, "a", 5))?.lines).toEqual([{ sku: "a", quantity: 1000 }]);
  expect((await carts.set(id, "b", Number.MAX_SAFE_INTEGER)).lines[1]).toEqual({ sku: "b", quantity: 1000 });
});

test("a full cart takes no further line, and says so, but more of what it has", async () => {
  for (let index = 0; index < cartLinesMax; index++) await carts.add(id, `sku-${index}`, 1);
  expect(await carts.add(id, "one too many", 1)).toBeUndefined();
  expect((await carts.set(id, "one too many", 1)).lines).toHaveLength(cartLinesMax);
  expect((await carts.add(id, "sku-7", 1))?.lines[7]).toEqual({ sku: "sku-7", quantity: 2 });
  await carts.set(id, "sku-7", 0);
  expect((await carts.add(id, "one more", 1))?.lines.at(-1)?.sku).toBe("one more");
});

test("a code and a country stay with the cart, and a code can be taken away", async () => {
  expect((await carts.setCountry(id, "NO")).country).toBe("NO");
  expect(await carts.setPromotion(id, "SPRING")).toEqual({ id, lines: [], promotionCode: "SPRING", country: "NO" });
  await carts.add(id, "a", 1);
  expect((await carts.setPromotion(id, null)).promotionCode).toBeNull();
  expect((await carts.read(id))?.lines).toEqual([{ sku: "a", quantity: 1 }]);
});

test("a cleared cart is gone", async () => {
  await carts.add(id, "a", 1);
  await carts.clear(id);
  expect(await carts.read(id)).toBeUndefined();
  await carts.clear(id);
});

test("many tabs that add at once lose nothing, neither units nor lines", async () => {
  await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      await carts.add(id, `sku-${index % 10}`, 1);
      if (index % 25 === 0) await carts.setCountry(id, "SE");
    }),
  );
  const cart = await carts.read(id);
  expect(cart?.lines.map(({ quantity }) => quantity)).toEqual(Array.from({ length: 10 }, () => 10));
  expect(cart?.country).toBe("SE");
});

test("a hundred tabs cannot fill a cart beyond its bound", async () => {
  const added = await Promise.all(Array.from({ length: 130 }, (_, index) => carts.add(id, `sku-${index}`, 1)));
  expect(added.filter((cart) => cart !== undefined)).toHaveLength(cartLinesMax);
  expect((await carts.read(id))?.lines).toHaveLength(cartLinesMax);
});

test("any words can be a SKU", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1 }), async (sku) => {
      const cart = crypto.randomUUID();
      await carts.add(cart, sku, 1);
      expect((await carts.add(cart, sku, 1))?.lines).toEqual([{ sku, quantity: 2 }]);
      expect((await carts.set(cart, sku, 0)).lines).toEqual([]);
    }),
    { numRuns: 60, seed: 2 },
  );
});

test("carts that nobody touched for long are forgotten, a bounded number at a time, the others stay", async () => {
  await carts.add(id, "a", 1);
  await sql.unsafe(
    "insert into carts (id, updated_at) select gen_random_uuid(), now() - interval '91 days' from generate_series(1, 5003)",
  );
  const ninetyDaysMs = 90 * 86_400_000;
  expect(await carts.forget(ninetyDaysMs)).toBe(5000);
  expect(await carts.forget(ninetyDaysMs)).toBe(3);
  expect(await carts.forget(ninetyDaysMs)).toBe(0);
  expect(await carts.read(id)).toBeDefined();
});
