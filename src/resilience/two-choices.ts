/**
 * The power of two choices (Mitzenmacher 1996): of two taken at random the less loaded one. Nobody needs to know all
 * loads, and a crowd with the same old figures does not run to the same node.
 */
import type { Random } from "#kernel/clock.ts";

/** An index drawn by weight, other than `except` (or -1 for any), -1 when there is none. `sum` is that of all weights. */
export function drawByWeight(
  nodes: readonly { readonly weight: number }[],
  sum: number,
  except: number,
  random: Random,
): number {
  let left = random() * (sum - (nodes[except]?.weight ?? 0));
  let last = -1;
  for (let index = 0; index < nodes.length; index++) {
    if (index === except) continue;
    left -= nodes[index]?.weight ?? 0;
    last = index;
    if (left < 0) return index;
  }
  // Sums of fractions may fall short by a hair.
  return last;
}

/** An index drawn evenly, other than `except` (or -1 for any); `count` must leave one. */
export function drawEvenly(count: number, except: number, random: Random): number {
  if (except < 0) return Math.floor(random() * count);
  const index = Math.floor(random() * (count - 1));
  return index < except ? index : index + 1;
}
