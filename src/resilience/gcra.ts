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
 * No further ahead than the burst: so that neither a clock that was set back nor a limit that was made stricter locks
 * anybody out for longer than the rule itself would.
 */
const bounded = (rule: Gcra, tat: number, now: number): number => Math.min(Math.max(tat, now), now + rule.burstMs);

/** 0 when a request conforms now, else in how many milliseconds one will. Nothing is taken. */
export function wait(rule: Gcra, tat: number, now: number): number {
  const over = bounded(rule, tat, now) + rule.intervalMs - rule.burstMs - now;
  return over <= rule.intervalMs * rounding ? 0 : over;
}

/** The theoretical arrival time after one request was let through. */
export function take(rule: Gcra, tat: number, now: number): number {
  return bounded(rule, tat, now) + rule.intervalMs;
}

/** How many requests would conform now, one after the other. */
export function remaining(rule: Gcra, tat: number, now: number): number {
  return Math.max(0, Math.floor((now + rule.burstMs - bounded(rule, tat, now)) / rule.intervalMs + rounding));
}
