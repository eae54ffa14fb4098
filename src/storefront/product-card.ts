/** A product as a tile, and tiles as a list: the same on the first page, in collections, in search and beside a product. */
import type { ProductView } from "#contract/shop.ts";
import { productBadge } from "./availability.ts";
import type { Frame } from "./frame.ts";
import { type Html, html } from "./html.ts";
import { picture } from "./picture.ts";
import { productPrice, productSaving } from "./price.ts";

export function productCards(
  frame: Frame,
  products: readonly ProductView[],
  options: { readonly heading: "h2" | "h3" /** How many stand on the first screen. */; readonly eager?: number },
): Html {
  const eager = options.eager ?? 0;
  return html`<ul class="cards">${products.map(
    (product, index) => html`<li>${productCard(frame, product, options.heading, index < eager)}</li>`,
  )}</ul>`;
}

function productCard(frame: Frame, product: ProductView, heading: "h2" | "h3", eager: boolean): Html {
  const badge = productBadge(product);
  const saving = productSaving(product);
  const gone = badge?.level === "empty";
  const title = html`<a href="/products/${product.handle}">${product.title}</a>`;
  return html`<article class=${gone ? "card gone" : "card"}>${picture(product.images[0] ?? null, eager ? "eager" : "lazy", "")}${
    heading === "h2" ? html`<h2>${title}</h2>` : html`<h3>${title}</h3>`
  }<p class="price">${productPrice(frame, product)}</p>${
    badge !== null
      ? html`<p class="badge"><span class="gauge ${badge.level}" aria-hidden="true"></span>${badge.text}</p>`
      : saving !== null && html`<p class="badge sale">${saving}</p>`
  }</article>`;
}
