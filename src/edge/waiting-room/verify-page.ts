/**
 * The page at /.spillway/verify that checks a receipt in the visitor's own browser: nothing is sent anywhere. It is the same for everybody
 * and asks for two files only, its script and the shop's published keys.
 */

/** Its Content-Security-Policy. */
export const verifyPolicy =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const style = `
:root{color-scheme:light dark;--paper:#f8f8f5;--raised:#fff;--ink:#14211f;--soft:#55635f;--line:#dadcd6;--edge:#7c8984;--deep:#0d3d3c;--on:#fff;--water:#0b6b66;--sale:#a9321b;--warn:#875400}
@media(prefers-color-scheme:dark){:root{--paper:#0e1413;--raised:#151c1b;--ink:#e6ece9;--soft:#9dada8;--line:#2a3432;--edge:#70817c;--deep:#a9e2d6;--on:#08211f;--water:#7fd4c6;--sale:#ff9d84;--warn:#f0c26b}}
*{box-sizing:border-box;margin:0;padding:0}
html{background:var(--paper);color:var(--ink);font:1.0625rem/1.55 -apple-system,"Segoe UI","Helvetica Neue","Liberation Sans",Arial,system-ui,sans-serif;-webkit-text-size-adjust:100%;text-size-adjust:100%}
header{padding:1.25rem max(1.25rem,50% - 21.75rem);border-bottom:1px solid var(--line);font:1.2rem/1.3 ui-serif,"New York","Iowan Old Style","Palatino Linotype",Georgia,serif}
main{max-width:46rem;margin-inline:auto;padding:3rem 1.25rem 5rem}
h1,h2{font:400 clamp(2.1rem,1.5rem + 3vw,3.2rem)/1.08 ui-serif,"New York","Iowan Old Style","Palatino Linotype",Georgia,serif;letter-spacing:-.022em;text-wrap:balance}
h2{font-size:1.7rem;line-height:1.2;letter-spacing:-.012em}
h2:focus{outline:0}
p{text-wrap:pretty}
.lead{margin-top:1rem;font-size:1.2rem;line-height:1.45}
form{display:none;margin-top:2rem}
.ready form{display:block}
label{display:block;font-weight:600}
textarea{display:block;width:100%;min-height:9.5rem;margin-top:.5rem;padding:.75rem .9rem;border:1px solid var(--edge);border-radius:2px;background:var(--raised);color:inherit;font:.875rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;resize:vertical;overflow-wrap:anywhere}
.row{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;margin-top:1rem}
button,.file{min-height:2.9rem;padding:.65rem 1.5rem;border:1px solid var(--deep);border-radius:2px;background:var(--deep);color:var(--on);font:inherit;font-weight:500;cursor:pointer}
.file{background:none;color:var(--ink);border-color:var(--edge)}
button:hover,.file:hover{text-decoration:underline;text-underline-offset:.22em}
.file input{position:absolute;width:1px;height:1px;opacity:0}
:focus-visible,.file:has(:focus-visible){outline:2px solid var(--water);outline-offset:3px}
#result{margin-top:3rem;padding-top:2rem;border-top:1px solid var(--line)}
#lead{margin-top:.4rem;color:var(--soft)}
ul{list-style:"";margin-top:1.25rem}
#checks li{position:relative;padding:.85rem 0 .85rem 2.4rem;border-top:1px solid var(--line)}
#checks b{display:block;font-weight:600}
#checks li::before{content:"";position:absolute;left:0;top:1.15rem;width:1.25rem;height:1.25rem;border:2px solid var(--water);border-radius:50%;background:var(--water)}
#checks .open::before{background:linear-gradient(transparent 50%,var(--warn) 50%);border-color:var(--warn)}
#checks .broken::before{background:none;border-color:var(--sale)}
#checks .holds b{color:var(--water)}
#checks .open b{color:var(--warn)}
#checks .broken b{color:var(--sale)}
.more{margin-top:3rem;padding-top:2rem;border-top:1px solid var(--line)}
.more h2{font-size:1.35rem}
.more li{margin-top:.6rem;color:var(--soft);text-wrap:pretty}
code{font:.92em ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
@media(forced-colors:active){#checks li::before{forced-color-adjust:none}button,.file{border:1px solid}}
@media(min-width:60rem){main{padding-block:4rem 7rem}}
`.replace(/\n/g, "");

export const verifyPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<meta name="theme-color" content="#f8f8f5" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0e1413" media="(prefers-color-scheme: dark)">
<title>Check a receipt of the waiting room</title>
<link rel="icon" href="data:,">
<style>${style}</style>
<script src="/.spillway/verify.js" defer></script>
</head>
<body>
<header><p>Waiting room</p></header>
<main>
<h1>Check your receipt</h1>
<p class="lead">A receipt shows that your place was not chosen by anybody. It is checked here, in your browser, and sent nowhere.</p>
<noscript><p class="lead">Checking needs JavaScript. Without it, <code>bin/spillway verify-draw receipt.json</code> does the same.</p></noscript>
<form id="form">
<label for="receipt">Your receipt</label>
<textarea id="receipt" spellcheck="false" autocomplete="off" autocapitalize="off" aria-describedby="hint" required></textarea>
<p id="hint" class="row">Paste it, or drop the file anywhere on this page.</p>
<div class="row"><button>Check it</button><label class="file">Open a file …<input id="file" type="file" accept=".json,application/json,text/plain"></label></div>
</form>
<section id="result" aria-labelledby="verdict" hidden><h2 id="verdict" tabindex="-1"></h2><p id="lead"></p><ul id="checks"></ul></section>
<section class="more"><h2>What it shows</h2><ul>
<li>That your join stands in the log, at your number, and that the log only grew.</li>
<li>That the seed of the draw was fixed before anybody could come, and that seed and entrants together gave you your rank.</li>
</ul></section>
<section class="more"><h2>What it cannot show</h2><ul>
<li>That every ticket is another person, or that the shop did not join itself.</li>
<li>That the shop, which knows the seed, did not choose the very last joins to suit itself. A document that you kept from before says how many there were.</li>
</ul></section>
</main>
</body>
</html>
`;
