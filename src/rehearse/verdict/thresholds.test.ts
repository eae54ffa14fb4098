import { describe, expect, test } from "bun:test";
import { Histogram } from "../measure/histogram.ts";
import type { StepResult } from "../result.ts";
import { notLookedAt, promise } from "./promises.ts";
import { judgeThresholds, type Measured, thresholdComplaint } from "./thresholds.ts";

function step(journey: string, name: string, timesMs: readonly number[], errors = 0): StepResult {
  const times = new Histogram();
  for (const ms of timesMs) times.record(ms * 1000);
  return {
    journey,
    step: name,
    requests: timesMs.length,
    statuses: {},
    failures: {},
    errors,
    bytesIn: 0,
    response: times.toData(),
    service: new Histogram().toData(),
  };
}

const measured: Measured = {
  seconds: 10,
  journeysBegun: 10,
  journeysDone: 9,
  steps: [step("look", "home", [1, 1, 1, 1]), step("buy", "order", [100, 300], 1)],
  promises: [promise("oversold", 5, 0, ""), promise("doubleCharge", 9, 2, ""), notLookedAt("fairness", "no room")],
  voidReasons: [],
  drills: [],
};
const judge = (threshold: Parameters<typeof judgeThresholds>[0][number]) => judgeThresholds([threshold], measured)[0];

describe("a threshold", () => {
  test("is held on all steps together, or on the one it names", () => {
    expect(judge({ of: "response.max", below: 300 })).toMatchObject({ held: false, limit: "below 300" });
    expect(judge({ of: "response.p50", below: 2 })).toMatchObject({ held: true });
    expect(judge({ of: "response.mean", step: "buy/order", below: 201, above: 199 })).toMatchObject({
      held: true,
      measured: 200,
      limit: "below 201 and above 199",
    });
    expect(judge({ of: "errors.share", step: "buy/order", below: 0.5 })).toMatchObject({ measured: 0.5, held: false });
    expect(judge({ of: "errors.count", below: 2 })).toMatchObject({ measured: 1, held: true });
    expect(judge({ of: "requests.perSecond", above: 0.5 })).toMatchObject({ measured: 0.6, held: true });
    expect(judge({ of: "requests.count", above: 5 })).toMatchObject({ measured: 6, held: true });
    expect(judge({ of: "journeys.share", above: 0.95 })).toMatchObject({ measured: 0.9, held: false });
  });

  test("on the truth counts what is broken", () => {
    expect(judge({ of: "truth.oversold", below: 1 })).toMatchObject({ measured: 0, held: true });
    expect(judge({ of: "truth.doubleCharge", below: 1 })).toMatchObject({ measured: 2, held: false });
  });

  test("is broken where nothing was measured: a step that nobody reached, a promise that nobody looked into", () => {
    expect(judge({ of: "response.p99", step: "buy/pay", below: 1000 })).toMatchObject({ measured: null, held: false });
    expect(judge({ of: "service.p99", below: 1000 })).toMatchObject({ measured: null, held: false });
    expect(judge({ of: "truth.fairness", below: 1 })).toMatchObject({ measured: null, held: false });
    expect(judge({ of: "truth.lost", below: 1 })).toMatchObject({ measured: null, held: false });
  });

  test("that cannot be judged is complained about before the run", () => {
    expect(thresholdComplaint({ of: "response.p99.9", below: 1 })).toBeUndefined();
    expect(thresholdComplaint({ of: "response.p100", below: 1 })).toBeUndefined();
    expect(thresholdComplaint({ of: "truth.oversold", below: 1 })).toBeUndefined();
    expect(thresholdComplaint({ of: "response.p99" })).toContain("neither");
    expect(thresholdComplaint({ of: "latency.p99", below: 1 })).toContain("response.p99");
    expect(thresholdComplaint({ of: "truth.magic", below: 1 })).toContain("truth.doubleCharge");
    expect(thresholdComplaint({ of: "truth.lost", step: "buy/order", below: 1 })).toContain("not of a step");
  });
});
