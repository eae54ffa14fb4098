/**
 * Remembers one time for each of very many keys, in a bounded number of bytes and without garbage: three typed arrays,
 * 16 bytes a place. For rate limits the time is a theoretical arrival time (gcra.ts); a time that has passed says no
 * more than a key that was never seen, so its place is free for anybody.
 *
 * A key (64 bits of a keyed hash, key-hash.ts) may stand in the 16 places of one bucket and nowhere else. The table
 * doubles while it is more than half full, up to a bound. From there on a newcomer takes the place of one whose time
 * has passed, else of the one in its bucket whose time passes first: the longest unused among equals, and the one that
 * gains least by being forgotten. Every newcomer also sweeps one bucket of what has passed.
 */
const ways = 16;

export class KeyTable {
  readonly #keysMax: number;
  readonly #bucketsMax: number;
  #buckets: number;
  #lows: Uint32Array;
  #highs: Uint32Array;
  /** `-Infinity`: nobody is here. */
  #times: Float64Array;
  #sweepAt = 0;
  #size = 0;
  /** How many keys had to be forgotten before their time had passed. */
  forgotten = 0;

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
    // Three places for two keys: buckets fill unevenly, and at this ratio hardly one key in a thousand is crowded out.
    this.#bucketsMax = 2 ** Math.max(0, Math.ceil(Math.log2((keysMax * 1.5) / ways)));
    this.#buckets = Math.min(this.#bucketsMax, 64);
    this.#lows = new Uint32Array(this.#buckets * ways);
    this.#highs = new Uint32Array(this.#buckets * ways);
    this.#times = new Float64Array(this.#buckets * ways).fill(Number.NEGATIVE_INFINITY);
  }

  /** Keys that stand in the table, those included whose time has passed since. */
  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#lows.byteLength + this.#highs.byteLength + this.#times.byteLength;
  }

  /** Where this key stands, or -1. Good until the next `add`. */
  find(low: number, high: number): number {
    const first = (low & (this.#buckets - 1)) * ways;
    for (let at = first; at < first + ways; at++) {
      if (this.#highs[at] === high && this.#lows[at] === low && this.#times[at] !== Number.NEGATIVE_INFINITY) return at;
    }
    return -1;
  }

  time(at: number): number {
    return this.#times[at] as number;
  }

  set(at: number, time: number): void {
    this.#times[at] = time;
  }

  /** For a key that `find` does not know. */
  add(low: number, high: number, time: number, now: number): void {
    this.#sweep(now);
    while (this.#buckets < this.#bucketsMax && this.#size * 2 > this.#times.length) this.#grow();
    let at = this.#place(low, now);
    // A bucket that overflows early: the table may still grow, and growing parts it in two.
    while (at < 0) {
      this.#grow();
      at = this.#place(low, now);
    }
    const before = this.#times[at] as number;
    if (before === Number.NEGATIVE_INFINITY) this.#size++;
    else if (before > now) this.forgotten++;
    this.#lows[at] = low;
    this.#highs[at] = high;
    this.#times[at] = time;
  }

  /** The place in the key's bucket whose time passes first; -1 when that one still counts and the table can grow. */
  #place(low: number, now: number): number {
    const first = (low & (this.#buckets - 1)) * ways;
    let soonest = first;
    let taken = -1;
    for (let at = first; at < first + ways; at++) {
      const time = this.#times[at] as number;
      if (time < (this.#times[soonest] as number)) soonest = at;
      if (time !== Number.NEGATIVE_INFINITY && (taken < 0 || time < (this.#times[taken] as number))) taken = at;
    }
    if (this.#size < this.#keysMax) {
      const canGrow = this.#buckets < this.#bucketsMax;
      return canGrow && (this.#times[soonest] as number) > now ? -1 : soonest;
    }
    // As many as may be: somebody makes room, of this bucket or, when it is empty, of one that follows.
    if (taken >= 0) return taken;
    this.#forgetOneAfter(first + ways);
    return first;
  }

  #forgetOneAfter(from: number): void {
    const places = this.#times.length;
    for (let i = 0; i < places; i++) {
      const at = (from + i) & (places - 1);
      if (this.#times[at] === Number.NEGATIVE_INFINITY) continue;
      this.#times[at] = Number.NEGATIVE_INFINITY;
      this.#size--;
      this.forgotten++;
      return;
    }
  }

  #sweep(now: number): void {
    const first = this.#sweepAt * ways;
    this.#sweepAt = (this.#sweepAt + 1) & (this.#buckets - 1);
    for (let at = first; at < first + ways; at++) {
      const time = this.#times[at] as number;
      if (time > now || time === Number.NEGATIVE_INFINITY) continue;
      this.#times[at] = Number.NEGATIVE_INFINITY;
      this.#size--;
    }
  }

  /** Each bucket's keys part into two by the next bit of their low half, at the same place in either. */
  #grow(): void {
    const [lows, highs, times] = [this.#lows, this.#highs, this.#times];
    const places = times.length;
    this.#lows = new Uint32Array(places * 2);
    this.#highs = new Uint32Array(places * 2);
    this.#times = new Float64Array(places * 2).fill(Number.NEGATIVE_INFINITY);
    for (let at = 0; at < places; at++) {
      const low = lows[at] as number;
      const to = (low & this.#buckets) === 0 ? at : at + places;
      this.#lows[to] = low;
      this.#highs[to] = highs[at] as number;
      this.#times[to] = times[at] as number;
    }
    this.#buckets *= 2;
  }
}
