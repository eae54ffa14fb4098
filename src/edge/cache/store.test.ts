/** The books of the store: what is remembered of purges is bounded, and what is forgotten counts as purged. */
import { expect, test } from "bun:test";
import { HitForMiss } from "./hit-for-miss.ts";
import { Store } from "./store.ts";

test("an answer that was on its way while more was purged than can be remembered counts as purged", () => {
  for (const [purges, length] of [
    [5000, 5],
    [300, 8000],
  ] as const) {
    const store = new Store({ bytesMax: 1000, variantsMax: 4 });
    const before = store.purgeCount;
    store.purge({ keys: ["p:shop.example/other"] }, false, 0);
    expect(store.purgedSince(before, "p:shop.example/mine", [])).toBe("no");
    for (let at = 0; at < purges; at++) {
      store.purge({ keys: [`p:shop.example/${at}`.padEnd(length, "x")] }, false, 0);
    }
    expect(store.purgedSince(before, "p:shop.example/mine", [])).toBe("hard");
    expect(store.purgedSince(store.purgeCount, "p:shop.example/mine", [])).toBe("no");
  }
});

test("a soft purge and a hard one are together a hard one, in whatever order", () => {
  for (const order of [
    [true, false],
    [false, true],
  ]) {
    const store = new Store({ bytesMax: 1000, variantsMax: 4 });
    const before = store.purgeCount;
    for (const isSoft of order) store.purge({ tags: ["a"] }, isSoft, 0);
    expect(store.purgedSince(before, "p:x/", ["a", "b"])).toBe("hard");
    expect(store.purgedSince(before, "p:x/", undefined)).toBe("hard");
    expect(store.purgedSince(before, "p:x/", ["b"])).toBe("no");
  }
});

test("addresses that could not be shared are forgotten in time, and the first of too many", () => {
  const marks = new HitForMiss();
  marks.mark("a", 100);
  expect([marks.has("a", 99), marks.has("a", 100), marks.has("a", 99)]).toEqual([true, false, false]);
  for (let at = 0; at < 1000; at++) marks.mark(`${at}`.padEnd(8000, "x"), 100);
  expect([marks.has("0".padEnd(8000, "x"), 0), marks.has("999".padEnd(8000, "x"), 0)]).toEqual([false, true]);
});
