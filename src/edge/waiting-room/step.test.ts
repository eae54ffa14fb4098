/** What becomes of the line by a report; the simulation asks the same of many edges in trouble. */
import { expect, test } from "bun:test";
import Value from "typebox/value";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import { Room } from "#contract/waiting-room.ts";
import type { LineControl } from "./line.ts";
import type { Report } from "./report.ts";
import type { LineState } from "./state.ts";
import { step } from "./step.ts";

const keys = createRoomKeys([{ id: 1, secret: new Uint8Array(32).fill(1) }]);
const startMs = Date.UTC(2026, 10, 27, 9);

/** One edge that says how many stand at its door, and uses all that it is given. */
function edge(outflowPerMinute: number) {
  const room = Value.Parse(Room, Value.Default(Room, { id: "drop", outflowPerMinute }));
  let state: LineState | null = null;
  let number = 0;
  let used: [number, number][] = [];
  return (atMs: number, wanted: number, control: LineControl | null = null, joins = 0): number => {
    number += 1;
    const report: Report = {
      edge: "a",
      number,
      roomMs: startMs + atMs,
      leaves: new Uint8Array(32 * joins),
      used,
      returned: [],
      door: { count: wanted, wanted, ranks: wanted === 0 ? [] : [1] },
      came: [],
      renewals: [],
      ended: [],
      released: [],
      moved: [],
      bypassed: {},
      orders: 0,
      units: 0,
      stock: null,
      pressure: 0,
      inside: 0,
      control,
      seen: 0,
    };
    const stepped = step(state, report, {
      room,
      joinsPerSecondMax: 100_000,
      server: "one",
      wallMs: startMs + atMs,
      known: null,
      isShared: false,
      newTag: () => "tag",
      newSeed: () => "00".repeat(32),
      sha256: keys.sha256,
    });
    state = stepped.state;
    const { granted } = stepped.reply;
    used = granted > 0 ? [[number, granted]] : [];
    return granted;
  };
}

test("an outflow that is raised holds from then on, however slow it was before", () => {
  const tell = edge(1);
  tell(0, 0, null, 1000);
  let slow = 0;
  for (let ms = 250; ms <= 2000; ms += 250) slow += tell(ms, 100);
  expect(slow).toBe(1);
  tell(2250, 100, { outflowPerMinute: 6000 });
  let quick = 0;
  for (let ms = 2500; ms <= 4250; ms += 250) quick += tell(ms, 100);
  expect(quick).toBeGreaterThan(150);
  expect(quick).toBeLessThanOrEqual(300);
});
