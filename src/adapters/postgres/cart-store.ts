/** Carts on Postgres: a row each, and every step one statement, so that whatever comes at once, nothing of it is lost. */
import type { SQL } from "bun";
import { type Cart, type CartStore, cartLinesMax } from "#commerce/cart/ports.ts";
import { query } from "./database.ts";
import forgetCarts from "./sql/forget-carts.sql" with { type: "text" };
import putInCart from "./sql/put-in-cart.sql" with { type: "text" };
import readCart from "./sql/read-cart.sql" with { type: "text" };
import setCartCountry from "./sql/set-cart-country.sql" with { type: "text" };
import setCartPromotion from "./sql/set-cart-promotion.sql" with { type: "text" };

type CartRow = { id: string; lines: Cart["lines"]; promotion_code: string | null; country: string | null };

const quantityMax = 1000;
/** Deleted in one call, in well under a second. */
const forgetMax = 5000;

export function createCartStore(sql: SQL): CartStore {
  const put = async (id: string, sku: string, quantity: number, isAdded: boolean): Promise<Cart> => {
    // More than one line may hold is as good as the most that it may, and fits the column.
    const units = Math.min(Math.max(Math.trunc(quantity), isAdded ? 1 : 0), quantityMax);
    return await one(sql, putInCart, [id, sku, units, isAdded, cartLinesMax, quantityMax]);
  };
  return {
    async read(id) {
      const [row] = await query<CartRow>(sql, readCart, [id]);
      return row === undefined ? undefined : toCart(row);
    },
    async add(id, sku, quantity) {
      const cart = await put(id, sku, quantity, true);
      return cart.lines.some((line) => line.sku === sku) ? cart : undefined;
    },
    async set(id, sku, quantity) {
      return await put(id, sku, quantity, false);
    },
    async setPromotion(id, code) {
      return await one(sql, setCartPromotion, [id, code]);
    },
    async setCountry(id, country) {
      return await one(sql, setCartCountry, [id, country]);
    },
    async clear(id) {
      await query(sql, "delete from carts where id = $1::uuid", [id]);
    },
    async forget(olderThanMs) {
      return (await query(sql, forgetCarts, [olderThanMs, forgetMax])).length;
    },
  };
}

async function one(sql: SQL, text: string, parameters: readonly unknown[]): Promise<Cart> {
  const [row] = await query<CartRow>(sql, text, parameters);
  return toCart(row as CartRow);
}

const toCart = (row: CartRow): Cart => ({
  id: row.id,
  lines: row.lines,
  promotionCode: row.promotion_code,
  country: row.country,
});
