/** The kit against Spillway's own waiting room, over real HTTP and, where there is one, a real Redis or Valkey. What cannot be asked is said aloud. */
import { beforeAll, expect, test } from "bun:test";
import { type Reported, reportOn } from "./report.ts";
import { readScenarios, type Scenario } from "./scenario.ts";
import { spillwayRoom } from "./spillway-room.ts";

/** Each has processes of its own and mostly waits; more of them at once would take the time from each other. */
const atOnce = 4;

const scenarios = readScenarios();
const reports = new Map<string, PromiseWithResolvers<Reported>>(
  scenarios.map(({ scenario }) => [scenario, Promise.withResolvers()]),
);

async function playAll(): Promise<void> {
  // The longest first, so that none of them is left alone at the end.
  const lengthOf = ({ steps }: Scenario): number =>
    steps.reduce((sum, step) => sum + (step.do === "wait" ? step.seconds : 0), 0);
  const left = scenarios.toSorted((a, b) => lengthOf(b) - lengthOf(a));
  const worker = async (): Promise<void> => {
    for (let scenario = left.shift(); scenario !== undefined; scenario = left.shift()) {
      const settled = reports.get(scenario.scenario);
      try {
        settled?.resolve(await reportOn(spillwayRoom, scenario));
      } catch (error) {
        settled?.reject(error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
for (const { promise } of reports.values()) promise.catch(() => {});
beforeAll(() => {
  void playAll();
});

test.each(scenarios.map(({ scenario }) => [scenario] as const))(
  "Spillway's waiting room holds in %s",
  async (name) => {
    const { text, verdicts } = await (reports.get(name) as PromiseWithResolvers<Reported>).promise;
    console.log(text);
    if (verdicts === undefined && process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1") throw new Error(text);
    expect((verdicts ?? []).filter(({ isBroken }) => isBroken).map(({ id, found }) => `${id}: ${found}`)).toEqual([]);
  },
  240_000,
);
