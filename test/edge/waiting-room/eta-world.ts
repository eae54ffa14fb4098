/**
 * Rooms with all that makes waits hard to foretell: people who have gone, fewer or more of them further back, operators who change the outflow,
 * pauses. Each is played from a seed, second by second, and every band that was shown is compared with when the turn came.
 */
import { createBands } from "#edge/waiting-room/eta.ts";
import { createDice } from "../../kit/dice.ts";

export type Shown = {
  readonly seed: number;
  /** Since the doors opened. */
  readonly atSeconds: number;
  readonly ahead: number;
  readonly low: number;
  readonly high: number;
  readonly actual: number;
};

export type Played = {
  readonly shown: readonly Shown[];
  /** Of one waiter at the back: the middle of the band at each second, where the outflow stayed as it was. */
  readonly risesShare: number;
  readonly riseWorst: number;
};

export function playRoom(seed: number): Played {
  const dice = createDice(seed * 7919 + 1);
  let outflowPerMinute = dice.logBetween(60, 6000);
  const waiting = Math.round(outflowPerMinute * dice.between(8, 75) * 1.4);
  const changes = dice.chance(0.4) ? dice.between(600, 2400) : Number.POSITIVE_INFINITY;
  const pauses = dice.chance(0.35) ? dice.between(900, 3600) : Number.POSITIVE_INFINITY;
  // The share that shows up: a walk over ranks, and a trend from front to back.
  let logit = dice.between(-0.6, 2.2);
  const trend = dice.normal() * 0.8;
  const wander = dice.between(0, 1.2);
  const shows = new Float64Array(201);
  for (let at = 0; at <= 200; at++) {
    shows[at] = 1 / (1 + Math.exp(-(logit + (trend * at) / 200)));
    logit += (dice.normal() * wander) / Math.sqrt(200);
  }

  const bands = createBands();
  const open: { atSeconds: number; target: number; ahead: number; low: number; high: number }[] = [];
  const shown: Shown[] = [];
  let called = 0;
  let due = 0;
  let pausedUntil = 0;
  let before: { middle: number; outflow: number } | undefined;
  let rises = 0;
  let looks = 0;
  let riseWorst = 0;
  for (let second = 0; second < 6 * 3600 && called < waiting; second++) {
    const isPaused = second < pausedUntil;
    if (!isPaused && dice.chance(1 / pauses)) pausedUntil = second + Math.round(dice.between(60, 300));
    if (dice.chance(1 / changes)) outflowPerMinute *= dice.pick([0.5, 0.75, 1.33, 2]);
    if (!isPaused) {
      due += outflowPerMinute / 60;
      const share = shows[Math.floor((called / waiting) * 200)] as number;
      // Called until as many as are due have come: so many who do not come, before each who does.
      while (due >= 1 && called < waiting) {
        const batch = Math.max(1, Math.min(waiting - called, Math.floor(due)));
        called += batch;
        due -= dice.binomial(batch, share);
      }
    }
    while (open.length > 0) {
      const at = open.findIndex(({ target }) => called >= target);
      if (at < 0) break;
      const [one] = open.splice(at, 1);
      if (one !== undefined)
        shown.push({
          seed,
          atSeconds: one.atSeconds,
          ahead: one.ahead,
          low: one.low,
          high: one.high,
          actual: second + 1 - one.atSeconds,
        });
    }
    bands.observe({ roomMs: (second + 1) * 1000, called, outflowPerMinute: isPaused ? 0 : outflowPerMinute });
    if (second % 20 === 19 && !isPaused) {
      for (let ahead = Math.max(1, outflowPerMinute / 20); called + ahead < waiting; ahead *= 2.5) {
        const whole = Math.round(ahead * dice.between(0.7, 1.4));
        if (called + whole >= waiting || open.length > 400) continue;
        const [low, high] = bands.bandFor(whole);
        open.push({ atSeconds: second + 1, target: called + whole, ahead: whole, low, high });
      }
    }
    // A waiter at the very back, who looks every second.
    if (waiting - called > 10 && second > 30 && !isPaused) {
      const [low, high] = bands.bandFor(waiting - called);
      const middle = (low + high) / 2;
      if (before !== undefined && before.outflow === outflowPerMinute) {
        looks += 1;
        if (middle > before.middle * 1.005 + 1) rises += 1;
        riseWorst = Math.max(riseWorst, middle / before.middle - 1);
      }
      before = { middle, outflow: outflowPerMinute };
    } else before = undefined;
  }
  return { shown, risesShare: looks === 0 ? 0 : rises / looks, riseWorst };
}

export const horizonNames = ["under 1 min", "1 to 5 min", "5 to 15 min", "15 to 40 min", "over 40 min"] as const;
/** By what was told, the middle of the band: sorting by what came would sort out what was wrong. */
export function horizonOf({ low, high }: Pick<Shown, "low" | "high">): number {
  const minutes = Math.sqrt(Math.max(0.1, low) * high) / 60;
  return [1, 5, 15, 40].filter((edge) => minutes >= edge).length;
}
