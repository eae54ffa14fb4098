/** An expectation that rises at once, falls slowly, and is forgotten in time. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { PeakEwma } from "./peak-ewma.ts";

test("one slow answer counts in full at once", () => {
  const latency = new PeakEwma(1000, 10, 0);
  latency.record(100, 500);
  expect(latency.read(100)).toBe(500);
});

test("good answers bring it down by a third of what is left in each tau, and so does silence", () => {
  const latency = new PeakEwma(1000, 0, 0);
  latency.record(0, 100);
  expect(latency.read(1000)).toBeCloseTo(100 / Math.E);
  latency.record(1000, 10);
  expect(latency.read(1000)).toBeCloseTo(100 / Math.E + 10 * (1 - 1 / Math.E));
});

test("it is never above the slowest nor below nothing, whatever the clock does", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -50, max: 5000 }), fc.double({ min: 0, max: 1e5, noNaN: true }))),
      (seen) => {
        const latency = new PeakEwma(1000, 0, 0);
        let nowMs = 0;
        let slowest = 0;
        for (const [passedMs, tookMs] of seen) {
          nowMs += passedMs;
          slowest = Math.max(slowest, tookMs);
          latency.record(nowMs, tookMs);
          expect(latency.read(nowMs)).toBeWithin(0, slowest * (1 + 1e-9) + 1e-9);
        }
      },
    ),
  );
});
