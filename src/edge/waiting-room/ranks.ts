/** From numbers to ranks, as the line stands: they are the same but for those who took part in a draw (draw.ts). */
import { createDraw, type Draw } from "./draw.ts";
import type { Sha256 } from "./merkle.ts";
import type { LineState } from "./state.ts";

export type Ranks = {
  /** Undefined for an entrant before the draw. */
  rankOf(seq: number, state: LineState): number | undefined;
};

export function createRanks(sha256: Sha256): Ranks {
  let draw: Draw | undefined;
  return {
    rankOf(seq, { draw: given }) {
      if (given === null) return seq;
      const { drawn, seed } = given;
      if (drawn === null) return undefined;
      if (seq > drawn.last) return seq;
      if (draw?.root !== drawn.root || draw.last !== drawn.last) draw = createDraw({ ...drawn, seed }, sha256);
      return draw.rankOf(seq);
    },
  };
}
