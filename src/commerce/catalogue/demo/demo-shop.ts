/**
 * Northlight, the shop that a first start shows: 24 products in five collections, with one of everything that selling
 * can be. A limited drop, sold out, preorder, backorder, a bundle, sale prices, sizes, a limit per person. Plain data,
 * so that tests, benches and drills can sell it too; demo-art.ts draws its pictures.
 */
import type { PromotionDraft } from "../ports.ts";
import type { CollectionDraft, ProductDraft } from "../product.ts";
import { lightProducts } from "./light.ts";
import { outdoorProducts } from "./outdoors.ts";
import { quietProducts } from "./quiet.ts";
import { softProducts } from "./soft.ts";
import { tableProducts } from "./table.ts";

export type DemoShop = {
  readonly name: string;
  readonly currency: "EUR";
  readonly products: readonly ProductDraft[];
  readonly collections: readonly CollectionDraft[];
  readonly promotions: readonly PromotionDraft[];
};

/** The drop: 500 units of one SKU, two a person. */
export const demoDrop = { handle: "aurora-lamp", sku: "AURORA-LAMP", units: 500, purchaseLimit: 2 } as const;

/** `nowMs` sets when the preorder ships, so that it always lies ahead; everything else is the same at any time. */
export function demoShop(nowMs: number = Date.UTC(2026, 10, 23)): DemoShop {
  const outdoors = outdoorProducts(fourMonthsAfter(nowMs));
  const shelf = (handle: string, title: string, description: string, products: readonly ProductDraft[]) => ({
    handle,
    title,
    description,
    products: products.map((product) => product.handle),
  });
  return {
    name: "Northlight",
    currency: "EUR",
    products: [...lightProducts, ...tableProducts, ...outdoors, ...softProducts, ...quietProducts],
    collections: [
      shelf("light", "Light", "Lamps and lanterns for the dark half of the year.", lightProducts),
      shelf("table", "Table", "Stoneware, glass and one good kettle. Breakfast deserves it.", tableProducts),
      shelf("outdoors", "Outdoors", "Few things, made to be rained on, mended and kept.", outdoors),
      shelf("soft", "Soft", "Wool and linen, for after.", softProducts),
      shelf("quiet-hours", "Quiet Hours", "To listen, to look at, to write in.", quietProducts),
    ],
    promotions: [
      promotion({ code: "WELCOME10", kind: "percent", value: 10, limitPerPerson: 1 }),
      promotion({ code: "NORTH15", kind: "fixed", value: 1500, minimumSubtotal: 10000 }),
      promotion({ code: "SLOWPOST", kind: "free_shipping", value: 0 }),
      promotion({ code: "FIRST100", kind: "percent", value: 25, limitPerPerson: 1, usageLimit: 100 }),
    ],
  };
}

function promotion(set: Pick<PromotionDraft, "code" | "kind" | "value"> & Partial<PromotionDraft>): PromotionDraft {
  return {
    minimumSubtotal: 0,
    startsAtMs: Date.UTC(2026, 8, 1),
    endsAtMs: Date.UTC(2035, 0, 1),
    limitPerPerson: null,
    usageLimit: null,
    ...set,
  };
}

/** The fifteenth of the month four months on, "2027-03-15". */
function fourMonthsAfter(nowMs: number): string {
  const now = new Date(nowMs);
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 4, 15)).toISOString().slice(0, 10);
}
