/**
 * Adaptive micro-batches without timers. While one call is in flight, arrivals queue; when it returns, the next call
 * takes them all, up to a bound. A lone arrival goes at once: the batch grows only as far as the load makes it.
 *
 * idle -> (an arrival) -> in flight -> (the call returns) -> in flight again when anything waits, else idle
 */
export class MicroBatch<Item, Answer> {
  readonly #call: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly #batchMax: number;
  readonly #queueMax: number;
  #waiting: { item: Item; resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];
  #inFlight: Promise<void> | undefined;
  /** How many calls had 1, 2-3, 4-7, 8-15, … items. */
  readonly batchSizes: number[] = [];

  constructor(options: {
    /** Answers in the order of the items. If it throws, every item of the batch is refused with that error. */
    call: (items: readonly Item[]) => Promise<readonly Answer[]>;
    batchMax: number;
    /** How many may wait; beyond it `add` says so and nothing is queued. */
    queueMax: number;
  }) {
    this.#call = options.call;
    this.#batchMax = options.batchMax;
    this.#queueMax = options.queueMax;
  }

  get depth(): number {
    return this.#waiting.length;
  }

  /** The answer for this item, or undefined when the queue is full. */
  add(item: Item): Promise<Answer> | undefined {
    if (this.#waiting.length >= this.#queueMax) return undefined;
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      // The call starts after everything that arrived in this turn has been queued.
      if (this.#inFlight === undefined) this.#inFlight = Promise.resolve().then(() => this.#run());
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#inFlight !== undefined) await this.#inFlight;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.length <= this.#batchMax ? this.#waiting : this.#waiting.slice(0, this.#batchMax);
      this.#waiting = batch === this.#waiting ? [] : this.#waiting.slice(this.#batchMax);
      const size = 31 - Math.clz32(batch.length);
      this.batchSizes[size] = (this.batchSizes[size] ?? 0) + 1;
      let settle: () => void;
      try {
        const answers = await this.#call(batch.map((entry) => entry.item));
        settle = () => {
          for (let i = 0; i < batch.length; i++) batch[i]?.resolve(answers[i] as Answer);
        };
      } catch (error) {
        settle = () => {
          for (const entry of batch) entry.reject(error);
        };
      }
      // The next call leaves before the answers of this one are written: writing hundreds of them takes as long as the
      // call itself, and both sides would wait for each other in turn.
      if (this.#waiting.length > 0) setImmediate(settle);
      else settle();
    }
    this.#inFlight = undefined;
  }
}
