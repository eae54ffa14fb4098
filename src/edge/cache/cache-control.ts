/**
 * Cache directives as one record: of Cache-Control (RFC 9111 section 5.2, RFC 5861) and of the fields that are meant for
 * caches like this one only (RFC 9213): Spillway-Cache-Control first, then CDN-Cache-Control.
 */
import { Decimal, type Member, parseDictionary, Token } from "../structured-fields.ts";

/** Seconds where a directive has a number. One that is there but not understood is 0: stale, as section 4.2.1 encourages. */
export type Directives = {
  maxAge?: number;
  sMaxage?: number;
  staleWhileRevalidate?: number;
  staleIfError?: number;
  minFresh?: number;
  /** Infinity: whatever its age. */
  maxStale?: number;
  noStore?: true;
  /** For the whole answer; with field names it is `noCacheFields`. */
  noCache?: true;
  noCacheFields?: readonly string[];
  private?: true;
  privateFields?: readonly string[];
  public?: true;
  mustRevalidate?: true;
  proxyRevalidate?: true;
  mustUnderstand?: true;
  noTransform?: true;
  onlyIfCached?: true;
};

const none: Directives = {};
/** Numbers beyond it mean "for ever" (section 1.2.2). */
const secondsMax = 2_147_483_648;

type NumberName = "maxAge" | "sMaxage" | "staleWhileRevalidate" | "staleIfError" | "minFresh";
const numbers: Readonly<Record<string, NumberName>> = {
  "max-age": "maxAge",
  "s-maxage": "sMaxage",
  "stale-while-revalidate": "staleWhileRevalidate",
  "stale-if-error": "staleIfError",
  "min-fresh": "minFresh",
};
type FlagName =
  | "noStore"
  | "public"
  | "mustRevalidate"
  | "proxyRevalidate"
  | "mustUnderstand"
  | "noTransform"
  | "onlyIfCached";
const flags: Readonly<Record<string, FlagName>> = {
  "no-store": "noStore",
  public: "public",
  "must-revalidate": "mustRevalidate",
  "proxy-revalidate": "proxyRevalidate",
  "must-understand": "mustUnderstand",
  "no-transform": "noTransform",
  "only-if-cached": "onlyIfCached",
};

function seconds(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) return 0;
  return Math.min(Number(text), secondsMax);
}

const fieldNames = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

/** `value`: undefined when there is none, null when it is malformed. The first of several counts. */
function put(into: Directives, name: string, value: string | undefined | null): void {
  const number = numbers[name];
  if (number !== undefined) {
    into[number] ??= seconds(value ?? undefined);
    return;
  }
  const flag = flags[name];
  if (flag !== undefined) {
    into[flag] = true;
    return;
  }
  if (name === "no-cache" || name === "private") {
    const names = typeof value === "string" ? fieldNames(value) : [];
    if (name === "no-cache") {
      if (names.length === 0) into.noCache = true;
      else into.noCacheFields = [...(into.noCacheFields ?? []), ...names];
    } else if (names.length === 0) into.private = true;
    else into.privateFields = [...(into.privateFields ?? []), ...names];
  } else if (name === "max-stale") {
    into.maxStale ??= value === undefined ? Number.POSITIVE_INFINITY : seconds(value ?? undefined);
  }
}

const nameEnd = /[=,\s"]/g;

/** An origin has a few that it says again and again. */
const knownMax = 256;
const known = new Map<string, Directives>();

/** Of Cache-Control, whose lines are joined with commas. Unknown directives are passed over, quoted commas and all. */
export function parseCacheControl(text: string | null): Directives {
  if (text === null || text === "") return none;
  const before = known.get(text);
  if (before !== undefined) return before;
  const found = parsed(text);
  if (text.length > 256) return found;
  if (known.size >= knownMax) known.clear();
  known.set(text, found);
  return found;
}

function parsed(text: string): Directives {
  const found: Directives = {};
  let at = 0;
  while (at < text.length) {
    const first = text[at];
    if (first === "," || first === " " || first === "\t") {
      at += 1;
      continue;
    }
    nameEnd.lastIndex = at;
    const end = nameEnd.exec(text)?.index ?? text.length;
    const name = text.slice(at, end).toLowerCase();
    at = end;
    let value: string | undefined | null;
    if (text[at] === "=") {
      at += 1;
      if (text[at] === '"') {
        let quoted = "";
        at += 1;
        while (at < text.length && text[at] !== '"') {
          if (text[at] === "\\") at += 1;
          quoted += text[at] ?? "";
          at += 1;
        }
        at += 1;
        value = quoted;
      } else {
        const from = at;
        while (at < text.length && text[at] !== "," && text[at] !== " " && text[at] !== "\t") at += 1;
        value = at === from ? null : text.slice(from, at);
      }
    }
    // Whatever stands between here and the comma does not belong: the directive is there, its value is not believed.
    const comma = text.indexOf(",", at);
    const rest = comma < 0 ? text.length : comma;
    if (text.slice(at, rest).trim() !== "") value = null;
    at = rest + 1;
    put(found, name, value);
  }
  return found;
}

function plain(member: Member): string | undefined | null {
  const { value } = member;
  if (value === true) return undefined;
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return value;
  if (value instanceof Token) return value.name;
  return null;
}

/**
 * Of a targeted field. Undefined when it is empty or does not parse: then it is as if it were not there (RFC 9213,
 * section 2.1). Numbers must be integers, not strings; flags must not be false.
 *
 * Keys are read without regard to case, though the grammar knows lower case only: whoever writes `No-Store` or `Max-Age`
 * for a CDN means it, and the alternative is to keep an answer by the rules for browsers that its author meant to overrule.
 */
export function parseTargeted(text: string | null): Directives | undefined {
  if (text === null) return undefined;
  const members = parseDictionary(lowerKeys(text));
  if (members === undefined || members.size === 0) return undefined;
  const found: Directives = {};
  for (const [name, member] of members) {
    if (member.value === false) continue;
    if (name in numbers) {
      if (typeof member.value === "number" && member.value >= 0) put(found, name, String(member.value));
      else if (member.value instanceof Decimal || typeof member.value === "number") put(found, name, null);
      // A value of a wrong type makes the field's freshness unknown, and an unknown one is not believed at all.
      else return undefined;
    } else put(found, name, plain(member));
  }
  return found;
}

const upperKey = /(^|[,;]\s*)([A-Za-z*][A-Za-z0-9_.*-]*)(?=[=,;\s]|$)/g;

function lowerKeys(text: string): string {
  // A quoted string may hold anything, so a value that has one is left as it is.
  return text.includes('"') || text === text.toLowerCase()
    ? text
    : text.replace(upperKey, (_all, before: string, key: string) => before + key.toLowerCase());
}
