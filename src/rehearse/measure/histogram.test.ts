import { expect, test } from "bun:test";
import fc from "fast-check";
import { build } from "hdr-histogram-js";
import { hgrmOf } from "./hgrm.ts";
import { Histogram } from "./histogram.ts";

/** Microseconds as answers have them: many short, some long, a few very long. */
const times = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 3000 }),
    fc.integer({ min: 0, max: 10_000_000 }),
    fc.integer({ min: 0, max: 3_600_000_000 }),
  ),
  { minLength: 1, maxLength: 400 },
);
const asReference = (values: readonly number[]) => {
  const reference = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 64,
  });
  for (const value of values) reference.recordValue(value);
  return reference;
};
/** Mean, deviation, greatest and count, from a distribution's last lines. */
const summary = (text: string): number[] =>
  [...text.matchAll(/(?:Mean|StdDeviation|Max|count) +=\s*([\d.]+)/g)].map(([, figure]) => Number(figure));
const percentiles = [0, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100];

test("every percentile is the one that hdr-histogram-js gives for the same times", () => {
  fc.assert(
    fc.property(times, fc.double({ min: 0, max: 100, noNaN: true }), (values, any) => {
      const ours = new Histogram();
      for (const value of values) ours.record(value);
      const reference = asReference(values);
      for (const percentile of [...percentiles, any])
        expect(ours.percentileUs(percentile)).toBe(reference.getValueAtPercentile(percentile));
      expect(ours.count).toBe(reference.totalCount);
      expect(ours.maxUs).toBe(Math.max(...values));
      expect(ours.minUs).toBe(Math.min(...values));
      expect(ours.meanUs).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 3);
    }),
    { numRuns: 150 },
  );
});

test("halves that are merged say what the whole says, in whatever order, and survive JSON", () => {
  fc.assert(
    fc.property(times, times, (left, right) => {
      const whole = new Histogram();
      const [one, other] = [new Histogram(), new Histogram()];
      for (const value of left) for (const histogram of [whole, one]) histogram.record(value);
      for (const value of right) for (const histogram of [whole, other]) histogram.record(value);
      const merged = Histogram.from(JSON.parse(JSON.stringify(other.toData())));
      merged.merge(one.toData());
      expect(merged.toData()).toEqual(whole.toData());
    }),
  );
});

test("the distribution reads as the reference writes it, line for line", () => {
  fc.assert(
    fc.property(times, (values) => {
      const ours = new Histogram();
      for (const value of values) ours.record(value);
      const reference = asReference(values).outputPercentileDistribution(5, 1000);
      const distribution = (text: string) => text.split("\n").filter((line) => !line.startsWith("#"));
      expect(distribution(hgrmOf(ours.toData())).filter((line) => line !== "")).toEqual(
        distribution(reference).filter((line) => line.trim() !== ""),
      );
      const wanted = summary(reference);
      // The reference sums in another order.
      for (const [at, figure] of summary(hgrmOf(ours.toData())).entries())
        expect(Math.abs(figure - (wanted[at] as number))).toBeLessThan(0.0021 + figure * 1e-9);
    }),
    { numRuns: 30 },
  );
});

test("times of days, times below zero and nothing at all are told without a failure", () => {
  const histogram = new Histogram();
  expect(histogram.percentileUs(99)).toBe(0);
  expect(histogram.toData()).toEqual({ count: 0, minUs: 0, maxUs: 0, sumUs: 0, buckets: [] });
  histogram.record(-5);
  histogram.record(30 * 86_400 * 1e6);
  expect(histogram.minUs).toBe(0);
  expect(histogram.maxUs).toBe(30 * 86_400 * 1e6);
  expect(histogram.countAbove(1_000_000)).toBe(1);
});
