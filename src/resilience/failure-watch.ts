/**
 * Tells from the ends of requests when an upstream is to be left alone: too many in a row without an answer, too many
 * server errors in a row, or a far larger share of them than its siblings have. Time is an argument.
 */
export type RequestEnd = "answered" | "server-error" | "no-answer";

/** `no-answer`: it cannot be reached. `errors`: it answers, and worse than others do. */
export type Verdict = "no-answer" | "errors" | undefined;

export type FailureWatchOptions = {
  /** Requests without an answer in a row. */
  readonly noAnswersInRow: number;
  /** Server errors, or no answer, in a row. */
  readonly errorsInRow: number;
  readonly windowMs: number;
  /** Fewer requests than this in the window decide nothing. */
  readonly requestsMin: number;
  /** From this share of errors on, between 0 and 1 ... */
  readonly errorShare: number;
};

export class FailureWatch {
  readonly #options: FailureWatchOptions;
  #noAnswers = 0;
  #errors = 0;
  #windowAtMs = 0;
  #windowRequests = 0;
  #windowErrors = 0;

  constructor(options: FailureWatchOptions) {
    this.#options = options;
  }

  /** `siblings`: the errors' share of all others; what is wrong with all of them is not the fault of one. */
  record(nowMs: number, end: RequestEnd, siblings: () => number): Verdict {
    if (nowMs - this.#windowAtMs >= this.#options.windowMs || nowMs < this.#windowAtMs) {
      this.#windowAtMs = nowMs;
      this.#windowRequests = 0;
      this.#windowErrors = 0;
    }
    this.#windowRequests += 1;
    if (end === "answered") {
      this.#noAnswers = 0;
      this.#errors = 0;
      return undefined;
    }
    this.#windowErrors += 1;
    this.#errors += 1;
    if (end === "no-answer") {
      this.#noAnswers += 1;
      if (this.#noAnswers >= this.#options.noAnswersInRow) return "no-answer";
    } else this.#noAnswers = 0;
    const share = this.#windowErrors / this.#windowRequests;
    const isOutlier =
      this.#errors >= this.#options.errorsInRow ||
      (this.#windowRequests >= this.#options.requestsMin && share >= this.#options.errorShare);
    return isOutlier && siblings() * 2 < share ? "errors" : undefined;
  }

  /** Of the present window. */
  get requests(): number {
    return this.#windowRequests;
  }

  get errors(): number {
    return this.#windowErrors;
  }

  forget(): void {
    this.#noAnswers = 0;
    this.#errors = 0;
    this.#windowRequests = 0;
    this.#windowErrors = 0;
  }
}
