/** One number that tells how hard it is, rises at once, falls late, and never flutters. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Pressure as PressureSettings } from "#contract/edge-config.ts";
import { countingMeter, exchangeOf, settingsOf } from "../../test/kit/exchange.ts";
import type { Exchange } from "./exchange.ts";
import { createPressure, type PressureLevel } from "./pressure.ts";

const start = 1_795_000_000_000;

/** Half a second of a hundred requests like this. */
type Half = {
  readonly waitMs?: number;
  readonly tookMs?: number;
  readonly errorPercent?: number;
  readonly filled?: number;
};

function pressureOf(given: object = {}) {
  const pressure = createPressure(settingsOf(PressureSettings, given), { meter: countingMeter() });
  let nowMs = start;
  const half = ({ waitMs = 0, tookMs = 20, errorPercent = 0, filled = 0.5 }: Half = {}): PressureLevel => {
    for (let i = 0; i < 100; i++) {
      pressure.signals.filled(filled, nowMs);
      pressure.signals.waited(waitMs, nowMs);
      pressure.signals.answered(tookMs, i < errorPercent, nowMs);
    }
    nowMs += 500;
    // The first signal of the next half ends this one.
    pressure.signals.waited(waitMs, nowMs);
    return pressure.level();
  };
  const seconds = (count: number, what?: Half): PressureLevel[] =>
    Array.from({ length: count * 2 }, () => half(what)).filter((_, i) => i % 2 === 1);
  half();
  return { pressure, half, seconds, now: () => nowMs };
}

describe("the level", () => {
  test.each([
    [{ waitMs: 19 }, 0],
    [{ waitMs: 21 }, 1],
    [{ waitMs: 101 }, 2],
    [{ waitMs: 401 }, 3],
    [{ errorPercent: 1 }, 0],
    [{ errorPercent: 2 }, 1],
    [{ errorPercent: 10 }, 2],
    [{ errorPercent: 30 }, 3],
    [{ tookMs: 39 }, 0],
    [{ tookMs: 41 }, 1],
    [{ tookMs: 81 }, 2],
    [{ tookMs: 161 }, 3],
    [{ filled: 0.94 }, 0],
    [{ filled: 0.96 }, 1],
    [{ waitMs: 25, errorPercent: 12, tookMs: 41 }, 2],
  ] as const)("of %o is %i", (half, expected) => {
    const { seconds } = pressureOf();
    expect(seconds(10).at(-1)).toBe(0);
    expect(seconds(2, half).at(-1)).toBe(expected);
  });

  test("rises with the first half second and is left only after ten quieter ones", () => {
    const { half, seconds } = pressureOf();
    seconds(5);
    expect(half({ waitMs: 500 })).toBe(3);
    expect(seconds(9)).toEqual(Array(9).fill(3));
    expect(seconds(2)).toEqual([0, 0]);
  });

  test("falls to what was the most of the last ten seconds, not to what is now", () => {
    const { half, seconds } = pressureOf();
    seconds(5);
    half({ waitMs: 500 });
    seconds(5, { waitMs: 150 });
    expect(seconds(4)).toEqual([3, 3, 3, 3]);
    expect(seconds(5)).toEqual([2, 2, 2, 2, 2]);
    expect(seconds(2)).toEqual([0, 0]);
  });

  test("rests under signals that go to and fro over a threshold", () => {
    const { seconds } = pressureOf();
    seconds(5);
    seconds(1, { waitMs: 110 });
    const told = Array.from({ length: 60 }, (_, i) => seconds(1, { waitMs: i % 2 === 0 ? 90 : 110 })).flat();
    expect(told).toEqual(Array(60).fill(2));
  });

  test("never falls twice within the time it waits, whatever the signals", () => {
    const anyHalf = fc.record({ waitMs: fc.constantFrom(0, 30, 150, 600), errorPercent: fc.constantFrom(0, 5, 40) });
    fc.assert(
      fc.property(fc.array(anyHalf, { maxLength: 120 }), fc.constantFrom(1, 3, 10), (halves, downAfterSeconds) => {
        const { half } = pressureOf({ downAfterSeconds });
        let before: PressureLevel = 0;
        let lastRise = Number.NEGATIVE_INFINITY;
        for (const [i, what] of halves.entries()) {
          const now = half(what);
          // Each level holds for the whole time from the last half second that asked for it.
          if (now < before) expect(i - lastRise).toBeGreaterThanOrEqual(downAfterSeconds * 2);
          const asked = Math.max([0, 30, 150, 600].indexOf(what.waitMs), [0, 5, 10, 40].indexOf(what.errorPercent));
          if (asked >= before) lastRise = i;
          expect(now).toBeGreaterThanOrEqual(asked);
          before = now;
        }
      }),
    );
  });

  test("counts slowness against the upstream's own quiet time, and not in milliseconds that nobody notices", () => {
    const { seconds } = pressureOf();
    expect(seconds(5, { tookMs: 1 }).at(-1)).toBe(0);
    expect(seconds(5, { tookMs: 15 }).at(-1)).toBe(0);
    expect(seconds(2, { tookMs: 45 }).at(-1)).toBe(2);
  });

  test("in time takes a shop that has become slower for one that is slower", () => {
    const { seconds, pressure } = pressureOf();
    seconds(5, { tookMs: 20 });
    expect(seconds(10, { tookMs: 60 }).at(-1)).toBe(1);
    expect(seconds(3600, { tookMs: 60 }).at(-1)).toBe(0);
    expect(pressure.stats().quietMs).toBeGreaterThan(30);
  });

  test("says nothing from a handful of requests", () => {
    const { pressure, now, seconds } = pressureOf();
    seconds(5);
    for (let i = 0; i < 9; i++) pressure.signals.answered(9000, true, now());
    pressure.signals.waited(0, now() + 600);
    expect(pressure.level()).toBe(0);
  });

  test("outlives a clock that is set back", () => {
    const { pressure, seconds, now } = pressureOf();
    seconds(5);
    seconds(1, { waitMs: 500 });
    const back = now() - 3_600_000;
    for (let i = 0; i < 60; i++) pressure.signals.waited(0, back + i * 500);
    expect(pressure.level()).toBe(0);
  });
});

describe("who is told", () => {
  const answer = () => new Response("page", { headers: { "server-timing": "db;dur=5" } });

  test("nobody while all is well: exchange and answer stay the same objects", () => {
    const { pressure } = pressureOf();
    const exchange = exchangeOf();
    const response = answer();
    expect(pressure.answerStage(exchange, () => response)).toBe(response);
    let passed: Exchange | undefined;
    void pressure.upstreamStage(exchange, (given) => {
      passed = given;
      return response;
    });
    expect(passed).toBe(exchange);
    expect(response.headers.has("spillway-pressure")).toBe(false);
  });

  test("the upstream and the page, from level 1 on, and the listener's own request is not written to", async () => {
    const { pressure } = pressureOf();
    pressure.override(2);
    const exchange = exchangeOf({ headers: { "spillway-pressure": "0", accept: "text/html" } });
    let passed: Exchange | undefined;
    const told = await pressure.answerStage(exchange, (outer) =>
      pressure.upstreamStage(outer, async (given) => {
        passed = given;
        return answer();
      }),
    );
    expect(passed?.headers.get("spillway-pressure")).toBe("2");
    expect(passed?.headers.get("accept")).toBe("text/html");
    expect(passed?.notes).toBe(exchange.notes);
    expect(exchange.headers.get("spillway-pressure")).toBe("0");
    expect(told.headers.get("spillway-pressure")).toBe("2");
    expect(told.headers.get("server-timing")).toBe('db;dur=5, pressure;desc="2"');
  });

  test("never the upstream by a client", () => {
    const { pressure } = pressureOf();
    void pressure.upstreamStage(exchangeOf({ headers: { "spillway-pressure": "3" } }), (given) => {
      expect(given.headers.has("spillway-pressure")).toBe(false);
      return answer();
    });
    expect.assertions(1);
  });

  test("the cache: how much longer stale answers may be used", () => {
    const { pressure } = pressureOf();
    const factors = ([0, 1, 2, 3] as const).map((level) => {
      pressure.override(level);
      return pressure.staleFactor();
    });
    expect(factors).toEqual([1, 1, 2, 5]);
  });

  test("an operator's word holds until it is taken back, and what was measured meanwhile is known then", () => {
    const { pressure, seconds } = pressureOf();
    seconds(5);
    pressure.override(0);
    expect(seconds(2, { waitMs: 500 })).toEqual([0, 0]);
    pressure.override(null);
    expect(pressure.level()).toBe(3);
  });

  test("when everything comes from the cache and nothing from upstream, the level still falls", () => {
    const { pressure, seconds, now } = pressureOf();
    seconds(5);
    seconds(1, { waitMs: 500 });
    for (let i = 0; i < 30; i++) void pressure.answerStage(exchangeOf({ atMs: now() + i * 500 }), answer);
    expect(pressure.level()).toBe(0);
  });
});
