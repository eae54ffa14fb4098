/** The promises of CatalogueStore (src/commerce/catalogue/ports.ts), kept by the adapter for Postgres. */
import { beforeEach, describe, expect, test } from "bun:test";
import { SQL } from "bun";
import fc from "fast-check";
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { createOrderIntake } from "#adapters/postgres/order-intake.ts";
import type { Product, ProductDraft } from "#commerce/catalogue/product.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { SpillwayError } from "#kernel/error.ts";
import { productDraft } from "../kit/drafts.ts";
import { generatedCatalogue, seededRandom } from "../kit/generated-catalogue.ts";
import { clearTables, testDatabase } from "../kit/postgres.ts";
import { plainOrder } from "../kit/priced-order.ts";

const { sql, url } = await testDatabase();
const store = createCatalogueStore(sql, { defaultSettings });

beforeEach(async () => await clearTables(sql));

/** What was read, as drafts again; `onHand` is not the catalogue's to tell. `toEqual` passes over what is undefined. */
function draftsOf(products: readonly Product[]) {
  const skus = new Map(products.flatMap(({ variants }) => variants.map(({ id, sku }) => [id, sku])));
  return products.map((product) => ({
    ...product,
    id: undefined,
    variants: product.variants.map(({ id, components, ...variant }) => ({
      ...variant,
      productHandle: undefined,
      priceChanges: undefined,
      onHand: null,
      components:
        components.length === 1 && components[0]?.variantId === id
          ? []
          : components.map((part) => ({ sku: skus.get(part.variantId) ?? "?", quantity: part.quantity })),
    })),
  }));
}

const bySku = (a: { sku: string }, b: { sku: string }) => (a.sku < b.sku ? -1 : 1);
const withoutCounts = (products: readonly ProductDraft[]): ProductDraft[] =>
  products.map((product) => ({
    ...product,
    variants: product.variants.map((variant) => ({ ...variant, onHand: null })),
  }));
/** A bundle's parts have no order. */
const sorted = (products: readonly Pick<ProductDraft, "variants">[]) =>
  products.map((product) => ({
    ...product,
    variants: product.variants.map((variant) => ({ ...variant, components: variant.components.toSorted(bySku) })),
  }));

async function refusal(attempt: Promise<unknown>): Promise<SpillwayError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SpillwayError)) throw new Error(`not refused, but ${String(error)}`);
  return error;
}

const ledger = async () =>
  (await sql.unsafe(
    `select v.sku, e.kind::text as kind, e.on_hand_delta as delta, e.reason
     from stock_entries e join stock_levels l on l.id = e.level_id join variants v on v.id = l.variant_id order by e.at, v.sku`,
  )) as { sku: string; kind: string; delta: number; reason: string }[];

describe("an import", () => {
  test("gives back every product as it was given, whatever signs its texts hold", async () => {
    const drafts = generatedCatalogue(300, { seed: 7 });
    const report = await store.importProducts(drafts);
    expect(report).toEqual({ created: 300, updated: 0 });
    const { products } = await store.read();
    expect(sorted(draftsOf(products))).toEqual(sorted(withoutCounts(drafts)));
  });

  test("tells how far it has come, and ends at all", async () => {
    const done: number[] = [];
    await store.importProducts(generatedCatalogue(600), (count) => done.push(count));
    expect(done).toEqual([250, 500, 600]);
  });

  test("replaces products by handle and variants by SKU, and keeps their ids", async () => {
    await store.importProducts([productDraft("tee", [{ sku: "T-S" }, { sku: "T-M" }])]);
    const before = (await store.read()).products;
    const report = await store.importProducts([
      productDraft("tee", [{ sku: "T-M", price: 2500 }, { sku: "T-S" }, { sku: "T-L" }], { title: "Tee" }),
      productDraft("hat", [{ sku: "H" }]),
    ]);
    expect(report).toEqual({ created: 1, updated: 1 });
    const { products } = await store.read();
    expect(products.map(({ title }) => title)).toEqual(["Tee", "hat"]);
    expect(products[0]?.variants.map(({ sku, price }) => [sku, price])).toEqual([
      ["T-M", 2500],
      ["T-S", 1000],
      ["T-L", 1000],
    ]);
    expect(products[0]?.id).toBe(before[0]?.id as number);
    expect(products[0]?.variants[1]?.id).toBe(before[0]?.variants[0]?.id as number);
  });

  test("makes a new revision, which a reading before it does not have", async () => {
    const before = await store.read();
    await store.importProducts([productDraft("tee", [{ sku: "T" }])]);
    expect((await store.read()).revision).toBeGreaterThan(before.revision);
  });

  test("counts stock in the ledger, and writes nothing when the count is the same", async () => {
    const drafts = [productDraft("tee", [{ sku: "T-S", onHand: 5 }, { sku: "T-M", onHand: 0 }, { sku: "T-L" }])];
    await store.importProducts(drafts);
    await store.importProducts(drafts);
    expect(await ledger()).toEqual([{ sku: "T-S", kind: "set", delta: 5, reason: "import" }]);
    await store.importProducts([productDraft("tee", [{ sku: "T-S", onHand: 3 }, { sku: "T-M" }, { sku: "T-L" }])]);
    expect((await ledger()).map(({ delta }) => delta)).toEqual([5, -2]);
    const levels = await sql.unsafe(
      "select v.sku, l.on_hand from stock_levels l join variants v on v.id = l.variant_id order by v.sku",
    );
    expect([...levels]).toEqual([
      { sku: "T-L", on_hand: 0 },
      { sku: "T-M", on_hand: 0 },
      { sku: "T-S", on_hand: 3 },
    ]);
  });

  test("reckons what is withheld anew when it counts", async () => {
    await store.importProducts([productDraft("tee", [{ sku: "T", onHand: 100 }])]);
    await sql.unsafe("update stock_levels set safety_percent = 5, safety = 5");
    await store.importProducts([productDraft("tee", [{ sku: "T", onHand: 21 }])]);
    const [level] = await sql.unsafe("select safety from stock_levels");
    expect(level.safety).toBe(2);
  });

  test("refuses a SKU that another product has, and changes nothing at all", async () => {
    await store.importProducts([productDraft("tee", [{ sku: "T" }])]);
    const before = await store.read();
    const error = await refusal(
      store.importProducts([productDraft("new", [{ sku: "N" }]), productDraft("hat", [{ sku: "T" }])]),
    );
    expect(error.code).toBe("invalid_request");
    expect(error.message).toBe(
      'The SKU "T" of "hat" belongs to the product "tee" already: give one of them another SKU. Nothing was imported.',
    );
    const after = await store.read();
    expect({ ...after, databaseNowMs: 0 }).toEqual({ ...before, databaseNowMs: 0 });
  });

  test("refuses a handle or a SKU that comes twice", async () => {
    const twice = [productDraft("tee", [{ sku: "A" }]), productDraft("tee", [{ sku: "B" }])];
    expect((await refusal(store.importProducts(twice))).message).toContain('handle "tee" comes twice');
    const same = [productDraft("tee", [{ sku: "A" }, { sku: "A" }])];
    expect((await refusal(store.importProducts(same))).message).toContain('"tee" has the SKU "A" twice');
    const across = [productDraft("tee", [{ sku: "A" }]), productDraft("hat", [{ sku: "A" }])];
    expect((await refusal(store.importProducts(across))).message).toContain('"A" comes in "tee" and in "hat"');
  });

  test("removes a variant that the draft no longer has and that never was in stock or in an order", async () => {
    await store.importProducts([productDraft("tee", [{ sku: "T-S", onHand: 1 }, { sku: "T-M" }])]);
    await store.importProducts([productDraft("tee", [{ sku: "T-S" }])]);
    const rows = await sql.unsafe("select sku from variants");
    expect([...rows]).toEqual([{ sku: "T-S" }]);
    expect(await sql.unsafe("select from stock_levels")).toHaveLength(1);
  });

  test("keeps a missing variant that has stock, no longer listed, and lists it again when it comes back", async () => {
    const both = [productDraft("tee", [{ sku: "T-S" }, { sku: "T-M", onHand: 4 }])];
    await store.importProducts(both);
    const id = (await store.read()).products[0]?.variants[1]?.id;
    await store.importProducts([productDraft("tee", [{ sku: "T-S" }])]);
    expect((await store.read()).products[0]?.variants.map(({ sku }) => sku)).toEqual(["T-S"]);
    const [level] = await sql.unsafe("select on_hand from stock_levels where variant_id = $1::int", [id]);
    expect(level.on_hand).toBe(4);
    await store.importProducts(both);
    expect((await store.read()).products[0]?.variants[1]).toMatchObject({ sku: "T-M", id });
  });

  test("keeps a missing variant that a bundle of another product holds", async () => {
    await store.importProducts([
      productDraft("tee", [{ sku: "T-S" }, { sku: "T-M" }]),
      productDraft("pair", [{ sku: "P", components: [{ sku: "T-M", quantity: 2 }] }]),
    ]);
    await store.importProducts([productDraft("tee", [{ sku: "T-S" }])]);
    const rows = await sql.unsafe("select sku, position from variants where sku = 'T-M'");
    expect([...rows]).toEqual([{ sku: "T-M", position: -1 }]);
  });

  test("knows a bundle's parts by SKU, wherever in the import they stand", async () => {
    await store.importProducts([
      productDraft("pair", [
        {
          sku: "P",
          components: [
            { sku: "B", quantity: 1 },
            { sku: "A", quantity: 2 },
          ],
        },
      ]),
      productDraft("parts", [{ sku: "A" }, { sku: "B" }]),
    ]);
    const [pair, parts] = (await store.read()).products;
    expect(pair?.variants[0]?.components).toEqual([
      { variantId: parts?.variants[0]?.id as number, quantity: 2 },
      { variantId: parts?.variants[1]?.id as number, quantity: 1 },
    ]);
    expect(parts?.variants[0]?.components).toEqual([{ variantId: parts?.variants[0]?.id as number, quantity: 1 }]);
  });

  test("refuses a bundle of nothing known, of itself, or of bundles", async () => {
    const unknown = [productDraft("pair", [{ sku: "P", components: [{ sku: "X", quantity: 1 }] }])];
    expect((await refusal(store.importProducts(unknown))).message).toContain(
      'The bundle "P" holds "X", which is neither',
    );
    const itself = [productDraft("pair", [{ sku: "P", components: [{ sku: "P", quantity: 1 }] }])];
    expect((await refusal(store.importProducts(itself))).message).toContain("holds itself");
    const nested = [
      productDraft("pair", [{ sku: "P", components: [{ sku: "A", quantity: 1 }] }, { sku: "A" }]),
      productDraft("crate", [{ sku: "C", components: [{ sku: "P", quantity: 1 }] }]),
    ];
    expect((await refusal(store.importProducts(nested))).message).toContain('"C" holds "P", which is a bundle itself');
  });

  test("refuses a count below what is promised, in a sentence, and changes nothing", async () => {
    await store.importProducts([productDraft("tee", [{ sku: "T", onHand: 10 }])]);
    await sql.unsafe("update stock_levels set held = 5, sold = 3");
    const error = await refusal(
      store.importProducts([productDraft("tee", [{ sku: "T", onHand: 7 }], { title: "changed" })]),
    );
    expect(error.code).toBe("stock_conflict");
    expect(error.message).toBe(
      '"T" would have 7 units for 8 that are already promised: cancel orders first. Nothing was imported.',
    );
    expect((await store.read()).products[0]?.title).toBe("tee");
  });

  test("may trade stock for allowance, either way, at once", async () => {
    const with_ = (onHand: number, allowance: number) =>
      store.importProducts([
        productDraft("tee", [
          { sku: "T", onHand, policy: allowance === 0 ? { kind: "deny" } : { kind: "backorder", allowance } },
        ]),
      ]);
    await with_(10, 0);
    await sql.unsafe("update stock_levels set held = 8");
    await with_(0, 8);
    await with_(8, 0);
    const [level] = await sql.unsafe("select on_hand, allowance from stock_levels");
    expect(level).toEqual({ on_hand: 8, allowance: 0 });
    expect((await refusal(with_(0, 7))).message).toContain("0 units and an allowance of 7 for 8");
  });

  test("gives a preorder without stock a level to be held at", async () => {
    await store.importProducts([
      productDraft("tee", [{ sku: "T", policy: { kind: "preorder", allowance: 50, shipsOn: "2030-01-15" } }]),
    ]);
    const [level] = await sql.unsafe("select on_hand, allowance from stock_levels");
    expect(level).toEqual({ on_hand: 0, allowance: 50 });
    expect((await store.read()).products[0]?.variants[0]?.policy).toEqual({
      kind: "preorder",
      allowance: 50,
      shipsOn: "2030-01-15",
    });
  });

  test("sets the price of now even after a scheduled price took effect, and leaves those to come", async () => {
    await store.importProducts([productDraft("tee", [{ sku: "T", price: 1000 }])]);
    const soon = Date.now() + 3_600_000;
    await store.schedulePrice("T", { atMs: Date.now() - 5000, price: 800, compareAt: 1000 });
    await store.schedulePrice("T", { atMs: soon, price: 700, compareAt: 1000 });
    await store.importProducts([productDraft("tee", [{ sku: "T", price: 900 }])]);
    const changes = (await store.read()).products[0]?.variants[0]?.priceChanges ?? [];
    expect(changes.map(({ price, compareAt }) => [price, compareAt])).toEqual([
      [900, null],
      [700, 1000],
    ]);
    expect(changes[1]?.atMs).toBe(soon);
  });

  test("waits for another import instead of failing crosswise with it", async () => {
    const drafts = generatedCatalogue(120, { seed: 3 });
    const reports = await Promise.all([
      store.importProducts(drafts),
      store.importProducts(drafts.toReversed()),
      store.publish(drafts[50]?.handle ?? "", 0),
      store.importProducts(drafts),
    ]);
    expect(
      reports.filter((report) => typeof report === "object").map((report) => report.created + report.updated),
    ).toEqual([120, 120, 120]);
    expect((await store.read()).products).toHaveLength(120);
  });

  test("and orders for the same stock do not stop each other, and leave nothing amiss", async () => {
    const skus = Array.from({ length: 12 }, (_, index) => `S-${index}`);
    const random = seededRandom(11);
    const draft = () => [
      productDraft(
        "tee",
        // Now and then one is missing, its allowance or its count another; every third is never counted.
        skus
          .filter((sku) => sku === "S-1" || random() < 0.8)
          .map((sku, index) => ({
            sku,
            onHand: index % 3 === 0 ? null : 10_000 + Math.floor(random() * 1000),
            policy: random() < 0.5 ? { kind: "deny" as const } : { kind: "backorder" as const, allowance: 10_000 },
          })),
      ),
      productDraft(
        "pair",
        ["P-0", "P-1", "P-2"]
          .filter(() => random() < 0.6)
          .concat("P")
          .map((sku) => ({ sku, components: [{ sku: "S-1", quantity: 1 + Math.floor(random() * 2) }] })),
      ),
    ];
    await store.importProducts(draft());
    const intake = createOrderIntake(sql);
    let importing = true;
    let placed = 0;
    const shoppers = Array.from({ length: 3 }, async (_, shopper) => {
      for (let round = 0; importing; round++) {
        const { revision, products } = await store.read();
        const variants = products.flatMap((product) => product.variants);
        const orders = Array.from({ length: 8 }, (_, index) => {
          const wanted = [1, 2].flatMap(() => variants[Math.floor(random() * variants.length)] ?? []);
          return plainOrder(`${shopper} ${round} ${index}`, [...new Set(wanted)]);
        });
        const verdicts = await intake.place({
          reading: { revision, validFrom: 0, validUntil: Number.MAX_SAFE_INTEGER },
          currency: "EUR",
          taxIncluded: true,
          orders,
        });
        placed += verdicts.filter(({ kind }) => kind === "placed").length;
      }
    });
    let imported = 0;
    let refused = 0;
    try {
      for (; imported < 25; imported++) {
        // Taking an allowance away that orders have used is refused; the next draft is another.
        const error = await store.importProducts(draft()).catch((reason: unknown) => reason);
        if (error instanceof SpillwayError && error.code === "stock_conflict") refused += 1;
        else if (error instanceof Error) throw error;
      }
    } finally {
      importing = false;
      await Promise.all(shoppers);
    }
    expect(refused).toBeLessThan(imported);
    expect(placed).toBeGreaterThan(100);
    const breaches = (await createAuditor(sql).audit()).filter((report) => report.breaches > 0);
    expect(breaches).toEqual([]);
  }, 60_000);
});

describe("a reading", () => {
  test("of an empty shop has the default settings and nothing else", async () => {
    const rows = await store.read();
    expect(rows.settings).toEqual(defaultSettings);
    expect([rows.products, rows.collections, rows.promotions]).toEqual([[], [], []]);
    expect(Math.abs(rows.databaseNowMs - Date.now())).toBeLessThan(5000);
  });

  test("has the settings that were written last", async () => {
    await store.writeSettings({ ...defaultSettings, name: "One" });
    await store.writeSettings({ ...defaultSettings, name: "Två ☕", vips: ["a@b.test"] });
    expect((await store.read()).settings).toEqual({ ...defaultSettings, name: "Två ☕", vips: ["a@b.test"] });
  });

  test("of price changes has the newest that took effect and those to come", async () => {
    await store.importProducts([productDraft("tee", [{ sku: "T" }])]);
    const now = Date.now();
    for (const [offset, price] of [
      [-20_000, 1],
      [-10_000, 2],
      [60_000, 3],
      [120_000, 4],
    ] as const) {
      expect(await store.schedulePrice("T", { atMs: now + offset, price, compareAt: null })).toBe(true);
    }
    const changes = (await store.read()).products[0]?.variants[0]?.priceChanges;
    expect(changes).toEqual([
      { atMs: now - 10_000, price: 2, compareAt: null },
      { atMs: now + 60_000, price: 3, compareAt: null },
      { atMs: now + 120_000, price: 4, compareAt: null },
    ]);
    expect(await store.schedulePrice("nothing", { atMs: now, price: 1, compareAt: null })).toBe(false);
  });
});

describe("collections", () => {
  test("keep their products' order, and are replaced by handle", async () => {
    await store.importProducts(["a", "b", "c"].map((handle) => productDraft(handle, [{ sku: handle }])));
    await store.importCollections([
      { handle: "new", title: "New", description: "", products: ["c", "a"] },
      { handle: "all", title: "All", description: "Everything", products: ["a", "b", "c"] },
    ]);
    await store.importCollections([{ handle: "all", title: "All of it", description: "", products: ["b", "a", "b"] }]);
    const { collections } = await store.read();
    expect(collections.find(({ handle }) => handle === "all")).toMatchObject({
      handle: "all",
      title: "All of it",
      description: "",
      products: ["b", "a"],
    });
    expect(collections.find(({ handle }) => handle === "new")?.products).toEqual(["c", "a"]);
  });

  test("that name an unknown product are refused", async () => {
    const error = await refusal(
      store.importCollections([{ handle: "new", title: "New", description: "", products: ["ghost"] }]),
    );
    expect(error.message).toContain('names the product "ghost"');
    expect((await store.read()).collections).toEqual([]);
  });
});

describe("promotions", () => {
  const promotion = {
    code: "SPRING",
    kind: "percent",
    value: 10,
    minimumSubtotal: 0,
    startsAtMs: 0,
    endsAtMs: Number.MAX_SAFE_INTEGER,
    limitPerPerson: null,
    usageLimit: null,
  } as const;

  test("come back as they were given, also those without a beginning or an end", async () => {
    const started = Date.UTC(2026, 10, 23, 8, 30, 0, 250);
    await store.importPromotions([
      promotion,
      { ...promotion, code: "SHIP", kind: "free_shipping", value: 0, startsAtMs: started, limitPerPerson: 1 },
      { ...promotion, code: "EVER", startsAtMs: Number.NEGATIVE_INFINITY, endsAtMs: Number.POSITIVE_INFINITY },
    ]);
    const { promotions } = await store.read();
    expect(promotions.map(({ code, startsAtMs, endsAtMs }) => [code, startsAtMs, endsAtMs])).toEqual([
      ["SPRING", 0, Number.MAX_SAFE_INTEGER],
      ["SHIP", started, Number.MAX_SAFE_INTEGER],
      ["EVER", 0, Number.MAX_SAFE_INTEGER],
    ]);
  });

  test("keep their count of uses when they are replaced", async () => {
    await store.importPromotions([{ ...promotion, usageLimit: 100 }]);
    await sql.unsafe("update promotion_uses set used = 7");
    await store.importPromotions([{ ...promotion, value: 20, usageLimit: 200 }]);
    const rows = await sql.unsafe(
      "select value, usage_limit, used from promotions join promotion_uses on promotion_id = id",
    );
    expect([...rows]).toEqual([{ value: "20", usage_limit: 200, used: 7 }]);
  });
});

describe("a search", () => {
  const shop = () =>
    store.importProducts([
      productDraft("alpine-jacket", [{ sku: "J1" }], {
        title: "Alpine Jacket",
        type: "Outerwear",
        vendor: "Fjell & Sons",
      }),
      productDraft("rain-jacket", [{ sku: "J2" }], {
        title: "Rain Jacket",
        descriptionHtml: "<p>Keeps alpine weather out</p>",
      }),
      productDraft("mug", [{ sku: "M" }], { title: "Mug 100% stoneware" }),
      productDraft("secret", [{ sku: "X" }], { title: "Secret Jacket", publishedAtMs: null }),
      productDraft("coming", [{ sku: "Y" }], { title: "Coming Jacket", publishedAtMs: Date.now() + 3_600_000 }),
    ]);

  test("finds published products only, those with the word in their title first", async () => {
    await shop();
    expect(await store.search("alpine", 10, 0)).toEqual(["alpine-jacket", "rain-jacket"]);
    expect([...(await store.search("jackets", 10, 0))].sort()).toEqual(["alpine-jacket", "rain-jacket"]);
    expect(await store.search("secret", 10, 0)).toEqual([]);
    await store.publish("secret", Date.now() - 1000);
    expect(await store.search("secret", 10, 0)).toEqual(["secret"]);
    await store.publish("secret", null);
    expect(await store.search("secret", 10, 0)).toEqual([]);
  });

  test("takes the last word for a beginning", async () => {
    await shop();
    expect(await store.search("stonew", 10, 0)).toEqual(["mug"]);
    expect(await store.search("rain jac", 10, 0)).toEqual(["rain-jacket"]);
    expect(await store.search("fjel", 10, 0)).toEqual(["alpine-jacket"]);
  });

  test("understands what people write: words ruled out, phrases, alternatives", async () => {
    await shop();
    expect(await store.search("jacket -rain", 10, 0)).toEqual(["alpine-jacket"]);
    expect(await store.search('"rain jacket"', 10, 0)).toEqual(["rain-jacket"]);
    expect([...(await store.search("mug or rain", 10, 0))].sort()).toEqual(["mug", "rain-jacket"]);
  });

  test("looks anywhere in the title when no word matches, and takes signs for signs", async () => {
    await shop();
    expect(await store.search("oneware", 10, 0)).toEqual(["mug"]);
    expect(await store.search("0%", 10, 0)).toEqual(["mug"]);
    expect(await store.search("1_0", 10, 0)).toEqual([]);
  });

  test("answers in pages, never more than a bound, and nothing to nothing", async () => {
    await store.importProducts(generatedCatalogue(260).map((draft) => ({ ...draft, title: "Lamp", publishedAtMs: 0 })));
    expect(await store.search("lamp", 100_000, 0)).toHaveLength(100);
    const pages = await Promise.all([0, 100, 200].map((offset) => store.search("lamp", 100, offset)));
    expect(new Set(pages.flat()).size).toBe(260);
    expect(await store.search("lamp", 5, 1e9)).toEqual([]);
    expect(await store.search("  ", 5, 0)).toEqual([]);
  });

  test("never throws, whatever was typed", async () => {
    await shop();
    const odd = [
      "'",
      '"',
      "\\",
      "a'b\\",
      "(",
      ":*",
      "!",
      "& |",
      "<->",
      "a:*b",
      "-",
      '-"a b"',
      '-"rain jacket"',
      "\0",
      "\ud800",
      "%",
      "the",
    ];
    for (const text of odd) expect(Array.isArray(await store.search(text, 5, 0))).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), async (text) => {
        expect(Array.isArray(await store.search(text, 5, 0))).toBe(true);
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});

test("publishing an unknown product is answered with false", async () => {
  expect(await store.publish("ghost", 0)).toBe(false);
});

test("whoever listens hears of each change, and of what may have changed while it could not hear", async () => {
  await store.importProducts([productDraft("tee", [{ sku: "T" }])]);
  let heard = 0;
  const listener = new SQL(url, { max: 2 });
  const subscription = await createCatalogueStore(listener, { defaultSettings }).changed(() => {
    heard += 1;
  });
  const hears = async (times: number) => {
    for (let waited = 0; heard < times && waited < 15_000; waited += 10) await Bun.sleep(10);
    expect(heard).toBe(times);
  };
  await store.publish("tee", 0);
  await hears(1);
  await store.importProducts(generatedCatalogue(300));
  await hears(2);
  await sql.unsafe(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'",
  );
  await hears(3);
  await store.publish("tee", null);
  await hears(4);
  await subscription.stop();
  await store.publish("tee", 0);
  await Bun.sleep(100);
  expect(heard).toBe(4);
  await listener.close();
});
