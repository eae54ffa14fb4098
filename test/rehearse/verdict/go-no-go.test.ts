import { describe, expect, test } from "bun:test";
import { goNoGoMarkdown, goNoGoText } from "#rehearse/report/go-no-go-report.ts";
import { findBottleneck } from "#rehearse/verdict/bottleneck.ts";
import { goNoGo } from "#rehearse/verdict/go-no-go.ts";
import { decisionLine } from "#roles/rehearsal/live.ts";
import { at, readings, steps, withDrills } from "../sample-decision.ts";
import { sampleResult } from "../sample-result.ts";

const broken = { promise: "oversold", held: false, looked: 100, broken: 3, detail: "LAMP: 103 sold of 100" };
const slow = { of: "response.p99", limit: "below 800", measured: 1900, held: false };

describe("go", () => {
  test("is said when 150 %, 200 % and every drill held", () => {
    const found = goNoGo([at(1.5), at(2), withDrills(), steps()]);
    expect(found).toMatchObject({ decision: "go", exitCode: 0 });
    expect(goNoGoText(found).startsWith("GO\n")).toBe(true);
  });

  test("is still said when 200 % was slow, and the page minds it", () => {
    const found = goNoGo([at(1.5), at(2, { verdict: "threshold broken", thresholds: [slow] }), withDrills()]);
    expect(found.decision).toBe("go");
    expect(found.warnings.join(" ")).toContain("At 200 %, response.p99 was to be below 800 ms and is 1.9 s.");
  });
});

describe("no-go", () => {
  test("is said when 150 % does not hold", () => {
    const found = goNoGo([at(1.5, { verdict: "threshold broken", thresholds: [slow] }), at(2), withDrills()]);
    expect(found).toMatchObject({
      decision: "no-go",
      exitCode: 1,
      why: ["At 150 %, response.p99 was to be below 800 ms and is 1.9 s."],
    });
  });

  test("is said when nearly all requests failed at 150 %, also by a plan that has no threshold", () => {
    const failing = sampleResult().steps.map((step) => ({ ...step, errors: step.requests }));
    const found = goNoGo([at(1.5, { steps: failing, thresholds: [] }), at(2), withDrills()]);
    expect(found).toMatchObject({
      decision: "no-go",
      exitCode: 1,
      why: ["At 150 %, 100 % of all requests failed, and no threshold says how many may."],
    });
  });

  test("is said for a broken promise at any load, with the gravest exit code", () => {
    const found = goNoGo([at(1.5), at(2, { verdict: "invariant broken", promises: [broken] }), withDrills()]);
    expect(found).toMatchObject({
      decision: "no-go",
      exitCode: 4,
      why: ["The run at 200 % broke a promise: “No more units sold than there were”."],
    });
  });

  test("is not said because somebody who paid was shed beyond the knee, but minded; at a load of the plan it is", () => {
    const shed = { promise: "shed", held: false, looked: 100, broken: 3, detail: "" };
    const change = { verdict: "invariant broken", promises: [shed] } as const;
    const beyond = goNoGo([at(1.5), at(2), withDrills(), { ...steps(), result: { ...steps().result, ...change } }]);
    expect(beyond).toMatchObject({ decision: "go", exitCode: 0 });
    expect(beyond.warnings).toContain("The stepped run broke a promise: “Nobody who was paying was shed”.");
    const both = { ...change, promises: [shed, broken] };
    expect(
      goNoGo([at(1.5), at(2), withDrills(), { ...steps(), result: { ...steps().result, ...both } }]),
    ).toMatchObject({ decision: "no-go", exitCode: 4 });
    expect(goNoGo([at(1.5), at(2, change), withDrills()])).toMatchObject({ decision: "no-go", exitCode: 4 });
  });

  test("is the last word of a single run too, and go only where something was asked", () => {
    const nothing = { thresholds: [], promises: [], drills: [] };
    const asked = { ...nothing, promises: [{ ...broken, held: true, broken: 0 }] };
    const lastLine = (change: Parameters<typeof sampleResult>[0]) => decisionLine(sampleResult(change));
    expect(lastLine({ ...asked, verdict: "held" })).toBe("GO: 1 promise: all of them held.");
    expect(lastLine({ ...nothing, verdict: "held" })).toStartWith("But nothing was asked of it");
    for (const verdict of ["threshold broken", "invariant broken", "void"] as const)
      expect(lastLine({ ...asked, verdict })).toStartWith("NO-GO: ");
  });

  test("is said when a drill was not borne", () => {
    const [drill] = sampleResult().drills;
    if (drill === undefined) throw new Error("the sample has drills");
    const found = goNoGo([
      at(1.5),
      at(2),
      withDrills({ verdict: "threshold broken", drills: [{ ...drill, status: "deviated" }] }),
    ]);
    expect(found.decision).toBe("no-go");
    expect(found.change.join(" ")).toContain(drill.title);
  });

  test("is said when a run is void, or was never played", () => {
    const none = goNoGo([at(1)]);
    expect(none.why).toEqual(["150 % was not rehearsed.", "No drill was played at the peak."]);
    const found = goNoGo([at(1.5, { verdict: "void", voidReasons: ["Starts were late."] }), withDrills()]);
    expect(found).toMatchObject({ decision: "no-go", exitCode: 3 });
    expect(found.why[0]).toContain("Starts were late.");
    expect(goNoGo([]).decision).toBe("no-go");
  });
});

describe("the head-room", () => {
  test("is the lower end of the knee's interval over what the plan's peak asks", () => {
    const { headRoom, knee } = goNoGo([at(1.5), at(2), withDrills(), steps()]);
    expect(knee?.found).toBe(true);
    if (knee?.found !== true) return;
    expect(knee.load.value).toBeGreaterThan(85);
    expect(knee.load.value).toBeLessThan(115);
    expect(headRoom?.reachedPerSecond).toBe(knee.throughput.low);
    // The sample's peak is about 242 journeys of 4.2 requests, at 150 %.
    expect(headRoom?.neededPerSecond).toBeGreaterThan(640);
    expect(headRoom?.neededPerSecond).toBeLessThan(720);
  });

  test("is only what was seen where the steps do not reach the knee, and the page says so", () => {
    const found = goNoGo([at(1.5), at(2), withDrills(), steps(5)]);
    expect(found.headRoom).toMatchObject({ from: "highest run that held", factor: 2 });
    expect(found.warnings.join(" ")).toContain("The knee is not known.");
    expect(goNoGoMarkdown(found)).toContain("Where it ends is not known.");
  });
});

describe("the first bottleneck", () => {
  const calm = { generator: sampleResult().generator, voidReasons: [] };
  const first = (...given: Parameters<typeof findBottleneck>) => findBottleneck(...given).first?.bottleneck;

  test("is whichever signal was over its limit first, twice in a row", () => {
    expect(
      first(
        calm,
        readings(120, () => 0.5),
      ),
    ).toBeUndefined();
    expect(
      first(
        calm,
        readings(120, (second) => (second === 60 ? 1 : 0.5)),
      ),
    ).toBeUndefined();
    expect(
      first(
        calm,
        readings(120, (second) => (second > 60 ? 0.97 : 0.5)),
      ),
    ).toBe("event loop");
    const paying = (second: number) => [
      {
        name: "spillway_outbox_oldest_due_seconds",
        labels: { lane: "payments" },
        value: second > 30 ? second - 20 : 0,
      },
    ];
    expect(
      first(
        calm,
        readings(120, (second) => (second > 60 ? 0.97 : 0.5), paying),
      ),
    ).toBe("payment pacing");
    const committing = () => [{ name: "spillway_intake_waiting", labels: { role: "other" }, value: 600 }];
    expect(
      first(
        calm,
        readings(120, () => 0.2, committing),
      ),
    ).toBe("database commit");
    expect(
      first(
        { ...calm, voidReasons: ["late"] },
        readings(120, () => 0.97),
      ),
    ).toBe("generator");
    expect(
      findBottleneck(
        calm,
        readings(120, () => 1.9),
        { cores: 2 },
      ).signals.find(({ bottleneck }) => bottleneck === "CPU")?.sinceSecond,
    ).toBe(5);
  });

  test("is the cause behind the edge's line, and the line only where nothing else is over", () => {
    const line = () => [{ name: "spillway_edge_queue_length", labels: { class: "browsing" }, value: 40 }];
    expect(
      first(
        calm,
        readings(120, () => 0.3, line),
      ),
    ).toBe("edge limit");
    expect(
      first(
        calm,
        readings(120, (second) => (second > 60 ? 0.97 : 0.3), line),
      ),
    ).toBe("event loop");
  });

  test("never takes a signal that is missing for a good one", () => {
    const { signals } = findBottleneck(calm, []);
    expect(signals.filter(({ worst }) => worst === undefined).map(({ bottleneck }) => bottleneck)).toEqual([
      "event loop",
      "database commit",
      "pool",
      "payment pacing",
      "edge limit",
    ]);
    expect(
      goNoGoMarkdown(goNoGo([at(1.5), at(2), withDrills(), { ...steps(), readings: readings(30, () => 0.1) }])),
    ).toContain("the target does not tell");
  });

  test("survives a target that was restarted meanwhile", () => {
    const all = readings(60, () => 0.4);
    const restarted = all.map((reading, index) => ({
      ...reading,
      samples: reading.samples.map((sample) => ({ ...sample, value: index > 6 ? sample.value / 10 : sample.value })),
    }));
    expect(first(calm, restarted)).toBeUndefined();
  });
});
