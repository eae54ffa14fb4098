/**
 * The one place where an order's sum is made. Cart, checkout and order call this same pure function, so what the
 * shopper saw is what is charged. Integers only; every rounding is half up, on a line.
 */
import { allocate } from "#kernel/money.ts";
import type { Promotion, ShippingMethod, ShopSettings } from "./shop-settings.ts";

export type TotalsInput = {
  readonly lines: readonly {
    readonly unitPrice: number;
    readonly quantity: number;
    readonly taxable: boolean;
    readonly requiresShipping: boolean;
  }[];
  readonly settings: ShopSettings;
  /** Null until the shopper has told it: then there is no shipping price yet, and no added tax. */
  readonly country: string | null;
  readonly shippingMethod: string | null;
  readonly promotion: Promotion | null;
  readonly nowMs: number;
};

export type Totals = {
  readonly lines: readonly { readonly total: number; readonly discount: number; readonly tax: number }[];
  readonly subtotal: number;
  readonly discount: number;
  /** Null while it cannot be known. */
  readonly shipping: number | null;
  readonly tax: number;
  readonly total: number;
  /** Why the promotion gives nothing. */
  readonly promotionProblem: "not_started" | "over" | { readonly minimumSubtotal: number } | null;
};

export function totals(input: TotalsInput): Totals {
  const { settings, promotion } = input;
  const lineTotals = input.lines.map((line) => line.unitPrice * line.quantity);
  const subtotal = lineTotals.reduce((sum, value) => sum + value, 0);

  const promotionProblem = promotion === null ? null : problemOf(promotion, subtotal, input.nowMs);
  const applied = promotionProblem === null ? promotion : null;
  const discount = applied === null ? 0 : discountOf(applied, subtotal);
  const discounts = discount === 0 ? lineTotals.map(() => 0) : allocate(discount, lineTotals);

  const rate =
    input.country === null
      ? settings.taxes.included
        ? settings.taxes.defaultRate
        : 0
      : taxRate(settings, input.country);
  const taxOf = (amount: number) => (settings.taxes.included ? taxWithin(amount, rate) : taxOnTop(amount, rate));
  const lines = lineTotals.map((total, index) => {
    const lineDiscount = discounts[index] ?? 0;
    return {
      total,
      discount: lineDiscount,
      tax: input.lines[index]?.taxable === false ? 0 : taxOf(total - lineDiscount),
    };
  });

  let shipping: number | null = null;
  if (!input.lines.some((line) => line.requiresShipping)) shipping = 0;
  else if (input.country !== null && input.shippingMethod !== null) {
    const method = settings.shipping.find((candidate) => candidate.code === input.shippingMethod);
    const price = method === undefined ? undefined : shippingPrice(method, input.country, subtotal - discount);
    shipping = price === undefined ? null : applied?.kind === "free_shipping" ? 0 : price;
  }

  const tax = lines.reduce((sum, line) => sum + line.tax, 0) + taxOf(shipping ?? 0);
  const total = subtotal - discount + (shipping ?? 0) + (settings.taxes.included ? 0 : tax);
  return { lines, subtotal, discount, shipping, tax, total, promotionProblem };
}

/** The price of a method to a country for goods of this value; undefined when it does not go there. */
export function shippingPrice(method: ShippingMethod, country: string, goods: number): number | undefined {
  const rate =
    method.rates.find((candidate) => candidate.countries.includes(country)) ??
    method.rates.find((candidate) => candidate.countries.includes("*"));
  if (rate === undefined) return undefined;
  return rate.freeFrom !== null && goods >= rate.freeFrom ? 0 : rate.price;
}

export const taxRate = (settings: ShopSettings, country: string): number =>
  settings.taxes.rates[country] ?? settings.taxes.defaultRate;

/** Tax inside a gross amount: gross x rate / (1 + rate), rate in basis points. */
const taxWithin = (gross: number, rate: number): number => divideHalfUp(gross * rate, 10_000 + rate);
/** Tax on top of a net amount. */
const taxOnTop = (net: number, rate: number): number => divideHalfUp(net * rate, 10_000);

const divideHalfUp = (dividend: number, divisor: number): number =>
  Math.floor((2 * dividend + divisor) / (2 * divisor));

function discountOf(promotion: Promotion, subtotal: number): number {
  switch (promotion.kind) {
    case "percent":
      return divideHalfUp(subtotal * promotion.value, 100);
    case "fixed":
      return Math.min(promotion.value, subtotal);
    case "free_shipping":
      return 0;
  }
}

function problemOf(promotion: Promotion, subtotal: number, nowMs: number): Totals["promotionProblem"] {
  if (nowMs < promotion.startsAtMs) return "not_started";
  if (nowMs >= promotion.endsAtMs) return "over";
  if (subtotal < promotion.minimumSubtotal) return { minimumSubtotal: promotion.minimumSubtotal };
  return null;
}
