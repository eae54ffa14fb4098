/**
 * Reads the head of an everyday answer from bytes, in place: HTTP/1.1, a length that is known, nothing about its connection but that it
 * stays or ends. Whatever is more than that it leaves to http1-answer.ts, which knows all of RFC 9112 and says what is wrong.
 */
import type { AnswerHead } from "#edge/ports.ts";
import { Http1Fields, nameOf } from "./http1-fields.ts";

/** "HTTP/1.1 " */
const start = [72, 84, 84, 80, 47, 49, 46, 49, 32] as const;
const CR = 13;
const LF = 10;
const SPACE = 32;
const DEL = 127;

const contentLength = nameOf("content-length");
const transferEncoding = nameOf("transfer-encoding");
const connection = nameOf("connection");
const keepAlive = nameOf("keep-alive");

export const notPlain = -1;

/** One head at a time; what is read stays until the next `read`. */
export class PlainAnswer extends Http1Fields implements AnswerHead {
  status = 0;
  /** As its Content-Length says; -1: it says nothing, and has no body. */
  length = -1;
  /** Bytes of the body that come. */
  bodyLength = 0;
  isKept = true;
  keptSeconds: number | undefined;

  /** The index after the head, or `notPlain`. */
  read(bytes: Buffer, isHeadRequest: boolean, headMaxBytes: number): number {
    const { length } = bytes;
    this.bytes = bytes;
    // A status and its end are there, or it is not whole.
    if (length < 16) return notPlain;
    for (let index = 0; index < start.length; index++) if (bytes[index] !== start[index]) return notPlain;
    const status = digit(bytes, 9) * 100 + digit(bytes, 10) * 10 + digit(bytes, 11);
    // 205 has rules of its own, and what is below 200 is no answer yet.
    if (!(status >= 200 && status <= 599) || status === 205) return notPlain;
    let at = 12;
    if (bytes[at] !== CR && bytes[at] !== SPACE) return notPlain;
    while (at < length && (bytes[at] as number) >= SPACE && bytes[at] !== DEL) at++;
    if (at + 1 >= length || bytes[at] !== CR || bytes[at + 1] !== LF) return notPlain;
    this.status = status;
    const end = this.readFields(0, at + 2, headMaxBytes);
    return end > 0 && this.#judge(isHeadRequest) ? end : notPlain;
  }

  #judge(isHeadRequest: boolean): boolean {
    this.length = -1;
    this.isKept = true;
    this.keptSeconds = undefined;
    for (let index = 0; index < this.count; index++) {
      const hash = this.hashes[index];
      if (hash === contentLength.hash && this.is(index, contentLength)) {
        if (this.length >= 0) return false;
        this.length = this.digits(index);
        if (this.length < 0) return false;
      } else if (hash === transferEncoding.hash && this.is(index, transferEncoding)) return false;
      else if (hash === connection.hash && this.is(index, connection)) {
        const value = this.value(index).toLowerCase();
        if (value === "close") this.isKept = false;
        else if (value !== "keep-alive") return false;
      } else if (hash === keepAlive.hash && this.is(index, keepAlive)) {
        const seconds = /\btimeout\s*=\s*(\d{1,6})\b/i.exec(this.value(index))?.[1];
        if (seconds !== undefined) this.keptSeconds = Number(seconds);
      }
    }
    const isBare = isHeadRequest || this.status === 204 || this.status === 304;
    // Without a length it ends with its connection.
    if (!isBare && this.length < 0) return false;
    this.bodyLength = isBare ? 0 : this.length;
    return true;
  }
}

/** Not a number where there is none. */
function digit(bytes: Buffer, at: number): number {
  const value = (bytes[at] as number) - 48;
  return value >= 0 && value <= 9 ? value : Number.NaN;
}
