/** Bytes to one socket, with as few calls as can be; what it does not take waits here. */
type Sink = { write(bytes: Uint8Array, offset?: number, length?: number): number };

/** What is written at once, up to this size, is put together here first. */
const scratchBytes = 262_144;
const scratch = Buffer.allocUnsafeSlow(scratchBytes);

export class Outlet {
  readonly #sink: Sink;
  #unsent: Uint8Array | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get isEmpty(): boolean {
    return this.#unsent === undefined;
  }

  /** A head, and what may come after it. False: not all of it was taken. */
  writeText(text: string, body: Uint8Array | undefined, tail: Uint8Array | undefined): boolean {
    const bodyLength = body?.length ?? 0;
    if (text.length + bodyLength + (tail?.length ?? 0) > scratchBytes) {
      this.write(Buffer.from(text, "latin1"));
      if (body !== undefined) this.write(body);
      if (tail !== undefined) this.write(tail);
      return this.isEmpty;
    }
    let length = scratch.write(text, "latin1");
    if (body !== undefined) {
      scratch.set(body, length);
      length += bodyLength;
    }
    if (tail !== undefined) {
      scratch.set(tail, length);
      length += tail.length;
    }
    return this.#writeScratch(length);
  }

  /** An answer that is ready. */
  writePieces(head: Uint8Array, end: Uint8Array, body: Uint8Array | null): void {
    let length = head.length + end.length;
    if (length + (body?.length ?? 0) > scratchBytes) {
      this.write(head);
      this.write(end);
      if (body !== null) this.write(body);
      return;
    }
    scratch.set(head, 0);
    scratch.set(end, head.length);
    if (body !== null) {
      scratch.set(body, length);
      length += body.length;
    }
    this.#writeScratch(length);
  }

  #writeScratch(length: number): boolean {
    if (this.#unsent !== undefined) {
      this.#unsent = Buffer.concat([this.#unsent, scratch.subarray(0, length)]);
      return false;
    }
    const taken = Math.max(0, this.#sink.write(scratch, 0, length));
    if (taken < length) this.#unsent = Uint8Array.prototype.slice.call(scratch, taken, length);
    return taken === length;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#unsent !== undefined) {
      this.#unsent = Buffer.concat([this.#unsent, bytes]);
      return false;
    }
    const taken = Math.max(0, this.#sink.write(bytes));
    if (taken < bytes.length) this.#unsent = bytes.subarray(taken);
    return taken === bytes.length;
  }

  /** When the socket has room again: how much of what waited it took. */
  flush(): number {
    const unsent = this.#unsent;
    if (unsent === undefined) return 0;
    const taken = Math.max(0, this.#sink.write(unsent));
    this.#unsent = taken < unsent.length ? unsent.subarray(taken) : undefined;
    return taken;
  }

  forget(): void {
    this.#unsent = undefined;
  }
}
