/**
 * Proofs out of the join log: that a leaf is in it, and that it only grew. What is remembered are the roots of whole chunks of 256 leaves and
 * of everything above them, a quarter of a byte for each byte of leaves at most; a request reads two chunks and hashes some hundred times, however
 * long the log. What is remembered begins with the first request and is caught up, in steps, by each later one.
 */
import { leafBytes, leafHashOf, nodeHashOf, type Sha256 } from "./merkle.ts";

/** Leaves from `from` (inclusive) to `to`, one after another. */
export type ReadLeaves = (from: number, to: number) => Promise<Uint8Array>;

export type Prover = {
  /** Siblings from the leaf upwards; RFC 6962, section 2.1.1. `size`: of the tree that is meant, which may be an earlier one. */
  inclusion(index: number, size: number): Promise<Uint8Array[]>;
  /** That the tree of `from` leaves is how that of `to` began; RFC 6962, section 2.1.2. */
  consistency(from: number, to: number): Promise<Uint8Array[]>;
};

const chunkLeaves = 256;
/** Read and hashed at a time while catching up, so that an edge meanwhile answers others: some 6 ms of hashing. */
const chunksAtOnce = 16;

export function createProver(sha256: Sha256, readLeaves: ReadLeaves): Prover {
  /** `levels[h][i]`: the root over the leaves from i · 256 · 2^h on, 256 · 2^h of them. */
  const levels: Uint8Array[][] = [[]];
  let catchingUp: Promise<void> = Promise.resolve();

  async function readAll(from: number, to: number): Promise<Uint8Array> {
    const leaves = await readLeaves(from, to);
    if (leaves.length !== (to - from) * leafBytes)
      throw new Error(`The join log holds ${leaves.length / leafBytes} of the ${to - from} leaves from ${from} on`);
    return leaves;
  }

  async function catchUp(size: number): Promise<void> {
    const bottom = levels[0] as Uint8Array[];
    const chunks = Math.floor(size / chunkLeaves);
    while (bottom.length < chunks) {
      const from = bottom.length;
      const to = Math.min(chunks, from + chunksAtOnce);
      const leaves = await readAll(from * chunkLeaves, to * chunkLeaves);
      for (let chunk = 0; chunk < to - from; chunk++) {
        addChunk(rootOfLeaves(leaves, chunk * chunkLeaves, (chunk + 1) * chunkLeaves));
      }
    }
  }

  function addChunk(root: Uint8Array): void {
    let hash = root;
    for (let height = 0; ; height++) {
      const level = levels[height] ?? [];
      levels[height] = level;
      level.push(hash);
      if (level.length % 2 === 1) return;
      hash = nodeHashOf(sha256, level[level.length - 2] as Uint8Array, hash);
    }
  }

  function rootOfLeaves(leaves: Uint8Array, from: number, to: number): Uint8Array {
    if (to - from === 1) return leafHashOf(sha256, leaves.subarray(from * leafBytes, to * leafBytes));
    const middle = from + splitOf(to - from);
    return nodeHashOf(sha256, rootOfLeaves(leaves, from, middle), rootOfLeaves(leaves, middle, to));
  }

  /** One request's view: each chunk is read once. */
  function treeOf(size: number) {
    const chunks = new Map<number, Promise<Uint8Array>>();
    const chunkAt = (chunk: number): Promise<Uint8Array> => {
      const known = chunks.get(chunk);
      if (known !== undefined) return known;
      const from = chunk * chunkLeaves;
      const reading = readAll(from, Math.min(size, from + chunkLeaves));
      chunks.set(chunk, reading);
      return reading;
    };
    return async function rootOf(from: number, to: number): Promise<Uint8Array> {
      const count = to - from;
      const height = Math.log2(count / chunkLeaves);
      if (height >= 0 && Number.isInteger(height)) return levels[height]?.[from / count] as Uint8Array;
      if (count > chunkLeaves) {
        const middle = from + splitOf(count);
        return nodeHashOf(sha256, await rootOf(from, middle), await rootOf(middle, to));
      }
      const chunk = Math.floor(from / chunkLeaves);
      return rootOfLeaves(await chunkAt(chunk), from - chunk * chunkLeaves, to - chunk * chunkLeaves);
    };
  }

  async function ready(size: number) {
    // One after another: two that catch up at once would add the same chunk twice.
    const turn = catchingUp.then(() => catchUp(size));
    catchingUp = turn.catch(() => {});
    await turn;
    return treeOf(size);
  }

  return {
    async inclusion(index, size) {
      checkCounts(index, size - 1);
      const rootOf = await ready(size);
      const proof: Uint8Array[] = [];
      let from = 0;
      let to = size;
      while (to - from > 1) {
        const middle = from + splitOf(to - from);
        if (index < middle) {
          proof.push(await rootOf(middle, to));
          to = middle;
        } else {
          proof.push(await rootOf(from, middle));
          from = middle;
        }
      }
      return proof.reverse();
    },

    async consistency(older, size) {
      checkCounts(older, size);
      if (older === 0 || older === size) return [];
      const rootOf = await ready(size);
      const proof: Uint8Array[] = [];
      let from = 0;
      let to = size;
      // Down to where the old tree ends on a whole subtree of the new one.
      while (to !== older) {
        const middle = from + splitOf(to - from);
        if (older <= middle) {
          proof.push(await rootOf(middle, to));
          to = middle;
        } else {
          proof.push(await rootOf(from, middle));
          from = middle;
        }
      }
      // The old tree's own root is known to whoever asks.
      if (from > 0) proof.push(await rootOf(from, to));
      return proof.reverse();
    },
  };
}

/** The largest power of two that is smaller. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

function checkCounts(part: number, whole: number): void {
  if (!(Number.isSafeInteger(part) && Number.isSafeInteger(whole) && part >= 0 && part <= whole))
    throw new RangeError(`There is no proof for ${part} of ${whole}`);
}
