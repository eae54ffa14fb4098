/** The catalogue at one moment: what is visible, at which price, and until when that holds, to the millisecond. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { defaultSettings, type Promotion } from "#commerce/pricing/shop-settings.ts";
import type { CatalogueRows } from "./ports.ts";
import type { PriceChange, Product, Variant } from "./product.ts";
import { buildSnapshot } from "./snapshot.ts";

const variant = (sku: string, more: Partial<Variant> = {}): Variant => ({
  id: sku.length,
  productHandle: "mug",
  sku,
  options: [],
  price: 1000,
  compareAt: null,
  barcode: "",
  grams: 0,
  taxable: true,
  requiresShipping: true,
  policy: { kind: "deny" },
  purchaseLimit: null,
  image: null,
  components: [{ variantId: sku.length, quantity: 1 }],
  priceChanges: [],
  ...more,
});

const product = (handle: string, publishedAtMs: number | null, variants: readonly Variant[]): Product => ({
  id: 1,
  handle,
  title: handle,
  descriptionHtml: "",
  vendor: "",
  type: "",
  tags: [],
  publishedAtMs,
  optionNames: [],
  images: [],
  seoTitle: "",
  seoDescription: "",
  variants,
});

const promotion = (code: string, startsAtMs: number, endsAtMs: number): Promotion => ({
  id: 1,
  code,
  kind: "percent",
  value: 10,
  minimumSubtotal: 0,
  startsAtMs,
  endsAtMs,
  limitPerPerson: null,
});

const rows = (products: readonly Product[], promotions: readonly Promotion[] = []): CatalogueRows => ({
  revision: 7,
  databaseNowMs: 0,
  settings: defaultSettings,
  products,
  collections: [
    { id: 1, handle: "all", title: "All", description: "", products: products.map(({ handle }) => handle) },
  ],
  promotions,
});

const change = (atMs: number, price: number): PriceChange => ({ atMs, price, compareAt: null });

describe("a price that changes at a set moment", () => {
  const catalogue = rows([
    product("mug", 0, [variant("MUG", { priceChanges: [change(1000, 800), change(2000, 1200)] })]),
  ]);
  const at = (nowMs: number) => {
    const { variants, reading } = buildSnapshot(catalogue, nowMs);
    return [variants.get("MUG")?.price, reading.validFrom, reading.validUntil];
  };

  test("is the old one to its last millisecond and the new one from its first, and each says how long it holds", () => {
    expect(at(999)).toEqual([1000, 0, 1]);
    expect(at(1000)).toEqual([800, 1, 2]);
    expect(at(1999)).toEqual([800, 1, 2]);
    expect(at(2000)).toEqual([1200, 2, Number.MAX_SAFE_INTEGER / 1000]);
  });

  test("is told ahead as what is still to come, soonest first", () => {
    const coming = (nowMs: number) =>
      buildSnapshot(catalogue, nowMs)
        .variants.get("MUG")
        ?.priceChanges.map(({ atMs }) => atMs);
    expect([coming(0), coming(1000), coming(2000)]).toEqual([[1000, 2000], [2000], []]);
  });

  test("takes the price to compare with along", () => {
    const reduced = variant("MUG", { compareAt: 1500, priceChanges: [{ atMs: 1000, price: 900, compareAt: 1000 }] });
    const snapshot = (nowMs: number) => buildSnapshot(rows([product("mug", 0, [reduced])]), nowMs).variants.get("MUG");
    expect([snapshot(0)?.compareAt, snapshot(1000)?.compareAt]).toEqual([1500, 1000]);
  });
});

describe("a product", () => {
  test("that is a draft is nowhere, and its coming prices end no reading", () => {
    const snapshot = buildSnapshot(
      rows([product("mug", null, [variant("MUG", { priceChanges: [change(1000, 1)] })])]),
      500,
    );
    expect([snapshot.products.size, snapshot.variants.size, snapshot.variantsById.size]).toEqual([0, 0, 0]);
    expect(snapshot.reading.validUntil).toBe(Number.MAX_SAFE_INTEGER / 1000);
  });

  test("appears at its moment, with all of its variants, by SKU and by id", () => {
    const catalogue = rows([product("mug", 1000, [variant("A"), variant("BB")])]);
    const early = buildSnapshot(catalogue, 999);
    expect([early.products.size, early.variants.size, early.reading.validUntil]).toEqual([0, 0, 1]);
    const there = buildSnapshot(catalogue, 1000);
    expect([...there.variants.keys()]).toEqual(["A", "BB"]);
    expect(there.variantsById.get(2)?.sku).toBe("BB");
    expect(there.reading.validFrom).toBe(1);
  });

  test("that is not visible yet is in no list of a page, though its collection names it", () => {
    const snapshot = buildSnapshot(rows([product("mug", 1000, [variant("A")])]), 0);
    expect(snapshot.collections.get("all")?.products).toEqual(["mug"]);
    expect(snapshot.products.get("mug")).toBeUndefined();
  });
});

test("a code's beginning and end are moments at which prices are made anew", () => {
  const { reading, promotions } = buildSnapshot(
    rows([], [promotion("TEN", 1000, 3000), promotion("X", 0, 2000)]),
    1500,
  );
  expect([reading.validFrom, reading.validUntil]).toEqual([1, 2]);
  expect([...promotions.keys()]).toEqual(["TEN", "X"]);
});

test("a reading never holds past the moment at which anything that orders are priced from changes", () => {
  const moment = fc.integer({ min: 1, max: 50 });
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          publishedAtMs: fc.option(moment, { nil: null }),
          changes: fc.uniqueArray(moment, { maxLength: 4 }),
        }),
        { maxLength: 4 },
      ),
      fc.array(fc.tuple(moment, moment), { maxLength: 3 }),
      fc.integer({ min: 0, max: 60 }),
      (products, codes, nowMs) => {
        const catalogue = rows(
          products.map(({ publishedAtMs, changes }, index) =>
            product(`p${index}`, publishedAtMs, [
              variant(`S${index}`, {
                priceChanges: changes.toSorted((a, b) => a - b).map((atMs) => change(atMs, atMs * 100)),
              }),
            ]),
          ),
          codes.map(([one, other], index) => promotion(`C${index}`, Math.min(one, other), Math.max(one, other))),
        );
        const seen = (ms: number) => {
          const { variants } = buildSnapshot(catalogue, ms);
          const valid = catalogue.promotions.filter(({ startsAtMs, endsAtMs }) => ms >= startsAtMs && ms < endsAtMs);
          return JSON.stringify([[...variants].map(([sku, { price }]) => [sku, price]), valid.map(({ code }) => code)]);
        };
        const { reading } = buildSnapshot(catalogue, nowMs);
        const [from, until] = [reading.validFrom * 1000, Math.min(reading.validUntil * 1000, 61)];
        expect(from <= nowMs && nowMs < until).toBe(true);
        for (let ms = Math.ceil(from); ms < until; ms++) expect([ms, seen(ms)]).toEqual([ms, seen(nowMs)]);
      },
    ),
    { numRuns: 200 },
  );
});
