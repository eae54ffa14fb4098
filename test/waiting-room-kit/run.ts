/**
 * Runs the kit against a room: `bin/bun test/waiting-room-kit/run.ts [ADAPTER.ts] [SCENARIO …]`. The adapter's file exports a WaitingRoomUnderTest as
 * `room`; Spillway's own is meant without one. Exit code 4 when anything is broken.
 */
import { resolve } from "node:path";
import { reportOn } from "./report.ts";
import type { WaitingRoomUnderTest } from "./room-under-test.ts";
import { readScenarios } from "./scenario.ts";

const given = process.argv.slice(2);
const file = given.find((word) => word.endsWith(".ts"));
const names = given.filter((word) => word !== file);
const room: WaitingRoomUnderTest =
  file === undefined
    ? (await import("./spillway-room.ts")).spillwayRoom
    : ((await import(resolve(file))) as { room: WaitingRoomUnderTest }).room;

let broken = 0;
for (const scenario of readScenarios()) {
  if (names.length > 0 && !names.includes(scenario.scenario)) continue;
  const { text, verdicts } = await reportOn(room, scenario);
  console.log(text);
  broken += verdicts?.filter(({ isBroken }) => isBroken).length ?? 0;
}
console.log(broken === 0 ? "Nothing is broken." : `${broken} broken.`);
process.exit(broken === 0 ? 0 : 4);
