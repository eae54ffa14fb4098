/** Nothing is at this address: say so plainly and offer the ways on. */
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";

export function notFoundPage(frame: Frame): Html {
  return layout(frame, {
    name: "lost",
    title: "Page not found",
    canonical: null,
    main: html`<section class="blank"><img src="${frame.assets.notFoundUrl}" alt="" width="480" height="360"><h1>There is nothing here</h1><p>The address may be mistyped, or what was here is gone.</p>
<form class="seek wide" action="/search" role="search" aria-label="Search instead"><label class="vh" for="query">What are you looking for?</label><input id="query" type="search" name="q" placeholder="Search instead" required maxlength="100" enterkeyhint="search"><button class="main">Search</button></form>
<ul class="tags">${frame.collections
      .slice(0, 6)
      .map(
        (collection) => html`<li><a href="/collections/${collection.handle}">${collection.title}</a></li>`,
      )}</ul></section>`,
  });
}
