/** SHA-256 over several parts, as the waiting room's pure rules take it as an argument. */
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const part of parts) hasher.update(part);
  return new Uint8Array(hasher.digest());
};
