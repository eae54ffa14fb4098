/** What one stored answer is found by: scheme, host and target, and then the request fields its Vary names (RFC 9111 section 4.1). */
import type { Fields } from "../ports.ts";

/** A host has no slash and a target begins with one, so that two addresses never share a key. */
export function cacheKey(scheme: "http" | "https", host: string, target: string): string {
  return (scheme === "https" ? "s:" : "p:") + host + target;
}

/** Scheme and host of a key: what groups and Location are bound to. */
export function originOfKey(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

/** Names end in * where any rest fits: "utm_*". Undefined when nothing is ignored. */
export function queryFilter(patterns: readonly string[]): ((target: string) => string) | undefined {
  if (patterns.length === 0) return undefined;
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith("*")));
  const prefixes = patterns.filter((pattern) => pattern.endsWith("*")).map((pattern) => pattern.slice(0, -1));
  const isIgnored = (parameter: string) => {
    const end = parameter.indexOf("=");
    const name = end < 0 ? parameter : parameter.slice(0, end);
    return exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
  };
  return (target) => {
    const mark = target.indexOf("?");
    if (mark < 0) return target;
    const parameters = target.slice(mark + 1).split("&");
    const kept = parameters.filter((parameter) => !isIgnored(parameter));
    if (kept.length === parameters.length) return target;
    return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join("&")}`;
  };
}

/** The names in Vary: lower case, each once, sorted, so that the same set is the same list. */
export function varyNames(vary: string | null): readonly string[] {
  if (vary === null) return [];
  const names = vary
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return [...new Set(names)].sort();
}

/** Fields whose order means nothing beside their weights (RFC 9110 sections 12.5.3 and 12.5.4), and whose case neither. */
const weighted = new Set(["accept-language", "accept-encoding", "accept-charset"]);

function normalise(name: string, value: string): string {
  if (weighted.has(name)) {
    return value
      .toLowerCase()
      .replace(/[ \t]+/g, "")
      .split(",")
      .filter((part) => part !== "")
      .sort()
      .join(",");
  }
  // Space around commas is no part of a list, but a quoted comma is no comma.
  return value.includes(",") && !value.includes('"') ? value.replace(/[ \t]*,[ \t]*/g, ",").trim() : value.trim();
}

/** The request's own values of those names. A field that is absent differs from an empty one. */
export function variantKey(names: readonly string[], headers: Fields): string {
  let key = "";
  for (const name of names) {
    const value = headers.get(name);
    key += value === null ? "-\n" : `+${normalise(name, value)}\n`;
  }
  return key;
}
