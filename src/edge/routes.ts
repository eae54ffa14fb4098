/**
 * Method and path to the route of the config, by the first pattern that fits the path made plain (path-pattern.ts). Everything that
 * counts, sheds or challenges asks here.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { MatchedRoute } from "./exchange.ts";
import { coversPattern, pathPattern, plainPath } from "./path-pattern.ts";

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
    fits: pathPattern(route.pattern),
    methods: route.methods === undefined ? undefined : new Set(route.methods),
    matched: { template: route.pattern, class: route.class, challenge: route.challenge ?? false },
  }));
  const find = (method: string, path: string): MatchedRoute => {
    const plain = plainPath(path);
    for (const { fits, methods, matched } of compiled) {
      if (takes(methods, method) && fits(plain)) return matched;
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

/** Whether everything that `later` fits is taken by `earlier`, so that the later one is never reached. */
export function covers(earlier: RouteSettings, later: RouteSettings): boolean {
  const taken = earlier.methods === undefined ? undefined : new Set(earlier.methods);
  if (taken !== undefined && (later.methods === undefined || !later.methods.every((method) => takes(taken, method))))
    return false;
  return coversPattern(earlier.pattern, later.pattern);
}
