/**
 * One cell of a product CSV to one value, or to a sentence that tells the merchant what to write instead; and back.
 * Nothing here knows of rows or products.
 */
import { minorDigits, parseMinor } from "#kernel/money.ts";
import { fail, ok, type Result } from "#kernel/result.ts";

/** A value, or what is wrong with the cell. */
export type Cell<Value> = Result<Value, string>;

/** Bounds of what a product may hold. `sku` is the contract's; the integers are Postgres's. */
export const limits = {
  handle: 255,
  text: 255,
  sku: 64,
  alt: 512,
  seoDescription: 1_000,
  descriptionHtml: 100_000,
  src: 2_048,
  tags: 250,
  variants: 2_048,
  images: 250,
  components: 50,
  integer: 1_000_000_000,
  /** Minor units. Far above any price, far below where a sum of lines would lose units. */
  price: 100_000_000_000,
} as const;

/** A cell as it should be quoted in a sentence: whole when short. */
export const shown = (text: string): string => `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;

const handlePattern = /^[a-z0-9_]+(?:-+[a-z0-9_]+)*-*$/;

/** A handle stands in addresses: letters a to z, digits, dashes and underscores. Capitals become small letters. */
export function readHandle(text: string): Cell<string> {
  const handle = text.toLowerCase();
  if (handle.length > limits.handle) return fail(tooLong(handle, limits.handle));
  if (handlePattern.test(handle)) return ok(handle);
  const proposal = slug(text);
  return fail(
    `${shown(text)} cannot stand in an address: use the letters a to z, digits and dashes${
      proposal === "" ? "" : `, for example ${shown(proposal)}`
    }`,
  );
}

/** Small letters and digits with single dashes between; accents fall off, everything else becomes a dash. */
export function slug(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

const control = /\p{Cc}/u;
const controlOtherThanBreak = /(?![\t\n\r])\p{Cc}/u;

/** Text on one line: a title goes into the subject of an e-mail, a SKU onto a label. */
export function readLine(text: string, lengthMax: number): Cell<string> {
  if (text.length > lengthMax) return fail(tooLong(text, lengthMax));
  if (control.test(text)) return fail("has a line break or another control character");
  return ok(text);
}

/** Text that may run over several lines. */
export function readText(text: string, lengthMax: number): Cell<string> {
  if (text.length > lengthMax) return fail(tooLong(text, lengthMax));
  if (controlOtherThanBreak.test(text)) return fail("has a control character that cannot be stored");
  return ok(text);
}

const tooLong = (text: string, lengthMax: number) =>
  `is ${text.length} characters long, ${lengthMax} at most are possible`;

/** Money in minor units. */
export function readMoney(text: string, currency: string): Cell<number> {
  const amount = parseMinor(text, currency);
  if (amount !== undefined && amount <= limits.price) return ok(amount);
  if (/^-\s*[\d.,]/.test(text)) return fail(`${shown(text)} is negative`);
  if (amount !== undefined || /^\d{13,}/.test(text)) return fail(`${shown(text)} is more than can be charged`);
  const digits = minorDigits(currency);
  if (/^\d+\.\d+$/.test(text)) return fail(`${shown(text)} has more decimals than ${currency} has (${digits})`);
  return fail(`${shown(text)} is not a price: write it like ${digits === 0 ? "1299" : `1299.${"9".repeat(digits)}`}`);
}

/** A whole number within bounds. */
export function readWhole(text: string, min: number, max: number = limits.integer): Cell<number> {
  const value = /^[+-]?\d{1,15}(?:\.0+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) return fail(`${shown(text)} is not a whole number`);
  if (value < min) return fail(min === 0 ? `${shown(text)} is negative` : `${shown(text)} is less than ${min}`);
  if (value > max) return fail(`${shown(text)} is more than ${max}`);
  // A minus zero would compare unequal to zero.
  return ok(value + 0);
}

/** Grams; Shopify's newer files have fractions of one, which nothing is priced by. */
export function readGrams(text: string): Cell<number> {
  if (!/^\d{1,12}(?:\.\d+)?$/.test(text)) return fail(`${shown(text)} is not a weight in grams`);
  const grams = Math.round(Number(text));
  return grams > limits.integer ? fail(`${shown(text)} is more than ${limits.integer} grams`) : ok(grams);
}

export function readBoolean(text: string): Cell<boolean> {
  const word = text.toLowerCase();
  if (word === "true") return ok(true);
  if (word === "false") return ok(false);
  return fail(`${shown(text)} is neither TRUE nor FALSE`);
}

/** Whether a variant sells on when its stock is gone. The newer files have TRUE and FALSE here as well. */
export function readPolicy(text: string): Cell<"deny" | "continue"> {
  const word = text.toLowerCase();
  if (word === "deny" || word === "false") return ok("deny");
  if (word === "continue" || word === "true") return ok("continue");
  return fail(`${shown(text)} is an unknown policy: write deny or continue`);
}

export function readStatus(text: string): Cell<"visible" | "hidden"> {
  const word = text.toLowerCase();
  if (word === "active" || word === "unlisted") return ok("visible");
  if (word === "draft" || word === "archived") return ok("hidden");
  return fail(`${shown(text)} is an unknown status: write active, draft or archived`);
}

/** A calendar date, "2027-01-15". */
export function readDate(text: string): Cell<string> {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  const isReal = !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
  return isReal ? ok(text) : fail(`${shown(text)} is not a date: write it like 2027-01-15`);
}

/** A moment with its zone, "2027-01-15T10:00:00Z", in ms since the epoch. */
export function readMoment(text: string): Cell<number> {
  const pattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
  const at = pattern.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? fail(`${shown(text)} is not a moment: write it like 2027-01-15T10:00:00Z`) : ok(at);
}

/** A picture's address: https, or a path of this shop. */
export function readSrc(text: string): Cell<string> {
  if (text.length > limits.src) return fail(tooLong(text, limits.src));
  if (/\s/.test(text)) return fail(`${shown(text)} has a space: write it as %20`);
  if (/^\/[^/\\]/.test(text)) return ok(text);
  if (/^https:\/\//i.test(text) && URL.canParse(text)) return ok(text);
  return fail(`${shown(text)} is not an https address`);
}

export function readTags(text: string): Cell<string[]> {
  const tags = [...new Set(text.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
  if (tags.length > limits.tags) return fail(`has ${tags.length} tags, ${limits.tags} at most are possible`);
  const bad = tags.map((tag) => readLine(tag, limits.text)).find((tag) => !tag.ok);
  return bad === undefined || bad.ok ? ok(tags) : bad;
}

export type Component = { readonly sku: string; readonly quantity: number };

/** "2 x MUG; POT" to what a bundle is made of. */
export function readBundle(text: string): Cell<Component[]> {
  const components: Component[] = [];
  for (const part of splitUnescaped(text)) {
    const match = /^(?:(\d{1,6}) x )?(.+)$/s.exec(part);
    if (match === null) return fail(`${shown(text)} is not a bundle: write it like 2 x MUG-BLUE; 1 x POT`);
    const sku = readLine(match[2] ?? "", limits.sku);
    if (!sku.ok) return fail(`the SKU ${shown(match[2] ?? "")} ${sku.reason}`);
    const quantity = Number(match[1] ?? "1");
    if (quantity === 0) return fail(`holds 0 units of ${shown(sku.value)}`);
    if (components.some((component) => component.sku === sku.value)) return fail(`names ${shown(sku.value)} twice`);
    components.push({ sku: sku.value, quantity });
  }
  if (components.length > limits.components) return fail(`has more than ${limits.components} parts`);
  return ok(components);
}

export function writeBundle(components: readonly Component[]): string {
  return components
    .map(({ sku, quantity }) => `${quantity} x ${sku.replaceAll("\\", "\\\\").replaceAll(";", "\\;")}`)
    .join("; ");
}

/** Splits at ";" and takes the backslash off `\;` and `\\`. */
function splitUnescaped(text: string): string[] {
  const parts = [""];
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] ?? "";
    const next = text[at + 1];
    const last = parts.length - 1;
    if (sign === ";") parts.push("");
    else if (sign === "\\" && (next === ";" || next === "\\")) {
      parts[last] += next;
      at += 1;
    } else parts[last] += sign;
  }
  return parts.map((part) => part.trim());
}

/**
 * A spreadsheet runs a cell that begins like a formula, whoever wrote it (OWASP, "CSV Injection"). Such text is
 * written with an apostrophe before it, and the apostrophe is taken off on the way in; text that has one already
 * gets one more, so that nothing is lost.
 */
const formula = /^'*[=+\-@\t\r]/;
const guardedFormula = /^''*[=+\-@\t\r]/;

export const guardFormula = (text: string): string => (formula.test(text) ? `'${text}` : text);
export const unguardFormula = (text: string): string => (guardedFormula.test(text) ? text.slice(1) : text);
