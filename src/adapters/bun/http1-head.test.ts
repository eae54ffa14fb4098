/** The head's reader against a slow, plain reading of RFC 9112: never more lenient, and the same in however many pieces bytes come. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { toHeaders } from "#edge/ports.ts";
import { needsMore } from "./http1-fields.ts";
import { Http1Head } from "./http1-head.ts";

const max = 16_384;
type Read = {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  readonly fields: string[][];
  readonly end: number;
};

/** What the RFC's grammar makes of the beginning of a text; undefined where it is no head, or of two meanings. */
function reference(text: string): Read | undefined {
  const start = text.startsWith("\r\n") ? 2 : 0;
  const end = text.indexOf("\r\n\r\n", start);
  if (end < 0) return undefined;
  const [line = "", ...lines] = text.slice(start, end).split("\r\n");
  const [, method, target, minor] =
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/1\.([01])$/.exec(line) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const fields: string[][] = [];
  for (const one of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(one) ?? [];
    if (name === undefined || value === undefined) return undefined;
    fields.push([name.toLowerCase(), value.replace(/[ \t]+$/, "")]);
  }
  const all = (name: string) => fields.filter(([field]) => field === name).map(([, value]) => value ?? "");
  const [lengths, codings] = [all("content-length"), all("transfer-encoding")];
  if (all("host").length !== 1 || lengths.length + codings.length > 1) return undefined;
  if (!lengths.every((value) => /^\d{1,15}$/.test(value))) return undefined;
  if (!codings.every((value) => value.toLowerCase() === "chunked" && minor === "1")) return undefined;
  return { method, target, minor: Number(minor), fields, end: end + 4 };
}

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.stringMatching(/^[\x21-\x7e\xa1-\xff]([\t\x20-\x7e\x80-\xff]{0,20}[\x21-\x7e])?$/);
const field = fc
  .tuple(
    fc.oneof(token, fc.constantFrom("Accept", "COOKIE", "X-A", "connection", "Expect")),
    value,
    fc.constantFrom("", " ", "\t "),
  )
  .filter(([name]) => !/^(host|content-length|transfer-encoding)$/i.test(name));
const validHead = fc
  .record({
    method: fc.oneof(fc.constantFrom("GET", "POST"), token),
    target: fc.stringMatching(/^\/[\x21-\x7e]{0,30}$/),
    version: fc.constantFrom("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"),
    fields: fc.array(field, { maxLength: 12 }),
    framing: fc.constantFrom("", "Content-Length: 12\r\n", "transfer-ENCODING: Chunked\r\n"),
  })
  .map(({ method, target, version, fields, framing }) => {
    const coding = version === "HTTP/1.0" && framing.startsWith("t") ? "" : framing;
    return `${method} ${target} ${version}\r\n${fields.map(([name, text, space]) => `${name}:${space}${text}${space}\r\n`).join("")}Host: shop.example\r\n${coding}\r\n`;
  });

function check(text: string): void {
  const head = new Http1Head();
  const end = head.read(Buffer.from(text, "latin1"), 0, max);
  const expected = reference(text);
  if (end <= 0) return;
  expect(expected).toBeDefined();
  if (expected === undefined) return;
  expect(end).toBe(expected.end);
  expect(head.method).toBe(expected.method);
  expect(head.target).toBe(expected.target);
  expect(head.minor).toBe(expected.minor);
  const headers = new Headers(expected.fields as [string, string][]);
  expect([...toHeaders(head.fields())]).toEqual([...headers]);
  for (const name of headers.keys()) expect(head.fields().get(name)).toBe(headers.get(name));
  for (const name of [...headers.keys(), "x-not-there", "cookie"]) expect(head.get(name)).toBe(headers.get(name));
}

test("a valid head is read as the grammar has it, and only when it is whole", () => {
  fc.assert(
    fc.property(validHead, fc.string({ unit: "binary-ascii", maxLength: 20 }), (text, rest) => {
      const head = new Http1Head();
      const bytes = Buffer.from(text + rest, "latin1");
      expect(head.read(bytes, 0, max)).toBe(text.length);
      check(text + rest);
      for (let length = 0; length < text.length; length++) {
        expect(head.read(bytes.subarray(0, length), 0, max)).toBe(needsMore);
      }
    }),
    { numRuns: 300 },
  );
});

test("whatever is changed in a head, it is read as the grammar has it or refused", () => {
  const pieces = fc.constantFrom(
    ...["\r", "\n", "\r\n", "\r\n\r\n", " ", "\t", ":", "\0", "\x7f", "\xff", ",", "#", ";"],
    ...[
      "Host: b\r\n",
      "Content-Length: 5\r\n",
      "Transfer-Encoding: chunked\r\n",
      "Content-Length",
      "HTTP/1.1",
      "GET / HTTP/1.1\r\n",
    ],
    ...[
      "Transfer-Encoding : chunked\r\n",
      " Transfer-Encoding: chunked\r\n",
      "Content-Length: +5\r\n",
      "X: a\nContent-Length: 5\r\n",
    ],
  );
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.integer({ min: 0, max: 3 }),
    piece: pieces,
  });
  fc.assert(
    fc.property(validHead, fc.array(change, { minLength: 1, maxLength: 3 }), (text, changes) => {
      let changed = text;
      for (const { at, cut, piece } of changes) {
        const index = Math.floor(at * changed.length);
        changed = changed.slice(0, index) + piece + changed.slice(index + cut);
      }
      check(changed);
    }),
    { numRuns: 5000 },
  );
});

test("bytes of no sense are no head", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(new Http1Head().read(Buffer.from(bytes), 0, max)).toBeLessThanOrEqual(needsMore);
    }),
    { numRuns: 2000 },
  );
});

test("a head that is too long is refused before it is whole", () => {
  for (const begin of ["GET /", "GET / HTTP/1.1\r\nX: ", "GET / HTTP/1.1\r\nHost: a\r\nX"]) {
    const bytes = Buffer.from(begin + "a".repeat(max), "latin1");
    expect([-414, -431]).toContain(new Http1Head().read(bytes, 0, max));
  }
  expect(new Http1Head().read(Buffer.from("A".repeat(40)), 0, max)).toBe(-501);
});
