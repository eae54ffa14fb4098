/**
 * A SKU for a variant that came without one, as most variants in real files do. It depends on the handle and the
 * option values alone, so the same file always makes the same SKUs, whatever its order and whatever else it holds:
 *
 *     classic-varsity-top, Medium         classic-varsity-top.medium
 *     tee, Café au lait / XL              tee.cafe-au-lait.xl.3k9x1p2
 *     mug (no options)                    mug
 *
 * A "." stands in no handle and no slug, so parts cannot run into each other; where a value does not read back from
 * its slug, or the whole is longer than a SKU may be, a hash of the exact words tells it from its like.
 */
import { limits, slug } from "./shopify-cells.ts";

export function derivedSku(handle: string, options: readonly string[]): string {
  const slugs = options.map(slug);
  const sku = [handle, ...slugs].filter((part) => part !== "").join(".");
  const isExact = options.every((value, index) => slugs[index]?.replaceAll("-", " ") === value.toLowerCase());
  if (isExact && sku.length <= limits.sku) return sku;
  const hash = hashOf([handle, ...options].join("\n").toLowerCase());
  return `${sku.slice(0, limits.sku - hash.length - 1).replace(/[.-]+$/, "")}.${hash}`;
}

/** FNV-1a, twice with different starts: 64 bits in 13 signs; not a secret, only a name. */
function hashOf(text: string): string {
  const half = (start: number) => {
    let hash = start;
    for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    return (hash >>> 0).toString(36);
  };
  return half(0x811c9dc5) + half(0x050c5d1f);
}
