/**
 * The database of a shop, opened for a role or a tool: DATABASE_URL, or our own Postgres in the data folder; brought to
 * this program's schema; the demonstration shop put on the shelves of a new one.
 */
import { startEmbeddedPostgres } from "#adapters/embedded-postgres/embedded-postgres.ts";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { type Database, openDatabase } from "#adapters/postgres/database.ts";
import { migrate } from "#adapters/postgres/migrate.ts";
import { createStockLedger } from "#adapters/postgres/stock-ledger.ts";
import { demoShop } from "#commerce/catalogue/demo/demo-shop.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import type { Config } from "./config.ts";

export type ShopDatabase = {
  readonly url: string;
  readonly database: Database;
  /** Resolves if our own Postgres ends without having been asked to; never for DATABASE_URL. */
  readonly lost: Promise<void>;
  close(): Promise<void>;
};

export async function openShopDatabase(
  config: Config,
  options: { readonly shareRunning: boolean; readonly seed: boolean; readonly log: (line: string) => void },
): Promise<ShopDatabase> {
  const own =
    config.databaseUrl === undefined
      ? await startEmbeddedPostgres({ dataDir: config.dataDir, shareRunning: options.shareRunning, log: options.log })
      : undefined;
  const url = config.databaseUrl ?? (own as { url: string }).url;
  try {
    await migrate(url);
    const database = openDatabase(url);
    if (options.seed) await seed(database, config, options.log);
    return {
      url,
      database,
      lost:
        own === undefined
          ? new Promise(() => undefined)
          : own.ended.then(({ expected }) => (expected ? new Promise<void>(() => undefined) : undefined)),
      close: async () => {
        await database.close();
        await own?.stop();
      },
    };
  } catch (error) {
    await own?.stop();
    throw error;
  }
}

/** Once, for a shop that has no settings yet. Settings are written last: a start that was cut off does it again. */
async function seed(database: Database, config: Config, log: (line: string) => void): Promise<void> {
  const [found] = (await database.pool.unsafe("select exists (select 1 from shop_settings) as there")) as {
    there: boolean;
  }[];
  if (found?.there === true) return;
  const store = createCatalogueStore(database.pool, { defaultSettings });
  if (!config.demo) {
    await store.writeSettings({ ...defaultSettings, name: "Your shop" });
    return;
  }
  const shop = demoShop(Date.now());
  log(`putting ${shop.products.length} products of the demonstration shop on the shelves`);
  await store.importProducts(shop.products);
  await store.importCollections(shop.collections);
  await store.importPromotions(shop.promotions);
  const ledger = createStockLedger(database.pool);
  for (const product of shop.products) {
    for (const variant of product.variants) {
      if (variant.onHand !== null)
        await ledger.change({ kind: "policy", sku: variant.sku, lowStockAt: 5, reason: "demonstration shop" });
    }
  }
  await store.writeSettings({ ...defaultSettings, name: shop.name });
}
