/**
 * Pages of the waiting room's own: for when the page that somebody came for cannot be shown with the line in it, and for what follows a form
 * that was sent without script. They need nothing from the origin; style and script are files of the edge.
 */
import { escapeHtml } from "./panel.ts";
import { headTags } from "./public-pages.ts";

export const contentPolicy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export function standalonePage(options: {
  readonly title: string;
  /** Of the shop: its host where nothing else is known. */
  readonly site: string;
  /** HTML. */
  readonly main: string;
}): string {
  const { title, site, main } = options;
  return `<!doctype html>
<html lang="en" class="spw-own">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<meta name="referrer" content="same-origin">
<meta name="theme-color" content="#f8f8f5" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0e1413" media="(prefers-color-scheme: dark)">
<title>${escapeHtml(title)} – ${escapeHtml(site)}</title>
<link rel="icon" href="data:,">
${headTags}
</head>
<body>
<header><p>${escapeHtml(site)}</p></header>
<main>${main}</main>
</body>
</html>
`;
}

/** What follows a form: one heading, a few words, and the way back. */
export function wordsPage(options: {
  readonly title: string;
  readonly site: string;
  /** Sentences, as text. */
  readonly words: readonly string[];
  /** HTML between the words and the way back. */
  readonly more?: string;
  readonly back: { readonly text: string; readonly href: string };
}): string {
  const { title, site, words, more = "", back } = options;
  return standalonePage({
    title,
    site,
    main: `<div id="spillway-room" class="spw-said"><h1 class="spw-title">${escapeHtml(title)}</h1>${words.map((text) => `<p>${escapeHtml(text)}</p>`).join("")}${more}<p><a class="spw-main" href="${escapeHtml(back.href)}">${escapeHtml(back.text)}</a></p></div>`,
  });
}
