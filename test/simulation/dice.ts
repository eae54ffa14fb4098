/** The luck of one simulated run: everything that could have gone otherwise is decided by one of these, so the seed is the run. */
import { seededRandom } from "../kit/generated-catalogue.ts";

export type Dice = {
  /** In [0, 1). */
  next(): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number;
  pick<Item>(items: readonly Item[]): Item;
  /** Some of the items, each with this probability, in their order. */
  some<Item>(items: readonly Item[], probability: number): Item[];
};

export function createDice(seed: number): Dice {
  const next = seededRandom(seed);
  return {
    next,
    chance: (probability) => next() < probability,
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: (items) => {
      if (items.length === 0) throw new RangeError("There is nothing to pick from.");
      return items[Math.floor(next() * items.length)] as (typeof items)[number];
    },
    some: (items, probability) => items.filter(() => next() < probability),
  };
}
