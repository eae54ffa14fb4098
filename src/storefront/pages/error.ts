/**
 * When we fail. It must work when nothing else does: with no frame it needs no file, no database and no shop facts, and
 * it tells only what is certain about orders and money.
 */
import type { Frame } from "../frame.ts";
import { constantElement, type Html, html } from "../html.ts";
import { inlineStyle, layout } from "../layout.ts";
import { plural } from "../words.ts";

export type ErrorProps = {
  /** 503: too many at this second, or the database is away. 500: a mistake of ours. */
  readonly status: 500 | 503;
  /** As in the Retry-After header. */
  readonly retryAfterSeconds: number | null;
  /** What support can look the failure up by. */
  readonly reference: string | null;
  /** True when the request was one that could have placed an order or moved money. */
  readonly ordering?: boolean;
};

export function errorPage(frame: Frame | null, props: ErrorProps): Html {
  const title = props.status === 503 ? "One moment, please" : "Something broke on our side";
  const main = html`<section class="blank">${
    frame !== null && html`<img src="${frame.assets.errorUrl}" alt="" width="480" height="360">`
  }<h1>${title}</h1>
<p class="lead">${
    props.status === 503
      ? "More people are here than we can serve at this second."
      : "It is not your doing, and we have been told about it."
  }</p>
<p>${
    props.ordering === true
      ? "If you were placing an order: go back and send the same page again. It cannot become two orders, and you cannot be charged twice."
      : "Your cart and your orders are safe."
  }</p>
<p class="held">${
    props.retryAfterSeconds === null
      ? "Please try again in a little while."
      : `Please try again in ${props.retryAfterSeconds < 90 ? plural(Math.max(1, props.retryAfterSeconds), "second", "seconds") : plural(Math.ceil(props.retryAfterSeconds / 60), "minute", "minutes")}.`
  }</p>
${props.reference !== null && html`<p class="soft">Reference <code>${props.reference}</code></p>`}
</section>`;
  if (frame !== null) return layout(frame, { name: "lost", title, canonical: null, main });
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<meta name="robots" content="noindex">
${styleElement}
</head>
<body class="lost">
<main id="main" tabindex="-1">${main}</main>
</body>
</html>
`;
}

const styleElement = constantElement("style", "", inlineStyle);
