/**
 * One body on its way from the origin, read by any number of clients at their own pace before it is complete. What is kept
 * for them is the object that will be stored, so that it costs nothing extra.
 *
 * filling -> whole (complete and within the bound)
 *         -> passing (beyond the bound: nobody may join, only the stretch between the readers is kept) -> over
 *         -> broken (the origin broke off: every reader is told, nothing is stored)
 */
import { type Body, bodyOf } from "./body.ts";

type Chunk = { readonly done: boolean; readonly value?: Uint8Array<ArrayBuffer> | undefined };

export type SharedBodyOptions = {
  /** Bytes that may be held. */
  readonly bytesMax: number;
  /** What Content-Length promises; a body of another length is broken. */
  readonly bytesExpected: number | undefined;
  /** Asks for memory for what just came; false: there is none, go on passing. */
  readonly mayGrow: (bytes: number) => boolean;
  /** Gives back what was granted, as it is no longer held. */
  readonly release: (bytes: number) => void;
  /** Once: the whole body, or undefined when it will not be kept. */
  readonly onEnd: (whole: Body | undefined) => void;
};

/** So far apart readers may always be: what a socket holds, and a little. */
const windowMinBytes = 262_144;

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
  #windowMax = 0;
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
      this.#giveBack(this.#granted);
      this.#end(isWhole ? bodyOf(this.#chunks) : undefined);
    } catch (error) {
      this.#state = "broken";
      this.#error = error;
      this.#wake();
      this.#giveBack(this.#granted);
      this.#end(undefined);
    }
  }

  #giveBack(bytes: number): void {
    const given = Math.min(bytes, this.#granted);
    this.#granted -= given;
    if (given > 0) this.#options.release(given);
  }

  #end(whole: Body | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.onEnd(whole);
  }

  #take(chunk: Uint8Array<ArrayBuffer>): void {
    this.#received += chunk.length;
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    if (this.#state === "filling") {
      if (this.#bytes > this.#options.bytesMax || !this.#options.mayGrow(chunk.length)) {
        this.#state = "passing";
        this.#windowMax = Math.max(windowMinBytes, Math.min(this.#options.bytesMax, this.#bytes));
        this.#end(undefined);
        this.#dropRead();
      } else this.#granted += chunk.length;
    } else this.#dropRead();
    this.#wake();
  }

  /** Passing: what everyone has read goes; beyond the bound also what only those have not read who are slower than another. */
  #dropRead(): void {
    let slowest = this.#base + this.#chunks.length;
    let fastest = 0;
    for (const position of this.#readers.values()) {
      slowest = Math.min(slowest, position);
      fastest = Math.max(fastest, position);
    }
    while (this.#base < slowest || (this.#bytes > this.#windowMax && this.#base < fastest)) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) return;
      this.#bytes -= chunk.length;
      this.#base += 1;
      this.#giveBack(chunk.length);
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
              if (this.#state === "passing") this.#dropRead();
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
