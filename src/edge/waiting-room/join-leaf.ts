/**
 * What one join leaves in the log: a hash of what the ticket says, so that a ticket's holder can show that they are in it, and nobody else
 * learns anything. The number is not part of it, because it is where the leaf stands; see merkle.ts.
 */
import { fromHex } from "./hex.ts";
import type { Sha256 } from "./merkle.ts";

export type JoinLeaf = {
  readonly room: string;
  readonly epoch: number;
  /** Milliseconds since 1970, as the edge saw it. */
  readonly arrivedMs: number;
  /** 16 random bytes, hexadecimal: without them a leaf could be guessed. */
  readonly nonce: string;
  /** SHA-256 of the browser's raw public key, hexadecimal; null where it has none. */
  readonly thumbprint: string | null;
};

const label = new TextEncoder().encode("spillway join 1\n");
const nothing = new Uint8Array(32);

/**
 * SHA-256("spillway join 1\n" ‖ SHA-256(room) ‖ epoch as 4 bytes ‖ arrivedMs as 8 ‖ nonce ‖ thumbprint, 32 zero bytes where there is none): every
 * field of a fixed length, numbers big-endian.
 */
export function joinLeafOf(join: JoinLeaf, sha256: Sha256): Uint8Array {
  const nonce = fromHex(join.nonce, 16);
  const thumbprint = join.thumbprint === null ? nothing : fromHex(join.thumbprint, 32);
  if (nonce === undefined) throw new Error(`A join's nonce is not 16 bytes in hexadecimal: ${join.nonce}`);
  if (thumbprint === undefined)
    throw new Error(`A join's thumbprint is not 32 bytes in hexadecimal: ${join.thumbprint}`);
  const numbers = new Uint8Array(12);
  const view = new DataView(numbers.buffer);
  view.setUint32(0, join.epoch);
  view.setBigUint64(4, BigInt(join.arrivedMs));
  return sha256(label, sha256(new TextEncoder().encode(join.room)), numbers, nonce, thumbprint);
}
