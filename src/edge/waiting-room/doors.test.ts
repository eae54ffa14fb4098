/** Doors open by the calendar or by signals, and no clock that is set back closes them again. */
import { expect, test } from "bun:test";
import Value from "typebox/value";
import { Room } from "#contract/waiting-room.ts";
import { type DoorSignals, firstDoors, moved } from "./doors.ts";
import type { Doors } from "./state.ts";

const roomOf = (settings: object): Room => Value.Parse(Room, Value.Default(Room, { id: "drop", ...settings }));
const opensAtMs = Date.UTC(2026, 10, 27, 9);
const signals: DoorSignals = { wallMs: 0, roomMs: 0, isWaitedFor: false, pressure: 0, inside: 0, activeMax: 0 };
const at = (room: Room, ms: number, before: Doors = firstDoors): Doors =>
  moved(before, room, { ...signals, wallMs: ms, roomMs: ms });

test("a sale's doors open at their time, after the pre-queue, and stay open when the clock is set back", () => {
  const room = roomOf({ opensAt: "2026-11-27T09:00:00Z", preQueueMinutes: 10 });
  expect(at(room, opensAtMs - 600_001)).toMatchObject({ preQueue: false, open: false });
  const preQueue = at(room, opensAtMs - 600_000);
  expect(preQueue).toMatchObject({ preQueue: true, open: false });
  expect(at(room, opensAtMs - 700_000, preQueue).preQueue).toBe(true);
  const open = at(room, opensAtMs, preQueue);
  expect(open.open).toBe(true);
  expect(at(room, opensAtMs - 120_000, open).open).toBe(true);
});

test("a sale closes at its time and stays closed, unless the time itself is changed", () => {
  const room = roomOf({ closesAt: "2026-11-27T10:00:00Z" });
  const closed = at(room, opensAtMs + 3_600_000);
  expect(closed.closedAt).toBe("2026-11-27T10:00:00Z");
  expect(at(room, opensAtMs, closed).closedAt).not.toBeNull();
  expect(at({ ...room, closesAt: "2026-11-27T11:00:00Z" }, opensAtMs + 3_600_000, closed).closedAt).toBeNull();
});

test("a safety net opens under pressure or when it is full inside, and closes when nobody has waited for a while", () => {
  const room = roomOf({ kind: "safety-net", opensAtPressure: 2, staysOpenSeconds: 120 });
  expect(moved(firstDoors, room, { ...signals, pressure: 1 }).open).toBe(false);
  const open = moved(firstDoors, room, { ...signals, pressure: 2, roomMs: 1000 });
  expect(open.open).toBe(true);
  expect(moved(firstDoors, room, { ...signals, inside: 50, activeMax: 50 }).open).toBe(true);
  const waited = moved(open, room, { ...signals, roomMs: 60_000, isWaitedFor: true });
  expect(moved(waited, room, { ...signals, roomMs: 179_999 }).open).toBe(true);
  expect(moved(waited, room, { ...signals, roomMs: 180_000 }).open).toBe(false);
});
