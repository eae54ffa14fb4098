/** Prices: what it costs, what it cost before, and what that saves, told to the eye and to a screen reader alike. */
import type { Money, ProductView, VariantView } from "#contract/shop.ts";
import type { Frame } from "./frame.ts";
import { type Html, html } from "./html.ts";
import { money } from "./words.ts";

/** Whole percent saved, rounded down so that it never claims too much; 0 when nothing is. */
export function savedPercent(price: Money, compareAt: Money | null): number {
  if (compareAt === null || compareAt.currency !== price.currency || compareAt.amount <= price.amount) return 0;
  return Math.floor(((compareAt.amount - price.amount) / compareAt.amount) * 100);
}

export function variantPrice(frame: Pick<Frame, "locale">, variant: VariantView): Html {
  const { price, compareAt } = variant;
  if (compareAt === null || compareAt.amount <= price.amount) return html`<strong>${money(frame, price)}</strong>`;
  const saved = savedPercent(price, compareAt);
  return html`<strong class="sale"><span class="vh">Now </span>${money(frame, price)}</strong> <s><span class="vh">Before </span>${money(frame, compareAt)}</s>${
    saved > 0 && html` <span class="saving">${saved}% off</span>`
  }`;
}

/** The price on a tile: the lowest of what can be had, "from" when they differ. */
export function productPrice(frame: Pick<Frame, "locale">, product: ProductView): Html {
  const open = product.variants.filter((variant) => variant.available);
  const among = open.length > 0 ? open : product.variants;
  const first = among[0];
  if (first === undefined) return html``;
  const lowest = among.reduce((low, variant) => (variant.price.amount < low.price.amount ? variant : low), first);
  if (among.every((variant) => variant.price.amount === lowest.price.amount)) {
    const marked = among.every((variant) => variant.compareAt?.amount === lowest.compareAt?.amount);
    return variantPrice(frame, marked ? lowest : { ...lowest, compareAt: null });
  }
  const sale = savedPercent(lowest.price, lowest.compareAt) > 0;
  return html`<strong class=${sale && "sale"}>From ${money(frame, lowest.price)}</strong>`;
}

/** What a tile may claim to be reduced by, over what can be had: "20% off", "Up to 20% off", or null when nothing is. */
export function productSaving(product: ProductView): string | null {
  const savings = product.variants
    .filter((variant) => variant.available)
    .map((variant) => savedPercent(variant.price, variant.compareAt));
  const most = Math.max(0, ...savings);
  if (most === 0) return null;
  return savings.every((saving) => saving === most) ? `${most}% off` : `Up to ${most}% off`;
}
