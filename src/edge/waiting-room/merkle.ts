/**
 * The append-only log of joins, as a Merkle tree with RFC 6962's hashes: a leaf is SHA-256(0x00 ‖ leaf), a node SHA-256(0x01 ‖ left ‖ right),
 * an empty tree SHA-256 of nothing. The line keeps only the frontier: the roots of the whole subtrees from left to right, one for each bit of
 * the size. With it leaves are appended and the root is known; proofs need the leaves (merkle-proofs.ts) and are checked here.
 */
import { fromHex, toHex } from "./hex.ts";
import type { RoomKeys } from "./ports.ts";

export type Sha256 = RoomKeys["sha256"];

export const leafBytes = 32;

/** `hashes`: the largest subtree first, hexadecimal; as many as `size` has bits that are set, so 53 at most. */
export type Frontier = { readonly size: number; readonly hashes: readonly string[] };

export const emptyFrontier: Frontier = { size: 0, hashes: [] };

const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);

export const leafHashOf = (sha256: Sha256, leaf: Uint8Array): Uint8Array => sha256(leafPrefix, leaf);
export const nodeHashOf = (sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(nodePrefix, left, right);

/** `leaves`: whole leaves of 32 bytes, one after another. */
export function append(frontier: Frontier, leaves: Uint8Array, sha256: Sha256): Frontier {
  if (leaves.length % leafBytes !== 0) throw new Error(`${leaves.length} bytes are no whole leaves of ${leafBytes}`);
  const peaks = peaksOf(frontier);
  let { size } = frontier;
  for (let at = 0; at < leaves.length; at += leafBytes) {
    let hash = leafHashOf(sha256, leaves.subarray(at, at + leafBytes));
    // As in adding one to a binary number: each bit that carries joins two subtrees of equal height.
    for (let carry = size; carry % 2 === 1; carry = (carry - 1) / 2) {
      hash = nodeHashOf(sha256, peaks.pop() as Uint8Array, hash);
    }
    peaks.push(hash);
    size += 1;
  }
  return { size, hashes: peaks.map(toHex) };
}

/**
 * Appends so many leaves of 32 zero bytes in a few dozen hashes: numbers that nobody has still take their place in the log, so that a
 * number's leaf is always the one at `number - 1`.
 */
export function appendGap(frontier: Frontier, count: number, sha256: Sha256): Frontier {
  const peaks = peaksOf(frontier);
  let { size } = frontier;
  let left = count;
  const zeros: Uint8Array[] = [leafHashOf(sha256, new Uint8Array(leafBytes))];
  while (left > 0) {
    // The largest whole subtree of zeros that may stand here: aligned to the size so far, and no larger than what is left.
    let height = 0;
    while (size % 2 ** (height + 1) === 0 && 2 ** (height + 1) <= left) height += 1;
    for (let at = zeros.length; at <= height; at++) {
      const below = zeros[at - 1] as Uint8Array;
      zeros.push(nodeHashOf(sha256, below, below));
    }
    let hash = zeros[height] as Uint8Array;
    for (let carry = size / 2 ** height; carry % 2 === 1; carry = (carry - 1) / 2) {
      hash = nodeHashOf(sha256, peaks.pop() as Uint8Array, hash);
    }
    peaks.push(hash);
    size += 2 ** height;
    left -= 2 ** height;
  }
  return { size, hashes: peaks.map(toHex) };
}

/** The tree's root: 32 bytes, hexadecimal. */
export function rootOf(frontier: Frontier, sha256: Sha256): string {
  const peaks = peaksOf(frontier);
  let root = peaks.pop();
  if (root === undefined) return toHex(sha256());
  for (let peak = peaks.pop(); peak !== undefined; peak = peaks.pop()) root = nodeHashOf(sha256, peak, root);
  return toHex(root);
}

function peaksOf({ size, hashes }: Frontier): Uint8Array[] {
  let bits = 0;
  for (let left = size; left > 0; left = Math.floor(left / 2)) bits += left % 2;
  if (!Number.isSafeInteger(size) || bits !== hashes.length)
    throw new Error(`A frontier of ${size} leaves has ${bits} hashes, and not ${hashes.length}`);
  return hashes.map((hash) => {
    const bytes = fromHex(hash, leafBytes);
    if (bytes === undefined) throw new Error(`A frontier's hash is not 32 bytes in hexadecimal: ${hash}`);
    return bytes;
  });
}

/**
 * Whether the leaf stands at `index` (from 0) in the tree of `size` leaves with this root. `proof`: the siblings from the leaf upwards.
 * RFC 9162, section 2.1.3.2.
 */
export function isIncluded(
  given: {
    readonly leafHash: Uint8Array;
    readonly index: number;
    readonly size: number;
    readonly proof: readonly Uint8Array[];
    readonly root: Uint8Array;
  },
  sha256: Sha256,
): boolean {
  const { index, size, proof } = given;
  if (!isCount(index) || !isCount(size) || index >= size || given.leafHash.length !== leafBytes) return false;
  let node = index;
  let last = size - 1;
  let hash = given.leafHash;
  for (const sibling of proof) {
    if (last === 0 || sibling.length !== leafBytes) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeHashOf(sha256, sibling, hash);
      // A last node without a sibling of its own height is carried up as it is.
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      hash = nodeHashOf(sha256, hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && isSame(hash, given.root);
}

/**
 * Whether the tree of `from` leaves is how the tree of `to` leaves began: nothing of it was changed, moved or taken out.
 * RFC 9162, section 2.1.4.2.
 */
export function isContinued(
  from: { readonly size: number; readonly root: Uint8Array },
  to: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
  sha256: Sha256,
): boolean {
  if (!isCount(from.size) || !isCount(to.size) || from.size > to.size) return false;
  // Every tree continues the empty one, so there is nothing that a proof could show.
  if (from.size === 0) return false;
  if (from.size === to.size) return proof.length === 0 && isSame(from.root, to.root);
  let node = from.size - 1;
  let last = to.size - 1;
  while (node % 2 === 1) {
    node = half(node);
    last = half(last);
  }
  // Where the old tree is one whole subtree its root is not sent along.
  const path = node === 0 ? [from.root, ...proof] : [...proof];
  let older = path.shift();
  if (older === undefined || path.length === 0 || older.length !== leafBytes) return false;
  let newer = older;
  for (const sibling of path) {
    if (last === 0 || sibling.length !== leafBytes) return false;
    if (node % 2 === 1 || node === last) {
      older = nodeHashOf(sha256, sibling, older);
      newer = nodeHashOf(sha256, sibling, newer);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      newer = nodeHashOf(sha256, newer, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && isSame(older, from.root) && isSame(newer, to.root);
}

// Sizes are beyond 32 bits in principle, so no bit operators.
const half = (number: number): number => Math.floor(number / 2);
const isCount = (number: number): boolean => Number.isSafeInteger(number) && number >= 0;
const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);
