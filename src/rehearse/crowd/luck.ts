/**
 * Luck that can be had again: from a seed and a number comes always the same sequence, whatever else was drawn meanwhile and
 * in whichever process. So a plan's arrivals and journeys are the same for one worker and for ten.
 */
import type { Random } from "#kernel/clock.ts";

/** Mulberry32 (Tommy Ettinger): 32 bits of state, passes gjrand's and PractRand's small tests; enough for a crowd. */
export function luckOf(seed: number, number: number): Random {
  let state = (seed ^ Math.imul(number + 1, 0x9e3779b1)) | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  // Neighbouring numbers have neighbouring states: the first draws part them.
  next();
  return next;
}

/** Which of the weights a draw falls on. `cumulative` rises to the sum of all. */
export function pick(cumulative: Float64Array, draw: number): number {
  const wanted = draw * (cumulative[cumulative.length - 1] as number);
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] as number) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function cumulativeOf(weights: readonly number[]): Float64Array {
  let sum = 0;
  return Float64Array.from(weights, (weight) => (sum += weight));
}
