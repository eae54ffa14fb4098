import { expect, test } from "bun:test";
import { Histogram } from "../measure/histogram.ts";
import type { WorkerPart } from "./outcome.ts";
import { voidReasonsOf } from "./validity.ts";

const timesOf = (...ms: number[]) => {
  const histogram = new Histogram();
  for (const one of ms) histogram.record(one * 1000);
  return histogram.toData();
};
const well: WorkerPart = {
  steps: [],
  journeysBegun: 10,
  journeysDone: 10,
  acknowledged: [],
  acknowledgedCount: 0,
  rooms: { visits: [], visitsCount: 0, sightings: [] },
  notes: [],
  seconds: 60,
  startLate: timesOf(0.2, 0.4, 1),
  startsMissed: 0,
  capped: 0,
  connectionsMax: 10,
  cut: 0,
  isRequestsMaxReached: false,
  loopLag: timesOf(0.1, 2),
  cpuShares: [0.2, 0.5, 0.94],
  cpuSeconds: 20,
};
const played = { isOpen: true, lateStartMs: 50, connectionsMax: 100, secondsPlanned: 60, isStopped: false };
const reasons = (more: Partial<WorkerPart>, of: Partial<typeof played> = {}, lost: string[] = []) =>
  voidReasonsOf({ ...played, ...of }, [well, { ...well, ...more }], lost);

test("a generator that kept up gives no reason, and one that did not gives each of its own", () => {
  expect(reasons({})).toEqual([]);
  expect(reasons({ startLate: timesOf(80, 80) }).join()).toContain(
    "late by the generator's own doing; 50 ms are allowed",
  );
  expect(reasons({ startLate: timesOf(80, 80) }, { lateStartMs: 100 })).toEqual([]);
  expect(reasons({ loopLag: timesOf(500) }).join()).toContain("event loop came back");
  expect(reasons({ cpuShares: [1, 0.5, 0.99] }).join()).toContain(
    "Process 2 of the generator needed more than 95 % of a core in 2 of 3 seconds",
  );
  expect(reasons({ startsMissed: 3 }).join()).toContain("3 starts were missed");
  expect(reasons({ capped: 7 }).join()).toContain("7 requests had to wait since all 100 connections were taken");
  expect(reasons({ isRequestsMaxReached: true }).join()).toContain("requestsMax");
  expect(reasons({ seconds: 12.34 }, { isStopped: true })).toEqual(["It was stopped after 12.3 of 60 seconds."]);
  expect(reasons({}, {}, ["gone"])).toEqual(["gone"]);
});

test("a busy second among many is no overload, and a busy loop without arrivals is called by its name", () => {
  const calm = Array.from({ length: 39 }, () => 0.5);
  expect(reasons({ cpuShares: [...calm, 1] })).toEqual([]);
  expect(reasons({ cpuShares: [1, 1, 1] }, { isOpen: false }).join()).toContain(
    "as fast as the generator, not as the target",
  );
});

test("a run of which no worker is left is void, not perfect", () => {
  expect(voidReasonsOf(played, [], [])).not.toEqual([]);
});
