/**
 * Reading and writing the catalogue. `read` answers everything that prices and pages need, at one revision; writers
 * bump the revision, and whoever listens to `changed` reads again.
 */
import type { Promotion, ShopSettings } from "#commerce/pricing/shop-settings.ts";
import type { Collection, CollectionDraft, Product, ProductDraft } from "./product.ts";

export type CatalogueRows = {
  readonly revision: number;
  /** The database's clock when it was read, ms since the epoch. */
  readonly databaseNowMs: number;
  readonly settings: ShopSettings;
  readonly products: readonly Product[];
  readonly collections: readonly Collection[];
  readonly promotions: readonly Promotion[];
};

export type PromotionDraft = Omit<Promotion, "id"> & { readonly usageLimit: number | null };

export type ImportReport = { readonly created: number; readonly updated: number };

export interface CatalogueStore {
  read(): Promise<CatalogueRows>;
  /** Creates or replaces products by handle, and their variants by SKU; a variant that is missing from its draft and has no stock or orders is removed. All or nothing. */
  importProducts(products: readonly ProductDraft[], onProgress?: (done: number) => void): Promise<ImportReport>;
  importCollections(collections: readonly CollectionDraft[]): Promise<void>;
  importPromotions(promotions: readonly PromotionDraft[]): Promise<void>;
  writeSettings(settings: ShopSettings): Promise<void>;
  /** Schedules a price for a variant; takes effect at that second everywhere. */
  schedulePrice(sku: string, change: { atMs: number; price: number; compareAt: number | null }): Promise<boolean>;
  publish(handle: string, atMs: number | null): Promise<boolean>;
  /** Handles of published products that match, best first. */
  search(query: string, limit: number, offset: number): Promise<readonly string[]>;
  /** Calls back after each change, whichever process made it. */
  changed(listener: () => void): Promise<{ stop(): Promise<void> }>;
}
