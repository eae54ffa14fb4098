/** A product of one variant, with so many units: what benches sell. */
import type { ProductDraft } from "#commerce/catalogue/product.ts";

export function plainProduct(sku: string, onHand: number): ProductDraft {
  return {
    handle: sku.toLowerCase(),
    title: sku,
    descriptionHtml: "",
    vendor: "",
    type: "",
    tags: [],
    publishedAtMs: 0,
    optionNames: [],
    images: [],
    seoTitle: "",
    seoDescription: "",
    variants: [
      {
        sku,
        options: [],
        price: 1990,
        compareAt: null,
        barcode: "",
        grams: 0,
        taxable: true,
        requiresShipping: true,
        policy: { kind: "deny" },
        purchaseLimit: null,
        image: null,
        onHand,
        components: [],
      },
    ],
  };
}
