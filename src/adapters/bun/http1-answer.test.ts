/** Bytes to answers: the same wherever they are cut, and never anything but an answer or a refusal. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AnswerError, ChunkedReader, fillIn, hintOf, parseHead } from "./http1-answer.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

describe("a head", () => {
  test("tells how its answer ends (RFC 9112 6.3)", () => {
    const framing = (text: string, isHead = false) => parseHead(`HTTP/1.1 ${text}`, isHead)?.framing;
    expect(framing("200 OK\r\nContent-Length: 5")).toBe("length");
    expect(framing("200\r\ncontent-length:5 ")).toBe("length");
    expect(framing("200 OK\r\nContent-Length: 0")).toBe("none");
    expect(framing("200 OK\r\nTransfer-Encoding: Chunked")).toBe("chunked");
    expect(framing("200 OK")).toBe("close");
    expect(framing("204 No Content\r\nContent-Length: 5")).toBe("none");
    expect(framing("304 Not Modified\r\nTransfer-Encoding: chunked")).toBe("none");
    expect(framing("200 OK\r\nContent-Length: 5", true)).toBe("none");
    expect(parseHead("HTTP/1.1 103 Early Hints\r\nLink: </a>", false)).toBeUndefined();
  });

  test("that comes before the answer is passed on with what is not of its connection", () => {
    expect(hintOf("HTTP/1.1 102 Processing")).toEqual({ status: 102, lines: [] });
    expect(
      hintOf("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nX-A: b\r\nConnection: x\r\nX\x01: c\r\nX: \x01"),
    ).toEqual({ status: 103, lines: ["link: </a>; rel=preload", "x-a: b"] });
    expect(hintOf("HTTP/1.1 100 Continue")).toBeUndefined();
    expect(hintOf("HTTP/1.1 200 OK\r\nLink: </a>")).toBeUndefined();
  });

  test("tells whether its connection may be used again, and how long", () => {
    const kept = (text: string) => {
      const head = parseHead(text, false);
      return [head?.isKept, head?.keptSeconds];
    };
    expect(kept("HTTP/1.1 204 X")).toEqual([true, undefined]);
    expect(kept("HTTP/1.1 204 X\r\nKeep-Alive: timeout=5, max=100")).toEqual([true, 5]);
    expect(kept("HTTP/1.1 204 X\r\nconnection: x, Close")).toEqual([false, undefined]);
    expect(kept("HTTP/1.0 204 X\r\nConnection: keep-alive")).toEqual([false, undefined]);
    expect(kept("HTTP/1.1 200 X")).toEqual([false, undefined]);
  });

  test("of any bytes is a head, an interim one, or refused", () => {
    const piece = fc.constantFrom(
      "HTTP/1.1 200 OK",
      "\r\n",
      "\n",
      "\r",
      " ",
      ":",
      "Content-Length: 3",
      "\0",
      "Transfer-Encoding: chunked",
      "X: y",
      "100",
      "\xff",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((all) => all.join("")),
          fc.string({ unit: "binary-ascii" }),
        ),
        (text) => {
          try {
            const head = parseHead(text, false);
            if (head === undefined) return;
            fillIn(new Headers(), head.fields);
            expect(head.status).toBeWithin(200, 600);
          } catch (error) {
            expect(error).toBeInstanceOf(AnswerError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("chunks", () => {
  const chunked = fc
    .tuple(
      fc.array(
        fc.tuple(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 }), fc.constantFrom("", ";a=b", " ;c")),
      ),
      fc.constantFrom("", "T: x\r\n", "T: x\r\nU: y\r\n"),
    )
    .map(([pieces, trailers]) => ({
      body: pieces.map(([text]) => text).join(""),
      wire: `${pieces.map(([text, extension]) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`).join("")}0\r\n${trailers}\r\n`,
    }));

  test("give their body, wherever the bytes are cut, and say where the next answer would begin", () => {
    fc.assert(
      fc.property(
        chunked,
        fc.array(fc.nat(), { maxLength: 10 }),
        fc.constantFrom("", "HTTP/1.1 200"),
        ({ body, wire }, cuts, after) => {
          const whole = bytes(wire + after);
          const places = [
            0,
            ...cuts.map((cut) => cut % (wire.length + 1)).sort((a, b) => a - b),
            wire.length + after.length,
          ];
          const reader = new ChunkedReader();
          const out: Uint8Array[] = [];
          let consumed = -1;
          for (const [index, place] of places.entries()) {
            const next = places[index + 1];
            if (next === undefined || consumed >= 0) break;
            const end = reader.read(whole.subarray(place, next), 0, out);
            if (end >= 0) consumed = place + end;
          }
          expect([Buffer.concat(out).toString("latin1"), consumed, reader.hasWholeBody]).toEqual([
            body,
            wire.length,
            true,
          ]);
        },
      ),
    );
  });

  test("of any bytes are read or refused, and never longer than they are", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("0", "3", "f", "\r\n", "\r", "\n", ";", "abc", " ", "g")), (pieces) => {
        const wire = bytes(pieces.join(""));
        const out: Uint8Array[] = [];
        try {
          expect(new ChunkedReader().read(wire, 0, out)).toBeLessThanOrEqual(wire.length);
        } catch (error) {
          expect(error).toBeInstanceOf(AnswerError);
        }
        expect(out.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(wire.length);
      }),
      { numRuns: 1000 },
    );
  });
});
