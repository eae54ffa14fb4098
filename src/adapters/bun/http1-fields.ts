/**
 * The fields of a head, read from bytes, strictly (RFC 9112 5): one way to end a line, no folding, names that are names.
 *
 * It keeps places, not strings: most fields are never looked at, and a text for each would cost more than the reading. What is passed
 * on is cut out of the head in runs, as it came.
 */
import { FieldList } from "#edge/ports.ts";

/** In a name or a method, in a target, in a value; what is in none ends it. */
export const inToken = 1;
export const inTarget = 2;
const inValue = 4;
export const kinds = new Uint8Array(256);
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

declare global {
  // Bun's, and Node's; its types leave it out. `toString("latin1", …)` looks at the name of the encoding each time.
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    latin1Slice(start?: number, end?: number): string;
  }
}

export type Name = { readonly text: string; readonly bytes: Uint8Array; readonly hash: number };

/** Names are asked for by this program and by Vary of origins; those of origins must not fill the memory. */
const namesMax = 1024;
const names = new Map<string, Name>();

export function nameOf(text: string): Name {
  const known = names.get(text);
  if (known !== undefined) return known;
  const bytes = Buffer.from(text, "latin1").map((byte) => lower[byte] as number);
  let hash = 0;
  for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  const made = { text, bytes, hash };
  if (names.size < namesMax) names.set(text, made);
  return made;
}

/** Texts of the names that are sent, by hash: most heads have the same dozen. */
const sentNames: (Name | undefined)[] = Array.from({ length: 1024 });

/** More bytes are needed. */
export const needsMore = 0;

/** Of one head at a time; what is read stays until the next. */
export class Http1Fields {
  /** What is wrong, after a `read` below 0. */
  problem = "";
  protected bytes: Buffer = Buffer.alloc(0);
  protected count = 0;
  protected readonly hashes = new Int32Array(fieldsMax);
  /** Of each field: begin and end of its name, begin and end of its value. */
  readonly #places = new Int32Array(fieldsMax * 4);
  /** Where the line after the last field begins: the empty one. */
  #linesEnd = 0;
  /** What was asked for last: several look at the same field, one after the other. */
  #lastName: Name | undefined;
  #lastValue: string | null = null;

  /** From `first` on; `from` is where the head begins. The index after it, `needsMore`, or below 0 the status that refuses it. */
  protected readFields(from: number, first: number, headMaxBytes: number): number {
    const { bytes, hashes } = this;
    const { length } = bytes;
    const places = this.#places;
    let at = first;
    let count = 0;
    this.count = 0;
    this.#lastName = undefined;
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
        if (byte !== CR) return this.refuse(400, "A line of the head begins with no name.");
        if (at + 1 === length) break;
        if (bytes[at + 1] !== LF) return this.refuse(400, "A line ends with CR and LF, and with nothing else.");
        if (at + 2 - from > headMaxBytes) return this.refuse(431, "The head is too long.");
        this.count = count;
        this.#linesEnd = at;
        return at + 2;
      }
      if (byte !== COLON) return this.refuse(400, "A name is followed by a colon at once.");
      const nameEnd = at++;
      while (at < length && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
      const valueStart = at;
      while (at < length && (kinds[bytes[at] as number] as number) & inValue) at++;
      if (at + 1 >= length) {
        if (at < length && bytes[at] !== CR) return this.refuse(400, "A value has a character that none may have.");
        break;
      }
      if (bytes[at] !== CR || bytes[at + 1] !== LF)
        return this.refuse(400, "A value has a character that none may have.");
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--;
      at += 2;
      if (count === fieldsMax) return this.refuse(431, `A head may have ${fieldsMax} fields.`);
      hashes[count] = hash;
      const place = count * 4;
      places[place] = start;
      places[place + 1] = nameEnd;
      places[place + 2] = valueStart;
      places[place + 3] = valueEnd;
      count++;
    }
    return length - from > headMaxBytes ? this.refuse(431, "The head is too long.") : needsMore;
  }

  /** The field's value as `Headers.get` has it: null for none, several joined with commas. */
  get(text: string): string | null {
    const name = nameOf(text);
    if (name === this.#lastName) return this.#lastValue;
    const first = this.find(name, 0);
    let value = first < 0 ? null : this.value(first);
    if (first >= 0)
      for (let next = this.find(name, first + 1); next >= 0; next = this.find(name, next + 1))
        value += `${name.text === "cookie" ? "; " : ", "}${this.value(next)}`;
    this.#lastName = name;
    this.#lastValue = value;
    return value;
  }

  has(text: string): boolean {
    return this.find(nameOf(text), 0) >= 0;
  }

  /** Makes all fields of them, whenever that is asked for: when the next head has been read, too. */
  kept(): () => FieldList {
    const { bytes, count } = this;
    if (count === 0) return () => new FieldList([]);
    const places = this.#places;
    const [from, end] = [places[0] as number, this.#linesEnd];
    return () => {
      const flat: string[] = [];
      for (const line of bytes.latin1Slice(from, end).split("\r\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) flat.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
      }
      return new FieldList(flat);
    };
  }

  /** All fields, to stay when the next head is read. */
  fields(): FieldList {
    const places = this.#places;
    const { count } = this;
    const from = places[0] as number;
    // One text for all of them: pieces of a text are not copied.
    const text = this.bytes.latin1Slice(from, places[count * 4 - 1]);
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

  /** The lines of all fields but those named, each with its end, as they came. */
  linesWithout(dropped: ReadonlySet<string>): string {
    const places = this.#places;
    const { bytes, count } = this;
    let text = "";
    let from = -1;
    for (let index = 0; index < count; index++) {
      const start = places[index * 4] as number;
      if (!dropped.has(this.#name(index))) {
        if (from < 0) from = start;
      } else if (from >= 0) {
        text += bytes.latin1Slice(from, start);
        from = -1;
      }
    }
    return from < 0 ? text : text + bytes.latin1Slice(from, this.#linesEnd);
  }

  protected find(name: Name, from: number): number {
    const { hash } = name;
    for (let index = from; index < this.count; index++) {
      if (this.hashes[index] === hash && this.is(index, name)) return index;
    }
    return -1;
  }

  protected is(index: number, name: Name): boolean {
    const start = this.#places[index * 4] as number;
    const { bytes } = name;
    if ((this.#places[index * 4 + 1] as number) - start !== bytes.length) return false;
    for (let at = 0; at < bytes.length; at++) {
      if (lower[this.bytes[start + at] as number] !== bytes[at]) return false;
    }
    return true;
  }

  #name(index: number): string {
    const slot = (this.hashes[index] as number) & 1023;
    const known = sentNames[slot];
    if (known !== undefined && this.is(index, known)) return known.text;
    const text = this.bytes.latin1Slice(this.#places[index * 4], this.#places[index * 4 + 1]).toLowerCase();
    sentNames[slot] = { text, bytes: Buffer.from(text, "latin1"), hash: this.hashes[index] as number };
    return text;
  }

  /** The value as a number of digits and nothing else (RFC 9110 8.6); -1 otherwise. */
  protected digits(index: number): number {
    const from = this.#places[index * 4 + 2] as number;
    const end = this.#places[index * 4 + 3] as number;
    if (end === from || end - from > 15) return -1;
    let number = 0;
    for (let at = from; at < end; at++) {
      const digit = (this.bytes[at] as number) - 48;
      if (digit < 0 || digit > 9) return -1;
      number = number * 10 + digit;
    }
    return number;
  }

  protected value(index: number): string {
    return this.bytes.latin1Slice(this.#places[index * 4 + 2], this.#places[index * 4 + 3]);
  }

  protected refuse(status: number, problem: string): number {
    this.problem = problem;
    return -status;
  }
}
