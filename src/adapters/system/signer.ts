/** HMAC-SHA256, cut to 128 bits. */
import { timingSafeEqual } from "node:crypto";
import { CryptoHasher } from "bun";
import type { Signer } from "#kernel/signer.ts";

export function createSigner(key: Uint8Array): Signer {
  const sign = (text: string): string => {
    const digest = new CryptoHasher("sha256", key).update(text).digest();
    return Buffer.from(digest.subarray(0, 16)).toString("base64url");
  };
  return {
    sign,
    verify(text, signature) {
      const expected = Buffer.from(sign(text));
      const given = Buffer.from(signature);
      return expected.length === given.length && timingSafeEqual(expected, given);
    },
  };
}
