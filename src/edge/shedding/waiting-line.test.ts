/** The line is what a sorted list would be. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Waiter, WaitingLine } from "./waiting-line.ts";

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("enter" as const), rank: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("serve" as const), rank: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), rank: fc.nat(30) }) },
);

test("higher classes go first, the oldest first among equals, and the newest of the lowest gives way", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(12), (steps, max) => {
      const line = new WaitingLine<number>(max);
      let list: { id: number; rank: number }[] = [];
      const all: Waiter<number>[] = [];
      for (const [id, action] of steps.entries()) {
        if (action.do === "enter") {
          const full = list.length >= max;
          const lowest = Math.max(-1, ...list.map(({ rank }) => rank));
          const entered = line.enter(id, action.rank, id);
          if (full && lowest <= action.rank) {
            expect(entered).toBeUndefined();
          } else {
            const loser = full ? list.findLast(({ rank }) => rank === lowest) : undefined;
            expect(entered?.displaced?.who).toBe(loser?.id as number);
            list = [...list.filter((entry) => entry !== loser), { id, rank: action.rank }];
            if (entered !== undefined) all.push(entered.waiter);
          }
        } else if (action.do === "serve") {
          const first = list.toSorted((a, b) => a.rank - b.rank || a.id - b.id)[0];
          const next = line.next();
          expect(next?.who).toBe(first?.id as number);
          if (next !== undefined) expect(line.leave(next)).toBe(true);
          list = list.filter((entry) => entry !== first);
        } else {
          const waiter = all[action.rank];
          if (waiter === undefined) continue;
          expect(line.leave(waiter)).toBe(list.some((entry) => entry.id === waiter.who));
          list = list.filter((entry) => entry.id !== waiter.who);
        }
        expect(line.length).toBe(list.length);
        expect(line.lengths).toEqual([0, 1, 2, 3, 4].map((rank) => list.filter((entry) => entry.rank === rank).length));
        // The higher a class, the longer it waits here: the id is also when somebody came.
        const patienceMs = [40, 30, 20, 10, 0];
        const ends = list.map(({ id, rank }) => ({ id, endMs: id + (patienceMs[rank] ?? 0) }));
        const endMs = Math.min(...ends.map((entry) => entry.endMs));
        const found = line.endsFirst(patienceMs);
        expect(found === undefined ? undefined : ends.find(({ id }) => id === found.who)?.endMs).toBe(
          list.length === 0 ? undefined : endMs,
        );
      }
    }),
  );
});
