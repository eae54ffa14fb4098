/** The hash is HalfSipHash: its authors' vectors, and a key that makes every difference. */
import { expect, test } from "bun:test";
import { KeyHash } from "./key-hash.ts";

/** vectors_hsip64 of github.com/veorq/SipHash: key 00 01 … 07, input 00 01 02 … of so many bytes. */
const published: Readonly<Record<number, string>> = {
  0: "218d1f59b9b83cc8",
  2: "064f39ef7c50eb57",
  4: "d5e78a175be52ea1",
  6: "ce3e91358aa2bc25",
  8: "edfee820bce4858c",
  10: "95b0469f06a6f2ee",
  16: "7336aad25f7bf3b5",
  30: "291aaf864898179d",
  32: "28709d46d811626c",
  48: "a9eaa8c04ba93e3e",
  62: "f90b3ab572d46693",
};

const hex = (hash: KeyHash): string => {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint32(0, hash.low, true);
  bytes.setUint32(4, hash.high, true);
  return new Uint8Array(bytes.buffer).toHex();
};

test.each(Object.entries(published))("%s bytes hash as the authors of HalfSipHash say", (length, expected) => {
  const hash = new KeyHash([0x03020100, 0x07060504]);
  let text = "";
  for (let i = 0; i < Number(length); i += 2) text += String.fromCharCode(i | ((i + 1) << 8));
  hash.of(text);
  expect(hex(hash)).toBe(expected);
});

test("another key makes another hash of the same text, and another sign makes another hash by the same key", () => {
  const seen = new Set<string>();
  for (const seed of [1, 2, 3]) {
    const hash = new KeyHash([seed, 0]);
    for (const text of ["", "\0", "\0\0", "a", "a\0", "203.0.113.7", "203.0.113.8", "é", "\u0100"]) {
      hash.of(text);
      seen.add(hex(hash));
    }
  }
  expect(seen.size).toBe(27);
});
