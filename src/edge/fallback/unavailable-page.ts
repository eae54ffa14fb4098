/**
 * The page for when the shop behind the edge does not answer. It needs no file, no script and no origin, and says only
 * what is certain: what is known to have been ordered stays ordered, and what cannot be known is said to be unknown.
 */

/**
 * read: somebody looked at a page. unsent: a form that never reached the shop. unknown: a form whose connection broke
 * after it was sent. crowded: the edge itself turned the request away.
 */
export type Occasion = "read" | "unsent" | "unknown" | "crowded";

type Words = {
  readonly title: string;
  readonly lead: string;
  readonly facts: readonly string[];
  /** For programs: the same in one or two sentences. */
  readonly detail: string;
};

const safe = "If you were given an order number, that order is safe.";

export const wordsFor: Readonly<Record<Occasion, Words>> = {
  read: {
    title: "We will be right back",
    lead: "The shop is not answering at this moment. It is not your doing.",
    facts: [
      "This page tries again by itself. You need not reload it.",
      safe,
      "Your cart is kept by the shop; this page changes nothing in it.",
    ],
    detail: "The origin does not answer. Try again after the time in Retry-After.",
  },
  unsent: {
    title: "That did not go through",
    lead: "The shop is not answering at this moment, so what you sent did not reach it.",
    facts: [
      "Nothing was ordered and nothing was charged by it.",
      "Go back, wait a moment, and send it once more. Most browsers keep what you typed.",
      safe,
    ],
    detail:
      "The origin does not answer and was not sent the request: nothing was done. Send it again after Retry-After.",
  },
  unknown: {
    title: "We lost the connection",
    lead: "The shop stopped answering after you sent this, so we cannot tell whether it arrived.",
    facts: [
      "If you were ordering: it is an order only if you were shown a number, or get one by e-mail.",
      "Look for that e-mail before you send it again.",
      safe,
    ],
    detail:
      "The connection to the origin broke after the request was sent: it may or may not have been done. Ask before sending it again, or send it with the same Idempotency-Key.",
  },
  crowded: {
    title: "One moment, please",
    lead: "More people are here than we can serve at this second.",
    facts: ["This page tries again by itself. You need not reload it.", safe],
    detail: "Too many requests are under way. Try again after the time in Retry-After.",
  },
};

/** As the form page of a crowded shop: nothing was passed on, and it does not try again by itself. */
const crowdedForm: Words = {
  title: "One moment, please",
  lead: "More people are here than we can serve at this second, so what you sent was not passed on.",
  facts: wordsFor.unsent.facts,
  detail: wordsFor.crowded.detail,
};

export function unavailablePage(occasion: Occasion, form: boolean, siteName: string): string {
  const words = form && occasion === "crowded" ? crowdedForm : wordsFor[occasion];
  const name = escapeHtml(siteName);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<meta name="theme-color" content="#f8f8f5" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0e1413" media="(prefers-color-scheme: dark)">
<title>${words.title} – ${name}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header><p>${name}</p></header>
<main>
${gauge}
<h1>${words.title}</h1>
<p class="lead">${words.lead}</p>
<ul>${words.facts.map((fact) => `<li>${fact}</li>`).join("")}</ul>
<p>${form ? `<a href="/">To the front page</a>` : `<a href="">Try again now</a>`}</p>
</main>
</body>
</html>
`;
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** A basin that fills: water held back for the moment. It rests after five seconds (WCAG 2.2.2), or at once if asked. */
const gauge = `<svg viewBox="3 3 90 90" width="90" height="90" aria-hidden="true"><defs><clipPath id="c"><circle cx="48" cy="48" r="42"/></clipPath></defs><g clip-path="url(#c)"><g class="water"><path class="back" d="M-96 44q24-9 48 0t48 0 48 0 48 0 48 0v80h-240z"/><path class="front" d="M-96 48q24 9 48 0t48 0 48 0 48 0 48 0v80h-240z"/></g></g><circle class="rim" cx="48" cy="48" r="44"/></svg>`;

const style = `
:root{color-scheme:light dark;--paper:#f8f8f5;--ink:#14211f;--soft:#55635f;--line:#dadcd6;--deep:#0d3d3c;--on:#fff;--water:#0b6b66}
@media(prefers-color-scheme:dark){:root{--paper:#0e1413;--ink:#e6ece9;--soft:#9dada8;--line:#2a3432;--deep:#a9e2d6;--on:#08211f;--water:#7fd4c6}}
*{box-sizing:border-box;margin:0;padding:0}
html{background:var(--paper);color:var(--ink);font:1.0625rem/1.55 -apple-system,"Segoe UI","Helvetica Neue","Liberation Sans",Arial,system-ui,sans-serif;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{display:flex;flex-direction:column;min-height:100vh;min-height:100svh}
header{padding:1.25rem max(1.25rem,50% - 18.75rem);border-bottom:1px solid var(--line);font:1.2rem/1.3 ui-serif,"New York","Iowan Old Style","Palatino Linotype",Georgia,serif;overflow-wrap:anywhere}
main{flex:1;display:flex;flex-direction:column;justify-content:center;width:100%;max-width:40rem;margin-inline:auto;padding:3rem 1.25rem 5rem}
svg{display:block;margin-bottom:2rem}
h1{font:400 clamp(2.1rem,1.5rem + 3vw,3.4rem)/1.08 ui-serif,"New York","Iowan Old Style","Palatino Linotype",Georgia,serif;letter-spacing:-.022em;text-wrap:balance}
.lead{margin-top:1rem;font-size:1.25rem;line-height:1.45;text-wrap:pretty}
ul{list-style:"";margin-top:2rem;border-top:1px solid var(--line)}
li{padding-block:.8rem;border-bottom:1px solid var(--line);color:var(--soft);text-wrap:pretty}
a{display:inline-block;margin-top:2rem;padding:.7rem 1.5rem;border-radius:2px;background:var(--deep);color:var(--on);font-weight:500;text-decoration:none}
a:hover{text-decoration:underline;text-underline-offset:.22em}
:focus-visible{outline:2px solid var(--water);outline-offset:3px}
.rim{fill:none;stroke:var(--deep);stroke-width:2}
.front{fill:var(--deep)}
.back{fill:var(--water);opacity:.45}
@media(prefers-reduced-motion:no-preference){.water{animation:rise 4.8s ease-out both}.front{animation:drift 4.8s ease-out}.back{animation:drift 4.8s ease-out reverse}}
@keyframes rise{from{transform:translateY(24px)}}
@keyframes drift{to{transform:translateX(96px)}}
@media(forced-colors:active){a{border:1px solid}.rim{stroke:CanvasText}.front,.back{fill:CanvasText}}
@media(min-width:60rem){main{padding-block:4rem 8rem}}
`.replace(/\n/g, "");
