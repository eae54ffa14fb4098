/** Search: the form, what was found, and a way on when nothing was. */
import type { ProductView } from "#contract/shop.ts";
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";
import { productCards } from "../product-card.ts";

export type SearchProps = {
  /** As typed; "" shows the form alone. */
  readonly query: string;
  readonly products: readonly ProductView[];
  /** Address of the next page of results, or null. */
  readonly next: string | null;
  /** Another spelling that would find something, or null. */
  readonly suggestion: string | null;
};

export function searchPage(frame: Frame, props: SearchProps): Html {
  const { query, products, suggestion } = props;
  return layout(frame, {
    name: "listing",
    title: query === "" ? "Search" : `Search: ${query}`,
    canonical: null,
    main: html`<header class="opening"><h1>${query === "" ? "Search" : html`Results for <q>${query}</q>`}</h1>
<form class="seek wide" action="/search" role="search" aria-label="Search again"><label class="vh" for="query">What are you looking for?</label><input id="query" type="search" name="q" value="${query}" required maxlength="100" enterkeyhint="search" autofocus=${query === ""}><button class="main">Search</button></form>
${
  query !== "" &&
  html`<p role="status">${
    products.length === 0
      ? "Nothing found."
      : props.next === null
        ? `${products.length} results`
        : `The best ${products.length} results`
  }${suggestion !== null && html` Did you mean <a href="/search?q=${suggestion}">${suggestion}</a>?`}</p>`
}</header>
${
  products.length === 0
    ? html`<section class="nothing" aria-labelledby="instead"><h2 id="instead">${query === "" ? "Or browse" : "Browse instead"}</h2><ul class="tags">${frame.collections.map(
        (collection) => html`<li><a href="/collections/${collection.handle}">${collection.title}</a></li>`,
      )}</ul></section>`
    : productCards(frame, products, { heading: "h2", eager: 4 })
}
${props.next !== null && html`<nav class="pages" aria-label="Pages"><ul><li><a href="${props.next}" rel="next">More results</a></li></ul></nav>`}`,
  });
}
