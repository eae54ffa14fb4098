/**
 * What one join leaves in the log: a hash of what its ticket says and of a nonce, so that a ticket's holder can show that they are in it, and
 * nobody else learns who came. The number is not part of it, because it is where the leaf stands: number n is leaf n − 1. Neither is the browser's
 * key, because a place may go over to another device.
 */
import { fromHex, toHex } from "./hex.ts";
import type { Sha256 } from "./merkle.ts";

export type Join = {
  readonly room: string;
  readonly epoch: number;
  /** Milliseconds since 1970, as the edge saw it and the ticket says. */
  readonly arrivedMs: number;
  /** 16 bytes, hexadecimal: without them a leaf could be guessed. */
  readonly nonce: string;
};

const text = new TextEncoder();
const joinLabel = text.encode("spillway join 1\n");
const nonceLabel = text.encode("spillway nonce 1\n");

/**
 * The join whose leaf a ticket stands for. The nonce follows from the edges' secret (`secret`: 32 bytes derived from it), so that no ticket need
 * carry it, and from a number of the ticket that chance has had a part in: two who came in the same millisecond have two leaves.
 */
export function joinOf(secret: Uint8Array, given: Omit<Join, "nonce">, chance: number, sha256: Sha256): Join {
  const hash = sha256(nonceLabel, secret, fieldsOf(given, sha256), text.encode(String(chance)));
  return { ...given, nonce: toHex(hash.subarray(0, 16)) };
}

/** SHA-256("spillway join 1\n" ‖ SHA-256(room) ‖ epoch as 4 bytes ‖ arrivedMs as 8 ‖ nonce): fields of fixed lengths, big-endian. */
export function joinLeafOf(join: Join, sha256: Sha256): Uint8Array {
  const nonce = fromHex(join.nonce, 16);
  if (nonce === undefined) throw new Error(`A join's nonce is not 16 bytes in hexadecimal: ${join.nonce}`);
  return sha256(joinLabel, fieldsOf(join, sha256), nonce);
}

function fieldsOf({ room, epoch, arrivedMs }: Omit<Join, "nonce">, sha256: Sha256): Uint8Array {
  const fields = new Uint8Array(44);
  fields.set(sha256(text.encode(room)));
  const view = new DataView(fields.buffer);
  view.setUint32(32, epoch);
  view.setBigUint64(36, BigInt(arrivedMs));
  return fields;
}
