/**
 * From numbers to ranks. They are the same but for the entrants of a draw: those get theirs by a permutation; numbers among theirs that nobody is
 * known to have (after a loss) come behind all entrants, so that who holds one after all is still in.
 */
import { createDraw, type Draw } from "./draw.ts";
import type { Sha256 } from "./merkle.ts";
import { holesWithin, type LineState } from "./state.ts";

export type Ranks = {
  /** Undefined for an entrant before the draw. */
  rankOf(seq: number, state: LineState): number | undefined;
};

export function createRanks(sha256: Sha256): Ranks {
  let draw: Draw | undefined;
  let root: string | undefined;
  return {
    rankOf(seq, { draw: given }) {
      if (given === null) return seq;
      const { drawn, seed } = given;
      if (drawn === null) return undefined;
      if (seq > drawn.last) return seq;
      if (draw === undefined || root !== drawn.root) {
        draw = createDraw({ seed, root: drawn.root, entrants: drawn.entrants }, sha256);
        root = drawn.root;
      }
      const missing = holesWithin(drawn.holes, 1, seq);
      const isMissing = drawn.holes.some(([from, to]) => from <= seq && seq <= to);
      return isMissing ? drawn.entrants + missing : draw.rankOf(seq - missing);
    },
  };
}
