import { expect, test } from "bun:test";
import { erlangC, erlangWait } from "./erlang.ts";

test("Erlang C gives the known answers", () => {
  expect(erlangC(10, 8)).toBeCloseTo(0.40918, 5);
  expect(erlangWait(10, 8)).toBeCloseTo(0.20459, 5);
  expect(erlangC(2, 1.5)).toBeCloseTo(0.642857, 6);
});

test("before one counter, whoever finds it busy waits", () => {
  for (const load of [0, 0.1, 0.5, 0.99]) expect(erlangC(1, load)).toBeCloseTo(load, 12);
});

test("a thousand counters neither overflow nor lose their digits", () => {
  expect(erlangC(1000, 900)).toBeGreaterThan(0);
  expect(erlangC(1000, 999)).toBeGreaterThan(0.9);
  expect(erlangC(1000, 999)).toBeLessThan(1);
});

test("more work than counters is a line without end", () => {
  expect(erlangC(3, 3)).toBe(1);
  expect(erlangWait(3, 4)).toBe(Number.POSITIVE_INFINITY);
  expect(() => erlangC(0, 1)).toThrow(RangeError);
});
