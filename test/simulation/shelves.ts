/** What the simulated shop sells: little enough that its shoppers get in each other's way. */
import type { SQL } from "bun";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { productDraft } from "../kit/drafts.ts";

/** Seconds that units are kept for a shopper who has something to do. */
export const holdSeconds = 90;

export const skus = ["HOT", "WARM", "LIMITED", "BEYOND", "SET"] as const;
export const promotionCode = "ONCE";

export async function fillShelves(sql: SQL): Promise<void> {
  const store = createCatalogueStore(sql, { defaultSettings });
  await store.importProducts([
    productDraft("hot", [{ sku: "HOT", onHand: 5 }]),
    productDraft("warm", [{ sku: "WARM", price: 2500, onHand: 30 }]),
    productDraft("limited", [{ sku: "LIMITED", price: 9900, onHand: 6, purchaseLimit: 1 }]),
    productDraft("beyond", [{ sku: "BEYOND", onHand: 1, policy: { kind: "backorder", allowance: 2 } }]),
    productDraft("set", [
      {
        sku: "SET",
        price: 3000,
        components: [
          { sku: "HOT", quantity: 1 },
          { sku: "WARM", quantity: 2 },
        ],
      },
    ]),
  ]);
  await store.importPromotions([
    {
      code: promotionCode,
      kind: "percent",
      value: 10,
      minimumSubtotal: 0,
      startsAtMs: 0,
      endsAtMs: Number.MAX_SAFE_INTEGER,
      limitPerPerson: 1,
      usageLimit: 2,
    },
  ]);
  await store.writeSettings({ ...defaultSettings, holdMinutes: holdSeconds / 60 });
}
