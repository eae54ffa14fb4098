/** Parts of a whole answer (RFC 9110 section 14): one part as it is, several as multipart/byteranges. */

import { type Body, sizeOf } from "./body.ts";

/** First and last byte, both included. */
export type ByteRange = readonly [first: number, last: number];

/** More parts than this in one request are no honest wish: the whole is sent. */
const partsMax = 16;

/** Undefined: send the whole (no byte range, malformed, or too much asked). Empty: nothing of it exists, 416. */
export function parseRange(field: string, length: number): readonly ByteRange[] | undefined {
  const match = /^bytes\s*=(.*)$/i.exec(field.trim());
  if (match === null) return undefined;
  const parts = (match[1] ?? "").split(",").map((part) => part.trim());
  if (parts.length > partsMax) return undefined;
  const ranges: ByteRange[] = [];
  let bytes = 0;
  for (const part of parts) {
    if (part === "") continue;
    const found = /^(\d*)-(\d*)$/.exec(part);
    if (found === null || part === "-") return undefined;
    const [, from = "", to = ""] = found;
    const first = from === "" ? Math.max(0, length - Number(to)) : Number(from);
    const last = from === "" || to === "" ? length - 1 : Math.min(Number(to), length - 1);
    if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
    if (from === "" && Number(to) === 0) continue;
    if (first >= length) continue;
    ranges.push([first, last]);
    bytes += last - first + 1;
  }
  // Overlapping parts that add up to more than the whole are an attack, not a wish (section 14.2).
  return bytes > length && ranges.length > 1 ? undefined : ranges;
}

export const contentRange = (range: ByteRange, length: number): string => `bytes ${range[0]}-${range[1]}/${length}`;

/** The body for several parts, and the boundary that its Content-Type names. */
export function multipart(
  body: Body,
  ranges: readonly ByteRange[],
  contentType: string | null,
): { parts: Blob; boundary: string } {
  // It must not occur in the body; 96 random bits do not.
  const boundary = Array.from(crypto.getRandomValues(new Uint32Array(3)), (word) => word.toString(36)).join("");
  const type = contentType === null ? "" : `Content-Type: ${contentType}\r\n`;
  const pieces: (string | Body)[] = [];
  for (const range of ranges) {
    pieces.push(
      `\r\n--${boundary}\r\n${type}Content-Range: ${contentRange(range, sizeOf(body))}\r\n\r\n`,
      body.slice(range[0], range[1] + 1),
    );
  }
  pieces.push(`\r\n--${boundary}--\r\n`);
  return { parts: new Blob(pieces), boundary };
}
