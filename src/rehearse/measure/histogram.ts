/**
 * Times as HdrHistogram keeps them (Gil Tene; three significant digits): up to 2,047 µs each microsecond has a place, above
 * that each power of two has 1,024, so that no time is off by more than a thousandth. Recording is one addition; places are
 * made 1,024 at a time where something falls, so that an empty histogram costs nothing. Two of them merge without loss.
 */
import type { HistogramData } from "../result.ts";

/** 2^10: half of the places that the first bucket has. */
const halfMagnitude = 10;
const half = 1 << halfMagnitude;
/** 2^40 µs are twelve days. What takes longer is counted there; `maxUs` still tells it exactly. */
const trackedMaxUs = 2 ** 40;

export class Histogram {
  readonly #pages: (Float64Array | undefined)[] = [];
  #count = 0;
  #minUs = Number.POSITIVE_INFINITY;
  #maxUs = 0;
  #sumUs = 0;

  static from(data: HistogramData): Histogram {
    const histogram = new Histogram();
    histogram.merge(data);
    return histogram;
  }

  /** Fractions are rounded; what is below zero is zero: a clock that goes back has measured nothing. */
  record(us: number, times = 1): void {
    const whole = us > 0 ? Math.round(us) : 0;
    const index = indexOf(whole);
    const page = this.#pages[index >>> halfMagnitude] ?? this.#newPage(index);
    page[index & (half - 1)] = (page[index & (half - 1)] as number) + times;
    this.#count += times;
    this.#sumUs += whole * times;
    if (whole > this.#maxUs) this.#maxUs = whole;
    if (whole < this.#minUs) this.#minUs = whole;
  }

  merge(data: HistogramData): void {
    if (data.count === 0) return;
    for (const [index, count] of data.buckets) {
      const page = this.#pages[index >>> halfMagnitude] ?? this.#newPage(index);
      page[index & (half - 1)] = (page[index & (half - 1)] as number) + count;
    }
    this.#count += data.count;
    this.#sumUs += data.sumUs;
    this.#maxUs = Math.max(this.#maxUs, data.maxUs);
    this.#minUs = Math.min(this.#minUs, data.minUs);
  }

  get count(): number {
    return this.#count;
  }

  get minUs(): number {
    return this.#count === 0 ? 0 : this.#minUs;
  }

  get maxUs(): number {
    return this.#maxUs;
  }

  /** Of what was recorded, exactly; 0 when nothing was. */
  get meanUs(): number {
    return this.#count === 0 ? 0 : this.#sumUs / this.#count;
  }

  /**
   * The longest time that is equivalent to the one which this share of all, 0 to 100, did not exceed: as
   * `getValueAtPercentile` of the reference. 0 when nothing was recorded.
   */
  percentileUs(percentile: number): number {
    const exact = (Math.min(percentile, 100) / 100) * this.#count;
    // Less one unit in the last place, so that rounding up does not pass over a count.
    const wanted = Math.max(Math.ceil(exact - 2 ** (Math.floor(Math.log2(exact)) - 52)), 1);
    let seen = 0;
    for (const [index, count] of this.places()) {
      seen += count;
      if (seen >= wanted) return percentile === 0 ? lowestOf(index) : highestOf(index);
    }
    return 0;
  }

  /** In ms, and never longer than the longest that was recorded: people lay the two side by side. */
  percentileMs(percentile: number): number {
    return Math.min(this.percentileUs(percentile), this.#maxUs) / 1000;
  }

  /** How many were longer than that, to the resolution of the place it falls into. */
  countAbove(us: number): number {
    const limit = indexOf(Math.max(0, Math.round(us)));
    let above = 0;
    for (const [index, count] of this.places()) if (index > limit) above += count;
    return above;
  }

  /** Places that hold something, from the shortest time on. */
  *places(): Generator<[index: number, count: number], void, undefined> {
    for (let at = 0; at < this.#pages.length; at++) {
      const page = this.#pages[at];
      if (page === undefined) continue;
      for (let offset = 0; offset < half; offset++) {
        const count = page[offset] as number;
        if (count > 0) yield [at * half + offset, count];
      }
    }
  }

  clear(): void {
    for (const page of this.#pages) page?.fill(0);
    this.#count = 0;
    this.#minUs = Number.POSITIVE_INFINITY;
    this.#maxUs = 0;
    this.#sumUs = 0;
  }

  toData(): HistogramData {
    return {
      count: this.#count,
      minUs: this.minUs,
      maxUs: this.#maxUs,
      sumUs: this.#sumUs,
      buckets: [...this.places()],
    };
  }

  #newPage(index: number): Float64Array {
    const page = new Float64Array(half);
    this.#pages[index >>> halfMagnitude] = page;
    return page;
  }
}

function indexOf(us: number): number {
  const value = us < trackedMaxUs ? us : trackedMaxUs;
  if (value < 2 * half) return value;
  const power = value < 2 ** 31 ? 31 - Math.clz32(value) : Math.floor(Math.log2(value));
  const bucket = power - halfMagnitude;
  return bucket * half + Math.floor(value / 2 ** bucket);
}

/** The shortest and the longest time, in µs, that are counted at a place. */
export function lowestOf(index: number): number {
  if (index < 2 * half) return index;
  const bucket = (index >>> halfMagnitude) - 1;
  return ((index & (half - 1)) + half) * 2 ** bucket;
}
export function highestOf(index: number): number {
  return index < 2 * half ? index : lowestOf(index) + 2 ** ((index >>> halfMagnitude) - 1) - 1;
}
