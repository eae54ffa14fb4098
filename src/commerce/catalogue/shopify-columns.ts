/**
 * The columns of Shopify's product CSV that Spillway keeps, under the names Shopify gave them until 2025 and the ones
 * it has given since (help.shopify.com, "Using CSV files to import and export products", read November 2026), and the
 * columns of our own for what Shopify has no column for. Files of both kinds are read; the older names are written,
 * because every other tool knows those.
 *
 * Our own columns, each empty when it does not apply:
 *
 * - `Spillway Published At`: when the product becomes visible, "2027-01-15T10:00:00.000Z". A moment to come schedules
 *   it whatever `Published` says; `Published` FALSE with a moment that has passed hides the product.
 * - `Spillway Allowance`: units that may be sold beyond the stock; goes with the inventory policy "continue".
 * - `Spillway Ships On`: a date, "2027-01-15"; makes "continue" a preorder instead of a backorder.
 * - `Spillway Purchase Limit`: units one person may buy over all orders.
 * - `Spillway Bundle`: what one unit is made of: `2 x MUG-BLUE; 1 x POT`. A ";" inside a SKU is written `\;`.
 * - `Spillway Image Width`, `Spillway Image Height`: pixels of the row's image.
 */

/** What a cell means, and the column's older and newer name. The order is the order in which columns are written. */
const names = {
  handle: ["Handle", "URL handle"],
  title: ["Title", "Title"],
  descriptionHtml: ["Body (HTML)", "Description"],
  vendor: ["Vendor", "Vendor"],
  type: ["Type", "Type"],
  tags: ["Tags", "Tags"],
  published: ["Published", "Published on online store"],
  option1Name: ["Option1 Name", "Option1 name"],
  option1Value: ["Option1 Value", "Option1 value"],
  option2Name: ["Option2 Name", "Option2 name"],
  option2Value: ["Option2 Value", "Option2 value"],
  option3Name: ["Option3 Name", "Option3 name"],
  option3Value: ["Option3 Value", "Option3 value"],
  sku: ["Variant SKU", "SKU"],
  grams: ["Variant Grams", "Weight value (grams)"],
  tracker: ["Variant Inventory Tracker", "Inventory tracker"],
  quantity: ["Variant Inventory Qty", "Inventory quantity"],
  policy: ["Variant Inventory Policy", "Continue selling when out of stock"],
  fulfillment: ["Variant Fulfillment Service", "Fulfillment service"],
  price: ["Variant Price", "Price"],
  compareAt: ["Variant Compare At Price", "Compare-at price"],
  requiresShipping: ["Variant Requires Shipping", "Requires shipping"],
  taxable: ["Variant Taxable", "Charge tax"],
  barcode: ["Variant Barcode", "Barcode"],
  imageSrc: ["Image Src", "Product image URL"],
  imagePosition: ["Image Position", "Image position"],
  imageAlt: ["Image Alt Text", "Image alt text"],
  giftCard: ["Gift Card", "Gift card"],
  seoTitle: ["SEO Title", "SEO title"],
  seoDescription: ["SEO Description", "SEO description"],
  variantImage: ["Variant Image", "Variant image URL"],
  weightUnit: ["Variant Weight Unit", "Weight unit for display"],
  status: ["Status", "Status"],
  publishedAt: ["Spillway Published At", "Spillway Published At"],
  allowance: ["Spillway Allowance", "Spillway Allowance"],
  shipsOn: ["Spillway Ships On", "Spillway Ships On"],
  purchaseLimit: ["Spillway Purchase Limit", "Spillway Purchase Limit"],
  bundle: ["Spillway Bundle", "Spillway Bundle"],
  imageWidth: ["Spillway Image Width", "Spillway Image Width"],
  imageHeight: ["Spillway Image Height", "Spillway Image Height"],
} as const satisfies Record<string, readonly [older: string, newer: string]>;

export type ShopifyField = keyof typeof names;

export const shopifyFields = Object.keys(names) as readonly ShopifyField[];

/** The name under which a field is written. */
export const columnName = (field: ShopifyField): string => names[field][0];

/** Shopify's own columns that say nothing a Spillway shop could keep; empty or not, they are no cause for alarm. */
const notKept = [
  /^google shopping \//,
  /^(variant )?tax code$/,
  /^cost per item$/,
  /^(standard(ized)?|custom) product type$/,
  /^product category$/,
  /^option[123] linked to$/,
  /^unit price /,
  /^variant unit price /,
  /^packed product /,
  /^(price|compare[- ]at price|included) \/ /,
  /\(product\.metafields\./,
  /^collection$/,
];

export type ShopifyHeader = {
  /** Where each field stands in a row; absent when the file has no such column. */
  readonly places: ReadonlyMap<ShopifyField, number>;
  /** The columns' names as the file writes them. */
  readonly written: readonly string[];
  /** Shopify's columns that Spillway does not keep, by their place. */
  readonly notKept: readonly number[];
  /** Columns of a fourth option and further ones, by their place: neither Shopify nor Spillway has them. */
  readonly tooManyOptions: readonly number[];
  /** Columns that neither Shopify nor Spillway has. */
  readonly unknown: readonly string[];
  /** Columns that come again, under the same or the other name; the first one counts. */
  readonly repeated: readonly string[];
};

const fieldByName = new Map(
  shopifyFields.flatMap((field) => names[field].map((name) => [name.toLowerCase(), field] as const)),
);

/** Finds the known columns in a file's first row; upper and lower case are the same. */
export function readShopifyHeader(cells: readonly string[]): ShopifyHeader {
  const places = new Map<ShopifyField, number>();
  const kinds = {
    notKept: [] as number[],
    tooManyOptions: [] as number[],
    unknown: [] as string[],
    repeated: [] as string[],
  };
  const written = cells.map((cell) => cell.trim());
  for (const [place, name] of written.entries()) {
    const key = name.toLowerCase();
    const field = fieldByName.get(key);
    if (field === undefined) {
      if (notKept.some((pattern) => pattern.test(key))) kinds.notKept.push(place);
      else if (/^option ?(?:[4-9]|[1-9]\d+) (?:name|value)$/.test(key)) kinds.tooManyOptions.push(place);
      else if (name !== "") kinds.unknown.push(name);
    } else if (places.has(field)) kinds.repeated.push(name);
    else places.set(field, place);
  }
  return { places, written, ...kinds };
}
