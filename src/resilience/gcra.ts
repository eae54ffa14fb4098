/**
 * The generic cell rate algorithm (ITU-T I.371, virtual scheduling): a rate and a burst kept in one number, the
 * theoretical arrival time at which the whole burst is there again. Numbers in, numbers out, so that a table of them
 * needs no objects. Times are milliseconds; best counted from a moment not long ago, for the sake of small fractions.
 */
export type Gcra = {
  readonly intervalMs: number;
  /** How far the theoretical arrival time may lie ahead: the burst in milliseconds. */
  readonly burstMs: number;
};

/** Of one interval. Sums of fractions are not exact, and the last request of a burst must not fail by a rounding. */
const rounding = 1e-4;

export function gcra({ perSecond, burst }: { perSecond: number; burst: number }): Gcra {
  if (!(perSecond > 0) || !Number.isFinite(perSecond) || !(burst >= 1) || !Number.isFinite(burst)) {
    throw new RangeError("A limit needs a positive rate and a burst of at least one.");
  }
  const intervalMs = 1000 / perSecond;
  return { intervalMs, burstMs: intervalMs * burst };
}

/**
 * A remembered time as it counts now: no further ahead than the burst. One that lies further was made under a looser
 * rule or by a clock that has been set back since, and would lock somebody out for as long as that. Whoever remembers
 * times must remember this one instead. A second is left for requests whose times are a little out of order.
 */
export function standing(rule: Gcra, tat: number, now: number): number {
  return tat - now > rule.burstMs + 1000 ? now + rule.burstMs : tat;
}

/** 0 when a request conforms now, else in how many milliseconds one will. Nothing is taken. */
export function wait(rule: Gcra, tat: number, now: number): number {
  const over = Math.max(tat, now) + rule.intervalMs - rule.burstMs - now;
  return over <= rule.intervalMs * rounding ? 0 : over;
}

/** The theoretical arrival time after one request was let through. */
export function take(rule: Gcra, tat: number, now: number): number {
  return Math.max(tat, now) + rule.intervalMs;
}

/** How many requests would conform now, one after the other. */
export function remaining(rule: Gcra, tat: number, now: number): number {
  return Math.max(0, Math.floor((now + rule.burstMs - Math.max(tat, now)) / rule.intervalMs + rounding));
}
