/**
 * How many are inside while nobody needs a pass: addresses seen within a session's length, in two halves of it, so that it forgets. It is
 * bounded, and only has to be right up to where the room opens.
 */
export function createInsideCount(sessionMs: number, countMax: number) {
  let young = new Set<string>();
  let old = new Set<string>();
  let turnsAtMs = 0;
  return {
    /** How many there are, this one included. */
    saw(address: string, atMs: number): number {
      if (atMs >= turnsAtMs) {
        old = atMs - turnsAtMs < sessionMs ? young : new Set();
        young = new Set();
        turnsAtMs = atMs + sessionMs;
      }
      if (young.size < countMax) {
        young.add(address);
        old.delete(address);
      }
      return young.size + old.size;
    },
  };
}
