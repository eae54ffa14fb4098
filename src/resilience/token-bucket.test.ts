/** The bucket's two promises: never more than the rate and the burst allow, and never a wait longer than needed. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createTokenBucket } from "./token-bucket.ts";

const rate = fc.double({ min: 0.1, max: 1000, noNaN: true });
const burst = fc.integer({ min: 1, max: 50 });
const steps = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 200 });

describe("a token bucket", () => {
  test("gives a burst at once, and then at its rate", () => {
    const bucket = createTokenBucket({ perSecond: 10, burst: 3 });
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 0]);
    expect(bucket.take(0)).toBe(100);
    expect(bucket.take(60)).toBe(40);
    expect(bucket.take(100)).toBe(0);
    expect(bucket.take(100)).toBe(100);
  });

  test("in any stretch of time gives no more than the burst and what was gained in it", () => {
    fc.assert(
      fc.property(rate, burst, steps, (perSecond, size, pauses) => {
        const bucket = createTokenBucket({ perSecond, burst: size });
        const takenAt: number[] = [];
        let nowMs = 1_000_000;
        for (const pause of pauses) {
          nowMs += pause;
          while (bucket.take(nowMs) === 0) takenAt.push(nowMs);
        }
        for (const [first, startMs] of takenAt.entries()) {
          for (const [last, endMs] of takenAt.entries()) {
            if (last < first) continue;
            expect(last - first + 1).toBeLessThanOrEqual(size + ((endMs - startMs) * perSecond) / 1000 + 1e-6);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test("whoever waits as long as it says gets a token, and a millisecond less was not enough", () => {
    fc.assert(
      fc.property(rate, burst, fc.integer({ min: 0, max: 5000 }), (perSecond, size, laterMs) => {
        const bucket = createTokenBucket({ perSecond, burst: size });
        while (bucket.take(0) === 0);
        const waitMs = bucket.take(laterMs);
        fc.pre(waitMs > 1);
        expect(bucket.take(laterMs + waitMs - 1)).toBeGreaterThan(0);
        // Adding fractions may leave the last token short by less than a millisecond's worth.
        const rest = bucket.take(laterMs + waitMs);
        expect(rest).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("gives nothing while the provider wants a pause, and no burst after it", () => {
    const bucket = createTokenBucket({ perSecond: 10, burst: 20 });
    bucket.pauseUntil(5000);
    bucket.pauseUntil(1000);
    expect(bucket.take(0)).toBe(5000);
    expect(bucket.take(4999)).toBe(1);
    expect(bucket.take(5000)).toBe(0);
    expect(bucket.take(5000)).toBe(100);
  });

  test("a clock that is set back costs nothing and gives nothing", () => {
    const bucket = createTokenBucket({ perSecond: 1, burst: 1 });
    expect(bucket.take(100_000)).toBe(0);
    expect(bucket.take(50_000)).toBe(1000);
    expect(bucket.take(51_000)).toBe(0);
  });

  test("a rate or burst that makes no sense is refused", () => {
    for (const [perSecond, size] of [
      [0, 1],
      [-1, 1],
      [Number.NaN, 1],
      [Number.POSITIVE_INFINITY, 1],
      [1, 0.5],
      [1, Number.NaN],
    ] as const) {
      expect(() => createTokenBucket({ perSecond, burst: size })).toThrow(RangeError);
    }
  });
});
