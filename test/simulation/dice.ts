/**
 * The luck of one simulated run: everything that could have gone otherwise is decided by one of these, so the seed is
 * the run. sfc32 by Chris Doty-Humphrey (PractRand): fast, 128 bits of state, and the same on every machine.
 */
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
  let a = 0x9e3779b9 ^ (seed | 0);
  let b = 0x243f6a88 ^ Math.floor(seed / 2 ** 32);
  let c = 0xb7e15162;
  let counter = 1;
  const bits = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    return result >>> 0;
  };
  // Seeds that differ in one bit begin alike; after these they have parted.
  for (let round = 0; round < 16; round++) bits();

  const next = () => bits() / 2 ** 32;
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
