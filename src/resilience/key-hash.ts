/**
 * HalfSipHash-2-4 with 64 bits out (Aumasson and Bernstein, github.com/veorq/SipHash): what a key is known by in a
 * table. The hash is keyed, so that nobody outside can choose keys that meet in one bucket, and a key such as an API
 * token never stands in memory as it is. A text is hashed as its UTF-16 units, low byte first, two to a word.
 */
export class KeyHash {
  readonly #k0: number;
  readonly #k1: number;
  /** Of the text hashed last, 32 bits each: returning them in two fields makes no garbage. */
  low = 0;
  high = 0;

  constructor(seed: readonly [number, number]) {
    this.#k0 = seed[0] | 0;
    this.#k1 = seed[1] | 0;
  }

  of(text: string): void {
    let v0 = this.#k0;
    let v1 = this.#k1 ^ 0xee;
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    const words = text.length >> 1;
    let word = 0;
    // After the words come the last block (what is left, and the length) and the two finalisations of four rounds each.
    for (let i = 0; i <= words; i++) {
      word =
        i < words
          ? text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 16)
          : ((text.length * 2) << 24) | ((text.length & 1) === 1 ? text.charCodeAt(text.length - 1) : 0);
      v3 ^= word;
      for (let round = 0; round < 2; round++) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    v2 ^= 0xee;
    for (let round = 0; round < 8; round++) {
      if (round === 4) {
        this.low = (v1 ^ v3) >>> 0;
        v1 ^= 0xdd;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.high = (v1 ^ v3) >>> 0;
  }
}
