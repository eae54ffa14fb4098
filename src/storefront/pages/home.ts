/** The first page: what today is about, what is reduced, and the collections. */
import type { CollectionView, ProductView } from "#contract/shop.ts";
import { productBadge } from "../availability.ts";
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";
import { picture } from "../picture.ts";
import { productPrice } from "../price.ts";
import { productCards } from "../product-card.ts";

export type Hero =
  | { readonly kind: "product"; readonly product: ProductView; readonly title: string; readonly text: string }
  | {
      readonly kind: "campaign";
      readonly title: string;
      readonly text: string;
      readonly href: string;
      /** Words of the link: "See the sale". */
      readonly action: string;
    };

export type HomeProps = {
  readonly hero: Hero;
  /** Products at a reduced price; none leaves the shelf out. */
  readonly sale: readonly ProductView[];
  readonly collections: readonly { readonly collection: CollectionView; readonly products: readonly ProductView[] }[];
};

export function homePage(frame: Frame, props: HomeProps): Html {
  const perShelf = frame.pressure >= 2 ? 4 : 8;
  return layout(frame, {
    name: "home",
    title: frame.shopName,
    description: props.hero.text,
    canonical: "/",
    main: html`${hero(frame, props.hero)}
${
  props.sale.length > 0 &&
  html`<section class="shelf" aria-labelledby="sale"><h2 id="sale">On sale today</h2>${productCards(frame, props.sale.slice(0, 4), { heading: "h3" })}</section>`
}
${props.collections.map(
  ({ collection, products }) =>
    html`<section class="shelf" aria-labelledby="shelf-${collection.handle}"><h2 id="shelf-${collection.handle}">${collection.title}</h2>${
      collection.description !== "" && html`<p class="intro">${collection.description}</p>`
    }<a class="all" href="/collections/${collection.handle}">See all<span class="vh"> of ${collection.title}</span></a>${productCards(frame, products.slice(0, perShelf), { heading: "h3" })}</section>`,
)}
<section class="keeps" aria-labelledby="keeps"><h2 id="keeps">Our promise, on the busiest day too</h2><ol>
<li><span class="gauge full" aria-hidden="true"></span><h3>In stock means in stock</h3><p>Every item is counted, and sold once. When the last one is gone, the page says so within seconds.</p></li>
<li><span class="gauge half" aria-hidden="true"></span><h3>Held first, paid second</h3><p>Your order holds its items the moment we receive it. Only then do we ask your bank.</p></li>
<li><span class="gauge low" aria-hidden="true"></span><h3>Charged once, or not at all</h3><p>If your bank does not answer, we say so, keep your items, and find out. We never just try again.</p></li>
</ol><a class="all" href="/help#fair">How we keep the sale fair</a></section>`,
  });
}

function hero(frame: Frame, what: Hero): Html {
  if (what.kind === "campaign") {
    return html`<section class="hero"><div><h1>${what.title}</h1><p>${what.text}</p><a class="main" href="${what.href}">${what.action}</a></div><img src="${frame.assets.heroUrl}" alt="" width="1600" height="1200" fetchpriority="high"></section>`;
  }
  const { product } = what;
  const badge = productBadge(product);
  return html`<section class="hero"><div><h1>${what.title}</h1><p>${what.text}</p><p class="price">${productPrice(frame, product)}</p>${
    badge !== null && html`<p><span class="gauge ${badge.level}" aria-hidden="true"></span>${badge.text}</p>`
  }<a class="main" href="/products/${product.handle}">See ${product.title}</a></div>${picture(product.images[0] ?? null, "first", "")}</section>`;
}
