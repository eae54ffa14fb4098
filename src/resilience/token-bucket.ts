/**
 * Paces calls to what a provider allows: so many a second, and at most a burst of them at once. The bucket is filled by
 * the time that passes between calls, so it needs no timer; the caller brings the time and does the waiting.
 */
export type TokenBucketOptions = {
  readonly perSecond: number;
  /** How many tokens an idle bucket gathers. */
  readonly burst: number;
};

export type TokenBucket = {
  /** 0: a token was taken. Else nothing was, and this is in how many ms there will be one. */
  take(nowMs: number): number;
  /** Gives no token before then: the provider has asked for a pause. A shorter pause does not end a longer one. */
  pauseUntil(atMs: number): void;
};

export function createTokenBucket({ perSecond, burst }: TokenBucketOptions): TokenBucket {
  if (!(perSecond > 0) || !Number.isFinite(perSecond) || !(burst >= 1)) {
    throw new RangeError("A token bucket needs a positive rate and a burst of at least one.");
  }
  let tokens = burst;
  let filledAtMs = Number.NEGATIVE_INFINITY;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  return {
    take(nowMs) {
      if (nowMs < pausedUntilMs) return pausedUntilMs - nowMs;
      // A clock that was set back adds nothing, and does not stop the filling until it has caught up.
      const passedMs = Math.max(nowMs - filledAtMs, 0);
      tokens = Math.min(burst, tokens + (passedMs * perSecond) / 1000);
      filledAtMs = nowMs;
      if (tokens >= 1) {
        tokens -= 1;
        return 0;
      }
      // A millionth of a millisecond is what adding fractions leaves. At least a millisecond: a shorter wait ends, for timers, in the millisecond it began in.
      return Math.max(Math.ceil(((1 - tokens) * 1000) / perSecond - 1e-6), 1);
    },

    pauseUntil(atMs) {
      if (!(atMs > pausedUntilMs)) return;
      pausedUntilMs = atMs;
      // What was gathered before the pause must not be spent at once after it.
      tokens = Math.min(tokens, 1);
      filledAtMs = Math.max(filledAtMs, atMs);
    },
  };
}
