/** Shopify's product CSV in and out, for the command line and the admin API alike. */
import { readCsv } from "#adapters/csv/read.ts";
import { writeCsv } from "#adapters/csv/write.ts";
import type { CatalogueStore, ImportReport } from "#commerce/catalogue/ports.ts";
import { readShopifyCsv, type ShopifyCsvReading } from "#commerce/catalogue/shopify-csv.ts";
import { draftOf, writeShopifyCsv } from "#commerce/catalogue/shopify-csv-export.ts";
import type { StockLedger } from "#commerce/stock/ports.ts";

export type ImportAnswer = ImportReport & {
  readonly complaints: { line: number; column: string; severity: string; message: string }[];
  readonly errors: number;
  readonly warnings: number;
  readonly refused: number;
  readonly rows: number;
};

/** Imports every product in which no error was found; the complaints name the others by line. */
export async function importCsv(
  store: CatalogueStore,
  currency: string,
  text: string,
  options: {
    readonly dryRun?: boolean;
    readonly onRead?: (rows: number) => void;
    readonly onImported?: (done: number, of: number) => void;
  } = {},
): Promise<ImportAnswer> {
  const rows = await store.read();
  const known = new Set(rows.products.flatMap((product) => product.variants.map((variant) => variant.sku)));
  const reading: ShopifyCsvReading = readShopifyCsv(readCsv(text), {
    currency,
    nowMs: rows.databaseNowMs,
    hasSku: (sku) => known.has(sku),
    ...(options.onRead === undefined ? {} : { onProgress: options.onRead }),
  });
  const { products } = reading;
  const report =
    options.dryRun === true || products.length === 0
      ? { created: 0, updated: 0 }
      : await store.importProducts(products, (done) => options.onImported?.(done, products.length));
  return {
    ...report,
    complaints: reading.complaints.map(({ line, column, severity, message }) => ({ line, column, severity, message })),
    errors: reading.errors,
    warnings: reading.warnings,
    refused: reading.refused,
    rows: reading.rows,
  };
}

export async function exportCsv(store: CatalogueStore, ledger: StockLedger): Promise<string> {
  const { products, settings, databaseNowMs } = await store.read();
  const onHand = new Map<string, number>();
  for (const level of await ledger.levels(null)) onHand.set(level.sku, (onHand.get(level.sku) ?? 0) + level.onHand);
  const skus = new Map(
    products.flatMap((product) => product.variants.map((variant) => [variant.id, variant.sku] as const)),
  );
  const drafts = products.map((product) => draftOf(product, (id) => skus.get(id), onHand));
  let text = "";
  for (const line of writeCsv(writeShopifyCsv(drafts, { currency: settings.currency, nowMs: databaseNowMs })))
    text += line;
  return text;
}
