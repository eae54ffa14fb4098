/** A line at one edge with its store in memory: what a shopper goes through, from joining to the end of the session. */
import { afterEach, expect, test } from "bun:test";
import Value from "typebox/value";
import { createMemoryLineStore } from "#adapters/system/line-store.ts";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import { Room } from "#contract/waiting-room.ts";
import type { Line } from "./line.ts";
import { openLine } from "./open-line.ts";

const keys = createRoomKeys([{ id: 1, secret: new Uint8Array(32).fill(7) }]);
const opened: Line[] = [];
afterEach(async () => {
  for (const line of opened.splice(0)) await line.stop();
});

async function lineOf(settings: object): Promise<Line> {
  const line = await openLine(Value.Parse(Room, Value.Default(Room, { id: "drop", ...settings })), {
    store: createMemoryLineStore(Date.now),
    isShared: false,
    keys,
    wallMs: Date.now,
    monotonicMs: () => performance.now(),
    later: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    joinsPerSecondMax: 50_000,
  });
  opened.push(line);
  return line;
}

const leaf = (): Uint8Array => keys.randomBytes(32);

test("who comes first is called and admitted, once", async () => {
  const line = await lineOf({ outflowPerMinute: 600 });
  const joined = await Promise.all(Array.from({ length: 5 }, () => line.join(leaf())));
  expect(joined).toEqual([1, 2, 3, 4, 5].map((seq) => ({ kind: "joined", seq })));
  const first = await line.claim(1, 2000);
  expect(first).toMatchObject({ kind: "admitted" });
  expect(await line.claim(1, 2000)).toEqual(first);
  expect(await line.claim(3, 2000)).toMatchObject({ kind: "admitted" });
  line.release(1);
  expect(line.isReleased(1)).toBe(true);
  expect(await line.claim(1, 2000)).toEqual({ kind: "used" });
});

test("before the doors nobody joins, and what is published says so", async () => {
  const line = await lineOf({ opensAt: new Date(Date.now() + 60_000).toISOString() });
  expect(await line.join(leaf())).toEqual({ kind: "not-open", phase: "before" });
  expect(line.now()).toMatchObject({ phase: "before", cursor: 0, next: 1 });
});

test("an operator pauses, and nobody is admitted until the room goes on", async () => {
  const line = await lineOf({});
  await line.control({ phase: "paused", message: "One moment" });
  expect(await line.join(leaf())).toEqual({ kind: "joined", seq: 1 });
  expect(await line.claim(1, 300)).toEqual({ kind: "not-called" });
  await line.control({ phase: null });
  await line.join(leaf());
  expect(await line.claim(1, 2000)).toMatchObject({ kind: "admitted" });
});
