/** Carts live on the server; the browser holds only a signed id. They survive restarts and are forgotten after 90 days. */

export type Cart = {
  readonly id: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly promotionCode: string | null;
  readonly country: string | null;
};

export const cartLinesMax = 100;

export interface CartStore {
  read(id: string): Promise<Cart | undefined>;
  /** Adds to the line's quantity, or starts it; capped at 1,000 a line. Undefined when the cart is full of other lines. */
  add(id: string, sku: string, quantity: number): Promise<Cart | undefined>;
  /** Sets the line's quantity; 0 takes it out. */
  set(id: string, sku: string, quantity: number): Promise<Cart>;
  setPromotion(id: string, code: string | null): Promise<Cart>;
  setCountry(id: string, country: string): Promise<Cart>;
  clear(id: string): Promise<void>;
  /** Deletes carts that nobody touched since; answers how many. Bounded per call. */
  forget(olderThanMs: number): Promise<number>;
}
