/**
 * The catalogue on Postgres. It is read whole, in one snapshot of the database; it is written by one writer at a time,
 * each in one transaction. How a thousand products become rows is catalogue-import.ts.
 */
import type { SQL, TransactionSQL } from "bun";
import type { CatalogueRows, CatalogueStore } from "#commerce/catalogue/ports.ts";
import type { Collection, PriceChange, Product, ProductImage, Variant } from "#commerce/catalogue/product.ts";
import type { Promotion, ShopSettings } from "#commerce/pricing/shop-settings.ts";
import { SpillwayError } from "#kernel/error.ts";
import { importProducts } from "./catalogue-import.ts";
import { query } from "./database.ts";
import { jsonOf } from "./json.ts";
import { listen } from "./listen.ts";
import importCollections from "./sql/import-collections.sql" with { type: "text" };
import clearCollections from "./sql/import-collections-clear.sql" with { type: "text" };
import findMissingProducts from "./sql/import-collections-missing.sql" with { type: "text" };
import fillCollections from "./sql/import-collections-products.sql" with { type: "text" };
import importPromotions from "./sql/import-promotions.sql" with { type: "text" };
import lockCatalogue from "./sql/lock-catalogue.sql" with { type: "text" };
import publishProduct from "./sql/publish-product.sql" with { type: "text" };
import readCatalogueState from "./sql/read-catalogue-state.sql" with { type: "text" };
import readCollections from "./sql/read-collections.sql" with { type: "text" };
import readPriceChanges from "./sql/read-price-changes.sql" with { type: "text" };
import readProducts from "./sql/read-products.sql" with { type: "text" };
import readPromotions from "./sql/read-promotions.sql" with { type: "text" };
import readVariantComponents from "./sql/read-variant-components.sql" with { type: "text" };
import readVariants from "./sql/read-variants.sql" with { type: "text" };
import schedulePrice from "./sql/schedule-price.sql" with { type: "text" };
import searchProducts from "./sql/search-products.sql" with { type: "text" };
import writeSettings from "./sql/write-settings.sql" with { type: "text" };
import { inTransaction } from "./transaction.ts";

type ProductRow = {
  id: number;
  handle: string;
  title: string;
  description_html: string;
  vendor: string;
  type: string;
  tags: string[];
  option_names: string[];
  images: ProductImage[];
  seo_title: string;
  seo_description: string;
  published_at_ms: number | null;
};

type VariantRow = {
  id: number;
  product_id: number;
  sku: string;
  options: string[];
  price: number;
  compare_at: number | null;
  barcode: string;
  grams: number;
  taxable: boolean;
  requires_shipping: boolean;
  policy: "deny" | "backorder" | "preorder";
  allowance: number;
  ships_on: string | null;
  purchase_limit: number | null;
  image: string | null;
};

type PromotionRow = {
  id: number;
  code: string;
  kind: Promotion["kind"];
  value: number;
  minimum_subtotal: number;
  starts_at_ms: number;
  ends_at_ms: number;
  limit_per_person: number | null;
};

/** Bounds of a search, whoever asks for more. */
const queryLengthMax = 200;
const resultsMax = 100;
const offsetMax = 10_000;

export function createCatalogueStore(
  sql: SQL,
  options: {
    /** Those of a shop whose owner has not set any yet. */
    readonly defaultSettings: ShopSettings;
  },
): CatalogueStore {
  return {
    async read() {
      return await inTransaction(sql, "isolation level repeatable read, read only", async (transaction) => {
        return await readRows(transaction, options.defaultSettings);
      });
    },

    async importProducts(products, onProgress) {
      return await write(sql, async (transaction) => await importProducts(transaction, products, onProgress));
    },

    async importCollections(collections) {
      refuseTwins(collections.map(({ handle }) => handle));
      const drafts = jsonOf(collections.map((collection, index) => ({ place: index + 1, ...collection })));
      await write(sql, async (transaction) => {
        const [missing] = await query<{ handle: string; product: string }>(transaction, findMissingProducts, [drafts]);
        if (missing !== undefined) {
          throw new SpillwayError(
            "invalid_request",
            `The collection "${missing.handle}" names the product "${missing.product}", which is not in the catalogue. Import the product first, or leave it out.`,
          );
        }
        await query(transaction, importCollections, [drafts]);
        await query(transaction, clearCollections, [drafts]);
        await query(transaction, fillCollections, [drafts]);
      });
    },

    async importPromotions(promotions) {
      refuseTwins(promotions.map(({ code }) => code.toUpperCase()));
      const drafts = promotions.map((promotion) => ({
        ...promotion,
        startsAtMs: finite(promotion.startsAtMs),
        endsAtMs: finite(promotion.endsAtMs),
      }));
      await write(sql, async (transaction) => await query(transaction, importPromotions, [jsonOf(drafts)]));
    },

    async writeSettings(settings) {
      await write(sql, async (transaction) => await query(transaction, writeSettings, [jsonOf(settings)]));
    },

    async schedulePrice(sku, change) {
      const parameters = [sku, change.atMs, change.price, change.compareAt];
      const rows = await write(sql, async (transaction) => await query(transaction, schedulePrice, parameters));
      return rows.length > 0;
    },

    async publish(handle, atMs) {
      const rows = await write(sql, async (transaction) => await query(transaction, publishProduct, [handle, atMs]));
      return rows.length > 0;
    },

    async search(text, limit, offset) {
      const wanted = text.replaceAll("\0", " ").slice(0, queryLengthMax).toWellFormed().trim();
      if (wanted === "") return [];
      const rows = await query<{ handle: string }>(sql, searchProducts, [
        wanted,
        `%${wanted.replace(/[\\%_]/g, "\\$&")}%`,
        within(limit, 1, resultsMax),
        within(offset, 0, offsetMax),
      ]);
      return rows.map(({ handle }) => handle);
    },

    async changed(listener) {
      return await listen(sql, "catalogue", () => listener());
    },
  };
}

async function write<Answer>(sql: SQL, work: (transaction: TransactionSQL) => Promise<Answer>): Promise<Answer> {
  return await inTransaction(sql, "read write", async (transaction) => {
    await query(transaction, lockCatalogue);
    return await work(transaction);
  });
}

async function readRows(transaction: TransactionSQL, defaultSettings: ShopSettings): Promise<CatalogueRows> {
  const [state] = await query<{ revision: string; settings: ShopSettings | null; now_ms: number }>(
    transaction,
    readCatalogueState,
  );
  const productRows = await query<ProductRow>(transaction, readProducts);
  const variantRows = await query<VariantRow>(transaction, readVariants);
  const components = await query<{ variant_id: number; component_id: number; quantity: number }>(
    transaction,
    readVariantComponents,
  );
  const priceChanges = await query<{ variant_id: number; at_ms: number; price: number; compare_at: number | null }>(
    transaction,
    readPriceChanges,
  );
  const collections = await query<Collection>(transaction, readCollections);
  const promotions = await query<PromotionRow>(transaction, readPromotions);

  const componentsByVariant = new Map<number, Variant["components"][number][]>();
  for (const { variant_id, component_id, quantity } of components) {
    listIn(componentsByVariant, variant_id).push({ variantId: component_id, quantity });
  }
  const priceChangesByVariant = new Map<number, PriceChange[]>();
  for (const { variant_id, at_ms, price, compare_at } of priceChanges) {
    listIn(priceChangesByVariant, variant_id).push({ atMs: at_ms, price, compareAt: compare_at });
  }
  const handles = new Map(productRows.map(({ id, handle }) => [id, handle]));
  const variantsByProduct = new Map<number, Variant[]>();
  for (const row of variantRows) {
    listIn(variantsByProduct, row.product_id).push({
      id: row.id,
      productHandle: handles.get(row.product_id) ?? "",
      sku: row.sku,
      options: row.options,
      price: row.price,
      compareAt: row.compare_at,
      barcode: row.barcode,
      grams: row.grams,
      taxable: row.taxable,
      requiresShipping: row.requires_shipping,
      policy: policyOf(row),
      purchaseLimit: row.purchase_limit,
      image: row.image,
      components: componentsByVariant.get(row.id) ?? [{ variantId: row.id, quantity: 1 }],
      priceChanges: priceChangesByVariant.get(row.id) ?? [],
    });
  }
  return {
    revision: Number(state?.revision),
    databaseNowMs: state?.now_ms ?? 0,
    settings: state?.settings ?? defaultSettings,
    products: productRows.map(
      (row): Product => ({
        id: row.id,
        handle: row.handle,
        title: row.title,
        descriptionHtml: row.description_html,
        vendor: row.vendor,
        type: row.type,
        tags: row.tags,
        publishedAtMs: row.published_at_ms,
        optionNames: row.option_names,
        images: row.images,
        variants: variantsByProduct.get(row.id) ?? [],
        seoTitle: row.seo_title,
        seoDescription: row.seo_description,
      }),
    ),
    collections: [...collections],
    promotions: promotions.map((row) => ({
      id: row.id,
      code: row.code,
      kind: row.kind,
      value: row.value,
      minimumSubtotal: row.minimum_subtotal,
      startsAtMs: finite(row.starts_at_ms),
      endsAtMs: finite(row.ends_at_ms),
      limitPerPerson: row.limit_per_person,
    })),
  };
}

function policyOf(row: VariantRow): Variant["policy"] {
  switch (row.policy) {
    case "deny":
      return { kind: "deny" };
    case "backorder":
      return { kind: "backorder", allowance: row.allowance };
    case "preorder":
      return { kind: "preorder", allowance: row.allowance, shipsOn: row.ships_on ?? "" };
  }
}

/** No beginning is the epoch, and no end the largest safe integer: JSON has no infinity, Postgres has. */
const finite = (ms: number): number => within(ms, 0, Number.MAX_SAFE_INTEGER);

const within = (value: number, least: number, most: number): number =>
  Math.min(Math.max(Math.trunc(value), least), most);

function listIn<Key, Item>(lists: Map<Key, Item[]>, key: Key): Item[] {
  const list = lists.get(key);
  if (list !== undefined) return list;
  const fresh: Item[] = [];
  lists.set(key, fresh);
  return fresh;
}

function refuseTwins(names: readonly string[]): void {
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw new SpillwayError("invalid_request", `"${twin}" comes twice. Give it once.`);
}
