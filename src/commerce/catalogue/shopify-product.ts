/**
 * What one row says of a product, of a variant and of an image. Which rows make up a product, and what must hold
 * between rows, is shopify-csv.ts's to know.
 */
import { derivedSku } from "./derived-sku.ts";
import type { ProductDraft, ProductImage, SellingPolicy, VariantDraft } from "./product.ts";
import {
  limits,
  readBoolean,
  readBundle,
  readDate,
  readGrams,
  readLine,
  readMoment,
  readMoney,
  readPolicy,
  readSrc,
  readStatus,
  readTags,
  readText,
  readWhole,
  shown,
} from "./shopify-cells.ts";
import { columnName } from "./shopify-columns.ts";
import { counted, type ShopifyRow } from "./shopify-row.ts";

export type ProductHead = Omit<ProductDraft, "images" | "variants">;

/** "continue" in Shopify has no end; this many units beyond the stock is as good as none. */
const allowanceWithoutEnd = 1_000_000;
const imageSideMax = 100_000;

export const optionNameFields = ["option1Name", "option2Name", "option3Name"] as const;
const optionValueFields = ["option1Value", "option2Value", "option3Value"] as const;
/** What makes a row a variant. Weight, policy and the like stand in image rows too: tools fill them in. */
const variantFields = [...optionValueFields, "sku", "price", "quantity", "barcode"] as const;

export const isVariantRow = (row: ShopifyRow): boolean => variantFields.some((field) => row.cell(field) !== "");

/** Shopify has no product without options: it writes one option, Title, with one value, Default Title. */
export const isDefaultTitle = (names: readonly string[], values: readonly string[]): boolean =>
  names.length === 1 && names[0] === "Title" && values[0] === "Default Title";

/** The product's own cells, from its first row. */
export function readProductHead(row: ShopifyRow, handle: string, nowMs: number): ProductHead {
  if (row.value("giftCard", readBoolean, false)) row.error("giftCard", "gift cards are not sold by Spillway");
  return {
    handle,
    title: row.text("title"),
    descriptionHtml: row.verbatim("descriptionHtml", (text) => readText(text, limits.descriptionHtml)),
    vendor: row.text("vendor"),
    type: row.text("type"),
    tags: row.value("tags", readTags, []),
    publishedAtMs: readPublishedAtMs(row, nowMs),
    optionNames: readOptionNames(row),
    seoTitle: row.text("seoTitle"),
    seoDescription: row.value("seoDescription", (text) => readText(text, limits.seoDescription), ""),
  };
}

function readPublishedAtMs(row: ShopifyRow, nowMs: number): number | null {
  // Shopify: a blank cell is TRUE here, and FALSE for taxes and shipping.
  const isPublished = row.value("published", readBoolean, true);
  const status = row.value("status", readStatus, "visible");
  const atMs = row.value("publishedAt", readMoment, null);
  if (status === "hidden") return null;
  if (isPublished) return atMs ?? nowMs;
  if (atMs === null || atMs > nowMs) return atMs;
  row.warn("publishedAt", `${row.name("published")} is FALSE: the product is hidden although this moment has passed`);
  return null;
}

function readOptionNames(row: ShopifyRow): string[] {
  const written = optionNameFields.map(row.text);
  const names = written.slice(0, written.findLastIndex((name) => name !== "") + 1);
  const gap = optionNameFields[names.indexOf("")];
  if (gap !== undefined) row.error(gap, "is empty, and a later option has a name");
  else if (new Set(names.map((name) => name.toLowerCase())).size < names.length) {
    row.error("option1Name", `two options have the same name: ${names.join(", ")}`);
  }
  return names;
}

export function readVariant(row: ShopifyRow, head: ProductHead, currency: string, nowMs: number): VariantDraft {
  const options = readOptionValues(row, head.optionNames);
  const sku = row.value("sku", (text) => readLine(text, limits.sku), null);
  const price = row.value("price", (text) => readMoney(text, currency), null);
  if (row.cell("price") === "") row.error("price", "is empty: every variant needs a price");
  // Files write "0.00" for no price to compare with.
  const compareAt = row.value("compareAt", (text) => readMoney(text, currency), null) || null;
  if (price !== null && compareAt !== null && compareAt < price) {
    row.warn("compareAt", "is below the price, so it is no price to compare with");
  }
  const components = row.value("bundle", readBundle, []);
  return {
    sku: sku ?? derivedSku(head.handle, isDefaultTitle(head.optionNames, options) ? [] : options),
    options,
    price: price ?? 0,
    compareAt,
    barcode: row.text("barcode"),
    grams: row.value("grams", readGrams, 0),
    // Shopify: a column that is left out is TRUE, a cell that is left blank is FALSE.
    taxable: row.value("taxable", readBoolean, !row.has("taxable")),
    requiresShipping: row.value("requiresShipping", readBoolean, !row.has("requiresShipping")),
    policy: readSellingPolicy(row, nowMs),
    purchaseLimit: row.value("purchaseLimit", (text) => readWhole(text, 1), null),
    image: row.value("variantImage", readSrc, null),
    onHand: readOnHand(row, components.length > 0),
    components,
  };
}

function readOptionValues(row: ShopifyRow, names: readonly string[]): string[] {
  const values = optionValueFields.map(row.text);
  for (const [index, field] of optionValueFields.entries()) {
    const name = names[index] ?? "";
    const value = values[index] ?? "";
    if (value === "" && name !== "") row.error(field, `is empty: the variant needs its ${shown(name)}`);
    else if (value !== "" && index >= names.length)
      row.error(field, `${shown(value)} belongs to an option without a name`);
  }
  return values.slice(0, names.length);
}

function readSellingPolicy(row: ShopifyRow, nowMs: number): SellingPolicy {
  const kind = row.value("policy", readPolicy, "deny");
  const allowance = row.value("allowance", (text) => readWhole(text, 0), null);
  const shipsOn = row.value("shipsOn", readDate, null);
  if (kind === "deny") {
    for (const field of ["allowance", "shipsOn"] as const) {
      if (row.cell(field) !== "") row.error(field, `goes with ${row.name("policy")} “continue” only`);
    }
    return { kind };
  }
  if (row.cell("allowance") === "") {
    row.remark(row.name("policy"), (count) => {
      const variants = `${counted(count, "variant")} sold on without end when the stock is gone, as in Shopify`;
      return `${variants}: ${columnName("allowance")} sets an end`;
    });
  }
  const units = allowance ?? allowanceWithoutEnd;
  if (shipsOn === null) return { kind: "backorder", allowance: units };
  if (Date.parse(`${shipsOn}T23:59:59Z`) < nowMs) row.warn("shipsOn", `${shipsOn} has passed`);
  return { kind: "preorder", allowance: units, shipsOn };
}

function readOnHand(row: ShopifyRow, isBundle: boolean): number | null {
  const quantity = row.value("quantity", (text) => readWhole(text, 0), null);
  if (isBundle) {
    if (quantity !== null) row.warn("quantity", "is not read: a bundle has the stock of its parts");
    return null;
  }
  if (row.has("tracker") && row.cell("tracker") === "") {
    row.remark(row.name("tracker"), (count) => {
      const untracked = `Shopify does not count the stock of ${counted(count, "variant")}`;
      return `${untracked}; Spillway counts all and takes ${row.name("quantity")}`;
    });
  }
  return quantity;
}

/** The row's image and its place among the product's, or null. */
export function readImage(
  row: ShopifyRow,
  placeOtherwise: number,
): { readonly image: ProductImage; readonly position: number } | null {
  const src = row.value("imageSrc", readSrc, null);
  const position = row.value("imagePosition", (text) => readWhole(text, 0), placeOtherwise);
  const alt = row.value("imageAlt", (text) => readText(text, limits.alt), "");
  const width = row.value("imageWidth", (text) => readWhole(text, 1, imageSideMax), null);
  const height = row.value("imageHeight", (text) => readWhole(text, 1, imageSideMax), null);
  return src === null ? null : { image: { src, alt, width, height }, position };
}
