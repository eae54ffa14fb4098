import { expect, test } from "bun:test";
import fc from "fast-check";
import { arrivalSeconds, massOf, type Piece, peakOf, piecesOf, type Shape, secondsOf } from "./arrivals.ts";
import { luckOf } from "./luck.ts";

const rate = fc.double({ min: 0, max: 500, noNaN: true });
const duration = fc.double({ min: 0.01, max: 20, noNaN: true });
const shape: fc.Arbitrary<Shape> = fc.oneof(
  fc.record({ shape: fc.constant("constant" as const), perSecond: rate, seconds: duration }),
  fc.record({
    shape: fc.constant("ramp" as const),
    fromPerSecond: rate,
    toPerSecond: rate,
    seconds: duration,
  }),
  fc.record({
    shape: fc.constant("spike" as const),
    basePerSecond: rate,
    peakPerSecond: rate,
    beforeSeconds: duration,
    riseSeconds: duration,
    holdSeconds: duration,
    fallSeconds: duration,
    afterSeconds: duration,
  }),
  fc.record({
    shape: fc.constant("steps" as const),
    steps: fc.array(fc.record({ perSecond: rate, seconds: duration }), { minLength: 1, maxLength: 8 }),
  }),
);

/** How many of the pieces' mass lie before a moment. */
function massBefore(pieces: readonly Piece[], seconds: number): number {
  let mass = 0;
  let begin = 0;
  for (const piece of pieces) {
    const part = Math.min(Math.max(seconds - begin, 0), piece.seconds);
    const reached = piece.fromPerSecond + ((piece.toPerSecond - piece.fromPerSecond) * part) / piece.seconds;
    mass += ((piece.fromPerSecond + reached) / 2) * part;
    begin += piece.seconds;
  }
  return mass;
}

test("even arrivals keep every shape's count, at its end and at every moment before", () => {
  fc.assert(
    fc.property(shape, fc.double({ min: 0.1, max: 3, noNaN: true }), (given, scale) => {
      const pieces = piecesOf(given, scale);
      const moments = [...arrivalSeconds(pieces, "even", luckOf(1, 0))];
      expect(Math.abs(moments.length - massOf(pieces))).toBeLessThanOrEqual(0.5 + 1e-6);
      for (let at = 0; at < moments.length; at += 37) {
        const moment = moments[at] as number;
        expect(moment).toBeGreaterThanOrEqual(moments[at - 1] ?? 0);
        expect(moment).toBeLessThanOrEqual(secondsOf(pieces) + 1e-9);
        expect(Math.abs(massBefore(pieces, moment) - (at + 0.5))).toBeLessThan(1e-3);
      }
    }),
    { numRuns: 200 },
  );
});

test("random arrivals keep it as far as chance does, whatever the shape and the seed", () => {
  fc.assert(
    fc.property(shape, fc.nat(), (given, seed) => {
      const pieces = piecesOf(given, 1);
      const count = [...arrivalSeconds(pieces, "random", luckOf(seed, 0))].length;
      // A Poisson count is its mean, give or take its root; six of these are once in a billion.
      expect(Math.abs(count - massOf(pieces))).toBeLessThanOrEqual(6 * Math.sqrt(massOf(pieces)) + 6);
    }),
    { numRuns: 200 },
  );
});

test("a scale of 1.5 is half as many again in every second, and the same length", () => {
  fc.assert(
    fc.property(shape, (given) => {
      const [once, scaled] = [piecesOf(given, 1), piecesOf(given, 1.5)];
      expect(massOf(scaled)).toBeCloseTo(1.5 * massOf(once), 6);
      expect(peakOf(scaled)).toBeCloseTo(1.5 * peakOf(once), 6);
      expect(secondsOf(scaled)).toBe(secondsOf(once));
    }),
  );
});

test("a recorded history keeps its proportions, and its busiest minute becomes the peak", () => {
  const history: Shape = { shape: "history", file: "", peakPerSecond: 200, minuteSeconds: 2 };
  const pieces = piecesOf(history, 1, [10, 40, 20, 0]);
  expect(pieces.map(({ fromPerSecond }) => fromPerSecond)).toEqual([50, 200, 100, 0]);
  expect(massOf(pieces)).toBe(2 * 350);
  expect([...arrivalSeconds(pieces, "even", luckOf(1, 0))].length).toBe(700);
});

test("the same seed gives the same arrivals, and another seed gives others", () => {
  const pieces = piecesOf({ shape: "constant", perSecond: 20, seconds: 10 }, 1);
  const of = (seed: number) => [...arrivalSeconds(pieces, "random", luckOf(seed, 0))];
  expect(of(5)).toEqual(of(5));
  expect(of(5)).not.toEqual(of(6));
});
