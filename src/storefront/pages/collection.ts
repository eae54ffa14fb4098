/** A collection, a page of its products at a time. */
import type { CollectionView, ProductView } from "#contract/shop.ts";
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";
import { productCards } from "../product-card.ts";
import { plural } from "../words.ts";

export type CollectionProps = {
  readonly collection: CollectionView;
  readonly products: readonly ProductView[];
  /** Pages count from 1. */
  readonly page: number;
  readonly pageCount: number;
  /** Products in the whole collection. */
  readonly productCount: number;
};

export function collectionPage(frame: Frame, props: CollectionProps): Html {
  const { collection, page, pageCount } = props;
  const path = `/collections/${encodeURIComponent(collection.handle)}`;
  const address = (number: number) => (number === 1 ? path : `${path}?page=${number}`);
  return layout(frame, {
    name: "listing",
    title: page === 1 ? collection.title : `${collection.title}, page ${page}`,
    description: collection.description,
    canonical: address(page),
    head: html`${page > 1 && html`<link rel="prev" href="${address(page - 1)}">`}${
      page < pageCount && html`<link rel="next" href="${address(page + 1)}">`
    }`,
    main: html`<header class="opening"><h1>${collection.title}</h1>${
      collection.description !== "" && html`<p>${collection.description}</p>`
    }<p class="soft">${plural(props.productCount, "product", "products")}</p></header>
${
  props.products.length === 0
    ? html`<p class="nothing">There is nothing in this collection at the moment. <a href="/">Back to the shop</a>.</p>`
    : productCards(frame, props.products, { heading: "h2", eager: 4 })
}
${pageCount > 1 && pageLinks(address, page, pageCount)}`,
  });
}

function pageLinks(address: (page: number) => string, page: number, pageCount: number): Html {
  // The first, the last and the neighbours; a gap is a gap of at least two.
  const shown = Array.from({ length: pageCount }, (_, index) => index + 1).filter(
    (number) =>
      number === 1 ||
      number === pageCount ||
      Math.abs(number - page) <= 1 ||
      (number === 2 && page === 4) ||
      (number === pageCount - 1 && page === pageCount - 3),
  );
  return html`<nav class="pages" aria-label="Pages"><ul>${page > 1 && html`<li><a href="${address(page - 1)}" rel="prev">Previous</a></li>`}${shown.map(
    (number, index) =>
      html`${number - (shown[index - 1] ?? number - 1) > 1 && html`<li aria-hidden="true">…</li>`}<li><a href="${address(number)}" aria-current=${
        number === page && "page"
      }><span class="vh">Page </span>${number}</a></li>`,
  )}${page < pageCount && html`<li><a href="${address(page + 1)}" rel="next">Next</a></li>`}</ul></nav>`;
}
