/** The document around the operations port's pages. It needs no script, so it works while all else is on fire. */
import { constantElement, type Html, html } from "#storefront/html.ts";
import styles from "./styles.css" with { type: "text" };

/** The sheet as it stands in `<style>`: hash it for `style-src`. */
export const inlineConsoleStyle: string = styles;

const styleElement = constantElement("style", "", inlineConsoleStyle);

type ConsoleLink = { readonly href: string; readonly text: string };

export type ConsolePage = {
  readonly shopName: string;
  readonly title: string;
  /** Where the bar leads; the link of this page is marked. */
  readonly links: readonly ConsoleLink[];
  readonly path: string;
  readonly main: Html;
};

export function consoleLayout(page: ConsolePage): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${page.title} – ${page.shopName}, operations</title>
${styleElement}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top"><b>${page.shopName}, operations</b>${page.links.map(
    (link) => html`<a href="${link.href}" aria-current=${link.href === page.path && "page"}>${link.text}</a>`,
  )}</header>
<main id="main" tabindex="-1">${page.main}</main>
</body>
</html>
`;
}

/** "09:47:31 UTC", or with the day before it when `day` is set. Operators compare times: one zone for all. */
export function stamp(locale: string, iso: string, withDay = false): Html {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return html`${iso}`;
  const text = new Intl.DateTimeFormat(locale, {
    timeZone: "UTC",
    ...(withDay ? { day: "numeric", month: "short" } : {}),
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).format(at);
  return html`<time datetime="${iso}">${text}</time>`;
}
