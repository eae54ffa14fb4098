/** What an edge remembers over a restart is believed only when it is its own, and the line made from it is careful. */
import { expect, test } from "bun:test";
import Value from "typebox/value";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import { Room } from "#contract/waiting-room.ts";
import { blankLine, checkpointText, readCheckpoint, remade, wallErrorMs } from "./checkpoint.ts";
import type { StepInputs } from "./report.ts";
import { aheadOf } from "./state.ts";
import { totalOf } from "./window.ts";

const keys = createRoomKeys([{ id: 1, secret: new Uint8Array(32).fill(1) }]);
const room = Value.Parse(Room, Value.Default(Room, { id: "drop", outflowPerMinute: 600 }));
const nowMs = Date.UTC(2026, 10, 27, 9);
const line = { ...blankLine({ room, wallMs: nowMs, server: "one", tag: "first" }), next: 1001, cursor: 400, serial: 9 };
const inputs: StepInputs = {
  room,
  joinsPerSecondMax: 100,
  server: "two",
  wallMs: nowMs,
  known: null,
  isShared: true,
  newTag: () => "second",
  newSeed: () => "00".repeat(32),
  sha256: keys.sha256,
};

test("a checkpoint is read as it was written, and counts as older than any clock can be wrong", () => {
  const text = checkpointText(line, nowMs, keys);
  expect(readCheckpoint(text, 1, nowMs + 5000, keys)).toEqual({ state: line, ageMs: 5000 + wallErrorMs });
  expect(readCheckpoint(text, 1, nowMs - 60_000, keys)?.ageMs).toBe(wallErrorMs);
});

test("one that somebody changed, that is of other edges or of another epoch is not believed", () => {
  const text = checkpointText(line, nowMs, keys);
  const others = createRoomKeys([{ id: 1, secret: new Uint8Array(32).fill(2) }]);
  expect(readCheckpoint(text.replace('"cursor":400', '"cursor":900'), 1, nowMs, keys)).toBeUndefined();
  expect(readCheckpoint(text, 1, nowMs, others)).toBeUndefined();
  expect(readCheckpoint(text, 2, nowMs, keys)).toBeUndefined();
  for (const broken of ["", "1.", "1..{}", text.slice(0, 100)])
    expect(readCheckpoint(broken, 1, nowMs, keys)).toBeUndefined();
});

test("a line made again gives no number a second time, moves nobody, and takes the last minute for full", () => {
  const again = remade(null, line.roomMs, { ...inputs, known: { state: line, ageMs: 10_000 } });
  expect(again).toMatchObject({ cursor: 400, server: "two", tag: "second", resumed: 1 });
  // A hundred a second for ten seconds, and a burst.
  expect(again.next).toBeGreaterThanOrEqual(1001 + 100 * 11);
  expect(aheadOf(again, 900)).toBe(499);
  expect(aheadOf(again, again.next)).toBe(600);
  expect(totalOf(again.window)).toBeGreaterThanOrEqual(600);
  expect(again.grantsFromMs).toBeGreaterThan(again.roomMs + 4000);
});

test("of a store that has more than the edge knows, the newer is gone on from", () => {
  const newer = { ...line, next: 1500, cursor: 700, serial: 20 };
  const again = remade(newer, line.roomMs, { ...inputs, known: { state: line, ageMs: 2000 } });
  expect(again.cursor).toBe(700);
  expect(again.next).toBeGreaterThan(1500);
});
