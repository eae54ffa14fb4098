/** When a provider is left alone, when it is tried again, and that a sick one is never given more than a probe at a time. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createProviderHealth } from "./provider-health.ts";

const options = {
  windowMs: 10_000,
  callsMin: 5,
  wrongShareMax: 0.5,
  slowMs: 2000,
  pauseMs: 1000,
  pauseMaxMs: 4000,
  probesNeeded: 2,
};
const good = { isWrong: false, tookMs: 100 };
const wrong = { isWrong: true, tookMs: 100 };

function sick(nowMs = 0) {
  const health = createProviderHealth(options);
  for (let call = 0; call < 5; call++) health.record(nowMs, wrong);
  return health;
}

describe("a provider's health", () => {
  test("a few calls gone wrong decide nothing; half of enough of them do", () => {
    const health = createProviderHealth(options);
    for (let call = 0; call < 4; call++) health.record(0, wrong);
    expect(health.ask(0)).toBe("use");
    health.record(0, good);
    expect(health.ask(0)).toBe("avoid");
  });

  test("old calls are forgotten", () => {
    const health = createProviderHealth(options);
    for (let call = 0; call < 4; call++) health.record(0, wrong);
    health.record(10_001, wrong);
    expect(health.ask(10_001)).toBe("use");
  });

  test("answers that come too late count like none", () => {
    const health = createProviderHealth(options);
    for (let call = 0; call < 5; call++) health.record(5000, { isWrong: false, tookMs: 2001 });
    expect(health.ask(5000)).toBe("avoid");
  });

  test("after the pause one call at a time is let through, and enough good ones bring it back", () => {
    const health = sick();
    expect(health.ask(999)).toBe("avoid");
    expect(health.ask(1000)).toBe("probe");
    expect(health.ask(1001)).toBe("avoid");
    health.record(1100, good);
    expect(health.ask(1101)).toBe("probe");
    health.record(1201, good);
    expect(health.ask(1202)).toBe("use");
    health.record(1203, wrong);
    expect(health.ask(1204)).toBe("use");
  });

  test("a probe that goes wrong doubles the pause, up to its bound", () => {
    const health = sick();
    let nowMs = 1000;
    for (const pauseMs of [2000, 4000, 4000]) {
      expect(health.ask(nowMs)).toBe("probe");
      health.record(nowMs + 100, wrong);
      expect(health.ask(nowMs + 100 + pauseMs - 1)).toBe("avoid");
      nowMs += 100 + pauseMs;
    }
    expect(health.ask(nowMs)).toBe("probe");
  });

  test("a probe whose end is never told does not block the next for ever", () => {
    const health = sick();
    expect(health.ask(1000)).toBe("probe");
    expect(health.ask(2999)).toBe("avoid");
    expect(health.ask(3000)).toBe("probe");
  });

  test("calls that began before the pause, and end in it or during a probe, say nothing new", () => {
    const health = sick();
    health.record(500, { isWrong: false, tookMs: 400 });
    expect(health.ask(999)).toBe("avoid");
    expect(health.ask(1000)).toBe("probe");
    health.record(1050, { isWrong: true, tookMs: 1040 });
    health.record(1100, good);
    expect(health.ask(1101)).toBe("probe");
  });

  test("whatever happens, a provider that answers nothing gets at most one probe a pause", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 300 }), (pauses) => {
        const health = sick();
        let nowMs = 0;
        let lastProbeMs = Number.NEGATIVE_INFINITY;
        for (const pause of pauses) {
          nowMs += pause;
          const advice = health.ask(nowMs);
          expect(advice).not.toBe("use");
          if (advice === "probe") {
            expect(nowMs - lastProbeMs).toBeGreaterThanOrEqual(options.pauseMs);
            lastProbeMs = nowMs;
            health.record(nowMs, { isWrong: true, tookMs: 0 });
          }
        }
      }),
    );
  });
});
