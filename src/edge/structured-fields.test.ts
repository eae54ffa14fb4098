/**
 * Structured fields, by hand and by the public vectors of github.com/httpwg/structured-field-tests: those run when
 * SPILLWAY_STRUCTURED_FIELD_TESTS names a checkout, and say so when it does not.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  type BareItem,
  Decimal,
  DisplayString,
  FieldDate,
  type InnerList,
  type Item,
  type Member,
  parseDictionary,
  parseItem,
  parseList,
  Token,
  writeDictionary,
  writeItem,
  writeList,
} from "./structured-fields.ts";

const plain = (value: BareItem): Item => ({ value, params: new Map() });

describe("a dictionary", () => {
  test("of cache directives is read as it is meant", () => {
    expect([...(parseDictionary("max-age=3600, no-store, swr=60;x=1") ?? [])]).toEqual([
      ["max-age", plain(3600)],
      ["no-store", plain(true)],
      ["swr", { value: 60, params: new Map([["x", 1]]) }],
    ]);
  });

  test("keeps the last of two values", () => {
    expect(parseDictionary("a=1, b=2, a=3")?.get("a")).toEqual(plain(3));
  });

  test("is nothing at all when one member is malformed", () => {
    for (const text of [
      "max-age=1, &&&",
      "max-age= 1",
      "max-age =1",
      "Max-Age=1",
      "a=1,",
      "a=1 b=2",
      'a="x',
      "a=?2",
      "a=1.",
      "a=(1 2",
    ]) {
      expect([text, parseDictionary(text)]).toEqual([text, undefined]);
    }
  });
});

test("each type is itself", () => {
  const values: [string, BareItem][] = [
    ["-15", -15],
    ["1.0", new Decimal(1)],
    ['"a \\"b\\""', 'a "b"'],
    ["text/html", new Token("text/html")],
    [":aGVsbG8=:", new TextEncoder().encode("hello")],
    ["?0", false],
    ["@1659578233", new FieldDate(1_659_578_233)],
    ['%"f%c3%bc"', new DisplayString("fü")],
  ];
  for (const [text, value] of values) {
    expect([text, parseItem(text)]).toEqual([text, plain(value)]);
    expect(writeItem(plain(value))).toBe(text);
  }
});

test("a list may hold lists", () => {
  expect(parseList('"a", ("b" c;d);e')).toEqual([
    plain("a"),
    {
      value: [plain("b"), { value: new Token("c"), params: new Map([["d", true]]) }],
      params: new Map([["e", true]]),
    },
  ]);
});

test("no text makes it fail otherwise than by saying nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
      parseDictionary(text);
      parseList(text);
      parseItem(text);
    }),
  );
});

test("what is written is read again as it was", () => {
  const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,6}$/);
  const bare = fc.oneof<fc.Arbitrary<BareItem>[]>(
    fc.integer({ min: -999_999_999, max: 999_999_999 }),
    fc.boolean(),
    fc.stringMatching(/^[\x20-\x7e]{0,9}$/),
    fc.stringMatching(/^[A-Za-z*][!#$%&'*+.^_`|~:/A-Za-z0-9-]{0,6}$/).map((name) => new Token(name)),
    fc.string().map((text) => new DisplayString(text)),
    fc.uint8Array({ maxLength: 8 }),
  );
  const params = fc.array(fc.tuple(key, bare), { maxLength: 3 }).map((entries) => new Map(entries));
  const item = fc.record({ value: bare, params });
  const member = fc.oneof<fc.Arbitrary<Member>[]>(item, fc.record({ value: fc.array(item, { maxLength: 3 }), params }));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, member), { maxLength: 4 }), (entries) => {
      const members = new Map(entries);
      expect(parseDictionary(writeDictionary(members) ?? "?")).toEqual(members);
      const list = [...members.values()];
      expect(parseList(writeList(list) ?? "?")).toEqual(list);
    }),
  );
});

const checkout = process.env.SPILLWAY_STRUCTURED_FIELD_TESTS ?? "";
const isThere = checkout !== "" && existsSync(join(checkout, "dictionary.json"));
if (!isThere) {
  console.warn(
    "NOT CHECKED against the public structured field tests: SPILLWAY_STRUCTURED_FIELD_TESTS names no checkout.",
  );
}

type Vector = {
  readonly name: string;
  readonly header_type: "item" | "list" | "dictionary";
  readonly raw?: readonly string[];
  readonly expected?: unknown;
  readonly must_fail?: boolean;
  readonly can_fail?: boolean;
  readonly canonical?: readonly string[];
};

function base32(bytes: Uint8Array): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  let text = "";
  for (let at = 0; at < bits.length; at += 5)
    text += letters[Number.parseInt(bits.slice(at, at + 5).padEnd(5, "0"), 2)];
  return text.padEnd(Math.ceil(text.length / 8) * 8, "=");
}

function bytesOf(text: string): Uint8Array {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const letter of text.replace(/=+$/, "")) bits += letters.indexOf(letter).toString(2).padStart(5, "0");
  return Uint8Array.from({ length: Math.floor(bits.length / 8) }, (_, at) =>
    Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2),
  );
}

/** Our values in the vectors' own notation. */
function bareNotation(value: BareItem): unknown {
  if (value instanceof Token) return { __type: "token", value: value.name };
  if (value instanceof Uint8Array) return { __type: "binary", value: base32(value) };
  if (value instanceof FieldDate) return { __type: "date", value: value.seconds };
  if (value instanceof DisplayString) return { __type: "displaystring", value: value.text };
  return value instanceof Decimal ? value.value : value;
}

function notation(member: Member): unknown {
  const params = [...member.params].map(([key, value]) => [key, bareNotation(value)]);
  return Array.isArray(member.value)
    ? [(member as InnerList).value.map(notation), params]
    : [bareNotation((member as Item).value), params];
}

type Noted = { readonly __type: string; readonly value: string | number };

function bareOf(noted: unknown): BareItem {
  if (typeof noted === "number") return Number.isInteger(noted) ? noted : new Decimal(noted);
  if (typeof noted === "string" || typeof noted === "boolean") return noted;
  const { __type: type, value } = noted as Noted;
  if (type === "token") return new Token(String(value));
  if (type === "binary") return bytesOf(String(value));
  if (type === "date") return new FieldDate(Number(value));
  return new DisplayString(String(value));
}

function memberOf(noted: unknown): Member {
  const [value, params] = noted as [unknown, [string, unknown][]];
  const map = new Map(params.map(([key, param]) => [key, bareOf(param)]));
  return Array.isArray(value)
    ? { value: value.map((item) => memberOf(item) as Item), params: map }
    : { value: bareOf(value), params: map };
}

describe.skipIf(!isThere)("the public vectors", () => {
  const read = (directory: string): [string, Vector[]][] =>
    readdirSync(directory)
      .filter((name) => name.endsWith(".json"))
      .map((name) => [name, JSON.parse(readFileSync(join(directory, name), "utf8")) as Vector[]]);

  const parsed = (vector: Vector): unknown => {
    const text = (vector.raw ?? []).join(", ");
    if (vector.header_type === "item") {
      const item = parseItem(text);
      return item && notation(item);
    }
    if (vector.header_type === "list") return parseList(text)?.map(notation);
    const members = parseDictionary(text);
    return members && [...members].map(([key, member]) => [key, notation(member)]);
  };

  const written = (vector: Vector): string | undefined => {
    if (vector.header_type === "item") return writeItem(memberOf(vector.expected) as Item);
    const entries = vector.expected as unknown[];
    if (vector.header_type === "list") return writeList(entries.map(memberOf));
    return writeDictionary(new Map((entries as [string, unknown][]).map(([key, member]) => [key, memberOf(member)])));
  };

  for (const [file, vectors] of isThere ? read(checkout) : []) {
    test(`parsing: ${file}, ${vectors.length}`, () => {
      for (const vector of vectors) {
        const got = parsed(vector);
        if (vector.must_fail === true) expect([vector.name, got]).toEqual([vector.name, undefined]);
        else if (vector.can_fail !== true || got !== undefined)
          expect([vector.name, got]).toEqual([vector.name, vector.expected]);
      }
    });
  }

  for (const [file, vectors] of isThere ? read(join(checkout, "serialisation-tests")) : []) {
    test(`writing: ${file}, ${vectors.length}`, () => {
      for (const vector of vectors) {
        const expected = vector.must_fail === true ? undefined : (vector.canonical ?? vector.raw ?? []).join(", ");
        expect([vector.name, written(vector)]).toEqual([vector.name, expected]);
      }
    });
  }
});
