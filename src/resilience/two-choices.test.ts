/** Draws by weight and evenly, never the one left out; and the share of one that starts slowly. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { slowStartShare } from "./slow-start.ts";
import { drawByWeight, drawEvenly } from "./two-choices.ts";

const luck = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a draw is one of the others, whatever the luck", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 20 }),
      luck,
      fc.nat(),
      (weights, random, any) => {
        const nodes = weights.map((weight) => ({ weight }));
        const sum = weights.reduce((total, weight) => total + weight, 0);
        const except = (any % (weights.length + 1)) - 1;
        for (const index of [
          drawByWeight(nodes, sum, except, () => random),
          drawEvenly(nodes.length, except, () => random),
        ]) {
          expect(index).toBeWithin(0, nodes.length);
          expect(index).not.toBe(except);
        }
      },
    ),
  );
});

test("each is drawn as often as its weight says", () => {
  const nodes = [{ weight: 1 }, { weight: 2 }, { weight: 7 }];
  const drawn = [0, 0, 0];
  for (let step = 0; step < 1000; step++) {
    const index = drawByWeight(nodes, 10, -1, () => step / 1000);
    drawn[index] = (drawn[index] as number) + 1;
  }
  expect(drawn).toEqual([100, 200, 700]);
  expect(drawByWeight([], 0, -1, () => 0.5)).toBe(-1);
});

test("one that came back gets a tenth at first, and its whole share when its time is over", () => {
  expect([0, 500, 5000, 9999, 10_000].map((sinceMs) => slowStartShare(sinceMs, 10_000))).toEqual([
    0.1, 0.1, 0.5, 0.9999, 1,
  ]);
  expect([slowStartShare(0, 0), slowStartShare(Number.POSITIVE_INFINITY, 10)]).toEqual([1, 1]);
});
