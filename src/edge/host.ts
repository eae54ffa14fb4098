/** A Host field, or what a proxy says of one, as one name in lower case with its port; strict, because caches and virtual hosts go by it. */

// RFC 9110 7.2, RFC 3986 3.2.2. Not every reg-name: no %xx, no sub-delims, no empty name; no site has them, and they are
// where two programs read two names in one.
const pattern = /^(?:[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_.])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;

export function hostOf(field: string): string | undefined {
  if (field.length > 263) return undefined;
  const host = field.toLowerCase();
  if (!pattern.test(host) || host.includes("..")) return undefined;
  const port = /:(\d+)$/.exec(host)?.[1];
  if (port !== undefined && !host.endsWith("]") && Number(port) > 65_535) return undefined;
  return host;
}
