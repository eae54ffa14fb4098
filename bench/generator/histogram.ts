/**
 * Latencies in logarithmic buckets, as HdrHistogram keeps them: 64 steps to each power of two, so a quantile is at most
 * 1.6 % off, from a microsecond to a minute. Recording is one addition and never allocates.
 */

const stepsPerPower = 64;
/** 2^26 µs are 67 seconds; what takes longer is counted there. */
const powers = 26;

export class Histogram {
  readonly #counts = new Uint32Array((powers - 5) * stepsPerPower);
  #total = 0;
  #maxUs = 0;

  record(ms: number): void {
    const us = Math.max(Math.round(ms * 1000), 0);
    const bucket = Math.min(bucketOf(us), this.#counts.length - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  get count(): number {
    return this.#total;
  }

  get maxMs(): number {
    return this.#maxUs / 1000;
  }

  /** The middle of the bucket that holds this share of all, in ms; 0 when nothing was recorded. */
  quantileMs(share: number): number {
    const rank = Math.ceil(this.#total * share);
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank && seen > 0) return Math.min(middleOf(bucket), this.#maxUs) / 1000;
    }
    return 0;
  }
}

/** Up to 64 µs each µs has its bucket; above, each power of two has 64. */
function bucketOf(us: number): number {
  if (us < stepsPerPower) return us;
  const power = 31 - Math.clz32(us);
  return (power - 5) * stepsPerPower + (us >>> (power - 6)) - stepsPerPower;
}

function middleOf(bucket: number): number {
  if (bucket < stepsPerPower) return bucket;
  const power = Math.floor(bucket / stepsPerPower) + 5;
  const width = 2 ** (power - 6);
  return (stepsPerPower + (bucket % stepsPerPower)) * width + width / 2;
}
