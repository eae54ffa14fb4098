/**
 * Which paths a pattern of the configuration is for: `:name` is one part of a path, a last `*` any rest. Routes, limits and waiting
 * rooms ask here, so that however a path is spelt it is the same to all of them: `/Checkout`, `//checkout`, `/%63heckout` and
 * `/x/../checkout` are the checkout, as many origins see them. What is forwarded is never changed by it.
 */

/** A part of a path; `undefined` takes any one part, and `{ rest }` all that begins so. */
type Part = string | undefined | { readonly rest: string };

/** For routes, of which the first that fits counts: "/checkout/*" leaves "/checkout" to another. Takes a path made plain. */
export function pathPattern(pattern: string): (plain: string) => boolean {
  const parts = partsOf(pattern);
  return (plain) => fits(parts, plain, false);
}

/** For what holds people back, and must not be slipped past: "/checkout/*" is "/checkout", too. Takes paths as they came. */
export type GuardPattern = {
  /** Some origin might read the path so. */
  readonly mayBe: (path: string) => boolean;
  /** Any origin would. */
  readonly mustBe: (path: string) => boolean;
};

export function guardPattern(pattern: string): GuardPattern {
  const parts = partsOf(pattern);
  return {
    mayBe(path) {
      const { plain, written } = readingsOf(path);
      return fits(parts, plain, true) || (written !== plain && fits(parts, written, true));
    },
    mustBe(path) {
      const { plain, written } = readingsOf(path);
      return fits(parts, plain, true) && fits(parts, written, true);
    },
  };
}

/** Of the path that was asked about last: one request asks many patterns. */
let readings = { path: "/", plain: "/", written: "/" };
function readingsOf(path: string): typeof readings {
  if (path !== readings.path) readings = { path, plain: plainPath(path), written: writtenPath(path) };
  return readings;
}

function partsOf(pattern: string): readonly Part[] {
  const parts = plainPath(pattern).split("/").slice(1);
  // What `patternComplaint` warns of is taken as it was meant: the admin API's patterns do not pass there.
  if (parts.length > 1 && parts.at(-1) === "") parts.pop();
  return parts.map((part, index): Part => {
    if (index === parts.length - 1 && part.endsWith("*")) return { rest: part.slice(0, -1) };
    return part.startsWith(":") ? undefined : part;
  });
}

function fits(parts: readonly Part[], path: string, isRestOptional: boolean): boolean {
  if (path.charCodeAt(0) !== 47) return false;
  // "/cart/" is "/cart": the empty part behind the last slash is asked for by a rest alone.
  const length = path.length > 1 && path.endsWith("/") ? path.length - 1 : path.length;
  // Just behind the slash that the next part begins with.
  let at = 1;
  for (const part of parts) {
    if (typeof part === "object")
      return at <= path.length ? path.startsWith(part.rest, at) : isRestOptional && part.rest === "";
    if (at > length) return false;
    const slash = path.indexOf("/", at);
    const end = slash < 0 ? path.length : slash;
    if (part === undefined ? end === at : end - at !== part.length || !path.startsWith(part, at)) return false;
    at = end + 1;
  }
  return at === length + 1;
}

/**
 * The path as most origins see it: percent-decoded once, in lower case, with no empty, "." or ".." part (RFC 3986, 5.2.4),
 * without parameters (";v=1", RFC 3986, 3.3: servlet containers look past them), and a backslash read as a slash, as
 * browsers and some origins do. A slash at the end stays.
 */
export function plainPath(path: string): string {
  const lower = decoded(path).toLowerCase();
  if (!/\/[./]|[\\;]/.test(lower)) return lower;
  const given = lower
    .replace(/;[^/\\]*/g, "")
    .replaceAll("\\", "/")
    .split("/");
  const parts: string[] = [];
  for (const part of given) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  const last = given.at(-1);
  const open = parts.length > 0 && (last === "" || last === "." || last === "..");
  return `/${parts.join("/")}${open ? "/" : ""}`;
}

/** As those see it that take dots and parameters for names like any other. */
const writtenPath = (path: string): string =>
  decoded(path)
    .replace(/\/{2,}/g, "/")
    .toLowerCase();

const escapes = /(?:%[0-9a-f]{2})+/gi;
const decoded = (path: string): string => (path.includes("%") ? path.replace(escapes, decodeEscapes) : path);
/** Bytes that are no UTF-8 stay as they are written. */
function decodeEscapes(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What is wrong with a pattern, as a sentence's end; undefined when nothing is. */
export function patternComplaint(pattern: string): string | undefined {
  if (!pattern.startsWith("/")) return 'must begin with "/"';
  if (/[?#;\\\s]/.test(pattern)) return 'is matched against the path alone: leave out query, ";", "\\" and spaces';
  const parts = pattern.slice(1).split("/");
  for (const [index, part] of parts.entries()) {
    if (part.slice(0, -1).includes("*") || (part.endsWith("*") && index < parts.length - 1))
      return 'may have one "*", at its very end; for one part of the path write ":name"';
    if (part.startsWith(":") && part.endsWith("*")) return 'ends in ":name*"; write "/*" for any rest';
    if (part === ":") return 'has a ":" without a name behind it';
    if (part === "" && pattern !== "/" && index < parts.length - 1) return 'has "//" in it, which no path has';
    if (part === "." || part === "..") return `has "${part}" in it, which no path has once it is made plain`;
    if (part.includes("%") && plainPath(`/${part}`) !== `/${part.toLowerCase()}`)
      return "is matched against the decoded path: write its signs as they are, without %";
  }
  if (pattern.length > 1 && pattern.endsWith("/"))
    return 'ends in "/": leave it out, a slash at the end is not looked at';
  return undefined;
}

/** Whether every path that `later` fits is one of `earlier`, as routes read them. */
export function coversPattern(earlier: string, later: string): boolean {
  const [a, b] = [partsOf(earlier), partsOf(later)];
  for (let index = 0; index < a.length; index++) {
    const [mine, theirs] = [a[index], b[index]];
    if (typeof mine === "object") {
      if (index >= b.length) return false;
      if (mine.rest === "") return true;
      const begin = typeof theirs === "object" ? theirs.rest : theirs;
      return begin?.startsWith(mine.rest) ?? false;
    }
    if (index >= b.length || typeof theirs === "object") return false;
    if (mine === undefined ? theirs === "" : mine !== theirs) return false;
  }
  return a.length === b.length;
}
