/**
 * A room's line with edges that crash, are cut off, pause and have wrong clocks, and a store that forgets; all of it owned by a seed. A failing
 * seed tells its story: `bin/bun test/simulation-room/run.ts --seed N`.
 */
import { describe, expect, test } from "bun:test";
import { mutants } from "./mutants.ts";
import { simulate } from "./simulate.ts";

const seeds = 1000;
const mutantSeedsMax = 1000;
const minutes = 60_000;

test(
  `in ${seeds} rooms, each with its own troubles, nobody is admitted beyond the rate and nobody's place is lost`,
  async () => {
    const broken: string[] = [];
    const throughputs: number[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations, throughput } = await simulate(seed);
      if (violations.length > 0) broken.push(`seed ${seed}: ${violations.slice(0, 3).join("; ")}`);
      if (throughput !== undefined) throughputs.push(throughput);
    }
    expect(broken).toEqual([]);
    expect(throughputs.length).toBeGreaterThan(seeds / 50);
    expect(throughputs.reduce((sum, share) => sum + share, 0) / throughputs.length).toBeGreaterThan(0.96);
  },
  10 * minutes,
);

test(
  "the same seed gives the same room, event by event",
  async () => {
    for (const seed of [3, 64, 131]) {
      const first = await simulate(seed, {}, true);
      const second = await simulate(seed, {}, true);
      expect(second.story).toEqual(first.story);
      expect(second.events).toBe(first.events);
    }
  },
  2 * minutes,
);

describe("the simulation finds a line that is wrong in one rule:", () => {
  for (const [name, mutant] of Object.entries(mutants)) {
    test(
      name,
      async () => {
        let found: number | undefined;
        for (let seed = 1; seed <= mutantSeedsMax && found === undefined; seed++) {
          if ((await simulate(seed, mutant)).violations.length > 0) found = seed;
        }
        expect(found).toBeNumber();
      },
      5 * minutes,
    );
  }
});
