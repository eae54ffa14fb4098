/** S3-FIFO: what is used stays, a walk of the catalogue passes through, and its books are always right. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Evictable, hashOf, S3Fifo, usesMax } from "./eviction.ts";

const object = (name: string, bytes = 1): Evictable => ({
  bytes,
  uses: 0,
  hash: hashOf(name),
  queue: undefined,
  newer: undefined,
  older: undefined,
});

test("what is used survives a walk through ten times as many objects", () => {
  const policy = new S3Fifo(100);
  const kept = new Set<Evictable>();
  const add = (one: Evictable) => {
    policy.add(one);
    kept.add(one);
    while (kept.size > 100) {
      const victim = policy.evict();
      if (victim !== undefined) kept.delete(victim);
    }
  };
  const popular = Array.from({ length: 50 }, (_, at) => object(`popular ${at}`));
  for (const one of popular) add(one);
  for (const one of popular) one.uses = usesMax;
  for (let at = 0; at < 1000; at++) {
    add(object(`walked ${at}`));
    const one = popular[at % 50];
    if (one !== undefined) one.uses = Math.min(usesMax, one.uses + 1);
  }
  expect(popular.filter((one) => kept.has(one)).length).toBe(50);
});

test("one that comes back after it left has a better place than a newcomer", () => {
  const policy = new S3Fifo(10);
  const first = object("a");
  policy.add(first);
  expect(policy.evict()).toBe(first);
  const again = object("a");
  policy.add(again);
  const others = [object("b"), object("c")];
  for (const other of others) policy.add(other);
  expect(policy.evict()).toBe(others[0]);
});

test("each object leaves exactly once, whatever is added, used, enlarged and removed", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          do: fc.constantFrom("add", "use", "grow", "remove", "evict"),
          which: fc.nat(30),
          bytes: fc.integer({ min: 1, max: 40 }),
        }),
        { maxLength: 200 },
      ),
      (steps) => {
        const policy = new S3Fifo(200);
        const inside: Evictable[] = [];
        const leave = (one: Evictable) => inside.splice(inside.indexOf(one), 1);
        for (const step of steps) {
          const one = inside[step.which % Math.max(1, inside.length)];
          if (step.do === "add") {
            const added = object(`name ${step.which}`, step.bytes);
            policy.add(added);
            inside.push(added);
          } else if (step.do === "evict") {
            const victim = policy.evict();
            expect(victim === undefined).toBe(inside.length === 0);
            if (victim !== undefined) {
              expect(inside).toContain(victim);
              leave(victim);
            }
          } else if (one !== undefined) {
            if (step.do === "use") one.uses = Math.min(usesMax, one.uses + 1);
            else if (step.do === "grow") policy.grow(one, step.bytes);
            else {
              policy.remove(one);
              policy.remove(one);
              leave(one);
            }
          }
        }
        while (inside.length > 0) leave(policy.evict() ?? object("never"));
        expect(policy.evict()).toBeUndefined();
      },
    ),
  );
});
