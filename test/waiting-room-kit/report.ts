/** A room's result in words: each scenario with what was found, and what could not be asked. */
import { judge, type Verdict } from "./judge.ts";
import { missingFor, play } from "./play.ts";
import type { WaitingRoomUnderTest } from "./room-under-test.ts";
import { invariants, type Scenario } from "./scenario.ts";

export type Reported = {
  readonly scenario: string;
  /** Undefined where it could not be asked. */
  readonly verdicts: readonly Verdict[] | undefined;
  readonly text: string;
};

export async function reportOn(room: WaitingRoomUnderTest, scenario: Scenario): Promise<Reported> {
  const missing = missingFor(room, scenario);
  const head = `${room.name}: ${scenario.scenario}`;
  if (missing.length > 0) {
    return {
      scenario: scenario.scenario,
      verdicts: undefined,
      text: `${head}\n  NOT ASKED: it has no ${missing.join(", ")}`,
    };
  }
  const played = await play(room, scenario);
  const verdicts = judge(played);
  const lines = verdicts.map(({ id, isBroken, found }) =>
    isBroken ? `  BROKEN ${id}: ${found}\n         ${invariants[id]}` : `  holds  ${id}: ${found}`,
  );
  if (played.failures > 0) lines.push(`  (${played.failures} requests failed)`);
  return { scenario: scenario.scenario, verdicts, text: [head, ...lines].join("\n") };
}
