/** Dates and directives, as strict and as lenient as their sections say. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseCacheControl, parseTargeted } from "./cache-control.ts";
import { parseHttpDate, writeHttpDate } from "./http-date.ts";
import { noneMatchHolds } from "./validators.ts";

const nowMs = Date.parse("2026-11-27T08:00:00Z");

test("the three forms of a date are one moment, and nothing else is a date", () => {
  const ms = Date.parse("1994-11-06T08:49:37Z");
  for (const text of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]) {
    expect(parseHttpDate(text, nowMs)).toBe(ms);
  }
  for (const text of [
    "",
    "0",
    "-1",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "1994-11-06T08:49:37Z",
    "Sun, 06 Nov 1994 08:49:37",
  ]) {
    expect([text, parseHttpDate(text, nowMs)]).toEqual([text, undefined]);
  }
  // Two digits are never more than 50 years ahead.
  expect(parseHttpDate("Friday, 01-Jan-76 00:00:00 GMT", nowMs)).toBe(Date.UTC(2076, 0, 1));
  expect(parseHttpDate("Friday, 01-Jan-77 00:00:00 GMT", nowMs)).toBe(Date.UTC(1977, 0, 1));
});

test("a date that is written is read again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
      expect(parseHttpDate(writeHttpDate(seconds * 1000), nowMs)).toBe(seconds * 1000);
    }),
  );
});

test("directives: the first of several counts, what is malformed is stale, quoted commas are no commas", () => {
  for (const [text, found] of [
    ["max-age=60, Max-Age=5", { maxAge: 60 }],
    ['MAX-AGE="60"', { maxAge: 60 }],
    ["max-age=00060", { maxAge: 60 }],
    ["max-age=-1", { maxAge: 0 }],
    ["max-age=1.5", { maxAge: 0 }],
    ["max-age='60'", { maxAge: 0 }],
    ["max-age", { maxAge: 0 }],
    ["max-age = 60", { maxAge: 0 }],
    ["max-age=60 s", { maxAge: 0 }],
    ["max-age=99999999999", { maxAge: 2_147_483_648 }],
    ['extension="max-age=60, no-store", public', { public: true }],
    ['extension="a\\", no-store', {}],
    [",, no-store ,", { noStore: true }],
    ["no-cache", { noCache: true }],
    ['no-cache="", private=""', { noCache: true, private: true }],
    ['no-cache="Set-Cookie , x", private=y', { noCacheFields: ["set-cookie", "x"], privateFields: ["y"] }],
    ["max-stale", { maxStale: Number.POSITIVE_INFINITY }],
    ["max-stale=5", { maxStale: 5 }],
  ] as const) {
    expect([text, parseCacheControl(text)] as unknown).toEqual([text, found]);
  }
});

test("a targeted field that does not parse is not there", () => {
  for (const text of ["", "max-age=60, &", 'max-age="60"', "max-age= 60", "max-age=60,", "no-store no-cache"]) {
    expect([text, parseTargeted(text)]).toEqual([text, undefined]);
  }
  expect(parseTargeted("max-age=60, x=(a b), no-store=?0")).toEqual({ maxAge: 60 });
  expect(parseTargeted("Max-Age=60, No-Store")).toEqual({ maxAge: 60, noStore: true });
});

test("no text makes the parsers fail or hang", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'"\\,=; \tam-xge0W/*'.split("")) }), (text) => {
      parseCacheControl(text);
      parseTargeted(text);
      noneMatchHolds(text, '"a"');
    }),
    { numRuns: 2000 },
  );
});

test("If-None-Match compares weakly, by whole tags", () => {
  for (const [field, stored, holds] of [
    ['"a"', '"a"', true],
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    ['"x", W/"a" , "y"', '"a"', true],
    ['"x,a", "y"', '"a"', false],
    ['"a,b"', '"a,b"', true],
    ["*", null, true],
    ['"a"', null, false],
    ["a", '"a"', false],
    ['"aa"', '"a"', false],
  ] as const) {
    expect([field, stored, noneMatchHolds(field, stored)]).toEqual([field, stored, holds]);
  }
});
