/**
 * How far the cursor goes. A turn may stay unclaimed, so more are called than there are admissions: as many as it takes for those at the door and
 * those still expected to use the admissions of the next seconds. Calling too many costs them a short wait at the door, and never admits one more.
 */
import { holesWithin, type Span } from "./state.ts";
import type { Showing } from "./turns.ts";

/** Who waits at the door so that no admission is without somebody: the admissions of so long. */
const cushionMs = 2000;

export type CallInputs = {
  /** Admissions that the rate allows per millisecond. */
  readonly perMs: number;
  /** Room inside: infinite without a cap. Those who leave within `horizonOf` count as room. */
  readonly roomInside: number;
  readonly atTheDoor: number;
  /** Admissions that might be used this moment. */
  readonly idle: number;
  readonly showing: Showing;
};

/** Milliseconds that are planned ahead. */
export const horizonOf = (showing: Showing): number => Math.min(showing.delayMs, 60_000) + cushionMs;

/** How many more are to be called, of any that wait. */
export function callsOf({ perMs, roomInside, atTheDoor, idle, showing }: CallInputs): number {
  const usable = Math.min(perMs * horizonOf(showing), roomInside);
  if (usable <= 0) return 0;
  // Nobody stands ready for what is idle: those still expected come too late for it.
  const missed = Math.max(0, Math.min(idle, roomInside) - atTheDoor);
  const missing = usable + 2 * Math.sqrt(usable) + missed - atTheDoor - showing.expected;
  return missing <= 0 ? 0 : Math.ceil(missing / showing.rate);
}

/** The cursor after so many more people, holes jumped over; never beyond the last number given. */
export function advanced(
  cursor: number,
  count: number,
  last: number,
  holes: readonly Span[],
): { cursor: number; count: number } {
  const waiting = Math.max(0, last - cursor - holesWithin(holes, cursor + 1, last));
  const calls = Math.min(count, waiting);
  if (calls <= 0) return { cursor, count: 0 };
  let at = cursor;
  let left = calls;
  for (const [from, to] of holes) {
    if (to <= at) continue;
    const before = Math.max(0, from - 1 - at);
    if (before >= left) break;
    left -= before;
    at = Math.max(at, to);
  }
  return { cursor: at + left, count: calls };
}
