/**
 * Two sockets as one: a client's, and ours to the inner listener, which reads what our own door does not (HTTP/2, WebSockets). Byte for
 * byte; where one side takes less than the other gives, reading from the other is paused.
 */
import type { Socket } from "bun";

/** By the port on our side of a connection to the inner listener: who is behind it. */
export type Piped = Map<number, string>;
type Outer = Pick<Socket<unknown>, "write" | "pause" | "resume">;

export class Pipe {
  readonly #piped: Piped;
  readonly #outer: Outer;
  readonly #end: () => void;
  #inner: Socket<undefined> | undefined;
  #port = 0;
  #isClosed = false;
  /** What each side did not take yet. */
  #toInner: Buffer | undefined;
  #toOuter: Buffer | undefined;
  #isEnding = false;

  constructor(piped: Piped, port: number, outer: Outer, address: string, first: Buffer, end: () => void) {
    this.#piped = piped;
    this.#outer = outer;
    this.#end = end;
    this.#toInner = first;
    outer.pause();
    Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (inner) => {
          if (this.#isClosed) {
            inner.terminate();
            return;
          }
          this.#inner = inner;
          this.#port = inner.localPort;
          piped.set(this.#port, address);
          inner.setNoDelay(true);
          this.#innerDrained();
        },
        data: (_inner, bytes) => this.#toClient(bytes),
        drain: () => this.#innerDrained(),
        end: () => this.#innerClosed(),
        close: () => this.#innerClosed(),
        error: () => this.#innerClosed(),
      },
    }).catch(() => this.#end());
  }

  toInner(bytes: Buffer): void {
    if (this.#toInner !== undefined) {
      this.#toInner = Buffer.concat([this.#toInner, bytes]);
      return;
    }
    const taken = Math.max(0, this.#inner?.write(bytes) ?? 0);
    if (taken === bytes.length) return;
    this.#toInner = bytes.subarray(taken);
    this.#outer.pause();
  }

  #innerDrained(): void {
    const waiting = this.#toInner;
    if (waiting === undefined) return;
    const taken = Math.max(0, this.#inner?.write(waiting) ?? 0);
    if (taken < waiting.length) {
      this.#toInner = waiting.subarray(taken);
      return;
    }
    this.#toInner = undefined;
    this.#outer.resume();
  }

  #toClient(bytes: Buffer): void {
    if (this.#toOuter !== undefined) {
      this.#toOuter = Buffer.concat([this.#toOuter, bytes]);
      return;
    }
    const taken = Math.max(0, this.#outer.write(bytes));
    if (taken === bytes.length) return;
    this.#toOuter = bytes.subarray(taken);
    this.#inner?.pause();
  }

  outerDrained(): void {
    const waiting = this.#toOuter;
    if (waiting === undefined) return;
    const taken = Math.max(0, this.#outer.write(waiting));
    if (taken < waiting.length) {
      this.#toOuter = waiting.subarray(taken);
      return;
    }
    this.#toOuter = undefined;
    if (this.#isEnding) this.#end();
    else this.#inner?.resume();
  }

  #innerClosed(): void {
    if (this.#isClosed) return;
    this.#piped.delete(this.#port);
    this.#inner = undefined;
    // What it said last is still to be read.
    if (this.#toOuter === undefined) this.#end();
    else this.#isEnding = true;
  }

  outerClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#piped.delete(this.#port);
    this.#inner?.terminate();
  }
}
