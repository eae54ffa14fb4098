/** The table remembers what a plain map would, within its bound; beyond it, it forgets what matters least. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { KeyTable } from "./key-table.ts";

/** A good hash of small numbers (the finaliser of MurmurHash3), so that keys are spread as they are in earnest. */
function spread(key: number): number {
  let h = (key + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function put(table: KeyTable, key: number, time: number, now: number): void {
  const at = table.find(spread(key), key >>> 0);
  if (at >= 0) table.set(at, time);
  else table.add(spread(key), key >>> 0, time, now);
}

const get = (table: KeyTable, key: number): number | undefined => {
  const at = table.find(spread(key), key >>> 0);
  return at < 0 ? undefined : table.time(at);
};

const use = fc.record({ key: fc.nat(60), passesMs: fc.nat(30), aheadMs: fc.nat(200) });

describe("a table with room", () => {
  test("knows every key whose time has not passed, as a map does, and invents none", () => {
    fc.assert(
      fc.property(fc.array(use, { maxLength: 400 }), (uses) => {
        const table = new KeyTable(1000);
        const map = new Map<number, number>();
        let now = 0;
        for (const { key, passesMs, aheadMs } of uses) {
          now += passesMs;
          put(table, key, now + aheadMs, now);
          map.set(key, now + aheadMs);
          for (const [known, time] of map) if (time > now) expect(get(table, known)).toBe(time);
          expect(get(table, 61)).toBeUndefined();
        }
        expect(table.forgotten).toBe(0);
      }),
    );
  });

  test("grows from small to large and loses nothing on the way", () => {
    const table = new KeyTable(100_000);
    for (let key = 0; key < 60_000; key++) put(table, key, 1e9 + key, 0);
    expect(table.size).toBe(60_000);
    for (let key = 0; key < 60_000; key++) expect(get(table, key)).toBe(1e9 + key);
  });
});

describe("a full table", () => {
  test("forgets those first whose time has passed, then whoever's time passes first: exactly so within one bucket", () => {
    fc.assert(
      fc.property(fc.array(use, { maxLength: 300 }), (uses) => {
        const table = new KeyTable(8);
        const map = new Map<number, number>();
        let now = 0;
        let forgotten = 0;
        for (const [i, { key, passesMs, aheadMs }] of uses.entries()) {
          now += passesMs;
          // No two times are equal, so there is only one that passes first.
          const time = now + aheadMs + (i + 1) / 1000;
          if (!map.has(key) || table.find(spread(key), key) < 0) {
            for (const [known, at] of map) if (at <= now) map.delete(known);
            if (map.size >= 8) {
              const first = [...map].reduce((a, b) => (b[1] < a[1] ? b : a))[0];
              map.delete(first);
              forgotten++;
            }
          }
          map.set(key, time);
          put(table, key, time, now);
          for (let known = 0; known <= 60; known++) {
            const expected = map.get(known);
            if (expected === undefined) expect(get(table, known)).toBeUndefined();
            else expect(get(table, known)).toBe(expected);
          }
          expect(table.size).toBeLessThanOrEqual(8);
        }
        expect(table.forgotten).toBe(forgotten);
      }),
    );
  });

  test("keeps its bound under two million keys, in the bytes of one", () => {
    const table = new KeyTable(1_000_000);
    let most = 0;
    for (let key = 0; key < 2_000_000; key++) {
      table.add(spread(key), key, 1e9 + key, 0);
      if (table.size > most) most = table.size;
    }
    expect(most).toBeLessThanOrEqual(1_000_000);
    expect(table.bytes).toBe(2 ** 21 * 16);
    // Each bucket forgets its own, so ages mix a little: those who came last are known, nearly all of the first are gone.
    const known = (from: number, to: number): number => {
      let count = 0;
      for (let key = from; key < to; key++) if (get(table, key) !== undefined) count++;
      return count / (to - from);
    };
    expect(known(1_900_000, 2_000_000)).toBeGreaterThan(0.99);
    expect(known(0, 100_000)).toBeLessThan(0.05);
  });

  test("takes newcomers in place of what has passed and not of what still counts", () => {
    const table = new KeyTable(10_000);
    for (let key = 0; key < 5000; key++) put(table, key, 1e6, 0);
    // Twenty thousand more, of whom never more than a few still count at once.
    for (let key = 5000; key < 25_000; key++) put(table, key, key + 10, key);
    for (let key = 0; key < 5000; key++) expect(get(table, key)).toBe(1e6);
    expect(table.forgotten).toBe(0);
    expect(table.size).toBeLessThan(10_000);
  });
});
