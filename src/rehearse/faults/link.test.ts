/** Chains of toxics on a clock of their own: whatever is added, changed and taken away, no byte is lost or swapped. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Clock } from "#kernel/clock.ts";
import { Link } from "./link.ts";
import { readToxic } from "./toxic.ts";

/** Goes from one sleeper to the next when it is told to. */
function steppingClock() {
  let nowMs = 0;
  let sleepers: { atMs: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        sleepers.push({ atMs: nowMs + ms, wake: resolve });
        signal?.addEventListener("abort", () => resolve(), { once: true });
      }),
  };
  return {
    clock,
    async advance(ms: number) {
      const untilMs = nowMs + ms;
      for (;;) {
        for (let turns = 0; turns < 5; turns++) await Promise.resolve();
        const next = sleepers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        sleepers = sleepers.filter((each) => each !== next);
        nowMs = Math.max(nowMs, next.atMs);
        next.wake();
      }
      nowMs = untilMs;
    },
  };
}

const attributes = {
  latency: { latency: 50, jitter: 20 },
  bandwidth: { rate: 2 },
  slicer: { average_size: 7, size_variation: 3, delay: 500 },
  slow_close: { delay: 30 },
  noop: {},
} as const;
const types = Object.keys(attributes) as (keyof typeof attributes)[];

const deed = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), bytes: fc.integer({ min: 1, max: 600 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("add" as const), type: fc.constantFrom(...types) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("change" as const), at: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), at: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 80 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stall" as const), isStalled: fc.boolean() }) },
);

test("whatever lossless toxics come, change and go, the far end gets all bytes in order, and then the end, once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 40 }), fc.integer(), async (deeds, seed) => {
      const { clock, advance } = steppingClock();
      let luck = seed >>> 0;
      const random = () => {
        luck = (luck * 1664525 + 1013904223) >>> 0;
        return luck / 2 ** 32;
      };
      const got: number[] = [];
      let ends = 0;
      let isStalled = false;
      const link = new Link([], {
        clock,
        random,
        room: () => undefined,
        reset: () => {
          throw new Error("nothing resets");
        },
        out: {
          hasRoom: () => !isStalled,
          push: ({ data }) => {
            expect(ends).toBe(0);
            got.push(...data);
          },
          end: () => {
            ends += 1;
          },
        },
      });
      const present: ReturnType<typeof readToxic>[] = [];
      let sent = 0;
      let names = 0;
      for (const each of deeds) {
        if (each.do === "send") {
          link.push(Uint8Array.from({ length: each.bytes }, (_, index) => (sent + index) % 251));
          sent += each.bytes;
        } else if (each.do === "add") {
          names += 1;
          const toxic = readToxic(
            { type: each.type, name: `t${names}`, attributes: attributes[each.type] },
            () => false,
          );
          present.push(toxic);
          link.add(toxic);
        } else if (each.do === "change") {
          const toxic = present[each.at % Math.max(present.length, 1)];
          if (toxic !== undefined) link.change({ ...toxic, toxicity: random() < 0.5 ? 0.5 : 1 });
        } else if (each.do === "remove") {
          const [toxic] = present.splice(each.at % Math.max(present.length, 1), 1);
          if (toxic !== undefined) link.remove(toxic.name);
        } else if (each.do === "pass") await advance(each.ms);
        else {
          isStalled = each.isStalled;
          if (!isStalled) link.drained();
        }
      }
      isStalled = false;
      link.drained();
      link.end();
      await advance(1_000_000);
      expect(got.length).toBe(sent);
      expect(got.every((byte, index) => byte === index % 251)).toBe(true);
      expect(ends).toBe(1);
    }),
    { numRuns: 300 },
  );
});

test("of two latencies each adds its own time, also for what was sent together", async () => {
  const { clock, advance } = steppingClock();
  const arrivedAtMs: number[] = [];
  const link = new Link([], {
    clock,
    random: () => 0,
    room: () => undefined,
    reset: () => undefined,
    out: { hasRoom: () => true, push: () => void arrivedAtMs.push(clock.now()), end: () => undefined },
  });
  for (const name of ["one", "two"])
    link.add(readToxic({ type: "latency", name, attributes: { latency: 500 } }, () => false));
  for (let chunk = 0; chunk < 3; chunk++) {
    link.push(new Uint8Array(10));
    await advance(100);
  }
  await advance(5000);
  expect(arrivedAtMs).toEqual([1000, 1100, 1200]);
});

test("the line of a latency is bounded, and says when there is room again", async () => {
  const { clock, advance } = steppingClock();
  let rooms = 0;
  const link = new Link([readToxic({ type: "latency", attributes: { latency: 1000 } }, () => false)], {
    clock,
    random: () => 0,
    room: () => {
      rooms += 1;
    },
    reset: () => undefined,
    out: { hasRoom: () => true, push: () => undefined, end: () => undefined },
  });
  let taken = 0;
  while (link.hasRoom() && taken < 10_000) {
    link.push(new Uint8Array(1));
    taken += 1;
  }
  expect(taken).toBe(1024);
  rooms = 0;
  await advance(2000);
  expect(rooms).toBeGreaterThan(0);
  expect(link.hasRoom()).toBe(true);
});
