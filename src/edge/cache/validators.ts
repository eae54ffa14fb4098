/** Conditional requests, answered from what is stored (RFC 9110 section 13, RFC 9111 section 4.3). */
import type { Fields } from "../ports.ts";
import { parseHttpDate } from "./http-date.ts";

const entityTag = /\s*(?:((?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*")|([^,]*))\s*(?:,|$)/gy;

/** A tag without its weakness. */
export const opaque = (tag: string): string => (tag.startsWith("W/") ? tag.slice(2) : tag);

/** The weak comparison: If-None-Match against the stored tag. */
export function noneMatchHolds(field: string, stored: string | null): boolean {
  if (field.trim() === "*") return true;
  if (stored === null) return false;
  if (field === stored) return true;
  const wanted = opaque(stored);
  entityTag.lastIndex = 0;
  while (entityTag.lastIndex < field.length) {
    const found = entityTag.exec(field);
    if (found === null) return false;
    if (found[1] !== undefined && opaque(found[1]) === wanted) return true;
  }
  return false;
}

export type Validated = { readonly etag: string | null; readonly lastModified: string | null; readonly dateMs: number };

/** Whether the client's own copy is still good: then it gets 304. If-None-Match, where present, decides alone. */
export function isNotModified(headers: Fields, stored: Validated, nowMs: number): boolean {
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) return noneMatchHolds(noneMatch, stored.etag);
  const since = headers.get("if-modified-since");
  if (since === null) return false;
  const sinceMs = parseHttpDate(since, nowMs);
  if (sinceMs === undefined) return false;
  const modifiedMs = stored.lastModified === null ? stored.dateMs : parseHttpDate(stored.lastModified, nowMs);
  return modifiedMs !== undefined && modifiedMs <= sinceMs;
}

/** If-Range: only the very same representation may be completed by a part (RFC 9110 section 13.1.5). */
export function rangeMayBeServed(field: string | null, stored: Validated): boolean {
  if (field === null) return true;
  if (field.startsWith('"')) return field === stored.etag;
  return field === stored.lastModified;
}
