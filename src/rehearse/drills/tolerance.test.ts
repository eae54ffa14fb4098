/** Tolerances and JSON paths as chaostoolkit-lib's own tests have them (tests/test_tolerance.py), and a few more. */
import { describe, expect, test } from "bun:test";
import { jsonPath } from "./json-path.ts";
import { isWithin, type Tolerance, toleranceComplaints } from "./tolerance.ts";

const path = (text: string, more: Record<string, unknown> = {}) => ({ type: "jsonpath", path: text, ...more });
const program = (stdout: string, stderr = "") => ({ status: 0, stdout, stderr });
const answer = (body: string) => ({ status: 200, headers: {}, body });
const two = { type: "regex", pattern: "[0-9]{2}" };

const within: readonly (readonly [tolerance: Tolerance, value: unknown, expected: boolean])[] = [
  [6, 6, true],
  [6, 7, false],
  [6, { status: 6 }, true],
  [6, { status: 7 }, false],
  [[5, 6], { status: 6 }, true],
  [[5, 7], { status: 6 }, false],
  [[4, 9], 6, true],
  [[4, 9, 78], 6, false],
  [[4, 9, 78], 78, true],
  [true, true, true],
  [true, false, false],
  ["hello", "hello", true],
  ["hello", "not hello", false],
  [two, "you are number 87", true],
  [two, "you are number 8", false],
  [{ ...two, target: "stdout" }, program("you are number 87"), true],
  [{ ...two, target: "stdout" }, program("you are number 8", "you are number 87"), false],
  [{ ...two, target: "body" }, answer("you are number 87"), true],
  [{ type: "regex", pattern: "(?i)(?P<word>WELL)" }, "it is well", true],
  [path("$.foo.*[?(@.baz)]"), { foo: [{ baz: 1 }, { baz: 2 }] }, true],
  [path("$.notsofoo.*[?(@.baz)].baz"), { foo: [{ baz: 1 }] }, false],
  [path("$.foo[?(@.baz)].baz", { expect: "hello" }), { foo: { baz: "hello" } }, true],
  [path("$.foo[?(@.baz)].baz", { expect: [["hello", "bonjour"]] }), { foo: { baz: ["hello", "bonjour"] } }, true],
  [path("$.foo[?(@.baz)].baz", { expect: [] }), { foo: { jon: "boom" } }, true],
  [path('$.foo[?(@.baz="hello")]', { count: 1 }), { foo: { baz: "hello" } }, true],
  [path('$.foo[?(@.baz="bonjour")]', { count: 1 }), { foo: { baz: "hello" } }, false],
  [
    path("$.foo.*[?(@.baz)].baz", { expect: ["hello", "bonjour"] }),
    { foo: [{ baz: "hello" }, { baz: "bonjour" }] },
    true,
  ],
  [path("$.foo.*[?(@.baz=2)]", { count: 1 }), { foo: [{ baz: 1 }, { baz: 2 }] }, true],
  [path("$.foo.*[?(@.baz=4)]", { count: 2 }), { foo: [{ baz: 4 }, { baz: 4 }] }, true],
  [path("$.foo[*].baz"), '{"foo": [{"baz": 1}, {"baz": 2}]}', true],
  [path("foo[*].baz", { expect: [1, 2] }), { foo: [{ baz: 1 }, { baz: 2 }] }, true],
  [path("$.status", { target: "body", expect: "up" }), answer('{"status": "up"}'), true],
  [{ type: "range", target: "body", range: [10, 800] }, answer("580"), true],
  [{ type: "range", target: "body", range: [10, 800] }, answer("1230"), false],
  [{ type: "range", target: "body", range: [10.5, 800.89] }, answer("580.5"), true],
  [{ type: "range", target: "body", range: [6, 8] }, answer("bad"), false],
  [{ type: "range", range: [4, 8] }, 8, true],
];

describe("a tolerance", () => {
  for (const [tolerance, value, expected] of within) {
    test(`${JSON.stringify(tolerance)} ${expected ? "takes" : "refuses"} ${JSON.stringify(value)}`, async () => {
      expect(toleranceComplaints(tolerance)).toEqual([]);
      expect(await isWithin(tolerance, value, {}, async () => false)).toBe(expected);
    });
  }

  test("takes its pattern from the configuration", async () => {
    const pattern = "$".concat("{wanted}");
    expect(await isWithin({ type: "regex", pattern }, "blue", { wanted: "^blue$" }, async () => false)).toBe(true);
  });

  for (const [wrong, complaint] of [
    [{ type: "boom" }, 'type "boom" is not known'],
    [{ type: "regex", target: "stdout" }, "needs a `pattern`"],
    [{ type: "regex", pattern: null }, "must be a text"],
    [{ type: "regex", pattern: "[0-9" }, "regular expression"],
    [{ type: "jsonpath", path: "" }, "cannot be empty"],
    [{ type: "jsonpath", path: "$.a[" }, "is no JSON path"],
    [{ type: "range", range: ["a", 6] }, "two numbers"],
    [{ type: "range", range: [1, 2, 3] }, "two numbers"],
    [null, "must be a number, a text"],
  ] as const) {
    test(`${JSON.stringify(wrong)} is complained of`, () => {
      expect(toleranceComplaints(wrong).join().toLowerCase()).toContain(complaint.toLowerCase());
    });
  }
});

test("a JSON path finds by name, index, slice, depth and filter", () => {
  const shelf = { a: { b: [{ n: 1, t: "x" }, { n: 2, t: "y" }, { n: 3 }] }, "odd name": 7 };
  const find = (text: string) => jsonPath(text)(shelf);
  expect(find("$.a.b[0].n")).toEqual([1]);
  expect(find("$.a.b[-1].n")).toEqual([3]);
  expect(find("$.a.b[0:2].n")).toEqual([1, 2]);
  expect(find("$..n")).toEqual([1, 2, 3]);
  expect(find("$['odd name']")).toEqual([7]);
  expect(find("$.a.b[?(@.n >= 2)].n")).toEqual([2, 3]);
  expect(find("$.a.b[?(@.t != 'x')].n")).toEqual([2]);
  expect(find("$.a.nothing[*]")).toEqual([]);
  expect(
    jsonPath('$.data.result.*[?(@.value[1]!="0")]')({ data: { result: [{ value: [1, "0"] }, { value: [1, "2"] }] } }),
  ).toHaveLength(1);
});
