/**
 * The catalogue as it stands at one moment: what is visible, at which price. Built from one reading of the database,
 * valid until the next scheduled change; then built again from the same reading, without asking the database.
 */
import type { CatalogueReading } from "#commerce/orders/ports.ts";
import type { Promotion, ShopSettings } from "#commerce/pricing/shop-settings.ts";
import type { CatalogueRows } from "./ports.ts";
import type { Collection, Product, Variant } from "./product.ts";

export type Snapshot = {
  readonly reading: CatalogueReading;
  /** The moment it was built for, ms of the database's clock. */
  readonly nowMs: number;
  readonly settings: ShopSettings;
  /** Published products by handle, in the order of the catalogue. */
  readonly products: ReadonlyMap<string, Product>;
  /** Variants of published products by SKU. */
  readonly variants: ReadonlyMap<string, Variant>;
  readonly variantsById: ReadonlyMap<number, Variant>;
  readonly collections: ReadonlyMap<string, Collection>;
  readonly promotions: ReadonlyMap<string, Promotion>;
  readonly vips: ReadonlySet<string>;
};

export function buildSnapshot(rows: CatalogueRows, nowMs: number): Snapshot {
  let previousMs = 0;
  let nextMs = Number.MAX_SAFE_INTEGER;
  const boundary = (ms: number) => {
    if (ms > nowMs) nextMs = Math.min(nextMs, ms);
    else previousMs = Math.max(previousMs, ms);
  };

  const products = new Map<string, Product>();
  const variants = new Map<string, Variant>();
  const variantsById = new Map<number, Variant>();
  for (const product of rows.products) {
    if (product.publishedAtMs === null) continue;
    boundary(product.publishedAtMs);
    const current = product.variants.map((variant) => {
      let { price, compareAt } = variant;
      for (const change of variant.priceChanges) {
        boundary(change.atMs);
        if (change.atMs <= nowMs) ({ price, compareAt } = change);
      }
      return {
        ...variant,
        price,
        compareAt,
        priceChanges: variant.priceChanges.filter((change) => change.atMs > nowMs),
      };
    });
    if (product.publishedAtMs > nowMs) continue;
    products.set(product.handle, { ...product, variants: current });
    for (const variant of current) {
      variants.set(variant.sku, variant);
      variantsById.set(variant.id, variant);
    }
  }
  for (const promotion of rows.promotions) {
    boundary(promotion.startsAtMs);
    boundary(promotion.endsAtMs);
  }

  return {
    reading: { revision: rows.revision, validFrom: previousMs / 1000, validUntil: nextMs / 1000 },
    nowMs,
    settings: rows.settings,
    products,
    variants,
    variantsById,
    collections: new Map(rows.collections.map((collection) => [collection.handle, collection])),
    promotions: new Map(rows.promotions.map((promotion) => [promotion.code, promotion])),
    vips: new Set(rows.settings.vips),
  };
}
