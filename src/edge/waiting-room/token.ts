/**
 * Tickets and passes: what a shopper holds. A ticket is a place in the line and lasts as long as the line; a pass lets in and ends with its
 * session. Both are 66 bytes, every field at a fixed place, so that two ways to read one cannot differ; the last 16 are HMAC-SHA256 over
 * all before them, by the key whose id stands inside. There is one algorithm, nothing in a token chooses another.
 */
import type { RoomKeys } from "./ports.ts";

/** A ticket is good until whom it was given for is served, or `untilMs`. */
export type Token = {
  readonly seq: number;
  /** By the wall clock. Of a ticket: when its holder came. Of a pass: when it ends, for the shop, which does not know room time. */
  readonly fromMs: number;
  /** Of a ticket by the wall clock; of a pass in room time, see line.ts. */
  readonly untilMs: number;
  /** Rises when the place goes over to another device. 0 to 65,535. */
  readonly generation: number;
  /** The first 16 bytes of SHA-256 of the browser's raw public key; null for one without a key. */
  readonly thumbprint: Uint8Array | null;
};

export type KeptToken = Token & {
  /** As it stands in the cookie or the field. */
  readonly text: string;
  /** Signed by a key that is no longer the newest: worth giving anew. */
  readonly isOldKey: boolean;
};

export type TokenKind = "ticket" | "pass";

export type TokenCodec = {
  issue(token: Token): string;
  /**
   * Undefined for one that was altered, has ended, or belongs to another room, epoch, kind or owner of keys. `from` and `to`: where it stands in the text,
   * so that nobody has to cut it out for one that is known.
   */
  read(text: string, nowMs: number, from?: number, to?: number): KeptToken | undefined;
};

const version = 1;
const kinds: Readonly<Record<TokenKind, number>> = { ticket: 1, pass: 2 };

const at = { version: 0, kind: 1, keyId: 2, flags: 3, generation: 4, room: 6, epoch: 12, seq: 16, from: 22, until: 28 };
const thumbprintAt = 34;
const macAt = 50;
const tokenBytes = 66;
const tokenSigns = 88;
const hasThumbprint = 1;
const roomBytes = 6;

/**
 * Tokens that were found good, so that a browser's second request needs no HMAC: at the place that the end of its signature names, or at the one beside it when
 * another came there since.
 */
const knownMax = 32_768;

export function createTokens(
  keys: RoomKeys,
  place: { readonly kind: TokenKind; readonly room: string; readonly epoch: number },
): TokenCodec {
  const kind = kinds[place.kind];
  const room = keys.sha256(new TextEncoder().encode(`room ${place.room}`)).subarray(0, roomBytes);
  const known: (KeptToken | undefined)[] = Array.from({ length: knownMax });

  // Of the token that is read: making bytes, and views of them, costs more than the HMAC.
  const bytes = new Uint8Array(tokenBytes);
  const view = new DataView(bytes.buffer);
  const signed = bytes.subarray(0, macAt);
  const signature = bytes.subarray(macAt);

  function verified(value: string): KeptToken | undefined {
    if (!isRead(value, bytes)) return undefined;
    if (bytes[at.version] !== version || bytes[at.kind] !== kind || view.getUint32(at.epoch) !== place.epoch)
      return undefined;
    for (let i = 0; i < roomBytes; i++) if (bytes[at.room + i] !== room[i]) return undefined;
    const keyId = bytes[at.keyId] as number;
    const mac = keys.mac(keyId, signed);
    if (mac === undefined || !keys.equal(mac, signature)) return undefined;
    return {
      seq: readWide(view, at.seq),
      fromMs: readWide(view, at.from),
      untilMs: readWide(view, at.until),
      generation: view.getUint16(at.generation),
      thumbprint: bytes[at.flags] === hasThumbprint ? bytes.slice(thumbprintAt, thumbprintAt + 16) : null,
      isOldKey: keyId !== keys.keyId,
      // Not `value`: a piece of a cookie would keep the whole of it in memory.
      text: textOf(bytes),
    };
  }

  return {
    issue({ seq, fromMs, untilMs, generation, thumbprint }) {
      const bytes = new Uint8Array(tokenBytes);
      const view = new DataView(bytes.buffer);
      bytes[at.version] = version;
      bytes[at.kind] = kind;
      bytes[at.keyId] = keys.keyId;
      bytes[at.flags] = thumbprint === null ? 0 : hasThumbprint;
      view.setUint16(at.generation, inRange(generation, 65_535));
      bytes.set(room, at.room);
      view.setUint32(at.epoch, place.epoch);
      writeWide(view, at.seq, seq);
      writeWide(view, at.from, Math.floor(fromMs));
      writeWide(view, at.until, Math.floor(untilMs));
      if (thumbprint !== null) {
        if (thumbprint.length !== 16) throw new RangeError("A thumbprint has 16 bytes.");
        bytes.set(thumbprint, thumbprintAt);
      }
      const mac = keys.mac(keys.keyId, bytes.subarray(0, macAt));
      if (mac === undefined) throw new Error(`There is no key ${keys.keyId} to sign with.`);
      bytes.set(mac, macAt);
      return textOf(bytes);
    },

    read(text, nowMs, from = 0, to = text.length) {
      if (to - from !== tokenSigns) return undefined;
      const place = lastBits(text, to) % knownMax;
      const last = known[place];
      let token = last !== undefined && text.startsWith(last.text, from) ? last : known[place ^ 1];
      if (token === undefined || (token !== last && !text.startsWith(token.text, from))) {
        token = verified(text.slice(from, to));
        if (token === undefined) return undefined;
        known[place ^ 1] = last;
        known[place] = token;
      }
      return nowMs < token.untilMs ? token : undefined;
    },
  };
}

function inRange(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`A token cannot hold ${value}: whole numbers up to ${max}.`);
  return value;
}

const wideMax = 2 ** 48 - 1;

function writeWide(view: DataView, offset: number, value: number): void {
  inRange(value, wideMax);
  view.setUint16(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 2, value % 2 ** 32);
}

const readWide = (view: DataView, offset: number): number =>
  view.getUint16(offset) * 2 ** 32 + view.getUint32(offset + 2);

const textOf = (bytes: Uint8Array): string => bytes.toBase64({ alphabet: "base64url", omitPadding: true });

/** The last 18 bits before `end`, where nothing has been checked yet: any number from whatever else stands there. */
const lastBits = (text: string, end: number): number =>
  valueOfSign(text, end - 3) * 4096 + valueOfSign(text, end - 2) * 64 + valueOfSign(text, end - 1);

const valuesOfSigns = Uint8Array.from({ length: 128 }, (_, sign) =>
  Math.max(0, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".indexOf(String.fromCharCode(sign))),
);
const valueOfSign = (text: string, index: number): number => valuesOfSigns[text.charCodeAt(index)] ?? 0;

/** Reads into these bytes what is exactly 66 of them in base64url: no blanks, no padding, no sign of another alphabet. */
function isRead(value: string, bytes: Uint8Array): boolean {
  if (!signs.test(value)) return false;
  return bytes.setFromBase64(value, { alphabet: "base64url" }).written === tokenBytes;
}

/** 66 bytes are 88 signs without a rest: no two texts are the same bytes. */
const signs = /^[\w-]{88}$/;
