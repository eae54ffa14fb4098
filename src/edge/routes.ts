/**
 * Method and path to the route of the config. Everything that limits, sheds or challenges asks here, so a path is made
 * plain before it is matched: `/Checkout`, `//checkout`, `/%63heckout` and `/x/../checkout` are all the checkout, as
 * many origins see them. What is forwarded is never changed by it.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { MatchedRoute } from "./exchange.ts";

export type RouteSettings = EdgeConfig["routes"][number];
export type MatchRoute = (method: string, path: string) => MatchedRoute;

/** Paths remembered in each of two generations; a longer path is matched afresh each time. */
const remembered = 8192;
const rememberedLengthMax = 256;

/** Where no pattern fits. A label of counters, so it cannot be mistaken for a pattern. */
export const noRoute: MatchedRoute = { template: "none", class: "browsing", challenge: false };

/** The first route that fits, as a function that costs one look into a map for a path it has seen lately. */
export function createRoutes(routes: readonly RouteSettings[]): MatchRoute {
  const compiled = routes.map((route) => ({
    parts: partsOf(route.pattern),
    methods: route.methods === undefined ? undefined : new Set(route.methods),
    matched: { template: route.pattern, class: route.class, challenge: route.challenge ?? false },
  }));
  const find = (method: string, path: string): MatchedRoute => {
    const given = plainPath(path).split("/");
    for (const { parts, methods, matched } of compiled) {
      if (takes(methods, method) && fits(parts, given)) return matched;
    }
    return noRoute;
  };

  const named = new Set(routes.flatMap((route) => route.methods ?? []));
  // What differs for no route shares one memory: methods are the client's choice, memory is not.
  const everyOther = remember((path) => find("", path));
  if (named.size === 0) return (_method, path) => everyOther(path);
  const byMethod = new Map([...named].map((method) => [method, remember((path) => find(method, path))]));
  const get = byMethod.get("GET");
  if (get !== undefined && !named.has("HEAD")) byMethod.set("HEAD", get);
  return (method, path) => (byMethod.get(method) ?? everyOther)(path);
}

/** HEAD is GET without the body (RFC 9110, 9.3.2). */
const takes = (methods: ReadonlySet<string> | undefined, method: string): boolean =>
  methods === undefined || methods.has(method) || (method === "HEAD" && methods.has("GET"));

/** Two generations: when the younger is full it becomes the older, so what is asked for again stays. */
function remember(find: (path: string) => MatchedRoute): (path: string) => MatchedRoute {
  let young = new Map<string, MatchedRoute>();
  let old = new Map<string, MatchedRoute>();
  return (path) => {
    const known = young.get(path);
    if (known !== undefined) return known;
    const found = old.get(path) ?? find(path);
    if (path.length > rememberedLengthMax) return found;
    if (young.size >= remembered) {
      old = young;
      young = new Map();
    }
    young.set(copyOf(path), found);
    return found;
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** A piece of a long address would keep the whole of it in memory; this keeps the piece alone. */
export const copyOf = (path: string): string => decoder.decode(encoder.encode(path));

/**
 * The path as patterns see it: percent-decoded once, in lower case, with no empty, "." or ".." part (RFC 3986, 5.2.4),
 * without parameters (";v=1", RFC 3986, 3.3: servlet containers look past them), and a backslash read as a slash, as
 * browsers and some origins do. A slash at the end stays.
 */
export function plainPath(path: string): string {
  const decoded = path.includes("%") ? path.replace(escapes, decodeEscapes) : path;
  const lower = decoded.toLowerCase();
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

const escapes = /(?:%[0-9a-f]{2})+/gi;
/** Bytes that are no UTF-8 stay as they are written. */
function decodeEscapes(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A part of a path; `undefined` takes any one part, and `{ rest }` all that begins so. */
type Part = string | undefined | { readonly rest: string };

function partsOf(pattern: string): readonly Part[] {
  const parts = pattern.toLowerCase().split("/");
  return parts.map((part, index): Part => {
    if (index === parts.length - 1 && part.endsWith("*")) return { rest: part.slice(0, -1) };
    return part.startsWith(":") ? undefined : part;
  });
}

function fits(parts: readonly Part[], given: readonly string[]): boolean {
  // "/cart/" is "/cart": the empty part behind the last slash is asked for by a rest alone.
  const length = given.length > 2 && given[given.length - 1] === "" ? given.length - 1 : given.length;
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index];
    if (typeof part === "object") return given[index]?.startsWith(part.rest) ?? false;
    if (index >= length) return false;
    if (part === undefined ? given[index] === "" : part !== given[index]) return false;
  }
  return length === parts.length;
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

/** Whether everything that `later` fits is taken by `earlier`, so that the later one is never reached. */
export function covers(earlier: RouteSettings, later: RouteSettings): boolean {
  const taken = earlier.methods === undefined ? undefined : new Set(earlier.methods);
  if (taken !== undefined && (later.methods === undefined || !later.methods.every((method) => takes(taken, method))))
    return false;
  const [a, b] = [partsOf(earlier.pattern), partsOf(later.pattern)];
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
