/** SHA-256 in the runtime's fast form. */
import { CryptoHasher } from "bun";

/** The first 128 bits of SHA-256, written as a UUID so that the database keeps it in 16 bytes. */
export function hash128(text: string): string {
  const hex = CryptoHasher.hash("sha256", text, "hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
