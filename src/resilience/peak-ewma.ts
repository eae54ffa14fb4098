/**
 * How long one asked of an upstream may expect to wait, from what those before saw: an average that falls slowly and
 * rises at once. A node that turns slow is avoided after one slow answer, and is believed again only as fast as good
 * answers and time make it (Finagle, `PeakEwma`: cost = latency x (requests under way + 1)).
 */
export class PeakEwma {
  readonly #tauMs: number;
  #cost: number;
  #atMs: number;

  /** `tauMs`: after this long an old value counts for a third. `initialMs`: what is believed before anything was seen. */
  constructor(tauMs: number, initialMs: number, nowMs: number) {
    this.#tauMs = tauMs;
    this.#cost = initialMs;
    this.#atMs = nowMs;
  }

  record(nowMs: number, tookMs: number): void {
    // A clock that was set back takes no weight away.
    const passedMs = nowMs > this.#atMs ? nowMs - this.#atMs : 0;
    if (tookMs > this.#cost) this.#cost = tookMs;
    else {
      const old = Math.exp(-passedMs / this.#tauMs);
      this.#cost = this.#cost * old + tookMs * (1 - old);
    }
    this.#atMs = nowMs;
  }

  /** Fades towards nothing while nobody asks, so that one bad answer does not shut a node out for good. */
  read(nowMs: number): number {
    const passedMs = nowMs - this.#atMs;
    return passedMs > 1 ? this.#cost * Math.exp(-passedMs / this.#tauMs) : this.#cost;
  }

  reset(nowMs: number, toMs: number): void {
    this.#cost = toMs;
    this.#atMs = nowMs;
  }
}
