/** The draw: every entrant has one rank, every order is as likely as another, and nobody gains by coming early. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../../test/kit/sha256.ts";
import { commitmentOf, createDraw, drawKeyOf } from "./draw.ts";

const hex = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
const drawOf = (entrants: number, seed: number | string, root: number | string = "root") =>
  createDraw({ seed: hex(`seed ${seed}`), root: hex(`root ${root}`), entrants }, sha256);

/** Of a chi-square variable with so many degrees of freedom, as a number of standard deviations (Wilson and Hilferty 1931). */
function deviationOf(chiSquare: number, degrees: number): number {
  const spread = 2 / (9 * degrees);
  return (Math.cbrt(chiSquare / degrees) - (1 - spread)) / Math.sqrt(spread);
}
const chiSquareOf = (counts: Iterable<number>, expected: number): number => {
  let sum = 0;
  for (const count of counts) sum += (count - expected) ** 2 / expected;
  return sum;
};

test("gives every entrant one rank and every rank to one entrant, for every size up to 300", () => {
  for (let entrants = 0; entrants <= 300; entrants++) {
    const draw = drawOf(entrants, entrants);
    const ranks = new Set<number>();
    for (let seq = 1; seq <= entrants; seq++) {
      const rank = draw.rankOf(seq);
      expect(rank).toBeGreaterThanOrEqual(1);
      expect(rank).toBeLessThanOrEqual(entrants);
      expect(draw.seqOf(rank)).toBe(seq);
      ranks.add(rank);
    }
    expect(ranks.size).toBe(entrants);
  }
});

test("goes there and back for any size up to ten million", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), fc.integer({ min: 0 }), fc.nat(), (entrants, seed, pick) => {
      const draw = drawOf(entrants, seed);
      const seq = 1 + (pick % entrants);
      const rank = draw.rankOf(seq);
      expect(rank).toBeWithin(1, entrants + 1);
      expect(draw.seqOf(rank)).toBe(seq);
      expect(draw.rankOf(draw.seqOf(seq))).toBe(seq);
    }),
    { numRuns: 300, seed: 4 },
  );
});

test("is a permutation of a whole crowd of 200,001", () => {
  const entrants = 200_001;
  const draw = drawOf(entrants, 1);
  const seen = new Uint8Array(entrants + 1);
  for (let seq = 1; seq <= entrants; seq++) {
    const rank = draw.rankOf(seq);
    seen[rank] = (seen[rank] ?? 0) + 1;
  }
  expect(seen.subarray(1).every((times) => times === 1)).toBe(true);
});

test("leaves who came after the doors opened where they are", () => {
  const draw = drawOf(10, 1);
  expect(draw.rankOf(11)).toBe(11);
  expect(draw.rankOf(5_000_000)).toBe(5_000_000);
  expect(draw.seqOf(11)).toBe(11);
});

test("numbers that nobody is known to have draw nothing and stand behind all who drew", () => {
  const holes = [
    [3, 5],
    [9, 9],
    [12, 13],
  ] as const;
  const draw = createDraw({ seed: hex("seed"), root: hex("root"), entrants: 9, holes }, sha256);
  const whole = drawOf(9, 1);
  expect(whole.last).toBe(9);
  expect(draw.last).toBe(15);
  expect([3, 4, 5, 9, 12, 13].map(draw.rankOf)).toEqual([10, 11, 12, 13, 14, 15]);
  const drew = [1, 2, 6, 7, 8, 10, 11, 14, 15].map(draw.rankOf);
  expect(drew.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (let seq = 1; seq <= 20; seq++) expect(draw.seqOf(draw.rankOf(seq))).toBe(seq);
});

describe("over many seeds", () => {
  test.each([2, 3, 4, 5])(
    "every order of %d entrants is as likely as another",
    (entrants) => {
      const draws = 6000;
      const counts = new Map<string, number>();
      for (let seed = 0; seed < draws; seed++) {
        const draw = drawOf(entrants, seed);
        const order = Array.from({ length: entrants }, (_none, at) => draw.rankOf(at + 1)).join();
        counts.set(order, (counts.get(order) ?? 0) + 1);
      }
      const orders = [1, 1, 2, 6, 24, 120][entrants] as number;
      expect(counts.size).toBe(orders);
      expect(Math.abs(deviationOf(chiSquareOf(counts.values(), draws / orders), orders - 1))).toBeLessThan(4);
    },
    30_000,
  );

  test.each([9, 16, 25, 37])(
    "of %d entrants, each gets each rank as often, and so does each pair",
    (entrants) => {
      const draws = 6000;
      const places = new Float64Array(entrants * entrants);
      const pairs = new Float64Array(entrants * entrants);
      for (let seed = 0; seed < draws; seed++) {
        const draw = drawOf(entrants, seed);
        const ranks = Array.from({ length: entrants }, (_none, at) => draw.rankOf(at + 1) - 1);
        for (const [at, rank] of ranks.entries())
          places[at * entrants + rank] = (places[at * entrants + rank] ?? 0) + 1;
        const pair = (ranks[0] as number) * entrants + (ranks[1] as number);
        pairs[pair] = (pairs[pair] ?? 0) + 1;
      }
      const ofPlaces = deviationOf(chiSquareOf(places, draws / entrants), (entrants - 1) ** 2);
      const possible = [...pairs].filter((_count, at) => Math.floor(at / entrants) !== at % entrants);
      const ofPairs = deviationOf(chiSquareOf(possible, draws / possible.length), possible.length - 1);
      console.log(
        `draw of ${entrants}, ${draws} seeds: places ${ofPlaces.toFixed(2)} σ, pairs ${ofPairs.toFixed(2)} σ`,
      );
      expect(Math.abs(ofPlaces)).toBeLessThan(4);
      expect(Math.abs(ofPairs)).toBeLessThan(4);
    },
    30_000,
  );

  test("coming first is worth nothing: early numbers get early ranks as often as late ones", () => {
    const entrants = 1000;
    let early = 0;
    let sameSide = 0;
    const draws = 400;
    for (let seed = 0; seed < draws; seed++) {
      const draw = drawOf(entrants, seed);
      for (let seq = 1; seq <= 100; seq++) {
        early += draw.rankOf(seq);
        if (draw.rankOf(seq) < draw.rankOf(seq + 1)) sameSide += 1;
      }
    }
    const mean = early / (draws * 100);
    // The mean rank of 40,000 draws without preference is 500.5, give or take 1.4.
    expect(Math.abs(mean - 500.5)).toBeLessThan(6);
    expect(Math.abs(sameSide / (draws * 100) - 0.5)).toBeLessThan(0.012);
  });
});

test("one bit of the seed, or one more entrant's leaf, gives another order altogether", () => {
  const entrants = 1000;
  const seed = hex("seed");
  const flipped = `${seed.slice(0, -1)}${((Number.parseInt(seed.slice(-1), 16) ^ 1) & 15).toString(16)}`;
  const root = hex("root");
  const one = createDraw({ seed, root, entrants }, sha256);
  for (const other of [
    createDraw({ seed: flipped, root, entrants }, sha256),
    createDraw({ seed, root: hex("other root"), entrants }, sha256),
  ]) {
    let kept = 0;
    let products = 0;
    for (let seq = 1; seq <= entrants; seq++) {
      const [a, b] = [one.rankOf(seq), other.rankOf(seq)];
      if (a === b) kept += 1;
      products += (a - 500.5) * (b - 500.5);
    }
    // One rank in a thousand stays by chance; the correlation of two unrelated orders is 0 ± 0.032.
    expect(kept).toBeLessThan(8);
    expect(Math.abs(products / (entrants * ((entrants * entrants - 1) / 12)))).toBeLessThan(0.13);
  }
});

test("the commitment is what sha256sum says of the seed's bytes, and the key is bound to every input", () => {
  const seed = "00".repeat(32);
  expect(commitmentOf(seed, sha256)).toBe("66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925");
  const root = hex("root");
  const keys = new Set([
    drawKeyOf({ seed, root, entrants: 5 }, sha256).toHex(),
    drawKeyOf({ seed, root, entrants: 6 }, sha256).toHex(),
    drawKeyOf({ seed: root, root: seed, entrants: 5 }, sha256).toHex(),
    drawKeyOf({ seed, root: hex("other"), entrants: 5 }, sha256).toHex(),
  ]);
  expect(keys.size).toBe(4);
});

test("refuses a seed that is none, and more entrants than it can hold", () => {
  expect(() => createDraw({ seed: "abc", root: hex("root"), entrants: 5 }, sha256)).toThrow("seed is not 32 bytes");
  expect(() => createDraw({ seed: hex("seed"), root: hex("root").toUpperCase(), entrants: 5 }, sha256)).toThrow("root");
  expect(() => drawOf(10_000_001, 1)).toThrow("10000000 entrants");
  expect(() => drawOf(10, 1).rankOf(0)).toThrow("begin at 1");
});
