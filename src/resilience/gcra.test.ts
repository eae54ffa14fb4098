/** A limit lets through what it says and no more, whatever the order of things. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Gcra, gcra, remaining, standing, take, wait } from "./gcra.ts";

const rates = fc.record({ perSecond: fc.integer({ min: 1, max: 500 }), burst: fc.integer({ min: 1, max: 50 }) });
const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(20), fc.nat(3000)), { maxLength: 300 });

/** Times at which requests were let through. */
function through(rule: Gcra, times: readonly number[]): number[] {
  let tat = Number.NEGATIVE_INFINITY;
  return times.filter((now) => {
    if (wait(rule, tat, now) > 0) return false;
    tat = take(rule, tat, now);
    return true;
  });
}

const timesOf = (list: readonly number[]): number[] => {
  let now = 0;
  return list.map((gap) => {
    now += gap;
    return now;
  });
};

describe("a rate with a burst", () => {
  test("decides as a bucket of whole thousandths does that cannot round", () => {
    fc.assert(
      fc.property(rates, gaps, (options, list) => {
        const times = timesOf(list);
        let level = options.burst * 1000;
        let before = 0;
        const expected = times.filter((now) => {
          level = Math.min(options.burst * 1000, level + (now - before) * options.perSecond);
          before = now;
          if (level < 1000) return false;
          level -= 1000;
          return true;
        });
        expect(through(gcra(options), times)).toEqual(expected);
      }),
    );
  });

  test("never lets more through in any span than the burst and what the span adds", () => {
    fc.assert(
      fc.property(rates, gaps, (options, list) => {
        const passed = through(gcra(options), timesOf(list));
        for (let from = 0; from < passed.length; from++) {
          for (let to = from; to < passed.length; to++) {
            const span = (passed[to] as number) - (passed[from] as number);
            expect(to - from + 1).toBeLessThanOrEqual(options.burst + (span * options.perSecond) / 1000 + 0.01);
          }
        }
      }),
    );
  });

  test("lets a request through at the very moment it named", () => {
    fc.assert(
      fc.property(rates, gaps, (options, list) => {
        const rule = gcra(options);
        let tat = Number.NEGATIVE_INFINITY;
        for (const now of timesOf(list)) {
          const ms = wait(rule, tat, now);
          if (ms === 0) tat = take(rule, tat, now);
          else expect(wait(rule, tat, now + ms)).toBe(0);
        }
      }),
    );
  });

  test("counts what is left as what would in truth pass one after the other", () => {
    fc.assert(
      fc.property(rates, gaps, (options, list) => {
        const rule = gcra(options);
        let tat = Number.NEGATIVE_INFINITY;
        for (const now of timesOf(list)) {
          if (wait(rule, tat, now) === 0) tat = take(rule, tat, now);
          let trial = tat;
          let count = 0;
          while (wait(rule, trial, now) === 0) {
            trial = take(rule, trial, now);
            count++;
          }
          expect(remaining(rule, tat, now)).toBe(count);
        }
      }),
    );
  });
});

describe("a time that lies too far ahead", () => {
  /** How many of a request every 10 ms get through in ten seconds, for somebody remembered by this time. */
  function inTenSeconds(rule: Gcra, remembered: number): number {
    let tat = remembered;
    let count = 0;
    for (let now = 0; now < 10_000; now += 10) {
      tat = standing(rule, tat, now);
      if (wait(rule, tat, now) > 0) continue;
      tat = take(rule, tat, now);
      count++;
    }
    return count;
  }

  test("by a clock that was set back by a day, costs the burst and no more", () => {
    expect(inTenSeconds(gcra({ perSecond: 10, burst: 5 }), 86_400_000)).toBe(99);
  });

  test("by a looser rule, costs the burst of the new one and no more", () => {
    expect(inTenSeconds(gcra({ perSecond: 1, burst: 2 }), 1000 * 1000)).toBe(9);
  });

  test("by a request that overtook another, is no reason to forget what was taken", () => {
    const rule = gcra({ perSecond: 1, burst: 2 });
    expect(standing(rule, 2900, 0)).toBe(2900);
  });
});

test("a rate of nothing or a burst of nothing is refused", () => {
  for (const options of [
    { perSecond: 0, burst: 1 },
    { perSecond: Number.NaN, burst: 1 },
    { perSecond: 1, burst: 0 },
  ]) {
    expect(() => gcra(options)).toThrow("A limit needs a positive rate and a burst of at least one.");
  }
});
