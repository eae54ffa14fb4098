/**
 * The kit against itself: a room that does nothing wrong passes every scenario, and each wrong is found by the invariant that is about it. So
 * no invariant is one that cannot fail.
 */
import { expect, test } from "bun:test";
import { invariantIds, judge, type Verdict } from "./judge.ts";
import { play } from "./play.ts";
import { invariants, readScenarios, type Scenario } from "./scenario.ts";
import { type Wrong, wrongRoom } from "./wrong-room.ts";

const scenarios = readScenarios();
const named = (name: string): Scenario => scenarios.find(({ scenario }) => scenario === name) as Scenario;

test("every scenario is of its schema's shape, and every invariant has its sentence and its judge, and is asked somewhere", () => {
  expect(scenarios.length).toBeGreaterThanOrEqual(11);
  expect(Object.keys(invariants).toSorted()).toEqual(invariantIds.toSorted());
  const asked = new Set(scenarios.flatMap((scenario) => scenario.invariants.map(({ id }) => id)));
  expect([...asked].toSorted()).toEqual(invariantIds.toSorted());
});

const brokenOf = (verdicts: readonly Verdict[]): string[] =>
  verdicts.filter(({ isBroken }) => isBroken).map(({ id, found }) => `${id}: ${found}`);

test.concurrent.each(scenarios.map(({ scenario }) => [scenario] as const))(
  "a room that does nothing wrong passes %s",
  async (name) => {
    expect(brokenOf(judge(await play(wrongRoom(), named(name))))).toEqual([]);
  },
  90_000,
);

const wrongs: readonly (readonly [Wrong, scenario: string, invariant: string])[] = [
  ["duplicate-ranks", "first-come", "no-duplicate-rank"],
  ["ranks-move-back", "first-come", "no-rank-back"],
  ["over-admits", "ghosts", "no-over-admission"],
  ["head-of-line-blocked", "ghosts", "throughput"],
  ["last-come-first", "first-come", "first-come"],
  ["draw-is-arrival", "drawn", "drawn"],
  ["receipt-of-another-rank", "drawn", "receipts-hold"],
  ["tab-loses-place", "tab-closed", "place-kept"],
  ["both-devices", "device-changed", "one-device"],
  ["copies-multiply", "replayed", "one-admission-a-place"],
  ["band-too-narrow", "first-come", "interval-coverage"],
  ["loses-everybody", "store-lost", "no-rank-back"],
  ["clock-admits", "clock-skewed", "no-over-admission"],
  ["one-document-each", "polled", "cheap-polls"],
  ["sells-hope", "sold-out", "sold-out-told"],
];

test.concurrent.each(wrongs)(
  "a room with %s is found out in %s by %s",
  async (wrong, scenario, invariant) => {
    const verdicts = judge(await play(wrongRoom([wrong]), named(scenario)));
    expect(verdicts.filter(({ isBroken }) => isBroken).map(({ id }) => id)).toContain(invariant);
  },
  90_000,
);
