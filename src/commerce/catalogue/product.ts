/**
 * The catalogue as the rules see it: plain values, read whole from the database into memory and replaced whole when
 * it changes. A draft is a product on its way in (from CSV, the admin API or the demonstration shop), before it has ids.
 */

/** What happens when the last unit is held: refuse, or sell up to `allowance` units more than there are. */
export type SellingPolicy =
  | { readonly kind: "deny" }
  | { readonly kind: "backorder"; readonly allowance: number }
  | { readonly kind: "preorder"; readonly allowance: number /** ISO date, "2027-01-15". */; readonly shipsOn: string };

export type ProductImage = {
  /** A path of this shop ("/images/x.svg") or an absolute https address. */
  readonly src: string;
  readonly alt: string;
  /** Pixels; null when unknown (a remote picture). */
  readonly width: number | null;
  readonly height: number | null;
};

/** A price that takes effect at a set second. */
export type PriceChange = { readonly atMs: number; readonly price: number; readonly compareAt: number | null };

export type VariantDraft = {
  readonly sku: string;
  /** One value for each of the product's option names, in the same order. */
  readonly options: readonly string[];
  /** Minor units of the shop's currency. */
  readonly price: number;
  readonly compareAt: number | null;
  readonly barcode: string;
  readonly grams: number;
  readonly taxable: boolean;
  readonly requiresShipping: boolean;
  readonly policy: SellingPolicy;
  /** Units one person may buy, over all of their orders; null is no limit. */
  readonly purchaseLimit: number | null;
  /** The `src` of one of the product's images, or null. */
  readonly image: string | null;
  /** Units on hand at the first location; null leaves the stock as it is. */
  readonly onHand: number | null;
  /** A bundle is held as its components; empty for a variant that is held as itself. */
  readonly components: readonly { readonly sku: string; readonly quantity: number }[];
};

export type ProductDraft = {
  readonly handle: string;
  readonly title: string;
  /** HTML as the merchant wrote it; pages sanitise it before they show it. */
  readonly descriptionHtml: string;
  readonly vendor: string;
  readonly type: string;
  readonly tags: readonly string[];
  /** When it becomes visible, in ms since the epoch; null is a draft that nobody sees. */
  readonly publishedAtMs: number | null;
  readonly optionNames: readonly string[];
  readonly images: readonly ProductImage[];
  readonly variants: readonly VariantDraft[];
  readonly seoTitle: string;
  readonly seoDescription: string;
};

export type CollectionDraft = {
  readonly handle: string;
  readonly title: string;
  readonly description: string;
  /** Handles of its products, in order. */
  readonly products: readonly string[];
};

export type Variant = Omit<VariantDraft, "onHand" | "components"> & {
  readonly id: number;
  readonly productHandle: string;
  /** What one unit of this variant holds: itself once, or a bundle's parts. */
  readonly components: readonly { readonly variantId: number; readonly quantity: number }[];
  /** Coming price changes, soonest first. */
  readonly priceChanges: readonly PriceChange[];
};

export type Product = Omit<ProductDraft, "variants"> & { readonly id: number; readonly variants: readonly Variant[] };

export type Collection = Omit<CollectionDraft, "products"> & {
  readonly id: number;
  readonly products: readonly string[];
};
