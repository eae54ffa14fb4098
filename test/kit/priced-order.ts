/** Orders as the order path takes them, priced by nothing but their variants: for tests that are not about prices. */
import type { Variant } from "#commerce/catalogue/product.ts";
import type { PricedOrder } from "#commerce/orders/ports.ts";

/** A UUID that depends on the text alone. */
export function uuidOf(text: string): string {
  const hex = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** One unit of each variant; taxes are a fifth of the price, within it; shipping is 490 and free of tax. A discount is the first line's. */
export function plainOrder(
  key: string,
  variants: readonly Variant[],
  more: Partial<PricedOrder> & { readonly quantity?: number } = {},
): PricedOrder {
  const { quantity = 1, discount = 0, ...part } = more;
  const lines = variants.map((variant, index) => ({
    variantId: variant.id,
    quantity,
    unitPrice: variant.price,
    discount: index === 0 ? discount : 0,
    tax: Math.floor((variant.price * quantity) / 5),
    needs: variant.components.map((component) => ({ ...component, quantity: component.quantity * quantity })),
  }));
  const subtotal = lines.reduce((sum, line) => sum + line.unitPrice * line.quantity, 0);
  return {
    key: uuidOf(`key ${key}`),
    request: uuidOf(`request ${key}`),
    priority: 2,
    email: `${uuidOf(key)}@test.example`,
    details: JSON.stringify({ payment: { provider: "sandbox", token: "ok" } }),
    subtotal,
    discount,
    shipping: 490,
    tax: lines.reduce((sum, line) => sum + line.tax, 0),
    total: subtotal - discount + 490,
    promotionId: null,
    lines,
    limits: [],
    passes: [],
    ...part,
  };
}
