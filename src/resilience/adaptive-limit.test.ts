/** The limits decide as Netflix's do: its numeric cases as data; and what they must never do, as properties. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  createFixedLimit,
  createGradientLimit,
  createLongMean,
  createSampleWindow,
  createVegasLimit,
  type Sample,
  type VegasOptions,
} from "./adaptive-limit.ts";

/** VegasLimitTest of github.com/Netflix/concurrency-limits. Steps are [ms, in flight, the limit afterwards]. */
const small: Partial<VegasOptions> = { initial: 10, most: 20, alpha: () => 3, beta: () => 6 };
const half: Partial<VegasOptions> = { initial: 100, most: 200, decrease: (limit) => limit / 2 };
const vegasCases: readonly [string, Partial<VegasOptions>, readonly (readonly [number, number, number])[]][] = [
  [
    "grows in large steps when it is large",
    { initial: 10_000, most: 20_000 },
    [
      [10_000, 5000, 10_000],
      [10_000, 6000, 10_024],
    ],
  ],
  [
    "grows while times are as short as they get",
    small,
    [
      [10, 10, 10],
      [10, 11, 16],
    ],
  ],
  [
    "shrinks when times grow",
    small,
    [
      [10, 10, 10],
      [50, 11, 9],
    ],
  ],
  [
    "stays within its thresholds",
    small,
    [
      [10, 10, 10],
      [14, 14, 10],
    ],
  ],
  [
    "shrinks smoothly",
    { ...half, smoothing: 0.5 },
    [
      [10, 100, 100],
      [20, 100, 75],
      [20, 100, 56],
    ],
  ],
  [
    "shrinks at once without smoothing",
    half,
    [
      [10, 100, 100],
      [20, 100, 50],
      [20, 100, 25],
    ],
  ],
];

test.each(vegasCases)("vegas %s", (_name, options, steps) => {
  const vegas = createVegasLimit({ initial: 10, most: 20, random: () => 0.5, ...options });
  for (const [rtt, inFlight, limit] of steps) {
    vegas.sample({ rtt, inFlight, dropped: false });
    expect(vegas.limit).toBe(limit);
  }
});

/** ExpAvgMeasurementTest. */
test("the long mean is a plain mean while it warms up, and exponential from then on", () => {
  const mean = createLongMean(100, 10);
  for (const [i, expected] of [10, 10.5, 11, 11.5, 12, 12.5, 13, 13.5, 14, 14.5].entries()) {
    mean.add(i + 10);
    expect(mean.value).toBeCloseTo(expected, 2);
  }
  mean.add(100);
  expect(mean.value).toBeCloseTo(16.2, 1);
});

/** By Gradient2's published formula: limit * 0.8 + 0.2 * (limit * max(0.5, min(1, 1.5 * long / short)) + 4). */
test("gradient grows by its queue while times are level, and shrinks by their ratio when they rise", () => {
  const gradient = createGradientLimit({ initial: 100, least: 10, most: 200 });
  gradient.sample({ rtt: 10, inFlight: 100, dropped: false });
  expect(gradient.limit).toBe(100);
  for (let i = 0; i < 9; i++) gradient.sample({ rtt: 10, inFlight: 100, dropped: false });
  expect(gradient.limit).toBe(108);
  // The long mean moves by 2/601 of the way to 40 ms: 10.0998; 1.5 times that is 0.3787 of 40, so half is taken.
  gradient.sample({ rtt: 40, inFlight: 100, dropped: false });
  expect(gradient.limit).toBe(98);
});

describe("gradient under a load that lasts, before 32 workers that slow each other down", () => {
  const timeAt = (limit: number, serviceMs: number): number =>
    serviceMs * Math.max(1, limit / 32) * (1 + (0.5 * Math.max(0, limit - 32)) / 32);

  /** The limit after so many samples with all of it in use. */
  function after(samples: number, probeEvery: number, serviceMs: (sample: number) => number): number {
    const gradient = createGradientLimit({ initial: 64, least: 8, most: 1000, probeEvery });
    const seen: number[] = [];
    for (let i = 0; i < samples; i++) {
      const inFlight = gradient.limit;
      gradient.sample({ rtt: timeAt(inFlight, serviceMs(i)), inFlight, dropped: false });
      seen.push(gradient.limit);
    }
    // Of the last few, so that one that is halved just now does not count.
    return Math.max(...seen.slice(-5));
  }

  test("creeps up without end as it was published, and stays near the workers when it halves itself now and then", () => {
    expect(after(5000, 0, () => 20)).toBeGreaterThan(100);
    expect(after(5000, 50, () => 20)).toBeLessThan(56);
    expect(after(5000, 50, () => 20)).toBeGreaterThan(32);
  });

  test("takes an upstream that has become three times slower for what it is, and does not starve it", () => {
    const slower = (sample: number): number => (sample < 1000 ? 20 : 60);
    for (const samples of [1200, 1500, 3000]) {
      expect(after(samples, 50, slower)).toBeGreaterThan(24);
      expect(after(samples, 50, slower)).toBeLessThan(70);
    }
  });
});

test("gradient and vegas leave a limit alone that is not used by half", () => {
  for (const limit of [
    createGradientLimit({ initial: 100, least: 10, most: 200 }),
    createVegasLimit({ initial: 100, most: 200, random: () => 0.5 }),
  ]) {
    for (let i = 0; i < 1000; i++) limit.sample({ rtt: 10, inFlight: 20, dropped: false });
    expect(limit.limit).toBe(100);
  }
});

test("a fixed limit stays", () => {
  const fixed = createFixedLimit(7);
  fixed.sample({ rtt: 1e6, inFlight: 7, dropped: true });
  expect(fixed.limit).toBe(7);
});

test("an upstream that refuses from the first request on does not take the limit away for good", () => {
  const limit = createGradientLimit({ initial: 64, least: 8, most: 1000, probeEvery: 5 });
  for (const inFlight of [52, 47, 42, 38, 35]) limit.sample({ rtt: 1, inFlight, dropped: true });
  for (const inFlight of [1, 1, 19]) limit.sample({ rtt: 1, inFlight, dropped: false });
  expect(limit.limit).toBeGreaterThanOrEqual(8);
});

const samples = fc.array(
  fc.record({
    rtt: fc.double({ min: 0.001, max: 1e6, noNaN: true }),
    inFlight: fc.integer({ min: 1, max: 2000 }),
    dropped: fc.boolean(),
  }),
  { maxLength: 500 },
);

test("whatever the samples, a limit is a whole number between its least and its most", () => {
  fc.assert(
    fc.property(samples, fc.double({ min: 0, max: 0.999, noNaN: true }), (list, luck) => {
      const bounds = { initial: 64, least: 8, most: 1000 };
      const limits = [
        createGradientLimit(bounds),
        createVegasLimit({ ...bounds, random: () => luck }),
        createGradientLimit({ ...bounds, probeEvery: 5 }),
      ];
      for (const sample of list) {
        for (const limit of limits) {
          limit.sample(sample);
          expect(Number.isInteger(limit.limit)).toBe(true);
          expect(limit.limit).toBeGreaterThanOrEqual(8);
          expect(limit.limit).toBeLessThanOrEqual(1000);
        }
      }
    }),
  );
});

describe("a sample window", () => {
  const gather = (list: readonly (readonly [number, Sample])[]): Sample[] => {
    const told: Sample[] = [];
    const add = createSampleWindow(
      { limit: 1, sample: (sample) => told.push(sample) },
      { ms: 100, samplesMin: 3, dropShare: 0.5 },
    );
    for (const [nowMs, sample] of list) add(sample, nowMs);
    return told;
  };
  const good = (rtt: number, inFlight = 1): Sample => ({ rtt, inFlight, dropped: false });

  /** ImmutableAverageSampleWindowTest: 5000, 500 and 10. */
  test("tells the mean of its times and the most that were under way", () => {
    expect(
      gather([
        [0, good(5000, 2)],
        [1, good(500, 9)],
        [2, good(10, 4)],
      ]),
    ).toEqual([{ rtt: 5510 / 3, inFlight: 9, dropped: false }]);
  });

  test("counts drops by their share, their times included", () => {
    const drop: Sample = { rtt: 5000, inFlight: 1, dropped: true };
    expect(
      gather([
        [0, good(5000)],
        [1, good(10)],
        [2, drop],
      ])[0]?.dropped,
    ).toBe(false);
    expect(
      gather([
        [0, good(5000)],
        [1, drop],
        [2, drop],
      ])[0]?.dropped,
    ).toBe(true);
  });

  test("does not end before its time, nor with too few samples", () => {
    const list: [number, Sample][] = Array.from({ length: 50 }, (_, i) => [i * 10, good(5)]);
    expect(gather(list)).toHaveLength(5);
    expect(
      gather([
        [0, good(5)],
        [1000, good(5)],
      ]),
    ).toHaveLength(0);
  });
});
