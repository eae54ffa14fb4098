/** How the demonstration's products are put down: what they share is said here, once. */
import type { ProductDraft, SellingPolicy, VariantDraft } from "../product.ts";
import { slug } from "../shopify-cells.ts";
import { pictureSize } from "./art/scene.ts";

/** What differs between variants; where the first of two axes has pictures, each of its values has one. */
type Axis = { readonly name: string; readonly values: readonly string[] };

export type Item = {
  readonly handle: string;
  readonly title: string;
  readonly type: string;
  readonly tags: readonly string[];
  /** Two or three sentences; plain words, no HTML. */
  readonly text: string;
  /** What one would ask in a shop: size, stuff, care. */
  readonly details: readonly string[];
  /** Under 160 characters, for search engines. */
  readonly summary: string;
  /** The beginning of its SKUs. */
  readonly sku: string;
  /** Minor units: one for all, or one for each value of the last axis. */
  readonly price: number | readonly number[];
  readonly was?: number;
  readonly grams: number;
  readonly axes?: readonly Axis[];
  /** What the picture shows, for each value of the first axis or for the one picture. */
  readonly alt: (value: string) => string;
  /** The first axis has a picture for each of its values. */
  readonly hasPictures?: boolean;
  /** Units on hand, in the order of the variants; null for a bundle. */
  readonly stock: readonly (number | null)[];
  readonly policy?: SellingPolicy;
  readonly purchaseLimit?: number;
  readonly components?: VariantDraft["components"];
};

/** All of it has been in the shop since the first of September 2026. */
const publishedAtMs = Date.UTC(2026, 8, 1, 8);

export function shelved(item: Item): ProductDraft {
  const axes = item.axes ?? [];
  const [first] = axes;
  const pictureOf = (value: string) => `/images/${item.handle}${value === "" ? "" : `-${slug(value)}`}.svg`;
  const pictured = item.hasPictures === true && first !== undefined ? first.values : [""];
  const combinations = axes.reduce<string[][]>(
    (rows, { values }) => rows.flatMap((row) => values.map((value) => [...row, value])),
    [[]],
  );
  const lastAxis = axes.at(-1);
  const priceOf = (options: readonly string[]): number => {
    if (typeof item.price === "number") return item.price;
    return item.price[lastAxis?.values.indexOf(options.at(-1) ?? "") ?? 0] ?? 0;
  };
  return {
    handle: item.handle,
    title: item.title,
    descriptionHtml: `<p>${item.text}</p><ul>${item.details.map((detail) => `<li>${detail}</li>`).join("")}</ul>`,
    vendor: "Northlight",
    type: item.type,
    tags: item.tags,
    publishedAtMs,
    optionNames: axes.map(({ name }) => name),
    images: pictured.map((value) => ({ src: pictureOf(value), alt: item.alt(value), ...pictureSize })),
    variants: combinations.map((options, place) => ({
      sku: [item.sku, ...options.map(slug)].join("-").toUpperCase(),
      options,
      price: priceOf(options),
      compareAt: item.was ?? null,
      barcode: "",
      grams: item.grams,
      taxable: true,
      requiresShipping: true,
      policy: item.policy ?? { kind: "deny" },
      purchaseLimit: item.purchaseLimit ?? null,
      image: pictured.length > 1 ? pictureOf(options[0] ?? "") : null,
      onHand: item.stock[place] ?? null,
      components: item.components ?? [],
    })),
    seoTitle: `${item.title} | Northlight`,
    seoDescription: item.summary,
  };
}
