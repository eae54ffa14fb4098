/**
 * What an answer says it is made of: Surrogate-Key (words apart by spaces), Cache-Tag (by commas), and Cache-Groups
 * (RFC 9875), which belong to one origin only.
 */
import { parseList } from "../structured-fields.ts";

export const tagName = (tag: string): string => `t:${tag}`;
const groupName = (origin: string, group: string): string => `g:${origin}\n${group}`;

export function groupsOf(field: string | null, origin: string): string[] {
  if (field === null) return [];
  const names: string[] = [];
  for (const { value } of parseList(field) ?? []) if (typeof value === "string") names.push(groupName(origin, value));
  return names;
}

export function tagsOf(headers: Headers, origin: string): readonly string[] {
  const keys = headers.get("surrogate-key");
  const tags = headers.get("cache-tag");
  const groups = headers.get("cache-groups");
  if (keys === null && tags === null && groups === null) return [];
  const found = new Set<string>();
  for (const key of keys?.split(/[\s,]+/) ?? []) if (key !== "") found.add(tagName(key));
  for (const tag of tags?.split(",") ?? []) if (tag.trim() !== "") found.add(tagName(tag.trim()));
  for (const group of groupsOf(groups, origin)) found.add(group);
  return [...found];
}
