/** HMAC-SHA256, cut to 132 bits. */
import { timingSafeEqual } from "node:crypto";
import { CryptoHasher } from "bun";
import type { Signer } from "#kernel/signer.ts";

export function createSigner(key: Uint8Array): Signer {
  const keyed = new CryptoHasher("sha256", key);
  // A copy keeps the key's part of the work done. 22 signs of base64url are 132 bits.
  const sign = (text: string): string => keyed.copy().update(text).digest("base64url").slice(0, 22);
  return {
    sign,
    verify(text, signature) {
      const expected = Buffer.from(sign(text));
      const given = Buffer.from(signature);
      return expected.length === given.length && timingSafeEqual(expected, given);
    },
  };
}
