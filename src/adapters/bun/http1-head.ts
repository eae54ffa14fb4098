/**
 * Reads the head of an HTTP/1.1 request from bytes, strictly (RFC 9112): one way to end a line, no folding, one Host, one framing.
 * Whatever two programs could read in two ways is refused, so that nobody behind the edge sees another request than the edge did.
 *
 * It keeps places, not strings: most fields of a browser are never looked at, and a text for each would cost more than the reading.
 */
import { FieldList } from "#edge/ports.ts";

/** In a name or a method, in a target, in a value; what is in none ends it. */
const inToken = 1;
const inTarget = 2;
const inValue = 4;
const kinds = new Uint8Array(256);
const lower = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const sign = String.fromCharCode(byte);
  // A fragment ends no target: whoever decides on the target refuses it (RFC 9112 3.2).
  kinds[byte] =
    (/[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(sign) ? inToken : 0) |
    (byte > 0x20 && byte < 0x7f ? inTarget : 0) |
    (byte === 9 || (byte >= 0x20 && byte !== 0x7f) ? inValue : 0);
  lower[byte] = byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;

const fieldsMax = 128;
const methodMaxBytes = 32;
const version = [72, 84, 84, 80, 47] as const; // "HTTP/"

declare global {
  // Bun's, and Node's; its types leave it out. `toString("latin1", …)` looks at the name of the encoding each time.
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    latin1Slice(start?: number, end?: number): string;
  }
}

type Name = { readonly text: string; readonly bytes: Uint8Array; readonly hash: number };

/** Names are asked for by this program and by Vary of origins; those of origins must not fill the memory. */
const namesMax = 1024;
const names = new Map<string, Name>();

function nameOf(text: string): Name {
  const known = names.get(text);
  if (known !== undefined) return known;
  const bytes = Buffer.from(text, "latin1").map((byte) => lower[byte] as number);
  let hash = 0;
  for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  const made = { text, bytes, hash };
  if (names.size < namesMax) names.set(text, made);
  return made;
}

/** Texts of the names that clients send, by hash: most heads have the same dozen. */
const sentNames: (Name | undefined)[] = Array.from({ length: 1024 });

const host = nameOf("host");
const contentLength = nameOf("content-length");
const transferEncoding = nameOf("transfer-encoding");
const connection = nameOf("connection");
const expect = nameOf("expect");

export type Framing = "none" | "length" | "chunked";

/** More bytes are needed. */
export const needsMore = 0;

/** One head at a time; what is read stays until the next `read`. */
export class Http1Head {
  /** What is wrong, after a `read` below 0. */
  problem = "";
  method = "";
  /** Of HTTP/1.x. */
  minor = 1;
  framing: Framing = "none";
  length = 0;
  /** Whether the client keeps the connection after this request (RFC 9112 9.3). */
  isKept = true;
  expectsContinue = false;
  wantsWebSocket = false;

  #bytes: Buffer = Buffer.alloc(0);
  #targetStart = 0;
  #targetEnd = 0;
  #target: string | undefined;
  #count = 0;
  readonly #hashes = new Int32Array(fieldsMax);
  /** Of each field: begin and end of its name, begin and end of its value. */
  readonly #places = new Int32Array(fieldsMax * 4);

  /**
   * The index after the head; `needsMore` when it is not whole; below 0, the status that refuses it. It begins anew each time: a
   * head is short, and one that drips has a deadline.
   */
  read(bytes: Buffer, from: number, headMaxBytes: number): number {
    const { length } = bytes;
    this.#bytes = bytes;
    let at = from;
    // RFC 9112 2.2: one empty line may come before a request.
    if (at < length && bytes[at] === CR) {
      if (at + 1 === length) return needsMore;
      if (bytes[at + 1] !== LF) return this.#refuse(400, "A request begins with its method.");
      at += 2;
    }
    const lineStart = at;
    while (at < length && (kinds[bytes[at] as number] as number) & inToken) at++;
    if (at - lineStart > methodMaxBytes) return this.#refuse(501, "No method is that long.");
    if (at === length) return needsMore;
    if (bytes[at] !== SPACE || at === lineStart) return this.#refuse(400, "A request begins with its method.");
    this.method = methodText(bytes, lineStart, at);

    const targetStart = ++at;
    while (at < length && (kinds[bytes[at] as number] as number) & inTarget) at++;
    if (at - from > headMaxBytes) return this.#refuse(414, "The request line is too long.");
    if (at === length) return needsMore;
    if (bytes[at] !== SPACE || at === targetStart) return this.#refuse(400, "The request line is malformed.");
    this.#targetStart = targetStart;
    this.#targetEnd = at;
    this.#target = undefined;

    at++;
    for (let index = 0; index < 5; index++, at++) {
      if (at === length) return needsMore;
      if (bytes[at] !== version[index]) return this.#refuse(400, "The request line does not end with a version.");
    }
    if (at + 5 > length) return length - from > headMaxBytes ? this.#refuse(414, "Too long.") : needsMore;
    const major = (bytes[at] as number) - 48;
    const minor = (bytes[at + 2] as number) - 48;
    if (major < 0 || major > 9 || minor < 0 || minor > 9 || bytes[at + 1] !== 46)
      return this.#refuse(400, "The request line does not end with a version.");
    if (bytes[at + 3] !== CR || bytes[at + 4] !== LF)
      return this.#refuse(400, "The request line does not end where it should.");
    if (major !== 1 || minor > 1) return this.#refuse(505, "Only HTTP/1.1 and HTTP/1.0 are understood here.");
    this.minor = minor;
    return this.#readFields(bytes, from, at + 5, headMaxBytes);
  }

  #readFields(bytes: Buffer, from: number, first: number, headMaxBytes: number): number {
    const { length } = bytes;
    const hashes = this.#hashes;
    const places = this.#places;
    let at = first;
    let count = 0;
    this.#count = 0;
    for (;;) {
      if (at === length) break;
      const start = at;
      let hash = 0;
      let byte = bytes[at] as number;
      while ((kinds[byte] as number) & inToken) {
        hash = (Math.imul(hash, 31) + (lower[byte] as number)) | 0;
        if (++at === length) break;
        byte = bytes[at] as number;
      }
      if (at === length) break;
      if (at === start) {
        if (byte !== CR) return this.#refuse(400, "A line of the head begins with no name.");
        if (at + 1 === length) break;
        if (bytes[at + 1] !== LF) return this.#refuse(400, "A line ends with CR and LF, and with nothing else.");
        if (at + 2 - from > headMaxBytes) return this.#refuse(431, "The head is too long.");
        this.#count = count;
        return this.#judge(at + 2);
      }
      if (byte !== COLON) return this.#refuse(400, "A name is followed by a colon at once.");
      const nameEnd = at++;
      while (at < length && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
      const valueStart = at;
      while (at < length && (kinds[bytes[at] as number] as number) & inValue) at++;
      if (at + 1 >= length) {
        if (at < length && bytes[at] !== CR) return this.#refuse(400, "A value has a character that none may have.");
        break;
      }
      if (bytes[at] !== CR || bytes[at + 1] !== LF)
        return this.#refuse(400, "A value has a character that none may have.");
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--;
      at += 2;
      if (count === fieldsMax) return this.#refuse(431, `A head may have ${fieldsMax} fields.`);
      hashes[count] = hash;
      const place = count * 4;
      places[place] = start;
      places[place + 1] = nameEnd;
      places[place + 2] = valueStart;
      places[place + 3] = valueEnd;
      count++;
    }
    return length - from > headMaxBytes ? this.#refuse(431, "The head is too long.") : needsMore;
  }

  /** What the fields say of the message and its connection. RFC 9112 3.2, 6, 9.3. */
  #judge(end: number): number {
    if (this.#find(host, 0) < 0) return this.#refuse(400, "The Host field is missing.");
    let hasLength = false;
    let codings = 0;
    this.framing = "none";
    this.length = 0;
    this.isKept = this.minor === 1;
    this.expectsContinue = false;
    this.wantsWebSocket = false;
    let hosts = 0;
    for (let index = 0; index < this.#count; index++) {
      const hash = this.#hashes[index];
      if (hash === host.hash) {
        if (this.#is(index, host) && ++hosts > 1) return this.#refuse(400, "There are two Host fields.");
      } else if (hash === contentLength.hash && this.#is(index, contentLength)) {
        if (hasLength) return this.#refuse(400, "There are two Content-Length fields.");
        hasLength = true;
        const length = digits(this.#value(index));
        if (length < 0) return this.#refuse(400, "Content-Length is no number.");
        this.length = length;
      } else if (hash === transferEncoding.hash && this.#is(index, transferEncoding)) {
        if (++codings > 1) return this.#refuse(400, "There are two Transfer-Encoding fields.");
        if (this.#value(index).toLowerCase() !== "chunked")
          return this.#refuse(501, "The only transfer coding that is understood here is chunked.");
      } else if (hash === connection.hash && this.#is(index, connection)) {
        this.#readConnection(this.#value(index).toLowerCase());
      } else if (hash === expect.hash && this.#is(index, expect)) {
        this.expectsContinue = this.minor === 1 && this.#value(index).toLowerCase() === "100-continue";
      }
    }
    if (codings > 0) {
      if (hasLength) return this.#refuse(400, "Content-Length and Transfer-Encoding exclude each other.");
      if (this.minor === 0) return this.#refuse(400, "HTTP/1.0 has no Transfer-Encoding.");
      this.framing = "chunked";
    } else if (this.length > 0) this.framing = "length";
    return end;
  }

  #readConnection(value: string): void {
    if (value === "keep-alive") {
      this.isKept = true;
      return;
    }
    const options = value.split(",").map((option) => option.trim());
    if (options.includes("keep-alive")) this.isKept = true;
    if (options.includes("close")) this.isKept = false;
    if (options.includes("upgrade") && this.method === "GET" && this.get("upgrade")?.toLowerCase() === "websocket")
      this.wantsWebSocket = true;
  }

  get target(): string {
    let target = this.#target;
    if (target === undefined) {
      target = this.#bytes.latin1Slice(this.#targetStart, this.#targetEnd);
      this.#target = target;
    }
    return target;
  }

  /** Set where the request line named more than a path. */
  set target(target: string) {
    this.#target = target;
  }

  /** The field's value as `Headers.get` has it: null for none, several joined with commas. */
  get(text: string): string | null {
    const name = nameOf(text);
    const first = this.#find(name, 0);
    if (first < 0) return null;
    let value = this.#value(first);
    for (let next = this.#find(name, first + 1); next >= 0; next = this.#find(name, next + 1))
      value += `${name.text === "cookie" ? "; " : ", "}${this.#value(next)}`;
    return value;
  }

  /** All fields, to stay when the next head is read. */
  fields(): FieldList {
    const places = this.#places;
    const count = this.#count;
    const from = places[0] as number;
    // One text for all of them: pieces of a text are not copied.
    const text = this.#bytes.latin1Slice(from, places[count * 4 - 1]);
    const flat: string[] = [];
    for (let index = 0; index < count; index++) {
      const place = index * 4 + 2;
      flat.push(
        this.#name(index),
        text.substring((places[place] as number) - from, (places[place + 1] as number) - from),
      );
    }
    return new FieldList(flat);
  }

  #find(name: Name, from: number): number {
    const { hash } = name;
    for (let index = from; index < this.#count; index++) {
      if (this.#hashes[index] === hash && this.#is(index, name)) return index;
    }
    return -1;
  }

  #is(index: number, name: Name): boolean {
    const start = this.#places[index * 4] as number;
    const { bytes } = name;
    if ((this.#places[index * 4 + 1] as number) - start !== bytes.length) return false;
    for (let at = 0; at < bytes.length; at++) {
      if (lower[this.#bytes[start + at] as number] !== bytes[at]) return false;
    }
    return true;
  }

  #name(index: number): string {
    const slot = (this.#hashes[index] as number) & 1023;
    const known = sentNames[slot];
    if (known !== undefined && this.#is(index, known)) return known.text;
    const text = this.#bytes.latin1Slice(this.#places[index * 4], this.#places[index * 4 + 1]).toLowerCase();
    sentNames[slot] = { text, bytes: Buffer.from(text, "latin1"), hash: this.#hashes[index] as number };
    return text;
  }

  #value(index: number): string {
    return this.#bytes.latin1Slice(this.#places[index * 4 + 2], this.#places[index * 4 + 3]);
  }

  #refuse(status: number, problem: string): number {
    this.problem = problem;
    return -status;
  }
}

function methodText(bytes: Buffer, start: number, end: number): string {
  if (end - start === 3 && bytes[start] === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84) return "GET";
  return bytes.latin1Slice(start, end);
}

/** RFC 9110 8.6: digits and nothing else; -1 otherwise. */
function digits(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let number = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
