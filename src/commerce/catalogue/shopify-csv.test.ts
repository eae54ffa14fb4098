/**
 * Product files in and out: real ones, broken ones and made-up ones. The two real files are not part of the project;
 * set SPILLWAY_DATA_FILES to the folder that holds catalogues/ to run over them.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { readCsv } from "#adapters/csv/read.ts";
import { writeCsv } from "#adapters/csv/write.ts";
import { generatedCatalogue } from "../../../test/kit/generated-catalogue.ts";
import { complaintsMax } from "./complaints.ts";
import { derivedSku } from "./derived-sku.ts";
import type { Product, ProductDraft, SellingPolicy, VariantDraft } from "./product.ts";
import { readShopifyCsv } from "./shopify-csv.ts";
import { draftOf, writeShopifyCsv } from "./shopify-csv-export.ts";

const nowMs = Date.UTC(2026, 10, 23, 12);
const read = (text: string, more: { hasSku?: (sku: string) => boolean } = {}) =>
  readShopifyCsv(readCsv(text), { currency: "EUR", nowMs, ...more });
const write = (products: Iterable<ProductDraft>, more: { onHandBySku?: ReadonlyMap<string, number> } = {}) =>
  [...writeCsv(writeShopifyCsv(products, { currency: "EUR", nowMs, ...more }))].join("");
const told = (text: string, more?: { hasSku?: (sku: string) => boolean }) =>
  read(text, more).complaints.map(({ line, severity, column, message }) => `${line} ${severity} ${column}: ${message}`);

describe("a file with everything wrong in it", () => {
  const text = readFileSync(join(import.meta.dir, "../../../test/fixtures/broken-catalogue.csv"), "utf8");
  const reading = read(text);

  test("lets in the products without an error, and only those", () => {
    expect(reading.products.map(({ handle }) => handle)).toEqual([
      "good-mug",
      "sale",
      "loud-handle",
      "boundless",
      "set",
    ]);
    const refused = new Set(
      reading.complaints.flatMap(({ severity, handle }) => (severity === "error" ? [handle] : [])),
    );
    refused.delete(null);
    expect(reading.refused).toBe(refused.size);
    expect(reading.rows).toBe(30);
  });

  test("tells every complaint with its line, its column and what to do", () => {
    expect(reading.complaints.map(({ line, severity, column }) => `${line} ${severity} ${column}`)).toEqual([
      "1 warning Warehouse Shelf",
      "5 error Variant Price",
      "6 error Variant Price",
      "7 error Variant Price",
      "8 error Variant Price",
      "9 error Handle",
      "10 error Title",
      "11 error Variant SKU",
      "13 error Option1 Value",
      "14 error Option1 Value",
      "15 error Option1 Value",
      "16 error ",
      "17 warning Variant Compare At Price",
      "18 error Variant Inventory Policy",
      "19 error Variant Inventory Qty",
      "20 error Image Src",
      "21 error Handle",
      "22 warning Handle",
      "24 error Published",
      "24 error Status",
      "24 error Variant Grams",
      "24 error Variant Taxable",
      "24 error Variant Inventory Qty",
      "25 error Handle",
      "26 error ",
      "27 error Spillway Ships On",
      "28 warning Variant Inventory Policy",
      "29 error Spillway Allowance",
      "31 error Spillway Bundle",
      "32 error ",
    ]);
    expect(reading.complaints.map(({ line, message }) => `${line} ${message}`).slice(0, 8)).toEqual([
      "1 neither Shopify nor Spillway has such columns: they are not read",
      "5 “18,50” is not a price: write it like 1299.99",
      "6 “-5” is negative",
      "7 “9.999” has more decimals than EUR has (2)",
      "8 is empty: every variant needs a price",
      "9 is empty: every row needs the handle of its product",
      "10 is empty: the first row of a product needs its title",
      "11 “GM-BLUE” stands on line 2 already",
    ]);
    expect(reading.complaints.find(({ line }) => line === 21)?.message).toContain("“ubung-nr-1”");
    expect(reading.errors + reading.warnings).toBe(reading.complaints.length);
  });

  test("reads the sound product as it was meant", () => {
    const mug = reading.products[0];
    expect(mug?.descriptionHtml).toBe("<p>Holds 0.3 l.\nDishwasher safe.</p>");
    expect(mug?.tags).toEqual(["mug", "new"]);
    expect(mug?.publishedAtMs).toBe(nowMs);
    expect(
      mug?.variants.map(({ sku, options, price, compareAt, onHand }) => [sku, options, price, compareAt, onHand]),
    ).toEqual([
      ["GM-BLUE", ["Blue"], 1850, null, 12],
      ["GM-RED", ["Red"], 1850, 2400, 0],
    ]);
    expect(reading.products.at(-1)?.variants[0]?.components).toEqual([
      { sku: "GM-BLUE", quantity: 2 },
      { sku: "GM-RED", quantity: 1 },
    ]);
  });
});

describe("a product file", () => {
  const header = "Handle,Title,Variant Price,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty\n";

  test("without the needed columns is refused in one sentence each", () => {
    expect(told("")).toEqual(["1 error : the file is empty"]);
    expect(told("Name,Cost\na,1\nb,2\n")).toEqual([
      "1 error Handle: the file has no such column",
      "1 error Title: the file has no such column",
      "1 error Variant Price: the file has no such column",
      "1 warning Name, Cost: neither Shopify nor Spillway has such columns: they are not read",
    ]);
    expect(told("Handle;Title;Variant Price\na;A;1\n")[0]).toContain("save it with commas");
  });

  test("may use the names Shopify gives its columns since 2025", () => {
    const { products, complaints } = read(
      [
        "Title,URL handle,Description,Published on online store,Status,SKU,Option1 name,Option1 value,Price,Compare-at price,Charge tax,Inventory tracker,Inventory quantity,Continue selling when out of stock,Weight value (grams),Requires shipping,Product image URL,Image position,Image alt text,Variant image URL,SEO title",
        "Vase,vase,<p>Glazed</p>,TRUE,active,V-S,Size,Small,39.90,45,TRUE,shopify,12,DENY,499.6,TRUE,https://x.test/b.jpg,2,Side,,A vase",
        ",vase,,,,V-L,,Large,59.90,,FALSE,shopify,3,FALSE,1500,TRUE,https://x.test/a.jpg,1,Front,https://x.test/b.jpg,",
      ].join("\n"),
    );
    expect(complaints).toEqual([]);
    expect(products).toHaveLength(1);
    expect(products[0]?.images.map(({ alt }) => alt)).toEqual(["Front", "Side"]);
    expect(
      products[0]?.variants.map(({ price, taxable, grams, onHand, image }) => [price, taxable, grams, onHand, image]),
    ).toEqual([
      [3990, true, 500, 12, null],
      [5990, false, 1500, 3, "https://x.test/b.jpg"],
    ]);
  });

  test("that has a column twice, under its older and newer name, is read by the first", () => {
    const { products, complaints } = read("Handle,URL handle,Title,Variant Price\na,b,A,1\n");
    expect(complaints.map(({ column, severity }) => [column, severity])).toEqual([["URL handle", "warning"]]);
    expect(products[0]?.handle).toBe("a");
  });

  test("loses no row in silence when its handle is missing: the product it follows is kept out", () => {
    const reading = read(`${header}tee,Tee,5,Size,S,T-S,1\n,,5,,M,T-M,1\nhat,Hat,5,,,H,1\n`);
    expect(reading.products.map(({ handle }) => handle)).toEqual(["hat"]);
    expect(reading.complaints.map(({ line, handle }) => [line, handle])).toEqual([[3, "tee"]]);
  });

  test("loses no row in silence when its quoting is broken", () => {
    const reading = read(`${header}tee,Tee,5,Size,S,T-S,1\ntee,,5,,M 12" wide,T-M,1\nhat,Hat,5,,,H,1\n`);
    expect(reading.products.map(({ handle }) => handle)).toEqual(["hat"]);
    expect(reading.complaints.map(({ line }) => line)).toEqual([3]);
  });

  test("hides and shows products as Published, Status and the moment say", () => {
    const head = "Handle,Title,Variant Price,Published,Status,Spillway Published At\n";
    const past = "2026-01-01T00:00:00.000Z";
    const future = "2027-01-01T00:00:00.000Z";
    const at = (cells: string) => read(`${head}a,A,1,${cells}\n`).products[0]?.publishedAtMs;
    expect(at("TRUE,,")).toBe(nowMs);
    expect(at(",,")).toBe(nowMs);
    expect(at("FALSE,,")).toBeNull();
    expect(at("TRUE,draft,")).toBeNull();
    expect(at(`TRUE,active,${past}`)).toBe(Date.parse(past));
    expect(at(`FALSE,active,${future}`)).toBe(Date.parse(future));
    expect(at(`FALSE,active,${past}`)).toBeNull();
    expect(told(`${head}a,A,1,FALSE,active,${past}\n`)).toHaveLength(1);
  });

  test("counts a hundred thousand complaints and lists a thousand, errors before warnings", () => {
    const rows = Array.from({ length: 100_000 }, (_, index) => `p${index},P,${index % 2 ? "x" : "2,1"}\n`).join("");
    const reading = read(`Handle,Title,Variant Price,Variant Compare At Price\n${rows}`);
    expect([reading.errors, reading.warnings, reading.refused]).toEqual([50_000, 50_000, 50_000]);
    expect(reading.complaints).toHaveLength(complaintsMax);
    expect(reading.complaints.every(({ severity }) => severity === "error")).toBe(true);
    expect(reading.products).toHaveLength(50_000);
  });

  test("may have bundles whose parts the shop has already, and no others", () => {
    const text = "Handle,Title,Variant Price,Variant SKU,Spillway Bundle\nset,Set,9,SET,2 x A; B\n";
    expect(told(text).map((line) => line.slice(0, 9))).toEqual(["2 warning", "2 warning"]);
    expect(told(text, { hasSku: () => true })).toEqual([]);
    expect(told(text, { hasSku: (sku) => sku === "A" })).toEqual([
      "2 error Spillway Bundle: neither the file nor the shop has “B”",
    ]);
    const nested =
      "Handle,Title,Variant Price,Variant SKU,Spillway Bundle\na,A,9,A,B\nb,B,9,B,C\nc,C,9,C,\nd,D,9,D,D\n";
    expect(told(nested)).toEqual([
      "2 error Spillway Bundle: “B” is a bundle itself",
      "5 error Spillway Bundle: a bundle cannot be a part of itself",
    ]);
  });

  test("may not be bigger than a product can be", () => {
    const long = "x".repeat(300);
    expect(told(`${header}a,${long},5,,,${long},1\n`)).toEqual([
      "2 error Title: is 300 characters long, 255 at most are possible",
      "2 error Variant SKU: is 300 characters long, 64 at most are possible",
    ]);
    const many = Array.from({ length: 2_050 }, (_, size) => `a,A,5,Size,${size},,1\n`).join("");
    expect(told(header + many)).toEqual([
      "2050 error : a product has 2048 variants at most",
      "2051 error : a product has 2048 variants at most",
    ]);
  });

  test("of fifty thousand rows is read in seconds, and progress is heard", () => {
    const products = generatedCatalogue(16_000);
    const text = write(products);
    const heard: number[] = [];
    const begun = process.cpuUsage();
    const reading = readShopifyCsv(readCsv(text), { currency: "EUR", nowMs, onProgress: (rows) => heard.push(rows) });
    const { user } = process.cpuUsage(begun);
    expect(reading.errors).toBe(0);
    expect(reading.rows).toBeGreaterThan(50_000);
    expect(heard.at(-1)).toBe(reading.rows + 1);
    expect(heard.length).toBeGreaterThan(reading.rows / 1_000 - 1);
    expect(user / 1000).toBeLessThan(5_000);
  });
});

describe("a derived SKU", () => {
  test("comes from the handle and the options alone", () => {
    expect(derivedSku("mug", [])).toBe("mug");
    expect(derivedSku("classic-varsity-top", ["Medium"])).toBe("classic-varsity-top.medium");
    expect(derivedSku("tee", ["Midnight Blue", "38"])).toBe("tee.midnight-blue.38");
  });

  test("differs where the options differ, is 64 characters at most and reads well on a label", () => {
    const words = fc
      .string({ unit: fc.constantFrom("a", "b", "é", " ", "-", ".", "青", "1"), maxLength: 90 })
      .map((word) => word.trim() || "0");
    const draw = fc.tuple(fc.constantFrom("a", "a-b", "x".repeat(100)), fc.array(words, { maxLength: 3 }));
    fc.assert(
      fc.property(draw, draw, ([handle, options], [otherHandle, otherOptions]) => {
        const sku = derivedSku(handle, options);
        expect(sku).toMatch(/^[a-z0-9][a-z0-9.-]{0,63}$/);
        const isSame = JSON.stringify([handle, options]) === JSON.stringify([otherHandle, otherOptions]);
        expect(derivedSku(otherHandle, otherOptions) === sku).toBe(isSame);
      }),
      { numRuns: 500 },
    );
  });
});

/** Text as careless tools hate it. */
const wild = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', "'", ",", ";", "\\", "=", "+", "-", "@", "😀", "é", "\u2028", " ", "x"),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});
const without = (codes: RegExp) => wild.map((text) => text.replace(codes, ""));
const lineOf = without(/\p{Cc}/gu).map((text) => text.trim());
const paragraphs = fc.array(without(/\p{Cc}/gu), { maxLength: 4 });
const someText = fc
  .tuple(paragraphs, fc.constantFrom("\n", "\r\n", "\t", " "))
  .map(([parts, between]) => parts.join(between));
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
const money = fc.integer({ min: 0, max: 100_000_000_000 });
const policy: fc.Arbitrary<SellingPolicy> = fc.oneof(
  fc.constant({ kind: "deny" } as const),
  fc.nat(1_000_000).map((allowance) => ({ kind: "backorder", allowance }) as const),
  fc.nat(1_000_000).map((allowance) => ({ kind: "preorder", allowance, shipsOn: "2027-02-28" }) as const),
);
const image = fc.record({
  src: fc.oneof(
    fc.constantFrom("/images/a.svg", "/images/b.svg"),
    fc.webUrl({ validSchemes: ["https"], withQueryParameters: true }),
  ),
  alt: someText.map((text) => text.trim()),
  width: maybe(fc.integer({ min: 1, max: 10_000 })),
  height: maybe(fc.integer({ min: 1, max: 10_000 })),
});
const variant = fc.record({
  price: money,
  compareAt: maybe(money.map((amount) => amount || 1)),
  barcode: lineOf,
  grams: fc.nat(1_000_000_000),
  taxable: fc.boolean(),
  requiresShipping: fc.boolean(),
  policy,
  purchaseLimit: maybe(fc.integer({ min: 1, max: 1_000 })),
  onHand: maybe(fc.nat(1_000_000)),
  skuTail: lineOf,
  imagePlace: maybe(fc.nat(2)),
  partPlaces: fc.oneof(
    { weight: 4, arbitrary: fc.constant<number[]>([]) },
    fc.uniqueArray(fc.nat(3), { maxLength: 2 }),
  ),
});
const product = fc.record({
  title: lineOf.map((text) => text || "T"),
  descriptionHtml: someText,
  vendor: lineOf,
  type: lineOf,
  tags: fc.uniqueArray(
    lineOf.map((tag) => tag.replaceAll(",", "").trim()).filter((tag) => tag !== ""),
    { maxLength: 3 },
  ),
  publishedAtMs: maybe(fc.constantFrom(nowMs, nowMs - 86_400_001, nowMs + 3_600_000)),
  optionNames: fc.uniqueArray(
    lineOf.filter((name) => name !== "" && name !== "Title"),
    {
      maxLength: 3,
      selector: (name) => name.toLowerCase(),
    },
  ),
  values: fc.array(
    lineOf.map((value) => value || "V"),
    { minLength: 3, maxLength: 3 },
  ),
  images: fc.uniqueArray(image, { maxLength: 3, selector: ({ src }) => src }),
  variants: fc.array(variant, { minLength: 1, maxLength: 4 }),
  seoTitle: lineOf,
  seoDescription: someText.map((text) => text.trim()),
});

/** Makes the drawn parts fit together: SKUs and options are unique, parts of bundles exist and are none themselves. */
const catalogue = fc.array(product, { maxLength: 4 }).map((drawn): ProductDraft[] => {
  const skuOf = (productAt: number, variantAt: number, tail: string) => `${productAt}.${variantAt}${tail}`;
  const plain = drawn.flatMap(({ optionNames, variants }, productAt) =>
    variants.flatMap(({ skuTail, partPlaces }, variantAt) =>
      partPlaces.length > 0 || (optionNames.length === 0 && variantAt > 0)
        ? []
        : [skuOf(productAt, variantAt, skuTail)],
    ),
  );
  return drawn.map(({ values, variants, ...head }, productAt) => ({
    ...head,
    handle: `product-${productAt}`,
    variants: variants
      .slice(0, head.optionNames.length === 0 ? 1 : variants.length)
      .map(({ skuTail, imagePlace, partPlaces, ...rest }, variantAt): VariantDraft => {
        const components = partPlaces.flatMap((place) => {
          const sku = plain[place];
          return sku === undefined ? [] : [{ sku, quantity: place + 1 }];
        });
        return {
          ...rest,
          sku: skuOf(productAt, variantAt, skuTail),
          options: values
            .slice(0, head.optionNames.length)
            .map((value, at) => (at === 0 ? `${value}#${variantAt}` : value)),
          image: imagePlace === null ? null : (head.images[imagePlace]?.src ?? null),
          onHand: components.length > 0 ? null : rest.onHand,
          components,
        };
      }),
  }));
});

describe("export, then import", () => {
  test("gives equal drafts, whatever the words are", () => {
    fc.assert(
      fc.property(catalogue, (products) => {
        const reading = read(write(products));
        expect(reading.complaints.filter(({ severity }) => severity === "error")).toEqual([]);
        expect(reading.products).toEqual(products);
      }),
      { numRuns: 200 },
    );
  });

  test("gives equal drafts for a generated catalogue, with nothing to complain of", () => {
    const products = generatedCatalogue(2_000, { seed: 7 });
    const reading = read(write(products));
    expect(reading.complaints).toEqual([]);
    expect(reading.products).toEqual(products);
  });

  test("takes the stock from the shop where it is given", () => {
    const products = generatedCatalogue(3, { onHand: 5 });
    const sku = products[0]?.variants[0]?.sku ?? "";
    const again = read(write(products, { onHandBySku: new Map([[sku, 77]]) })).products;
    expect(again[0]?.variants[0]?.onHand).toBe(77);
    expect(again[1]?.variants[0]?.onHand).toBe(5);
  });

  test("a product of the shop becomes the draft it came from", () => {
    const drafts = generatedCatalogue(200, { seed: 3 });
    const ids = new Map(drafts.flatMap(({ variants }) => variants).map(({ sku }, index) => [sku, index + 1]));
    const skus = new Map([...ids].map(([sku, id]) => [id, sku]));
    const stock = new Map(
      drafts.flatMap(({ variants }) =>
        variants.flatMap(({ sku, onHand }) => (onHand === null ? [] : [[sku, onHand] as const])),
      ),
    );
    const products = drafts.map(
      (draft, index): Product => ({
        ...draft,
        id: index + 1,
        variants: draft.variants.map(({ onHand: _onHand, components, ...variant }) => {
          const id = ids.get(variant.sku) ?? 0;
          const parts = components.map(({ sku, quantity }) => ({ variantId: ids.get(sku) ?? 0, quantity }));
          const held = parts.length > 0 ? parts : [{ variantId: id, quantity: 1 }];
          return { ...variant, id, productHandle: draft.handle, components: held, priceChanges: [] };
        }),
      }),
    );
    expect(products.map((product) => draftOf(product, (id) => skus.get(id), stock))).toEqual(drafts);
  });

  test("no cell begins like a formula", () => {
    const text = write(generatedCatalogue(500, { seed: 11 }));
    const cells = [...readCsv(text)].flatMap(({ cells }) => cells);
    expect(cells.some((cell) => cell.startsWith("'"))).toBe(true);
    expect(cells.filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([]);
  });
});

describe("any table at all", () => {
  const cell = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("", "a", "b", "Title", "Default Title", "true", "1", "9.90", "continue") },
    {
      weight: 1,
      arbitrary: fc.constantFrom("-1", "2027-01-15", "https://x.test/a.jpg", "2 x a; b", "=1", "1e9", "\0"),
    },
    wild,
  );
  const fields = [...readCsv(write([]))][0]?.cells ?? [];
  // Often enough a product, or its like with one thing wrong.
  const row = fc
    .tuple(
      fc.constantFrom("a", "b", "c", "A b"),
      fc.constantFrom("T", "T", "T", ""),
      fc.constantFrom("1", "9.90", "9.90", "x"),
      fc.array(fc.oneof({ weight: 5, arbitrary: fc.constant("") }, cell), { maxLength: fields.length }),
    )
    .map(([handle, title, price, others]) => [handle, title, price, ...others]);
  const table = fc.array(row, { maxLength: 6 });

  test("is read without surprise, and what comes out can be exported and imported again", () => {
    fc.assert(
      fc.property(table, fc.shuffledSubarray([...fields]), (rows, others) => {
        const header = [
          "Handle",
          "Title",
          "Variant Price",
          ...others.filter((name) => !/^(Handle|Title|Variant Price)$/.test(name)),
        ];
        const reading = read([...writeCsv([header, ...rows])].join(""));
        const again = read(write(reading.products), { hasSku: () => true });
        expect(again.complaints.filter(({ severity }) => severity === "error")).toEqual([]);
        expect(again.products).toEqual(reading.products);
        const lines = reading.complaints.map(({ line }) => line);
        expect(lines).toEqual(lines.toSorted((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });
});

const folder = process.env.SPILLWAY_DATA_FILES;
const realFiles = ["apparel.csv", "jewelery.csv"].map((name) => join(folder ?? "", "catalogues", name));
const isHere = folder !== undefined && realFiles.every((file) => existsSync(file));
if (!isHere) {
  console.warn(
    "SKIPPED: the two real Shopify files were not tried; set SPILLWAY_DATA_FILES to the folder that has catalogues/",
  );
}

describe.skipIf(!isHere)("Shopify's own sample files", () => {
  const kept = new Set(
    [
      "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Gift Card,SEO Title,SEO Description",
      "Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value",
      "Variant Grams,Variant Inventory Qty,Variant Inventory Policy,Variant Fulfillment Service,Variant Price",
      "Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Variant Image",
      "Image Src,Image Position,Image Alt Text",
    ].flatMap((line) => line.split(",")),
  );
  const money = new Set(["Variant Price", "Variant Compare At Price"]);
  const table = (text: string) => {
    const [header, ...rows] = [...readCsv(text)].map(({ cells }) => cells);
    return rows.map((cells) =>
      Object.fromEntries(
        [...kept].map((name) => {
          const cell = cells[header?.indexOf(name) ?? -1] ?? "";
          return [name, money.has(name) && cell !== "" ? Number(cell).toFixed(2) : cell];
        }),
      ),
    );
  };

  test.each([
    ["apparel", 0, 20, 22],
    ["jewelery", 1, 20, 23],
  ])("%s reads without an error and keeps every cell it is said to keep", (_, place, productCount, variantCount) => {
    const text = readFileSync(realFiles[place] ?? "", "utf8");
    const reading = read(text);
    expect(reading.errors).toBe(0);
    expect(reading.complaints.map(({ column }) => column)).toEqual(["Variant Inventory Tracker"]);
    expect(reading.products).toHaveLength(productCount);
    const skus = reading.products.flatMap(({ variants }) => variants.map(({ sku }) => sku));
    expect(skus).toHaveLength(variantCount);
    expect(new Set(skus).size).toBe(variantCount);

    const exported = write(reading.products);
    expect(table(exported)).toEqual(table(text));
    expect(read(exported).products).toEqual(reading.products);
  });
});
