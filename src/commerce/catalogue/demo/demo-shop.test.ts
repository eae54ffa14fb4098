/** The demonstration shop is what a newcomer sees first: its pictures exist, its words fit, its rules hold. */
import { describe, expect, test } from "bun:test";
import { readCsv } from "#adapters/csv/read.ts";
import { writeCsv } from "#adapters/csv/write.ts";
import { readShopifyCsv } from "../shopify-csv.ts";
import { writeShopifyCsv } from "../shopify-csv-export.ts";
import { demoArt, demoImagePaths, imageFor } from "./demo-art.ts";
import { demoDrop, demoShop } from "./demo-shop.ts";

const nowMs = Date.UTC(2026, 10, 23);
const { products, collections, promotions } = demoShop(nowMs);
const variants = products.flatMap((product) => product.variants);
const sitePictures = Object.values(demoArt);

describe("the demonstration shop", () => {
  test("exports and imports without a single complaint", () => {
    const text = [...writeCsv(writeShopifyCsv(products, { currency: "EUR", nowMs }))].join("");
    const reading = readShopifyCsv(readCsv(text), { currency: "EUR", nowMs });
    expect(reading.complaints).toEqual([]);
    expect(reading.products).toEqual(products);
  });

  test("has unique handles and SKUs, and every product in one collection", () => {
    const handles = products.map(({ handle }) => handle);
    expect(new Set(handles).size).toBe(handles.length);
    expect(new Set(variants.map(({ sku }) => sku)).size).toBe(variants.length);
    expect(collections.flatMap((collection) => collection.products)).toEqual(handles);
    expect([products.length, collections.length]).toEqual([24, 5]);
    expect(new Set(promotions.map(({ code }) => code.toUpperCase())).size).toBe(promotions.length);
  });

  test("has one of everything that selling can be", () => {
    const drop = variants.find(({ sku }) => sku === demoDrop.sku);
    expect(drop).toMatchObject({
      onHand: demoDrop.units,
      purchaseLimit: demoDrop.purchaseLimit,
      policy: { kind: "deny" },
    });
    expect(
      products.filter((product) =>
        product.variants.every(({ onHand, policy }) => onHand === 0 && policy.kind === "deny"),
      ),
    ).toHaveLength(1);
    expect(
      variants.filter(({ policy }) => policy.kind === "preorder" && Date.parse(policy.shipsOn) > nowMs),
    ).toHaveLength(1);
    expect(variants.some(({ policy }) => policy.kind === "backorder")).toBe(true);
    expect(products.filter((product) => product.variants[0]?.compareAt !== null).length).toBeGreaterThanOrEqual(3);
    const bundle = variants.find(({ components }) => components.length > 0);
    const partsPrice = bundle?.components.reduce(
      (sum, { sku, quantity }) =>
        sum + quantity * (variants.find((variant) => variant.sku === sku)?.price ?? Number.NaN),
      0,
    );
    expect(partsPrice).toBe(bundle?.compareAt ?? 0);
    for (const variant of variants) expect(variant.onHand === null).toBe(variant.components.length > 0);
    for (const { compareAt, price } of variants) expect(compareAt === null || compareAt > price).toBe(true);
  });

  test("ships its preorder in the future, whenever it is shown", () => {
    const later = Date.UTC(2031, 10, 30);
    const policies = demoShop(later).products.flatMap((product) => product.variants.map(({ policy }) => policy));
    expect(policies.filter(({ kind }) => kind === "preorder")).toEqual([
      { kind: "preorder", allowance: 200, shipsOn: "2032-03-15" },
    ]);
  });

  test("has words of a length that pages and search engines show whole", () => {
    for (const { title, seoTitle, seoDescription, descriptionHtml, images } of products) {
      expect(title.length).toBeLessThanOrEqual(40);
      expect(seoTitle.length).toBeLessThanOrEqual(60);
      expect(seoDescription.length).toBeLessThanOrEqual(110);
      expect(descriptionHtml).toMatch(/^<p>[^<]+<\/p><ul>(<li>[^<]+<\/li>){3,4}<\/ul>$/);
      for (const { alt } of images) expect(alt.length).toBeGreaterThan(20);
    }
  });
});

describe("the drawings", () => {
  test("are there for every picture that is named, and no other", () => {
    const named = products.flatMap((product) => product.images.map(({ src }) => src));
    expect([...named, ...sitePictures].toSorted()).toEqual(demoImagePaths.toSorted());
    expect(new Set(named).size).toBe(named.length);
    for (const product of products) {
      const own = new Set(product.images.map(({ src }) => src));
      for (const { image } of product.variants) expect(image === null || own.has(image)).toBe(true);
    }
    for (const path of ["/images/none.svg", "/images/../hero.svg", "/images/toString.svg", "hero.svg", ""]) {
      expect(imageFor(path)).toBeUndefined();
    }
  });

  test.each(demoImagePaths.map((path) => [path]))("%s is small, sound SVG that asks for nothing", async (path) => {
    const svg = imageFor(path) ?? "";
    expect(imageFor(path)).toBe(svg);
    expect(Buffer.byteLength(svg)).toBeLessThanOrEqual(path === demoArt.hero ? 6_144 : 3_072);
    expect(complaintsOfXml(svg)).toEqual([]);
    // What draws and nothing else: no scripts, no styles, no pictures or fonts from elsewhere.
    const tags = new Set([...svg.matchAll(/<([a-zA-Z]+)/g)].map(([, tag]) => tag));
    const drawing = [
      "svg",
      "defs",
      "g",
      "path",
      "circle",
      "ellipse",
      "rect",
      "use",
      "clipPath",
      "linearGradient",
      "radialGradient",
      "stop",
    ];
    expect([...tags].filter((tag) => !drawing.includes(tag ?? ""))).toEqual([]);
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
      /https?:|data:|\son[a-z]+=|url\((?!#)|href="(?!#)/,
    );
    // Every reference has its one target, and every target its reference.
    const ids = [...svg.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id ?? "");
    const references = [...svg.matchAll(/url\(#([^)]+)\)|href="#([^"]+)"/g)].map(([, url, href]) => url ?? href ?? "");
    expect(new Set(ids).size).toBe(ids.length);
    expect([...new Set(references)].toSorted()).toEqual(ids.toSorted());
    expect(svg).not.toMatch(/NaN|undefined|null|\.\d{3}/);
  });

  test("state the size that the products state for them", () => {
    for (const { src, width, height } of products.flatMap(({ images }) => images)) {
      expect(imageFor(src)).toContain(` width="${width}" height="${height}" `);
    }
    expect(imageFor(demoArt.hero)).toContain(' width="1600" height="1200" ');
  });
});

/** A strict reading of the little XML that drawings use: tags match, attributes are quoted and stand once. */
function complaintsOfXml(text: string): string[] {
  const complaints: string[] = [];
  const open: string[] = [];
  const token = /<(\/?)([A-Za-z][\w.-]*)((?:\s+[A-Za-z][\w:.-]*="[^"<&]*")*)\s*(\/?)>/y;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) return [...complaints, `not a tag at ${at}: ${text.slice(at, at + 60)}`];
    const [, closing, name = "", attributes = "", isEmpty] = match;
    const names = [...attributes.matchAll(/\s([\w:.-]+)=/g)].map(([, attribute]) => attribute);
    if (new Set(names).size < names.length) complaints.push(`an attribute twice in <${name}${attributes}>`);
    if (closing === "/") {
      const opened = open.pop();
      if (opened !== name) complaints.push(`</${name}> closes <${opened}>`);
    } else if (isEmpty !== "/") open.push(name);
  }
  return open.length > 0 ? [...complaints, `left open: ${open.join(", ")}`] : complaints;
}
