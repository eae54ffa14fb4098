/**
 * The document around every page, and the two texts in it that a content security policy must know by their hashes.
 * Everything here is the same for all shoppers; the cart's count is filled in by script from a cookie.
 */
import type { Frame } from "./frame.ts";
import { constantElement, type Html, html } from "./html.ts";
import { minifyStyle } from "./minify-style.ts";
import styles from "./styles.css" with { type: "text" };

/** The sheet as it stands in `<style>`: hash it for `style-src`. */
export const inlineStyle: string = minifyStyle(styles);

/**
 * What browsers may fetch when a link is hovered: pages that are the same for everybody. It stands in the page only at
 * pressure 0, and the script takes it out when pressure rises later. Hash it for `script-src`.
 */
export const inlineSpeculationRules: string = JSON.stringify({
  prefetch: [
    { where: { href_matches: ["/products/*", "/collections/*", "/help", "/returns"] }, eagerness: "moderate" },
  ],
});

const styleElement = constantElement("style", "", inlineStyle);
const speculationElement = constantElement("script", 'type="speculationrules"', inlineSpeculationRules);

export type Page = {
  /** Without the shop's name. */
  readonly title: string;
  readonly description?: string;
  /** Path for search engines; null keeps the page out of them (carts, orders, errors). */
  readonly canonical: string | null;
  /** More for the head: data blocks, a refresh for people without script. */
  readonly head?: Html | null;
  /** Named so that the sheet can give a page its own shape. */
  readonly name: string;
  readonly main: Html;
  /** The picture for people who pass the link on. */
  readonly image?: string | null;
  /** Checkout shows fewer ways out. */
  readonly quiet?: boolean;
};

const navigationMax = 5;

export function layout(frame: Frame, page: Page): Html {
  const title = page.title === frame.shopName ? page.title : `${page.title} – ${frame.shopName}`;
  return html`<!doctype html>
<html lang="${language(frame.locale)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<title>${title}</title>
${page.description !== undefined && html`<meta name="description" content="${page.description}">`}
${
  page.canonical === null
    ? html`<meta name="robots" content="noindex"><meta name="referrer" content="same-origin">`
    : html`<link rel="canonical" href="${frame.origin + page.canonical}">
<meta property="og:title" content="${page.title}">
<meta property="og:site_name" content="${frame.shopName}">
${page.image != null && html`<meta property="og:image" content="${new URL(page.image, frame.origin).href}">`}`
}
<meta name="theme-color" content="#f8f8f5" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0e1413" media="(prefers-color-scheme: dark)">
<link rel="icon" href="${frame.assets.faviconUrl}">
${frame.assets.cssUrl === null ? styleElement : html`<link rel="stylesheet" href="${frame.assets.cssUrl}">`}
<script type="module" src="${frame.assets.scriptUrl}"></script>
${frame.pressure === 0 && speculationElement}
${page.head}
</head>
<body class="${page.name}" data-pressure="${frame.pressure}">
<a class="skip" href="#main">Skip to content</a>
${frame.pressure >= 2 && crowdedNote}
<header class="top">
<a class="brand" href="/" aria-current=${frame.path === "/" && "page"}><img src="${frame.assets.logoUrl}" alt="" width="32" height="32"> ${frame.shopName}</a>
${page.quiet !== true && navigation(frame)}
<a class="bag" href="/cart" aria-current=${frame.path === "/cart" && "page"}>Cart<span class="count" data-cart-count></span></a>
</header>
<main id="main" tabindex="-1">${page.main}</main>
${footer(frame)}
</body>
</html>
`;
}

const crowdedNote = html`<aside class="crowded" aria-label="Notice">It is busy right now, so pages are lighter than usual. Orders go through as always.</aside>`;

function navigation(frame: Frame): Html {
  return html`<nav aria-label="Collections"><ul>${frame.collections
    .slice(0, navigationMax)
    .map(
      (collection) =>
        html`<li><a href="/collections/${collection.handle}" aria-current=${
          frame.path.split("?")[0] === `/collections/${encodeURIComponent(collection.handle)}` && "page"
        }>${collection.title}</a></li>`,
    )}</ul></nav>
<form class="seek" action="/search" role="search"><input type="search" name="q" aria-label="Search the shop" placeholder="Search" required maxlength="100" enterkeyhint="search"><button aria-label="Search">${searchSign}</button></form>`;
}

const searchSign = html`<svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5"><circle cx="8.5" cy="8.5" r="5.5"/><path d="m13 13 4.5 4.5"/></svg>`;

/** The ways to help stand in the same place and order on every page (WCAG 3.2.6). */
function footer(frame: Frame): Html {
  return html`<footer class="foot">
<p class="promise">What we show in stock is there. We hold it before we charge, and we charge once.</p>
<nav aria-label="Shop"><h2>Shop</h2><ul>${frame.collections.map(
    (collection) => html`<li><a href="/collections/${collection.handle}">${collection.title}</a></li>`,
  )}</ul></nav>
<nav aria-label="Help"><h2>Help</h2><ul><li><a href="/help">Help and contact</a></li><li><a href="/orders/lookup">Find your order</a></li><li><a href="/returns">Returns and refunds</a></li><li><a href="/help#fair">How we keep the sale fair</a></li></ul></nav>
<p class="imprint">${frame.shopName}</p>
</footer>`;
}

/** The words are English so far; `lang` must say so even when numbers follow another locale. */
function language(locale: string): string {
  return /^en\b/i.test(locale) ? locale : "en";
}
