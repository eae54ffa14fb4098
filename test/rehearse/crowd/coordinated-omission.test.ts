/**
 * Gil Tene's case ("How NOT to Measure Latency"): a hundred requests a second, a millisecond each; after a hundred seconds the
 * server stands still for a hundred. Half of all who came waited 1 ms, a quarter more than 50 s, and 25 s is the mean. A
 * generator that waits for each answer before it asks again sees one slow request of ten thousand, and calls the mean 11 ms.
 */
import { expect, test } from "bun:test";
import { Histogram } from "#rehearse/measure/histogram.ts";
import type { StepResult } from "#rehearse/result.ts";
import { playVirtually, type Target } from "./virtual-world.ts";

/** Answers a millisecond later, but not within the frozen time. */
const freezing =
  (fromMs: number, untilMs: number, serviceMs = 1): Target =>
  (_asked, reply, world) => {
    const doneMs = world.nowMs + serviceMs;
    world.at(doneMs > fromMs && doneMs < untilMs ? untilMs : doneMs, () => reply());
  };
const journeys = [{ name: "look", steps: [{ name: "page", path: "/" }] }];
const figures = (data: StepResult["response"]) => {
  const histogram = Histogram.from(data);
  return {
    p50: histogram.percentileMs(50),
    p75: histogram.percentileMs(75),
    p9999: histogram.percentileMs(99.99),
    mean: histogram.meanUs / 1000,
  };
};
/** Within a part in a hundred. */
const about = (measured: number, theory: number) => expect(Math.abs(measured / theory - 1)).toBeLessThan(0.01);

test("whoever comes while the server stands still is counted with all the time that they waited", () => {
  const { part } = playVirtually(
    {
      arrivals: { shape: "constant", perSecond: 100, seconds: 200 },
      spacing: "even",
      timeoutSeconds: 300,
      journeys,
    },
    freezing(100_000, 200_000),
  );
  const [step] = part.steps as [StepResult];
  expect(step.requests).toBe(20_000);
  const { p50, p75, p9999, mean } = figures(step.response);
  about(p50, 1);
  about(p75, 50_000);
  about(p9999, 100_000);
  about(mean, 25_000);
});

test("the naive figures of the same server, from one user who waits for each answer, are what the literature says", () => {
  const { part } = playVirtually(
    {
      model: "closed",
      closed: { users: 1, seconds: 200 },
      timeoutSeconds: 300,
      journeys: [{ name: "look", steps: [{ name: "page", path: "/", think: 0.009 }] }],
    },
    freezing(100_000, 200_000),
  );
  const [step] = part.steps as [StepResult];
  expect(Math.abs(step.requests - 10_001)).toBeLessThanOrEqual(1);
  const { p50, p75, p9999, mean } = figures(step.service);
  about(p50, 1);
  about(p75, 1);
  about(p9999, 1);
  about(mean, 11);
});

test("a connection that is shared does not hide the wait: it is counted from when the shopper came", () => {
  const { part } = playVirtually(
    {
      arrivals: { shape: "constant", perSecond: 100, seconds: 200 },
      spacing: "even",
      timeoutSeconds: 300,
      journeys,
    },
    freezing(100_000, 200_000),
    { connectionsMax: 1 },
  );
  const [step] = part.steps as [StepResult];
  const response = figures(step.response);
  // The line that has formed is worked off at a millisecond each: who came in the middle waits 50 s, and 5 s in that line.
  about(response.p75, 55_000);
  // What the connection itself saw is the naive figure; both stand in the result.
  about(figures(step.service).p75, 1);
  // And that requests had to wait for it makes the run void.
  expect(part.capped).toBeGreaterThan(9000);
});

test("a step that depends on another is due from the other's intended start, not from its late answer", () => {
  const { part, asked } = playVirtually(
    {
      arrivals: { shape: "constant", perSecond: 10, seconds: 20 },
      spacing: "even",
      timeoutSeconds: 60,
      journeys: [
        {
          name: "buy",
          steps: [
            { name: "product", path: "/product", expectedMs: 100, think: 2 },
            { name: "order", path: "/order" },
          ],
        },
      ],
    },
    (one, reply, world) => {
      // The product page alone is slow: 7.1 s for whoever asks between 10 s and 15 s.
      const slow = one.path === "/product" && one.atMs >= 10_000 && one.atMs < 15_000;
      world.at(world.nowMs + (slow ? 7100 : 100), () => reply());
    },
  );
  const order = part.steps.find(({ step }) => step === "order") as StepResult;
  const response = Histogram.from(order.response);
  // Three quarters were in time. The last quarter could only ask 5 s late, and that is what they waited.
  expect(order.requests).toBe(200);
  about(response.percentileMs(74), 100);
  about(response.percentileMs(99), 5100);
  about(Histogram.from(order.service).percentileMs(99.9), 100);
  // Nobody's order is asked for before the product's answer was there.
  const orders = asked.filter(({ path }) => path === "/order").map(({ atMs }) => atMs);
  expect(Math.min(...orders)).toBeGreaterThanOrEqual(2100);
});
