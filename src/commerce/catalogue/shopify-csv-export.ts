/**
 * The catalogue as Shopify's product CSV: what is written here reads back as equal drafts, and Shopify and the
 * spreadsheets around it read it too. shopify-columns.ts says what each column holds.
 */
import { formatDecimal } from "#kernel/money.ts";
import type { Product, ProductDraft, ProductImage, VariantDraft } from "./product.ts";
import { guardFormula, writeBundle } from "./shopify-cells.ts";
import { columnName, type ShopifyField, shopifyFields } from "./shopify-columns.ts";

export type ShopifyCsvExportOptions = {
  readonly currency: string;
  /** Units on hand where they are known better than from the draft. */
  readonly onHandBySku?: ReadonlyMap<string, number>;
  /** `Published` says TRUE for what is visible at this moment. */
  readonly nowMs: number;
};

type Cells = Partial<Record<ShopifyField, string>>;

/** The columns' names, then one row a variant or image; `adapters/csv/write.ts` makes text of them. */
export function* writeShopifyCsv(
  products: Iterable<ProductDraft>,
  options: ShopifyCsvExportOptions,
): Generator<readonly string[], void, undefined> {
  yield shopifyFields.map(columnName);
  for (const product of products) {
    const rows = Math.max(product.variants.length, product.images.length);
    for (let row = 0; row < rows; row += 1) {
      const variant = product.variants[row];
      const image = product.images[row];
      const cells: Cells = {
        handle: product.handle,
        ...(row === 0 ? productCells(product, options.nowMs) : {}),
        ...(variant === undefined ? {} : variantCells(product, variant, options)),
        ...(image === undefined ? {} : imageCells(image, row + 1)),
      };
      yield shopifyFields.map((field) => cells[field] ?? "");
    }
  }
}

function productCells(product: ProductDraft, nowMs: number): Cells {
  const { publishedAtMs } = product;
  const [option1Name, option2Name, option3Name] = product.optionNames.length === 0 ? ["Title"] : product.optionNames;
  return {
    title: guardFormula(product.title),
    descriptionHtml: guardFormula(product.descriptionHtml),
    vendor: guardFormula(product.vendor),
    type: guardFormula(product.type),
    tags: guardFormula(product.tags.join(", ")),
    published: written(publishedAtMs !== null && publishedAtMs <= nowMs),
    option1Name: guardFormula(option1Name ?? ""),
    option2Name: guardFormula(option2Name ?? ""),
    option3Name: guardFormula(option3Name ?? ""),
    giftCard: written(false),
    seoTitle: guardFormula(product.seoTitle),
    seoDescription: guardFormula(product.seoDescription),
    status: publishedAtMs === null ? "draft" : "active",
    publishedAt: publishedAtMs === null ? "" : new Date(publishedAtMs).toISOString(),
  };
}

function variantCells(
  product: ProductDraft,
  variant: VariantDraft,
  { currency, onHandBySku }: ShopifyCsvExportOptions,
): Cells {
  const { policy } = variant;
  const isBundle = variant.components.length > 0;
  const onHand = isBundle ? null : (onHandBySku?.get(variant.sku) ?? variant.onHand);
  const [option1Value, option2Value, option3Value] =
    product.optionNames.length === 0 ? ["Default Title"] : variant.options;
  return {
    option1Value: guardFormula(option1Value ?? ""),
    option2Value: guardFormula(option2Value ?? ""),
    option3Value: guardFormula(option3Value ?? ""),
    sku: guardFormula(variant.sku),
    grams: String(variant.grams),
    tracker: "shopify",
    quantity: onHand === null ? "" : String(onHand),
    policy: policy.kind === "deny" ? "deny" : "continue",
    fulfillment: "manual",
    price: formatDecimal(variant.price, currency),
    compareAt: variant.compareAt === null ? "" : formatDecimal(variant.compareAt, currency),
    requiresShipping: written(variant.requiresShipping),
    taxable: written(variant.taxable),
    barcode: guardFormula(variant.barcode),
    variantImage: variant.image ?? "",
    weightUnit: "g",
    allowance: policy.kind === "deny" ? "" : String(policy.allowance),
    shipsOn: policy.kind === "preorder" ? policy.shipsOn : "",
    purchaseLimit: variant.purchaseLimit === null ? "" : String(variant.purchaseLimit),
    bundle: guardFormula(writeBundle(variant.components)),
  };
}

const imageCells = (image: ProductImage, position: number): Cells => ({
  imageSrc: image.src,
  imagePosition: String(position),
  imageAlt: guardFormula(image.alt),
  imageWidth: image.width === null ? "" : String(image.width),
  imageHeight: image.height === null ? "" : String(image.height),
});

const written = (value: boolean): string => (value ? "true" : "false");

/** A product of the shop as the draft it would be imported from; coming price changes have no column and stay. */
export function draftOf(
  product: Product,
  skuOf: (variantId: number) => string | undefined,
  onHandBySku: ReadonlyMap<string, number> = new Map(),
): ProductDraft {
  const { id: _id, variants, ...draft } = product;
  return {
    ...draft,
    variants: variants.map(({ id, productHandle: _handle, priceChanges: _changes, components, ...variant }) => ({
      ...variant,
      onHand: onHandBySku.get(variant.sku) ?? null,
      components: components.flatMap(({ variantId, quantity }) => {
        const sku = variantId === id ? undefined : skuOf(variantId);
        return sku === undefined ? [] : [{ sku, quantity }];
      }),
    })),
  };
}
