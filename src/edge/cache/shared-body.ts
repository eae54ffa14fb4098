/**
 * One body on its way from the origin, read by any number of clients at their own pace before it is complete. What is kept
 * for them is the object that will be stored, so that it costs nothing extra.
 *
 * filling -> whole (complete and within the bound)
 *         -> passing (beyond the bound: nobody may join, only the stretch between the readers is kept) -> over
 *         -> broken (the origin broke off: every reader is told, nothing is stored)
 */
type Chunk = { readonly done: boolean; readonly value?: Uint8Array<ArrayBuffer> | undefined };

export type SharedBodyOptions = {
  /** Bytes that may be held. */
  readonly bytesMax: number;
  /** What Content-Length promises; a body of another length is broken. */
  readonly bytesExpected: number | undefined;
  /** Asks for memory for what just came; false: there is none, go on passing. */
  readonly mayGrow: (bytes: number) => boolean;
  /** Once: the whole body, or undefined when it will not be kept. `held`: what `mayGrow` granted and is free again. */
  readonly onEnd: (whole: Blob | undefined, held: number) => void;
};

export class SharedBody {
  readonly #options: SharedBodyOptions;
  readonly #source: { read(): Promise<Chunk>; cancel(): Promise<void> };
  /** Chunks from `#base` on; earlier ones are dropped when passing. */
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #base = 0;
  #bytes = 0;
  #received = 0;
  #granted = 0;
  #state: "filling" | "passing" | "over" | "broken" = "filling";
  #error: unknown;
  #hasEnded = false;
  /** Position (index of the next chunk) of each reader. */
  readonly #readers = new Map<symbol, number>();
  #waiting: (() => void)[] = [];
  #wanted: (() => void) | undefined;

  constructor(source: ReadableStream<Uint8Array<ArrayBuffer>>, options: SharedBodyOptions) {
    this.#options = options;
    this.#source = source.getReader();
    void this.#fill();
  }

  /** Whether a newcomer may still read it from its beginning. */
  get canJoin(): boolean {
    return this.#state === "filling" || (this.#state === "over" && this.#base === 0);
  }

  async #fill(): Promise<void> {
    try {
      for (;;) {
        if (this.#state === "passing") await this.#someoneWants();
        const { done, value } = await this.#source.read();
        if (done) break;
        if (value !== undefined && value.length > 0) this.#take(value);
      }
      const { bytesExpected } = this.#options;
      if (bytesExpected !== undefined && bytesExpected !== this.#received) {
        throw new Error(`The origin promised ${bytesExpected} bytes and sent ${this.#received}.`);
      }
      const isWhole = this.#state === "filling";
      this.#state = "over";
      this.#wake();
      this.#end(isWhole ? new Blob(this.#chunks) : undefined);
    } catch (error) {
      this.#state = "broken";
      this.#error = error;
      this.#wake();
      this.#end(undefined);
    }
  }

  #end(whole: Blob | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.onEnd(whole, this.#granted);
  }

  #take(chunk: Uint8Array<ArrayBuffer>): void {
    this.#received += chunk.length;
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    if (this.#state === "filling") {
      if (this.#bytes > this.#options.bytesMax || !this.#options.mayGrow(chunk.length)) {
        this.#state = "passing";
        this.#end(undefined);
        this.#dropRead();
      } else this.#granted += chunk.length;
    } else this.#dropRead();
    this.#wake();
  }

  /** Passing: what everyone has read goes, and then what the slowest has not, once the bound is reached. */
  #dropRead(): void {
    let slowest = this.#base + this.#chunks.length;
    for (const position of this.#readers.values()) slowest = Math.min(slowest, position);
    while (this.#chunks.length > 1 && (this.#base < slowest || this.#bytes > this.#options.bytesMax)) {
      this.#bytes -= this.#chunks.shift()?.length ?? 0;
      this.#base += 1;
    }
  }

  /** Passing goes at the pace of the fastest reader; without readers it ends. */
  #someoneWants(): Promise<void> | undefined {
    const end = this.#base + this.#chunks.length;
    if (this.#readers.size === 0) throw new Error("Nobody reads any more.");
    for (const position of this.#readers.values()) if (position >= end) return undefined;
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #askForMore(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  #leave(reader: symbol): void {
    this.#readers.delete(reader);
    this.#askForMore();
    if (this.#readers.size === 0 && this.#state === "passing") void this.#source.cancel().catch(() => {});
  }

  /** From its beginning; only while `canJoin`. */
  stream(): ReadableStream<Uint8Array> {
    const reader = Symbol("reader");
    this.#readers.set(reader, 0);
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          for (;;) {
            const position = this.#readers.get(reader) ?? 0;
            const index = position - this.#base;
            if (index < 0) {
              this.#leave(reader);
              controller.error(new Error("Read too slowly: what was next is no longer held."));
              return;
            }
            const chunk = this.#chunks[index];
            if (chunk !== undefined) {
              this.#readers.set(reader, position + 1);
              controller.enqueue(chunk);
              return;
            }
            if (this.#state === "over" || this.#state === "broken") {
              this.#leave(reader);
              if (this.#state === "over") controller.close();
              else controller.error(this.#error);
              return;
            }
            this.#askForMore();
            await new Promise<void>((resolve) => this.#waiting.push(resolve));
          }
        },
        cancel: () => {
          this.#leave(reader);
        },
      },
      { highWaterMark: 0 },
    );
  }
}
