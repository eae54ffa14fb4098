/** What has to be forgotten: by an operator's or the shop's own wish, or because an unsafe method may have changed it. */
import type { Glimpse } from "../exchange.ts";
import type { Fields } from "../ports.ts";
import { cacheKey, originOfKey } from "./key.ts";
import type { PurgeTarget } from "./store.ts";
import { groupsOf, tagName } from "./tags.ts";

export type PurgeRequest = {
  readonly tags?: readonly string[];
  /** "https://shop.example/products/lamp", or a path for every host. Whatever the scheme, both are purged. */
  readonly url?: string;
  /** The same, for all addresses that begin so. */
  readonly prefix?: string;
  readonly all?: boolean;
  /** Keeps it, no longer fresh, for stale-while-revalidate and stale-if-error. */
  readonly soft?: boolean;
};

export function targetsOf(request: PurgeRequest): readonly PurgeTarget[] {
  const targets: PurgeTarget[] = [];
  if (request.tags !== undefined && request.tags.length > 0) targets.push({ tags: request.tags.map(tagName) });
  if (request.url !== undefined) targets.push(targetOf(request.url, false));
  if (request.prefix !== undefined) targets.push(targetOf(request.prefix, true));
  if (request.all === true) targets.push({ test: () => true });
  return targets;
}

/** Schemes are not told apart: a shop behind TLS of another does not know which one its pages were kept under. */
function targetOf(address: string, isPrefix: boolean): PurgeTarget {
  if (address.startsWith("/")) {
    return {
      test: (key) => {
        const target = key.slice(key.indexOf("/"));
        return isPrefix ? target.startsWith(address) : target === address;
      },
    };
  }
  const withoutScheme = address.replace(/^https?:\/\//i, "");
  const slash = withoutScheme.indexOf("/");
  const host = (slash < 0 ? withoutScheme : withoutScheme.slice(0, slash)).toLowerCase();
  const rest = host + (slash < 0 ? "/" : withoutScheme.slice(slash));
  const keys = [`s:${rest}`, `p:${rest}`];
  return isPrefix ? { test: (key) => keys.some((start) => key.startsWith(start)) } : { keys };
}

/** A path that a URL has as it is written: most shops say where an order stands in this way. */
const plainPath = /^(?:\/[\w-]+)+$/;

/** RFC 9111 section 4.4 and RFC 9875 section 3: only what was answered without an error has changed anything. */
export function invalidatedBy(
  exchange: Glimpse,
  status: number,
  headers: Fields,
  withoutIgnored: ((target: string) => string) | undefined,
): readonly PurgeTarget[] {
  if (status < 200 || status >= 400) return [];
  const { scheme, host, target } = exchange;
  const key = (of: string) => cacheKey(scheme, host, withoutIgnored?.(of) ?? of);
  const keys = new Set([key(target)]);
  for (const name of ["location", "content-location"]) {
    const value = headers.get(name);
    if (value === null) continue;
    if (plainPath.test(value)) {
      keys.add(key(value));
      continue;
    }
    const here = URL.parse(`${scheme}://${host}${target}`);
    const url = here === null ? null : URL.parse(value, here.href);
    // Of another host it may say what it likes.
    if (url !== null && url.host === here?.host) keys.add(key(url.pathname + url.search));
  }
  const groups = groupsOf(headers.get("cache-group-invalidation"), originOfKey(key("/")));
  const targets: PurgeTarget[] = [{ keys: [...keys] }];
  return groups.length === 0 ? targets : [...targets, { tags: groups }];
}
