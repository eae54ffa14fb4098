/**
 * Retries are paid from what requests bring in, so that a site in trouble is asked a little more, never a multiple.
 * In any stretch of time there are at most `saved + share x requests` retries (Finagle, `RetryBudget`).
 */
export class RetryBudget {
  readonly #share: number;
  readonly #savedMax: number;
  #saved: number;

  /** `percent`: retries for a hundred requests. `savedMax`: how many may be made at once after a quiet time. */
  constructor(percent: number, savedMax: number) {
    this.#share = percent / 100;
    this.#savedMax = percent === 0 ? 0 : savedMax;
    this.#saved = this.#savedMax;
  }

  get saved(): number {
    return this.#saved;
  }

  /** Once for each request of a client; not for a retry. */
  deposit(): void {
    if (this.#saved < this.#savedMax) this.#saved = Math.min(this.#saved + this.#share, this.#savedMax);
  }

  /** Once before each retry or hedge; false: it must not be made. */
  withdraw(): boolean {
    // The hair's breadth forgives sums of fractions such as 5 x 0.2.
    if (this.#saved < 1 - 1e-9) return false;
    this.#saved = Math.max(0, this.#saved - 1);
    return true;
  }
}
