/**
 * Structured field values, RFC 9651: what CDN-Cache-Control, Cache-Groups, Cache-Status and RateLimit are written in.
 * A value that does not parse to its last character is no value at all: `undefined`, never a guess.
 */

/** A token is no string: `max-age=a` and `max-age="a"` say different things. */
export class Token {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Text beyond ASCII, `%"f%c3%bc"`. */
export class DisplayString {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A number that stays a decimal when it is written: 1.0 is not 1. */
export class Decimal {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A date is whole seconds since the epoch, `@1659578233`. */
export class FieldDate {
  readonly seconds: number;
  constructor(seconds: number) {
    this.seconds = seconds;
  }
}

export type BareItem = number | Decimal | string | Token | Uint8Array | boolean | FieldDate | DisplayString;
export type Parameters = ReadonlyMap<string, BareItem>;
export type Item = { readonly value: BareItem; readonly params: Parameters };
export type InnerList = { readonly value: readonly Item[]; readonly params: Parameters };
export type Member = Item | InnerList;

const none: Parameters = new Map();

class Malformed extends Error {}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isLower = (code: number): boolean => code >= 97 && code <= 122;
const isAlpha = (code: number): boolean => isLower(code | 32);
const tokenMarks = new Set([..."!#$%&'*+-.^_`|~"].map((mark) => mark.charCodeAt(0)));
const isTokenPart = (code: number): boolean =>
  isAlpha(code) || isDigit(code) || tokenMarks.has(code) || code === 58 || code === 47;
const isKeyPart = (code: number): boolean =>
  isLower(code) || isDigit(code) || code === 95 || code === 45 || code === 46 || code === 42;
const integerMax = 999_999_999_999_999;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** One pass over one value; every `read…` stops behind what it read. Section 4.2. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #code(): number {
    return this.#at < this.#text.length ? this.#text.charCodeAt(this.#at) : -1;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skipSpaces(): void {
    while (this.#code() === 32) this.#at += 1;
  }

  #skipOptionalWhitespace(): void {
    while (this.#code() === 32 || this.#code() === 9) this.#at += 1;
  }

  /** Between two members. False: the value is over. */
  nextMember(): boolean {
    this.#skipOptionalWhitespace();
    if (this.isAtEnd()) return false;
    if (!this.#take(",")) throw new Malformed();
    this.#skipOptionalWhitespace();
    if (this.isAtEnd()) throw new Malformed();
    return true;
  }

  readKey(): string {
    const first = this.#code();
    if (!isLower(first) && first !== 42) throw new Malformed();
    const from = this.#at;
    while (isKeyPart(this.#code())) this.#at += 1;
    return this.#text.slice(from, this.#at);
  }

  readDictionaryMember(): [string, Member] {
    const key = this.readKey();
    return [key, this.#take("=") ? this.readMember() : { value: true, params: this.#readParameters() }];
  }

  readMember(): Member {
    return this.#code() === 40 ? this.#readInnerList() : this.readItem();
  }

  readItem(): Item {
    const value = this.#readBareItem();
    return { value, params: this.#readParameters() };
  }

  #readInnerList(): InnerList {
    this.#at += 1;
    const value: Item[] = [];
    for (;;) {
      this.skipSpaces();
      if (this.#take(")")) return { value, params: this.#readParameters() };
      value.push(this.readItem());
      if (this.#code() !== 32 && this.#code() !== 41) throw new Malformed();
    }
  }

  #readParameters(): Parameters {
    if (this.#code() !== 59) return none;
    const params = new Map<string, BareItem>();
    while (this.#take(";")) {
      this.skipSpaces();
      const key = this.readKey();
      // A repeated key keeps its first place and its last value.
      params.set(key, this.#take("=") ? this.#readBareItem() : true);
    }
    return params;
  }

  #readBareItem(): BareItem {
    const code = this.#code();
    if (code === 45 || isDigit(code)) return this.#readNumber();
    if (code === 34) return this.#readString();
    if (code === 42 || isAlpha(code)) {
      const from = this.#at;
      while (isTokenPart(this.#code())) this.#at += 1;
      return new Token(this.#text.slice(from, this.#at));
    }
    if (code === 58) return this.#readBytes();
    if (code === 63) return this.#readBoolean();
    if (code === 64) {
      this.#at += 1;
      const seconds = this.#readNumber();
      if (typeof seconds !== "number") throw new Malformed();
      return new FieldDate(seconds);
    }
    if (code === 37) return this.#readDisplayString();
    throw new Malformed();
  }

  #readNumber(): number | Decimal {
    const isNegative = this.#take("-");
    const from = this.#at;
    while (isDigit(this.#code())) this.#at += 1;
    const wholeDigits = this.#at - from;
    if (wholeDigits === 0) throw new Malformed();
    const isDecimal = this.#take(".");
    if (wholeDigits > (isDecimal ? 12 : 15)) throw new Malformed();
    if (isDecimal) {
      const fractionFrom = this.#at;
      while (isDigit(this.#code())) this.#at += 1;
      const digits = this.#at - fractionFrom;
      if (digits < 1 || digits > 3) throw new Malformed();
    }
    const size = Number(this.#text.slice(from, this.#at));
    // There is no negative nought.
    const value = isNegative && size !== 0 ? -size : size;
    return isDecimal ? new Decimal(value) : value;
  }

  #readString(): string {
    this.#at += 1;
    let text = "";
    for (;;) {
      const code = this.#code();
      this.#at += 1;
      if (code === 34) return text;
      if (code === 92) {
        const escaped = this.#code();
        if (escaped !== 34 && escaped !== 92) throw new Malformed();
        text += String.fromCharCode(escaped);
        this.#at += 1;
      } else if (code < 32 || code > 126) throw new Malformed();
      else text += String.fromCharCode(code);
    }
  }

  #readBytes(): Uint8Array {
    const end = this.#text.indexOf(":", this.#at + 1);
    if (end < 0) throw new Malformed();
    const text = this.#text.slice(this.#at + 1, end);
    if (!base64.test(text)) throw new Malformed();
    this.#at = end + 1;
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  #readBoolean(): boolean {
    this.#at += 1;
    if (this.#take("1")) return true;
    if (this.#take("0")) return false;
    throw new Malformed();
  }

  #readDisplayString(): DisplayString {
    this.#at += 1;
    if (!this.#take('"')) throw new Malformed();
    const bytes: number[] = [];
    for (;;) {
      const code = this.#code();
      this.#at += 1;
      if (code === 34) break;
      if (code < 32 || code > 126) throw new Malformed();
      if (code === 37) {
        const hex = this.#text.slice(this.#at, this.#at + 2);
        if (!/^[0-9a-f]{2}$/.test(hex)) throw new Malformed();
        bytes.push(Number.parseInt(hex, 16));
        this.#at += 2;
      } else bytes.push(code);
    }
    try {
      return new DisplayString(
        new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)),
      );
    } catch {
      throw new Malformed();
    }
  }
}

function whole<Value>(text: string, read: (reader: Reader) => Value): Value | undefined {
  const reader = new Reader(text);
  try {
    reader.skipSpaces();
    const value = read(reader);
    reader.skipSpaces();
    return reader.isAtEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** Lines of one field are joined with ", " before. An empty value is an empty dictionary. */
export function parseDictionary(text: string): ReadonlyMap<string, Member> | undefined {
  return whole(text, (reader) => {
    const members = new Map<string, Member>();
    if (reader.isAtEnd()) return members;
    do {
      const [key, member] = reader.readDictionaryMember();
      members.set(key, member);
    } while (reader.nextMember());
    return members;
  });
}

export function parseList(text: string): readonly Member[] | undefined {
  return whole(text, (reader) => {
    const members: Member[] = [];
    if (reader.isAtEnd()) return members;
    do members.push(reader.readMember());
    while (reader.nextMember());
    return members;
  });
}

export function parseItem(text: string): Item | undefined {
  return whole(text, (reader) => reader.readItem());
}

function writeKey(key: string): string | undefined {
  return /^[a-z*][a-z0-9_.*-]*$/.test(key) ? key : undefined;
}

/** Half to even, as section 4.1.5 asks; undefined when it has more than 12 whole digits. */
function writeDecimal(value: number): string | undefined {
  const thousandths = value * 1000;
  let rounded = Math.round(thousandths);
  if (Math.abs(thousandths % 1) === 0.5 && rounded % 2 !== 0) rounded -= 1;
  if (!Number.isFinite(value) || Math.abs(rounded) > 999_999_999_999_999) return undefined;
  const digits = String(Math.abs(rounded)).padStart(4, "0");
  const fraction = digits.slice(-3).replace(/0{1,2}$/, "");
  return `${rounded < 0 ? "-" : ""}${digits.slice(0, -3)}.${fraction}`;
}

const writeInteger = (value: number): string | undefined =>
  Number.isInteger(value) && Math.abs(value) <= integerMax ? String(value) : undefined;

/** One bare item as it stands in a field; undefined when the type cannot hold it. */
export function writeBareItem(value: BareItem): string | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? writeInteger(value) : writeDecimal(value);
  if (typeof value === "string") {
    return /^[\x20-\x7e]*$/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : undefined;
  }
  if (typeof value === "boolean") return value ? "?1" : "?0";
  if (value instanceof Decimal) return writeDecimal(value.value);
  if (value instanceof Token) {
    return /^[A-Za-z*][!#$%&'*+\-.^_`|~:/A-Za-z0-9]*$/.test(value.name) ? value.name : undefined;
  }
  if (value instanceof Uint8Array) return `:${btoa(String.fromCharCode(...value))}:`;
  if (value instanceof FieldDate) {
    const seconds = writeInteger(value.seconds);
    return seconds === undefined ? undefined : `@${seconds}`;
  }
  if (!value.text.isWellFormed()) return undefined;
  let text = "";
  for (const byte of new TextEncoder().encode(value.text)) {
    text +=
      byte === 37 || byte === 34 || byte < 32 || byte > 126
        ? `%${byte.toString(16).padStart(2, "0")}`
        : String.fromCharCode(byte);
  }
  return `%"${text}"`;
}

function writeParameters(params: Parameters): string | undefined {
  let text = "";
  for (const [key, value] of params) {
    const name = writeKey(key);
    const bare = writeBareItem(value);
    if (name === undefined || bare === undefined) return undefined;
    text += value === true ? `;${name}` : `;${name}=${bare}`;
  }
  return text;
}

const isInnerList = (member: Member): member is InnerList => Array.isArray(member.value);

function writeMember(member: Member): string | undefined {
  const params = writeParameters(member.params);
  if (params === undefined) return undefined;
  if (!isInnerList(member)) {
    const bare = writeBareItem(member.value);
    return bare === undefined ? undefined : bare + params;
  }
  const items = member.value.map(writeMember);
  return items.includes(undefined) ? undefined : `(${items.join(" ")})${params}`;
}

export const writeItem = (item: Item): string | undefined => writeMember(item);

export function writeList(members: readonly Member[]): string | undefined {
  const texts = members.map(writeMember);
  return texts.includes(undefined) ? undefined : texts.join(", ");
}

export function writeDictionary(members: ReadonlyMap<string, Member>): string | undefined {
  const texts: string[] = [];
  for (const [key, member] of members) {
    const name = writeKey(key);
    const text = member.value === true ? writeParameters(member.params) : writeMember(member);
    if (name === undefined || text === undefined) return undefined;
    texts.push(member.value === true ? name + text : `${name}=${text}`);
  }
  return texts.join(", ");
}
