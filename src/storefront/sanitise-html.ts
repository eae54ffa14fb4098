/**
 * Makes a merchant's product description (Shopify's "Body (HTML)", pasted from anywhere) safe to stand in our pages.
 * It does not repair HTML, it writes new HTML: a small tokenizer reads, and only what the lists below name is written
 * out, with every attribute decoded, judged and escaped again. So nothing passes because we failed to recognise it.
 * Everything that opens is closed, in order, so a description cannot close the page's own elements.
 */
import { escapeHtml, type SanitisedHtml, safeAddress } from "./html.ts";

/** What an element is written as, and which attributes it keeps. Headings become h3: they stand below the page's own. */
const elements: Readonly<Record<string, { readonly as: string; readonly keep: readonly string[] }>> =
  Object.fromEntries([
    ..."p br hr strong em small sub sup s u ul ol li blockquote pre code dl dt dd table caption thead tbody tfoot tr"
      .split(" ")
      .map((name) => [name, { as: name, keep: [] }] as const),
    ...["h1", "h2", "h3", "h4", "h5", "h6"].map((name) => [name, { as: "h3", keep: [] }] as const),
    ["b", { as: "strong", keep: [] }],
    ["i", { as: "em", keep: [] }],
    ["strike", { as: "s", keep: [] }],
    ["del", { as: "s", keep: [] }],
    ["a", { as: "a", keep: ["href", "title"] }],
    ["img", { as: "img", keep: ["src", "alt", "width", "height"] }],
    ["th", { as: "th", keep: ["colspan", "rowspan", "scope"] }],
    ["td", { as: "td", keep: ["colspan", "rowspan"] }],
  ] as const);

/** Elements that are dropped with everything in them; other unknown elements lose only their tags. */
const dropped = new Set(
  (
    "script style template iframe object embed applet noscript noembed noframes xmp plaintext title textarea select " +
    "option button svg math canvas video audio frameset head"
  ).split(" "),
);
const voids = new Set(["br", "hr", "img"]);
/** Layout wrappers of other systems: they end a paragraph and are not written. */
const wrappers = new Set(
  "div section article main header footer aside nav figure figcaption center address form".split(" "),
);
const blocks = new Set("p hr ul ol blockquote pre dl table h3".split(" "));

/** Which open elements an element must stand in; without one it is dropped. */
const parents: Readonly<Record<string, readonly string[]>> = {
  li: ["ul", "ol"],
  dt: ["dl"],
  dd: ["dl"],
  caption: ["table"],
  thead: ["table"],
  tbody: ["table"],
  tfoot: ["table"],
  tr: ["table", "thead", "tbody", "tfoot"],
  td: ["tr"],
  th: ["tr"],
};
/** Elements where only such children may stand: text and others directly in them are dropped, as browsers would move them out. */
const tableShell = new Set(["table", "thead", "tbody", "tfoot", "tr"]);
const depthMax = 40;

const token =
  /<!--[\s\S]*?(?:-->|$)|<[!?][^>]*(?:>|$)|<\/([a-z][^\s/>]*)[^>]*(?:>|$)|<([a-z][^\s/>]*)((?:[^>"']|"[^"]*"|'[^']*')*)(?:>|$)/iy;
const attribute = /([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;

/** Longer descriptions are cut: an unclosed quote makes the reading quadratic. */
const lengthMax = 100_000;

export function sanitiseHtml(written: string): SanitisedHtml {
  const source = written.slice(0, lengthMax);
  const open: string[] = [];
  let out = "";

  const closeTo = (depth: number) => {
    while (open.length > depth) out += `</${open.pop()}>`;
  };
  /** Closes the innermost of the named elements, if it is open and no `until` stands between. */
  const closeNearest = (names: readonly string[], until: readonly string[]) => {
    for (let depth = open.length - 1; depth >= 0; depth -= 1) {
      const name = open[depth] as string;
      if (names.includes(name)) return closeTo(depth);
      if (until.includes(name)) return;
    }
  };
  const innermost = () => open[open.length - 1] ?? "";
  const writeText = (text: string) => {
    if (!tableShell.has(innermost())) out += cleanText(text);
  };

  let at = 0;
  while (at < source.length) {
    const less = source.indexOf("<", at);
    if (less === -1) {
      writeText(source.slice(at));
      break;
    }
    if (less > at) writeText(source.slice(at, less));
    token.lastIndex = less;
    const match = token.exec(source);
    if (match === null) {
      writeText("<");
      at = less + 1;
      continue;
    }
    at = token.lastIndex;
    const ending = match[1]?.toLowerCase();
    const starting = match[2]?.toLowerCase();

    if (ending !== undefined) {
      if (wrappers.has(ending)) closeNearest(["p", "h3"], ["li", "td", "th", "dd", "blockquote"]);
      const element = Object.hasOwn(elements, ending) ? elements[ending] : undefined;
      // A cell's content cannot close what stands around its table.
      if (element !== undefined) closeNearest([element.as], tableShell.has(element.as) ? [] : ["td", "th", "caption"]);
      if (element !== undefined && (element.as === "td" || element.as === "th" || element.as === "caption"))
        closeNearest([element.as], ["table"]);
    } else if (starting !== undefined) {
      if (dropped.has(starting)) {
        at = endOfDropped(source, starting, at);
        continue;
      }
      if (wrappers.has(starting)) closeNearest(["p", "h3"], ["li", "td", "th", "dd", "blockquote"]);
      const element = Object.hasOwn(elements, starting) ? elements[starting] : undefined;
      if (element === undefined) continue;
      const name = element.as;
      // What the HTML parser would close by itself is closed here, so that what is written is what is read.
      if (blocks.has(name) || name === "li" || name === "dt" || name === "dd")
        closeNearest(["p", "h3"], ["li", "td", "th", "dd", "dt", "blockquote", "caption"]);
      if (name === "a") closeNearest(["a"], []);
      if (name === "li") closeNearest(["li"], ["ul", "ol"]);
      if (name === "dt" || name === "dd") closeNearest(["dt", "dd"], ["dl"]);
      if (name === "td" || name === "th") closeNearest(["td", "th"], ["tr", "table"]);
      if (name === "tr") closeNearest(["tr", "caption"], ["table"]);
      if (name === "thead" || name === "tbody" || name === "tfoot")
        closeNearest(["thead", "tbody", "tfoot", "caption"], ["table"]);
      const needs = parents[name];
      if (needs === undefined ? tableShell.has(innermost()) : !needs.includes(innermost())) continue;
      if (open.length >= depthMax) continue;
      const attributes = writeAttributes(name, match[3] ?? "", element.keep);
      if (attributes === null) continue;
      out += `<${name}${attributes}>`;
      if (!voids.has(name)) open.push(name);
    }
  }
  closeTo(0);
  return out.trim() as SanitisedHtml;
}

/** Where the text after a dropped element goes on: after its end tag, or at the end when it never ends. */
function endOfDropped(source: string, name: string, from: number): number {
  const end = new RegExp(`</${name}(?=[\\s/>])[^>]*>`, "gi");
  end.lastIndex = from;
  return end.exec(source) === null ? source.length : end.lastIndex;
}

/** The attributes to write, each with a space before it; null when the element is nothing without one that is missing. */
function writeAttributes(name: string, written: string, keep: readonly string[]): string | null {
  const found = new Map<string, string>();
  for (const match of keep.length === 0 ? [] : written.matchAll(attribute)) {
    const key = (match[1] as string).toLowerCase();
    if (keep.includes(key) && !found.has(key)) found.set(key, decode(match[2] ?? match[3] ?? match[4] ?? "").trim());
  }
  let out = "";
  for (const [key, value] of found) {
    if (key === "href" || key === "src") {
      if (value === "" || safeAddress(value) !== value || (key === "src" && !/^(https:)?\//i.test(value))) continue;
    } else if (/^(width|height|colspan|rowspan)$/.test(key)) {
      if (!/^[1-9]\d{0,3}$/.test(value)) continue;
    } else if (key === "scope" && !/^(row|col|rowgroup|colgroup)$/.test(value)) continue;
    out += ` ${key}="${escapeHtml(value)}"`;
  }
  if (name === "a") return out.includes(" href=") ? `${out} rel="nofollow noopener"` : null;
  if (name === "img")
    return found.has("src") && out.includes(" src=")
      ? `${found.has("alt") ? "" : ' alt=""'}${out} loading="lazy"`
      : null;
  return out;
}

/** Keeps well-formed references, escapes all else, and drops characters that no HTML text may hold. */
function cleanText(text: string): string {
  return text
    .replace(unprintable, "")
    .replace(/&(?!(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});)/gi, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;");
}

/** Control characters, but for tab and line ends. */
const unprintable = /[\p{Cc}--[\t\n\r]]/gv;

const named: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  colon: ":",
  sol: "/",
  tab: "\t",
  newline: "\n",
  num: "#",
  quest: "?",
  equals: "=",
  period: ".",
  comma: ",",
  lpar: "(",
  rpar: ")",
};

/** Reads character references. One that is not known stays as text: it is escaped on the way out, so no browser reads it either. */
function decode(value: string): string {
  return value
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));?/gi, (whole, decimal, hex, name) => {
      if (name !== undefined) return named[(name as string).toLowerCase()] ?? whole;
      const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
      return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : "\ufffd";
    })
    .replace(unprintable, "");
}
