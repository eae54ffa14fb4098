import { describe, expect, test } from "bun:test";
import { findKnee, pointsOfSteps, studentT975 } from "./knee.ts";
import { fitUsl, type LoadPoint, optimalLoad, peakLoad, throughputLimit, uslThroughput } from "./usl.ts";

const points = (loads: readonly number[], throughputs: readonly number[]): LoadPoint[] =>
  loads.map((load, index) => ({ load, throughput: throughputs[index] as number }));

// The published sets of the R package usl (github.com/smoeding/usl, tests/ and data/).
const synthetic = points([1, 2, 4, 6, 8, 10], [1, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557]);
const specSdm91 = points([1, 18, 36, 72, 108, 144, 216], [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775, 1702.2]);
const rayTracer = points(
  [1, 4, 8, 12, 16, 20, 24, 28, 32, 48, 64],
  [20, 78, 130, 170, 190, 200, 210, 230, 260, 280, 310],
);

describe("the Universal Scalability Law", () => {
  test("finds the law that the synthetic set was made by", () => {
    const fit = fitUsl(synthetic);
    expect(fit.alpha).toBeCloseTo(0.02, 4);
    expect(fit.beta).toBeCloseTo(0.02, 5);
    expect(fit.gamma).toBeCloseTo(1, 4);
  });

  test("gives the published peak, optimum, limit and curve of SPEC SDM91", () => {
    const fit = fitUsl(specSdm91);
    expect(peakLoad(fit)).toBeCloseTo(96.51956, 4);
    expect(optimalLoad(fit)).toBeCloseTo(36.06401, 4);
    expect(throughputLimit(fit)).toBeCloseTo(3245.589, 2);
    expect(specSdm91.map(({ load }) => Math.round(uslThroughput(fit, load)))).toEqual([
      90, 1078, 1541, 1850, 1879, 1822, 1646,
    ]);
    expect(peakLoad({ alpha: 0.001, beta: 1e-5, gamma: 1 })).toBeCloseTo(316.0696, 3);
    expect(throughputLimit({ ...fit, alpha: 0.001 })).toBeCloseTo(89_995.23, 1);
  });

  test("gives the published coefficients and standard errors of the ray tracer's first six points", () => {
    const fit = fitUsl(rayTracer.slice(0, 6));
    expect(fit.alpha).toBeCloseTo(0.02444, 5);
    expect(fit.beta).toBeCloseTo(0.00163, 5);
    expect(fit.gamma).toBeCloseTo(20.85605, 4);
    // The package prints coefficient ± 2.01505 standard errors: 0.00754 to 0.04135, 0.0011 to 0.00215, 19.26717 to 22.44492.
    expect(fit.standardErrors.alpha * 2.01505).toBeCloseTo((0.04135 - 0.00754) / 2, 4);
    expect(fit.standardErrors.beta * 2.01505).toBeCloseTo((0.00215 - 0.0011) / 2, 5);
    expect(fit.standardErrors.gamma * 2.01505).toBeCloseTo((22.44492 - 19.26717) / 2, 3);
  });
});

describe("the knee", () => {
  test("is shown with its interval where the points go beyond it", () => {
    const knee = findKnee(specSdm91);
    expect(knee).toMatchObject({ found: true, kind: "peak" });
    if (!knee.found) return;
    expect(knee.load.value).toBeCloseTo(96.51956, 4);
    expect(knee.load.low).toBeLessThan(knee.load.value);
    expect(knee.throughput.high).toBeGreaterThan(1884);
    expect(knee.throughput.low).toBeGreaterThan(1600);
  });

  test("is refused for every beginning of the ray tracer, which never reached its own", () => {
    for (let count = 0; count <= rayTracer.length; count += 1) {
      const knee = findKnee(rayTracer.slice(0, count));
      expect(knee.found).toBe(false);
      if (!knee.found && count >= 5) expect(knee.why).toContain("do not reach the knee");
    }
  });

  test("is refused where the points follow no such curve", () => {
    const knee = findKnee(points([1, 2, 3, 4, 5, 6], [100, 20, 180, 10, 150, 30]));
    expect(knee).toMatchObject({ found: false });
    if (!knee.found) expect(knee.why).toContain("away from any such curve");
  });

  test("is a ceiling where more load only waits", () => {
    const knee = findKnee(
      [1, 5, 20, 100, 400, 900].map((load) => ({ load, throughput: (50 * load) / (1 + 0.1 * (load - 1)) })),
    );
    expect(knee).toMatchObject({ found: true, kind: "ceiling" });
    if (knee.found) expect(knee.throughput.value).toBeCloseTo(500, 0);
  });

  test("holds the true height in its interval about nineteen times of twenty", () => {
    const law = { alpha: 0.03, beta: 2e-4, gamma: 100 };
    const truth = uslThroughput(law, peakLoad(law));
    let seed = 7;
    const uniform = () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return (seed + 0.5) / 2 ** 32;
    };
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    let held = 0;
    for (let round = 0; round < 400; round += 1) {
      const knee = findKnee(
        [1, 5, 10, 20, 40, 70, 110, 160].map((load) => ({
          load,
          throughput: uslThroughput(law, load) + 15 * normal(),
        })),
      );
      if (knee.found && knee.throughput.low <= truth && truth <= knee.throughput.high) held += 1;
    }
    expect(held).toBeGreaterThan(0.92 * 400);
    expect(held).toBeLessThan(0.98 * 400);
  });

  test("takes its points from the settled part of each step, failures left out", () => {
    const seconds = Array.from({ length: 12 }, (_, atSecond) => ({
      atSecond,
      arrivals: 0,
      requests: atSecond < 6 ? (atSecond < 2 ? 999 : 10) : atSecond < 8 ? 999 : 20,
      errors: atSecond < 6 ? 0 : 5,
      underWay: atSecond < 6 ? 2 : 8,
      p50Ms: 0,
      p99Ms: 0,
    }));
    expect(pointsOfSteps(seconds, [{ seconds: 6 }, { seconds: 6 }, { seconds: 6 }])).toEqual([
      { load: 2, throughput: 10 },
      { load: 8, throughput: 15 },
    ]);
  });

  test("uses Student's t as the tables print it", () => {
    for (const [degrees, value] of [
      [1, 12.706],
      [2, 4.303],
      [3, 3.182],
      [4, 2.776],
      [5, 2.571],
      [10, 2.228],
      [30, 2.042],
    ] as const)
      expect(Math.abs(studentT975(degrees) - value)).toBeLessThan(0.008);
  });
});
