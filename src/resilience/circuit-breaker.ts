/**
 * Keeps requests from an upstream that does not do its work, and finds out with one request at a time whether it does
 * again. Time is an argument.
 *
 * - `closed`: in use, until `trip`;
 * - `open` until its time is over: first `openMs`, doubled each time it was in use only briefly in between;
 * - `half-open`: one probe at a time. Enough good ones in a row close it, one bad one opens it for twice as long.
 */
export type CircuitState = "closed" | "open" | "half-open";

export type CircuitOptions = {
  readonly openMs: number;
  readonly openMaxMs: number;
  /** Good answers in a row until it is closed again. */
  readonly goodNeeded: number;
};

export class CircuitBreaker {
  readonly #options: CircuitOptions;
  #state: CircuitState = "closed";
  #openMs = 0;
  #untilMs = 0;
  #closedAtMs = Number.NEGATIVE_INFINITY;
  #good = 0;
  #isProbed = false;

  constructor(options: CircuitOptions) {
    this.#options = options;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** From when on it may be probed; only while it is open. */
  get untilMs(): number {
    return this.#untilMs;
  }

  trip(nowMs: number): void {
    if (this.#state === "open") return;
    // Well for twice as long as it was out: what was before is forgotten.
    const isRelapse = this.#state === "half-open" || nowMs - this.#closedAtMs < 2 * this.#openMs;
    this.#openMs =
      isRelapse && this.#openMs > 0 ? Math.min(this.#openMs * 2, this.#options.openMaxMs) : this.#options.openMs;
    this.#state = "open";
    this.#untilMs = nowMs + this.#openMs;
    this.#good = 0;
    this.#isProbed = false;
  }

  /** True once for each probe that may be made now; its end must be told by `good`, `bad` or `undecided`. */
  probe(nowMs: number): boolean {
    if (this.#state === "open" && nowMs >= this.#untilMs) this.#state = "half-open";
    if (this.#state !== "half-open" || this.#isProbed) return false;
    this.#isProbed = true;
    return true;
  }

  /** An answer while it is not closed. True when it is closed by it. */
  good(nowMs: number): boolean {
    if (this.#state === "closed") return false;
    this.#isProbed = false;
    this.#good += 1;
    if (this.#good < this.#options.goodNeeded) return false;
    this.#state = "closed";
    this.#closedAtMs = nowMs;
    return true;
  }

  bad(nowMs: number): void {
    this.#isProbed = false;
    this.#good = 0;
    if (this.#state === "half-open") this.trip(nowMs);
  }

  /** A probe that was given up by who asked says nothing. */
  undecided(): void {
    this.#isProbed = false;
  }
}
