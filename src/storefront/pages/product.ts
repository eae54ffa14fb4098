/** One product: pictures, choices, a way to buy that needs no script, and what to know before buying. */
import type { ProductView, VariantView } from "#contract/shop.ts";
import { formatDecimal } from "#kernel/money.ts";
import { chosenVariant } from "../availability.ts";
import { buyPart } from "../buy-panel.ts";
import { errorSummary } from "../form-field.ts";
import type { Frame } from "../frame.ts";
import { type Html, html, jsonData, raw } from "../html.ts";
import { layout } from "../layout.ts";
import { picture } from "../picture.ts";
import { productCards } from "../product-card.ts";
import { sanitiseHtml } from "../sanitise-html.ts";

export type ProductProps = {
  readonly product: ProductView;
  /** From `?variant=`; null or unknown shows the first variant that can be had. */
  readonly selectedSku: string | null;
  readonly related: readonly ProductView[];
  /** Why the last try to add it failed, when the shop answers a form with this page; such a page is not for caches. */
  readonly problem?: string | null;
};

export function productPage(frame: Frame, props: ProductProps): Html {
  const { product } = props;
  const variant = chosenVariant(product, props.selectedSku);
  const path = `/products/${encodeURIComponent(product.handle)}`;
  return layout(frame, {
    name: "product",
    title: product.seoTitle || product.title,
    description: product.seoDescription || plainText(product.descriptionHtml).slice(0, 160),
    canonical: path,
    image: product.images[0]?.src ?? null,
    head: jsonData("application/ld+json", productData(frame, product)),
    main: html`${errorSummary("This was not added to your cart", [], props.problem)}
<div class="pair">
${gallery(frame, product, variant)}
<div class="panel">
${product.vendor !== "" && product.vendor !== frame.shopName && html`<p class="vendor">${product.vendor}</p>`}
<h1>${product.title}</h1>
${variant === undefined ? html`<p class="stock">Not for sale at the moment</p>` : panel(frame, product, variant)}
<div class="story">${raw(sanitiseHtml(product.descriptionHtml))}</div>
<details><summary>Delivery</summary><p>The cart shows delivery prices and times for your country before you order. Every order has a page of its own that follows it to your door.</p></details>
<details><summary>Returns</summary><p>Changed your mind, or something is not right? <a href="/returns">How returns and refunds work</a>.</p></details>
</div>
</div>
${
  frame.pressure < 2 &&
  props.related.length > 0 &&
  html`<section class="shelf" aria-labelledby="related"><h2 id="related">Goes well with this</h2>${productCards(frame, props.related.slice(0, 4), { heading: "h3" })}</section>`
}`,
  });
}

/** Before a waiting room, what buys gives way to the line: the edge leaves out what stands between the marks, and puts the line where the lone mark is. */
function panel(frame: Frame, product: ProductView, variant: VariantView): Html {
  return html`<p class="price" data-part="price">${buyPart(frame, "price", product, variant)}</p><!--spillway-room-->
<form class="buy" action="/cart/lines" method="post" data-product="${product.handle}" data-locale="${frame.locale}">
<div data-part="options">${buyPart(frame, "options", product, variant)}</div>
<p class="stock" role="status" data-part="stock">${buyPart(frame, "stock", product, variant)}</p>
<!--spillway-buy--><div class="bar"><div class="action" data-part="action">${buyPart(frame, "action", product, variant)}</div><p class="said" role="status" data-said></p></div><!--/spillway-buy-->
</form>
<!--spillway-buy-->${variant.available && html`<p class="assurance">Held for you the moment we receive your order, before any money moves.</p>`}<!--/spillway-buy-->`;
}

function gallery(frame: Frame, product: ProductView, variant: VariantView | undefined): Html {
  const chosen = product.images.findIndex((image) => image.src === variant?.image);
  const images =
    chosen > 0
      ? [...product.images.slice(chosen, chosen + 1), ...product.images.filter((_, index) => index !== chosen)]
      : product.images;
  const shown = frame.pressure >= 2 ? images.slice(0, 1) : images;
  if (shown.length < 2) return html`<div class="gallery one">${picture(shown[0] ?? null, "first")}</div>`;
  return html`<div class="gallery" role="group" aria-label="Pictures" tabindex="0">${shown.map((image, index) =>
    picture(image, index === 0 ? "first" : "lazy"),
  )}</div>`;
}

/** schema.org as search engines read it: one Product, an Offer for every variant. */
function productData(frame: Frame, product: ProductView): unknown {
  const url = `${frame.origin}/products/${encodeURIComponent(product.handle)}`;
  return {
    "@context": "https://schema.org",
    "@type": "Product",
    name: product.title,
    url,
    description: plainText(product.descriptionHtml).slice(0, 300),
    image: product.images.slice(0, 3).map((image) => new URL(image.src, frame.origin).href),
    ...(product.vendor === "" ? {} : { brand: { "@type": "Brand", name: product.vendor } }),
    offers: product.variants.map((variant) => ({
      "@type": "Offer",
      sku: variant.sku,
      url: `${url}?variant=${encodeURIComponent(variant.sku)}`,
      price: formatDecimal(variant.price.amount, variant.price.currency),
      priceCurrency: variant.price.currency,
      availability: `https://schema.org/${availabilityTerm(variant)}`,
    })),
  };
}

function availabilityTerm(variant: VariantView): string {
  if (!variant.available || variant.delivery === "sold_out") return "SoldOut";
  if (variant.delivery === "preorder") return "PreOrder";
  if (variant.delivery === "backorder") return "BackOrder";
  return variant.left === null ? "InStock" : "LimitedAvailability";
}

/** For summaries only: what it gives is escaped like any other text. */
function plainText(source: string): string {
  return sanitiseHtml(source)
    .replace(/<[^>]*>/g, " ")
    .replace(/&nbsp;/g, " ")
    .replace(/&amp;/g, "&")
    .replace(/\s+/g, " ")
    .trim();
}
