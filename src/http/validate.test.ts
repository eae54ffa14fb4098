/** Complaints about a request: each field's own, all at once, in words that a person who writes a program can act on. */
import { describe, expect, test } from "bun:test";
import Type from "typebox";
import { validator } from "./validate.ts";

const closed = { additionalProperties: false } as const;
const check = validator(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 5, pattern: "^[^\\u0000-\\u001f]*$" }),
      count: Type.Integer({ minimum: 1, maximum: 10 }),
      price: Type.Optional(Type.Integer()),
      size: Type.Optional(Type.Union([Type.Literal("S"), Type.Literal("M")])),
      note: Type.Optional(Type.Union([Type.String({ maxLength: 3 }), Type.Null()])),
      tags: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 2 })),
      inner: Type.Optional(Type.Object({ "a/b~c": Type.Boolean() }, closed)),
    },
    closed,
  ),
);
const good = { name: "mug", count: 1 };
const complaints = (value: unknown) => {
  const result = check(value);
  return result.ok ? [] : result.errors.map(({ pointer, message }) => `${pointer}: ${message}`);
};

test("what is good is taken as it is", () => {
  expect(check({ ...good, note: null, size: "M", tags: ["a"], inner: { "a/b~c": true } })).toMatchObject({ ok: true });
});

const wrong: readonly (readonly [more: unknown, says: readonly string[]])[] = [
  [{ name: "" }, ["/name: must not be empty"]],
  [{ name: "too long" }, ["/name: must have at most 5 characters"]],
  [{ name: "\n" }, ["/name: is not written as it should be, or has signs that do not belong in it"]],
  [{ name: 5 }, ["/name: must be a string"]],
  [{ name: "\ud800" }, ["/name: is not valid Unicode"]],
  [{ count: 0 }, ["/count: must be at least 1"]],
  [{ count: 11 }, ["/count: must be at most 10"]],
  [{ count: 1.5 }, ["/count: must be an integer"]],
  [{ count: "1" }, ["/count: must be an integer"]],
  [{ price: 2 ** 53 }, ["/price: is beyond what can be counted exactly"]],
  [{ price: -1e300 }, ["/price: is beyond what can be counted exactly"]],
  [{ size: "L" }, ["/size: must be one of: S, M"]],
  [{ note: 1 }, ["/note: must be a string or null"]],
  [{ note: "long" }, ["/note: must have at most 3 characters"]],
  [{ note: "\0" }, ["/note: must not hold the sign U+0000"]],
  [{ tags: [] }, ["/tags: must have at least 1"]],
  [{ tags: ["a", "b", "c"] }, ["/tags: must have at most 2"]],
  [{ tags: ["a", 1] }, ["/tags/1: must be a string"]],
  [{ inner: {} }, ["/inner/a~1b~0c: is missing"]],
  [{ colour: "red" }, ["/colour: is not a field of this request; check its spelling"]],
  [{ "a/b~c": 1 }, ["/a~1b~0c: is not a field of this request; check its spelling"]],
];
for (const [more, says] of wrong) {
  test(`${JSON.stringify(more)}: ${says[0]}`, () => {
    expect(complaints({ ...good, ...(more as object) })).toEqual([...says]);
  });
}

test("everything that is wrong is told at once, however much it is", () => {
  const all = complaints({
    name: 1,
    count: 0,
    price: "x",
    size: 1,
    note: 1,
    tags: [1, 2],
    inner: { x: 1 },
    one: 1,
    two: 2,
    three: 3,
  });
  expect(all.map((complaint) => complaint.split(":")[0]).sort()).toEqual([
    "/count",
    "/inner/a~1b~0c",
    "/inner/x",
    "/name",
    "/note",
    "/one",
    "/price",
    "/size",
    "/tags/0",
    "/tags/1",
    "/three",
    "/two",
  ]);
});

test("but never so much that the answer is larger than the question was", () => {
  const value = { ...good, ...Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`x${index}`, 1])) };
  expect(complaints(value)).toHaveLength(100);
});

for (const value of [null, 1, "x", [], undefined, true]) {
  test(`${JSON.stringify(value)} is no such request`, () => {
    expect(complaints(value)).toEqual([": must be an object"]);
  });
}

describe("a request of several kinds", () => {
  const ofKinds = validator(
    Type.Union([
      Type.Object({ kind: Type.Literal("set"), onHand: Type.Integer() }, closed),
      Type.Object({ kind: Type.Literal("adjust"), delta: Type.Integer() }, closed),
    ]),
  );
  const told = (value: unknown) => {
    const result = ofKinds(value);
    return result.ok ? [] : result.errors.map(({ pointer, message }) => `${pointer}: ${message}`);
  };

  test("is held to the kind that it names, and to no other", () => {
    expect(told({ kind: "set", onHand: 1 })).toEqual([]);
    expect(told({ kind: "set", delta: 1 }).sort()).toEqual([
      "/delta: is not a field of this request; check its spelling",
      "/onHand: is missing",
    ]);
  });

  test("that names none, or one that there is not, is told which there are", () => {
    expect(told({ onHand: 1 })).toEqual(["/kind: is missing"]);
    for (const kind of ["steal", 1, null, "__proto__"])
      expect(told({ kind })).toEqual(["/kind: must be one of: set, adjust"]);
    for (const value of [null, 1, []]) expect(told(value)).toEqual([": must be an object"]);
  });
});
