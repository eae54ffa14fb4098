/** Tickets and passes hold only what this edge gave out: whatever is altered, cut, old, or meant for elsewhere is worth nothing. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import { createTokens, type Token } from "./token.ts";

const secret = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const keys = createRoomKeys([{ id: 3, secret: secret(3) }]);
const place = { kind: "ticket", room: "drop", epoch: 1 } as const;
const wide = fc.nat({ max: 2 ** 48 - 1 });
const tokens = fc.record({
  seq: wide,
  fromMs: wide,
  untilMs: wide,
  generation: fc.nat({ max: 65_535 }),
  thumbprint: fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 })),
});
const token: Token = {
  seq: 12_345,
  fromMs: 1_795_000_000_000,
  untilMs: 1_796_000_000_000,
  generation: 2,
  thumbprint: null,
};
const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

test("what was given out is read as it was given, until its time is over", () => {
  fc.assert(
    fc.property(tokens, (given) => {
      const codec = createTokens(keys, place);
      const value = codec.issue(given);
      expect(value).toMatch(/^[\w-]{88}$/);
      expect(codec.read(value, given.untilMs - 1)).toEqual({ ...given, isOldKey: false, text: value });
      // Read again it comes from memory, and has the same end.
      expect(codec.read(value, given.untilMs)).toBeUndefined();
    }),
  );
});

test("no bit of it can be changed", () => {
  const codec = createTokens(keys, place);
  const bytes = Uint8Array.fromBase64(codec.issue({ ...token, thumbprint: new Uint8Array(16).fill(9) }), {
    alphabet: "base64url",
  });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const altered = bytes.slice();
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(codec.read(altered.toBase64({ alphabet: "base64url", omitPadding: true }), 0)).toBeUndefined();
  }
});

test("no sign of it can be another, and there is one way to write it", () => {
  const codec = createTokens(keys, place);
  const value = codec.issue(token);
  for (let at = 0; at < value.length; at++) {
    for (const sign of `${signs}+/= .`) {
      if (sign === value[at]) continue;
      expect(codec.read(value.slice(0, at) + sign + value.slice(at + 1), 0)).toBeUndefined();
    }
  }
  for (const other of [
    `${value}=`,
    ` ${value}`,
    `${value}\n`,
    `${value}A`,
    value.toLowerCase(),
    encodeURIComponent(`${value}=`),
  ])
    expect(codec.read(other, 0)).toBeUndefined();
  for (let length = 0; length < value.length; length++) expect(codec.read(value.slice(0, length), 0)).toBeUndefined();
});

test("what nobody gave out is worth nothing", () => {
  const codec = createTokens(keys, place);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.uint8Array({ minLength: 66, maxLength: 66 }).map((bytes) => bytes.toBase64({ alphabet: "base64url" })),
      ),
      (value) => {
        expect(codec.read(value, 0)).toBeUndefined();
      },
    ),
    { numRuns: 2000 },
  );
});

describe("it is worth nothing elsewhere:", () => {
  const value = createTokens(keys, place).issue(token);
  for (const [where, codec] of Object.entries({
    "in another room": createTokens(keys, { ...place, room: "drop-2" }),
    "in another epoch": createTokens(keys, { ...place, epoch: 2 }),
    "as a pass": createTokens(keys, { ...place, kind: "pass" }),
    "under another secret of the same id": createTokens(createRoomKeys([{ id: 3, secret: secret(4) }]), place),
    "where its key is not known": createTokens(createRoomKeys([{ id: 4, secret: secret(3) }]), place),
  })) {
    test(where, () => {
      expect(codec.read(value, 0)).toBeUndefined();
    });
  }
});

test("after the secret was changed, older tokens hold and say that they are old", () => {
  const rotated = createTokens(
    createRoomKeys([
      { id: 4, secret: secret(8) },
      { id: 3, secret: secret(3) },
    ]),
    place,
  );
  const [older, newer] = [createTokens(keys, place).issue(token), rotated.issue(token)];
  expect(rotated.read(older, 0)).toEqual({ ...token, isOldKey: true, text: older });
  expect(rotated.read(newer, 0)).toEqual({ ...token, isOldKey: false, text: newer });
});

test("what a token cannot hold is refused when it is given, not cut", () => {
  const codec = createTokens(keys, place);
  for (const wrong of [
    { seq: 2 ** 48 },
    { seq: -1 },
    { seq: 1.5 },
    { generation: 65_536 },
    { thumbprint: new Uint8Array(15) },
  ])
    expect(() => codec.issue({ ...token, ...wrong })).toThrow(RangeError);
});
