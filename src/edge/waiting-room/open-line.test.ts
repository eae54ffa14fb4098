/** A line at one edge with its store in memory: what a shopper goes through, from joining to the end of the session. */
import { afterEach, expect, test } from "bun:test";
import Value from "typebox/value";
import { createMemoryLineStore } from "#adapters/system/line-store.ts";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import { Room } from "#contract/waiting-room.ts";
import type { Line } from "./line.ts";
import { openLine } from "./open-line.ts";
import type { LineStore } from "./ports.ts";

const keys = createRoomKeys([{ id: 1, secret: new Uint8Array(32).fill(7) }]);
const opened: Line[] = [];
afterEach(async () => {
  for (const line of opened.splice(0)) await line.stop();
});

async function lineOf(settings: object, store: LineStore = createMemoryLineStore(Date.now)): Promise<Line> {
  const line = await openLine(Value.Parse(Room, Value.Default(Room, { id: "drop", ...settings })), {
    store,
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

test("a place that went over to another device has moved on every edge, and stays moved for one that starts later", async () => {
  const store = createMemoryLineStore(Date.now);
  const [here, there] = [await lineOf({}, store), await lineOf({}, store)];
  here.move(7, 1);
  expect(here.generationOf(7)).toBe(1);
  for (let tries = 0; tries < 100 && there.generationOf(7) === 0; tries++) await Bun.sleep(50);
  expect(there.generationOf(7)).toBe(1);
  there.move(7, 2);
  for (let tries = 0; tries < 100 && here.generationOf(7) === 1; tries++) await Bun.sleep(50);
  expect(here.generationOf(7)).toBe(2);
  expect((await lineOf({}, store)).generationOf(7)).toBe(2);
  expect(here.generationOf(8)).toBe(0);
});

/** A store that is gone, for this edge, from the first note of a place on that it wants to make when `isCut` is set. */
function cuttable(store: LineStore): LineStore & { isCut: boolean } {
  let isGone = false;
  const gone = (): Promise<never> => Promise.reject(new Error("The store is gone."));
  const cut = {
    ...store,
    isCut: false,
    read: async (name: string) => await (isGone ? gone() : store.read(name)),
    write: async (name: string, from: Parameters<LineStore["write"]>[1], value: string) => {
      isGone ||= cut.isCut && name.includes("/");
      return await (isGone ? gone() : store.write(name, from, value));
    },
  };
  return cut;
}

test("an edge that is cut off with an admission in its hands lets in whom it knew, and no stranger", async () => {
  const shared = createMemoryLineStore(Date.now);
  const store = cuttable(shared);
  const [line, other] = [await lineOf({ outflowPerMinute: 600 }, store), await lineOf({}, shared)];
  expect(await line.join(leaf())).toEqual({ kind: "joined", seq: 1 });
  expect(await other.join(leaf())).toEqual({ kind: "joined", seq: 2 });
  for (let tries = 0; tries < 100 && line.aheadOf(3) > 0; tries++) await Bun.sleep(50);
  store.isCut = true;
  // A single call that fails is tried again first, so whoever goes away soon has used nothing.
  expect(await line.claim(1, 300)).toEqual({ kind: "at-the-door" });
  expect(await line.claim(2, 1000)).toEqual({ kind: "at-the-door" });
  expect(await line.claim(1, 1500)).toMatchObject({ kind: "admitted" });
  expect(line.stats()).toMatchObject({ admittedCutOff: 1, usedTwice: 0 });
  // There was one, and it is spent.
  expect(await line.claim(2, 300)).toEqual({ kind: "at-the-door" });
});
