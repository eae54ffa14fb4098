/** Heads that are made ahead are few, and none of them holds the body of an answer that is kept no longer. */
import { expect, test } from "bun:test";
import { Answers } from "./answers.ts";
import { bodyOf } from "./body.ts";
import { Store } from "./store.ts";
import { createStored, fieldsOf, type Stored } from "./stored.ts";

const nowMs = 1_795_000_000_000;

const stored = (key: string, fields: readonly (readonly [string, string])[] = [["date", "x"]]): Stored =>
  createStored({
    key,
    vary: [],
    variant: "",
    status: 200,
    statusText: "OK",
    fields,
    confidential: [],
    body: bodyOf([new Uint8Array(10)]),
    policy: {
      lifetimeMs: 60_000,
      initialAgeMs: 0,
      noCache: false,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: 0,
      mayServeStale: true,
      noTransform: false,
      omitFields: [],
    },
    tags: [],
    receivedAtMs: nowMs,
    earlyRefreshShare: 0.8,
  });

function kept() {
  const answers = new Answers(undefined);
  const store = new Store({ bytesMax: 1 << 30, variantsMax: 4 });
  store.onForget = (one) => answers.forget(one);
  const ask = (one: Stored) => answers.atHand(one, new Headers(), false, nowMs);
  return { store, ask };
}

test("a head that was made ahead serves a second's hits, and goes with its object", () => {
  const { store, ask } = kept();
  const one = stored("p:shop.example/");
  store.put(one);
  expect(ask(one)).toBe(ask(one));
  expect(one.plain.head).toBeDefined();
  store.purge({ keys: [one.key] }, false, nowMs);
  expect(one.plain.head).toBeUndefined();
});

test("however many objects are asked for, few have a head, and those the ones asked for last", () => {
  const { store, ask } = kept();
  const all = Array.from({ length: 5000 }, (_, at) => stored(`p:shop.example/${at}`));
  for (const one of all) {
    store.put(one);
    ask(one);
  }
  const headed = all.map((one) => one.plain.head !== undefined);
  expect([headed.filter(Boolean).length, headed[0], headed.at(-1)]).toEqual([4096, false, true]);
});

test("fields are kept as they came, an empty one and two of one name among them", () => {
  const fields = [
    ["date", "Mon, 16 Nov 2026 09:00:00 GMT"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2; Path=/"],
    ["x-empty", ""],
    ["x-odd", "ä: ÿ"],
  ] as const;
  expect(fieldsOf(stored("p:shop.example/", fields))).toEqual(fields.map(([name, value]) => [name, value]));
});
