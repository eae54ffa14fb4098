/** HMAC-SHA256, cut to 132 bits. What the older keys signed is believed too, for as long as they are given. */
import { timingSafeEqual } from "node:crypto";
import { CryptoHasher } from "bun";
import type { Signer } from "#kernel/signer.ts";

export function createSigner(key: Uint8Array, ...older: readonly Uint8Array[]): Signer {
  const newest = new CryptoHasher("sha256", key);
  const all = [newest, ...older.map((one) => new CryptoHasher("sha256", one))];
  // A copy keeps the key's part of the work done. 22 signs of base64url are 132 bits.
  const signed = (keyed: CryptoHasher, text: string): string =>
    keyed.copy().update(text).digest("base64url").slice(0, 22);
  return {
    sign: (text) => signed(newest, text),
    verify(text, signature) {
      const given = Buffer.from(signature);
      return all.some((keyed) => {
        const expected = Buffer.from(signed(keyed, text));
        return expected.length === given.length && timingSafeEqual(expected, given);
      });
    },
  };
}
