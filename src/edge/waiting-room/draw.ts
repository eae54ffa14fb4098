/**
 * The draw: the order of those who came before the doors opened. A seed is chosen and its hash, the commitment, published before anybody
 * may come; at the close the root of all entrants' leaves is fixed; seed and root together make the key of a permutation of 1…E. So
 * whoever holds the seed could not know the key before all had come, and whoever came could not know the seed. Afterwards the seed is published
 * and everybody can compute every rank.
 *
 * The permutation is a Feistel network over pairs of numbers below `side` (Luby and Rackoff 1988; Black and Rogaway, "Ciphers with arbitrary finite
 * domains", 2002) with cycle walking: side² is the smallest square of an even number that holds all entrants, and a value beyond them is
 * permuted again until it is one of them. Sums are modulo `side`, and an even side lets each round be an odd or an even permutation, so that for few
 * entrants every order can come up. A rank costs some dozen look-ups, in both directions, and there is never a list of all.
 */
import { fromHex, toHex } from "./hex.ts";
import type { Sha256 } from "./merkle.ts";

/** The most entrants that a draw takes. */
export const entrantsMax = 10_000_000;

/** Of the Feistel network. Its proofs ask for four, small domains for more (NIST SP 800-38G takes ten); more cost nothing here. */
export const drawRounds = 16;

const seedBytes = 32;
const label = new TextEncoder().encode("spillway draw 1\n");

/** SHA-256(seed), so that `sha256sum` checks it too. Both hexadecimal. */
export function commitmentOf(seed: string, sha256: Sha256): string {
  return toHex(sha256(bytesOf(seed, "seed")));
}

export type DrawInputs = {
  /** 32 bytes, hexadecimal. */
  readonly seed: string;
  /** Root of the join log over the entrants, hexadecimal. */
  readonly root: string;
  /** How many drew. */
  readonly entrants: number;
  /**
   * Numbers among the entrants' that nobody is known to have, after a loss: from, to (inclusive), ascending. They draw nothing; should somebody
   * have one after all, their rank comes after the entrants'.
   */
  readonly holes?: readonly (readonly [from: number, to: number])[];
};

export type Draw = DrawInputs & {
  /** Numbers up to here drew, or are in holes. */
  readonly last: number;
  /** The rank, 1…entrants, of the entrant with this number; numbers after `last` are their own rank. */
  rankOf(seq: number): number;
  /** The number that has this rank. */
  seqOf(rank: number): number;
};

/** SHA-256("spillway draw 1\n" ‖ seed ‖ root ‖ entrants as 8 bytes, big-endian). */
export function drawKeyOf({ seed, root, entrants }: DrawInputs, sha256: Sha256): Uint8Array {
  const count = new Uint8Array(8);
  new DataView(count.buffer).setBigUint64(0, BigInt(entrants));
  return sha256(label, bytesOf(seed, "seed"), bytesOf(root, "root"), count);
}

export function createDraw(inputs: DrawInputs, sha256: Sha256): Draw {
  const { entrants, holes = [] } = inputs;
  if (!Number.isSafeInteger(entrants) || entrants < 0 || entrants > entrantsMax)
    throw new Error(`A draw takes 0 to ${entrantsMax} entrants, and not ${entrants}`);
  const key = drawKeyOf(inputs, sha256);
  const side = sideOf(entrants);
  // What a round adds depends on half of the value only: 16 times at most 3,164 numbers, each hashed when it is first met.
  const added = new Int32Array(drawRounds * side).fill(-1);
  const place = new Uint8Array(5);
  const view = new DataView(place.buffer);

  /** The first 48 bits of SHA-256(key ‖ round as 1 byte ‖ half as 4 bytes, big-endian), modulo `side`: even to 2⁻³⁶. */
  function addedBy(round: number, half: number): number {
    const at = round * side + half;
    const known = added[at] as number;
    if (known >= 0) return known;
    view.setUint8(0, round);
    view.setUint32(1, half);
    const hash = sha256(key, place);
    const value = new DataView(hash.buffer, hash.byteOffset);
    const sum = (value.getUint16(0) * 2 ** 32 + value.getUint32(2)) % side;
    added[at] = sum;
    return sum;
  }

  function forward(value: number): number {
    let left = Math.floor(value / side);
    let right = value % side;
    for (let round = 0; round < drawRounds; round++) {
      const sum = (left + addedBy(round, right)) % side;
      left = right;
      right = sum;
    }
    return left * side + right;
  }

  function backward(value: number): number {
    let left = Math.floor(value / side);
    let right = value % side;
    for (let round = drawRounds - 1; round >= 0; round--) {
      const before = (right - addedBy(round, left) + side) % side;
      right = left;
      left = before;
    }
    return left * side + right;
  }

  const walked = (number: number, step: (value: number) => number): number => {
    let value = step(number - 1);
    while (value >= entrants) value = step(value);
    return value + 1;
  };
  const last = entrants + holes.reduce((sum, [from, to]) => sum + to - from + 1, 0);

  return {
    ...inputs,
    last,
    rankOf(seq) {
      checkNumber(seq);
      if (seq > last) return seq;
      let missing = 0;
      for (const [from, to] of holes) {
        if (seq < from) break;
        if (seq <= to) return entrants + missing + seq - from + 1;
        missing += to - from + 1;
      }
      return walked(seq - missing, forward);
    },
    seqOf(rank) {
      checkNumber(rank);
      if (rank > last) return rank;
      let place = rank > entrants ? rank - entrants : walked(rank, backward);
      for (const [from, to] of holes) {
        const count = to - from + 1;
        if (rank > entrants) {
          if (place <= count) return from + place - 1;
          place -= count;
        } else if (place >= from) place += count;
      }
      return place;
    },
  };
}

function checkNumber(number: number): void {
  if (!(Number.isSafeInteger(number) && number >= 1)) throw new Error(`Numbers and ranks begin at 1: ${number}`);
}

/** The smallest even number whose square is at least `entrants`. */
function sideOf(entrants: number): number {
  let side = Math.max(2, 2 * Math.floor(Math.sqrt(entrants) / 2));
  while (side * side < entrants) side += 2;
  return side;
}

function bytesOf(text: string, what: string): Uint8Array {
  const bytes = fromHex(text, seedBytes);
  if (bytes === undefined) throw new Error(`The draw's ${what} is not 32 bytes in lower-case hexadecimal: ${text}`);
  return bytes;
}
