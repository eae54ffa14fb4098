/** When an upstream is left alone, for how long, and that one request at a time finds out whether it is back. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { CircuitBreaker } from "./circuit-breaker.ts";

const options = { openMs: 1000, openMaxMs: 4000, goodNeeded: 2 };

test("opened, it lets nothing through before its time, then one probe at a time", () => {
  const circuit = new CircuitBreaker(options);
  expect(circuit.probe(0)).toBe(false);
  circuit.trip(0);
  expect([circuit.state, circuit.probe(999), circuit.probe(1000), circuit.probe(1000)]).toEqual([
    "open",
    false,
    true,
    false,
  ]);
  expect([circuit.good(1010), circuit.probe(1010), circuit.good(1020), circuit.state]).toEqual([
    false,
    true,
    true,
    "closed",
  ]);
});

test("each bad probe doubles its time, up to a bound; a probe given up says nothing", () => {
  const circuit = new CircuitBreaker(options);
  circuit.trip(0);
  let nowMs = 1000;
  for (const openMs of [2000, 4000, 4000]) {
    expect(circuit.probe(nowMs)).toBe(true);
    circuit.undecided();
    expect(circuit.probe(nowMs)).toBe(true);
    circuit.bad(nowMs);
    expect([circuit.state, circuit.untilMs]).toEqual(["open", nowMs + openMs]);
    nowMs += openMs;
  }
});

test("well again only briefly, it opens for longer; well for long, what was before is forgotten", () => {
  const circuit = new CircuitBreaker({ ...options, goodNeeded: 1 });
  circuit.trip(0);
  circuit.probe(1000);
  circuit.good(1000);
  circuit.trip(2500);
  expect(circuit.untilMs).toBe(4500);
  circuit.probe(4500);
  circuit.good(4500);
  circuit.trip(8500);
  expect(circuit.untilMs).toBe(9500);
});

test("whatever happens, probes that all fail never come closer than its time", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 100 }), (pauses) => {
      const circuit = new CircuitBreaker(options);
      circuit.trip(0);
      let nowMs = 0;
      let lastMs = 0;
      for (const pause of pauses) {
        nowMs += pause;
        if (!circuit.probe(nowMs)) continue;
        expect(nowMs - lastMs).toBeGreaterThanOrEqual(options.openMs);
        lastMs = nowMs;
        circuit.bad(nowMs);
      }
    }),
  );
});
