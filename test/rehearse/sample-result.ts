/** A made-up run with everything in it that a report can show: a spike, two drills, a broken threshold, a promise kept. */
import { Histogram } from "#rehearse/measure/histogram.ts";
import type { RunResult, SecondResult, StepResult } from "#rehearse/result.ts";

/** The same numbers each time: a report is compared by eye and by test. */
function luck(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

export function sampleResult(changes: Partial<RunResult> = {}): RunResult {
  const random = luck(11);
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const step = (journey: string, name: string, requests: number, medianMs: number, errors: number): StepResult => {
    const response = new Histogram();
    const service = new Histogram();
    for (let at = 0; at < requests; at += 1) {
      const own = medianMs * 1000 * Math.exp(0.6 * normal());
      service.record(own);
      // One in fifty waits behind a stall before it is written.
      response.record(own + (random() < 0.02 ? 1_200_000 * random() : 40 * random()));
    }
    return {
      journey,
      step: name,
      requests,
      statuses: { "200": requests - errors, ...(errors > 0 ? { "503": errors - 2 } : {}) },
      failures: errors > 0 ? { reset: 2 } : {},
      errors,
      bytesIn: requests * 9_000,
      response: response.toData(),
      service: service.toData(),
    };
  };
  const everySecond: SecondResult[] = Array.from({ length: 180 }, (_, atSecond) => {
    const spike = Math.max(0, Math.min(1, (atSecond - 40) / 10, (140 - atSecond) / 20));
    const outage = atSecond >= 70 && atSecond < 85;
    const arrivals = Math.round(12 + 230 * spike + 4 * normal());
    return {
      atSecond,
      arrivals,
      requests: Math.round(arrivals * 4.2),
      errors: outage ? Math.round(arrivals * 0.25 * random()) : 0,
      underWay: Math.round(4 + 30 * spike + (outage ? 400 * random() : 0)),
      p50Ms: 3 + 5 * spike + random(),
      p99Ms: (12 + 60 * spike) * (outage ? 20 : 1) * (1 + 0.3 * random()),
    };
  });
  return {
    name: "Autumn sale, opening hour",
    target: "https://shop.example",
    model: "open",
    startedAt: "2026-10-02T09:00:00.000Z",
    seconds: 180,
    scale: 1.5,
    planHash: "9f2c4b1d7e3a58606c1f0e9d8b7a69584736251403f2e1d0c9b8a79685746352",
    generator: {
      processes: 2,
      machines: 1,
      cpuShareMax: 0.61,
      loopLagP99Ms: 2.4,
      startLateP99Ms: 0.8,
      startsMissed: 0,
      connectionsMax: 812,
    },
    voidReasons: [],
    journeysBegun: 24_310,
    journeysDone: 23_988,
    steps: [
      step("look around", "home", 9000, 2.1, 0),
      step("look around", "search", 6000, 6.5, 0),
      step("buy", "product", 4000, 2.8, 0),
      step("buy", "add to cart", 3900, 7.2, 12),
      step("buy", "place order", 3800, 24, 96),
      step("buy", "follow the order", 5200, 3.4, 0),
    ],
    everySecond,
    lines: [
      {
        room: "aurora-drop",
        came: 3100,
        letIn: 2890,
        allowedPerMinute: 1200,
        everySecond: Array.from({ length: 181 }, (_, atSecond) => ({
          atSecond,
          inLine: Math.round(1900 * Math.max(0, Math.sin((Math.PI * Math.max(0, atSecond - 40)) / 150))),
          letInLastMinute: Math.round(Math.min(1200, 40 + Math.max(0, atSecond - 40) * 20, 1190 + 10 * random())),
        })),
        said: Array.from({ length: 90 }, (_, at) => ({
          atSecond: 2 * at,
          waiting: Math.round(2400 * Math.max(0, Math.sin((Math.PI * Math.max(0, 2 * at - 40)) / 150))),
        })),
      },
    ],
    thresholds: [
      { of: "response.p99", limit: "below 800", measured: 412.3, held: true },
      { of: "errors.share", step: "buy/place order", limit: "below 0.01", measured: 0.0253, held: false },
      { of: "truth.oversold", limit: "below 1", measured: 0, held: true },
    ],
    promises: [
      { promise: "oversold", held: true, looked: 148, broken: 0, detail: "3,704 units of 5,000" },
      { promise: "lost", held: true, looked: 3704, broken: 0, detail: "" },
      { promise: "doubleCharge", held: true, looked: 3704, broken: 0, detail: "" },
      { promise: "stuck", held: true, looked: 3704, broken: 0, detail: "" },
      {
        promise: "admission",
        held: true,
        looked: 2890,
        broken: 0,
        detail:
          '1,200 allowed in any 60 s at "aurora-drop"; the crowd saw 1,191 at most, by its own count 1,200; 2,890 of the crowd were let in, 3,004 in its books',
      },
      { promise: "fairness", held: true, looked: 0, broken: 0, detail: "not looked at: no waiting room was open" },
    ],
    drills: [
      {
        title: "The payment provider does not answer",
        file: "drills/payment-down.json",
        startedSecond: 70,
        endedSecond: 85,
        status: "completed",
        rolledBack: true,
        expectation: "Orders are taken and shown as pending; nobody is charged twice.",
        notes: [],
      },
      {
        title: "Postgres is killed",
        file: "drills/postgres-killed.json",
        startedSecond: 110,
        endedSecond: 116,
        status: "completed",
        rolledBack: true,
        expectation: "A few seconds of “try again”; no confirmed order is lost.",
        notes: [],
      },
    ],
    verdict: "threshold broken",
    ...changes,
  };
}
