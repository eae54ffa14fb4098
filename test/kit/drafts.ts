/** Products as a test needs them: everything that a draft must have, and only what matters written down. */
import type { ProductDraft, VariantDraft } from "#commerce/catalogue/product.ts";

type VariantPart = Partial<VariantDraft> & { readonly sku: string };

export const variantDraft = (part: VariantPart): VariantDraft => ({
  options: [],
  price: 1000,
  compareAt: null,
  barcode: "",
  grams: 100,
  taxable: true,
  requiresShipping: true,
  policy: { kind: "deny" },
  purchaseLimit: null,
  image: null,
  onHand: null,
  components: [],
  ...part,
});

/** Published since 2026, titled by its handle. */
export const productDraft = (
  handle: string,
  variants: readonly VariantPart[],
  part: Partial<Omit<ProductDraft, "variants">> = {},
): ProductDraft => ({
  handle,
  title: handle,
  descriptionHtml: "",
  vendor: "",
  type: "",
  tags: [],
  publishedAtMs: Date.UTC(2026, 0, 1),
  optionNames: [],
  images: [],
  seoTitle: "",
  seoDescription: "",
  ...part,
  variants: variants.map(variantDraft),
});
