/** Two readers of one head: what the quick one takes, the strict one takes too, and both understand the same. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { fillIn, parseHead } from "./http1-answer.ts";
import { notPlain, PlainAnswer } from "./plain-answer.ts";

const quick = new PlainAnswer();
const line = fc.constantFrom(
  ...[
    "Content-Length: 5",
    "content-length:\t5 ",
    "Content-Length: 05",
    "Content-Length: 5x",
    "Content-Length:",
    "Content-Length: 0",
  ],
  ...[
    "Transfer-Encoding: chunked",
    "Connection: keep-alive",
    "Connection: Close",
    "Connection: close, x",
    "Connection: x",
  ],
  ...[
    "Keep-Alive: timeout=7",
    "keep-alive: max=2",
    "X-A: b",
    "X-A: b",
    "X-Odd: \xe4",
    "X-A:",
    ": b",
    "X A: b",
    "X-A : b",
  ],
  ...["X-A: \x01", "X-A: a\rb", " folded", "Date: now"],
);
const first = fc.constantFrom(
  ...["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.1 404 Not Found", "HTTP/1.1 204 X", "HTTP/1.1 304 X"],
  ...["HTTP/1.1 205 X", "HTTP/1.1 103 X", "HTTP/1.1 101 X", "HTTP/1.1 600 X", "HTTP/1.1 2x0 X", "HTTP/1.1 2000 X"],
  ...["HTTP/1.0 200 OK", "HTTP/2 200 OK", "http/1.1 200 OK", "HTTP/1.1  200 OK"],
);

test("a head that is plain is understood as the strict reader understands it", () => {
  let plain = 0;
  fc.assert(
    fc.property(first, fc.array(line, { maxLength: 4 }), fc.boolean(), (start, lines, isHead) => {
      const text = [start, ...lines].join("\r\n");
      const bytes = Buffer.from(`${text}\r\n\r\nbody`, "latin1");
      const end = quick.read(bytes, isHead, 65_536);
      if (end === notPlain) return;
      plain++;
      expect(end).toBe(bytes.length - 4);
      const head = parseHead(text, isHead);
      expect(head?.status).toBe(quick.status);
      expect(head?.framing).toBe(quick.bodyLength === 0 ? "none" : "length");
      expect(head?.length).toBe(quick.bodyLength);
      expect(head?.isKept).toBe(quick.isKept);
      expect(head?.keptSeconds).toBe(quick.keptSeconds);
      const headers = new Headers();
      fillIn(headers, head?.fields ?? []);
      expect(headers.get("x-a")).toBe(quick.get("x-a"));
      const passed = quick.linesWithout(new Set(["content-length", "connection", "keep-alive"]));
      expect(passed).toBe(
        lines
          .filter((one) => /^(x-|date)/i.test(one))
          .map((one) => `${one}\r\n`)
          .join(""),
      );
    }),
    { numRuns: 3000 },
  );
  expect(plain).toBeGreaterThan(200);
});

test("a head that is not whole is not plain", () => {
  const whole = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "latin1");
  for (let length = 0; length < whole.length; length++) {
    expect(quick.read(whole.subarray(0, length), false, 65_536)).toBe(notPlain);
  }
  expect(quick.read(whole, false, 65_536)).toBe(whole.length);
  expect(quick.read(whole, false, 20)).toBe(notPlain);
});
