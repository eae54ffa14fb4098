/**
 * What may be said about a variant's stock, in one place for the server's pages and the live update in the browser, so
 * that the two can never tell different stories.
 */
import type { ProductView, VariantView } from "#contract/shop.ts";
import type { Frame } from "./frame.ts";
import { type Html, html } from "./html.ts";
import { day } from "./words.ts";

export type Availability = {
  /** How the gauge stands: full, low, half (may be ordered ahead), empty. */
  readonly level: "full" | "low" | "half" | "empty";
  readonly text: string;
};

export function availability(frame: Pick<Frame, "locale">, variant: VariantView): Availability {
  const ships = variant.shipsOn === null ? "" : ` ${day(frame, variant.shipsOn)}`;
  if (!variant.available || variant.delivery === "sold_out") return { level: "empty", text: "Sold out" };
  if (variant.delivery === "preorder")
    return { level: "half", text: ships === "" ? "Pre-order" : `Pre-order: ships${ships}` };
  if (variant.delivery === "backorder")
    return {
      level: "half",
      text: ships === "" ? "Back-order: ships as soon as it is made" : `Back-order: ships${ships}`,
    };
  if (variant.left !== null) return { level: "low", text: `${variant.left} left` };
  return { level: "full", text: "In stock, ready to ship" };
}

/** The gauge and its words. */
export function stock(frame: Pick<Frame, "locale">, variant: VariantView): Html {
  const { level, text } = availability(frame, variant);
  return html`<span class="gauge ${level}" aria-hidden="true"></span>${text}`;
}

/** What a product's tile says of all of its variants together; null when all is well and nothing needs saying. */
export function productBadge(product: ProductView): Availability | null {
  const open = product.variants.filter((variant) => variant.available);
  if (open.length === 0) return { level: "empty", text: "Sold out" };
  if (open.every((variant) => variant.delivery === "preorder")) return { level: "half", text: "Pre-order" };
  if (open.every((variant) => variant.delivery === "backorder")) return { level: "half", text: "Back-order" };
  if (open.every((variant) => variant.delivery === "in_stock" && variant.left !== null)) {
    return { level: "low", text: `${open.reduce((sum, variant) => sum + (variant.left ?? 0), 0)} left` };
  }
  return null;
}

/** The variant that a SKU names, or else the first that can be had, or else the first. */
export function chosenVariant(product: ProductView, sku: string | null): VariantView | undefined {
  return (
    product.variants.find((variant) => variant.sku === sku) ??
    product.variants.find((variant) => variant.available) ??
    product.variants[0]
  );
}

/**
 * Where a choice of one option leads from the present variant: to the variant that differs in this option only, or, when
 * there is none, to the one with that value that shares most with the present one, preferring what can be had.
 */
export function variantWith(
  product: ProductView,
  present: VariantView,
  option: number,
  value: string,
): VariantView | undefined {
  let best: VariantView | undefined;
  let bestScore = -1;
  for (const variant of product.variants) {
    if (variant.options[option] !== value) continue;
    const shared = variant.options.filter((other, index) => other === present.options[index]).length;
    const exact = variant.options.every((other, index) => index === option || other === present.options[index]);
    const score = (exact ? 1000 : shared * 2) + (variant.available ? 1 : 0);
    if (score > bestScore) {
      best = variant;
      bestScore = score;
    }
  }
  return best;
}

/** Whether the product has choices at all: Shopify gives a lone variant the option "Title: Default Title". */
export function hasChoices(product: ProductView): boolean {
  return (
    product.variants.length > 1 || product.variants[0]?.options.some((value) => value !== "Default Title") === true
  );
}
