/**
 * A request as our own door hands it to the stages. What costs something and is mostly not looked at (a stream of the body, a signal)
 * is made when it is asked for; the body is kept, up to a bound, until somebody wants it.
 */
import type { FieldList, ReceivedRequest } from "#edge/ports.ts";
import { ChunkedReader } from "./http1-answer.ts";
import type { Http1Head } from "./http1-head.ts";

/** Body bytes that wait for a reader. Then the client waits, too. */
const aheadMaxBytes = 65_536;

/** The connection that it came by. */
type Client = {
  /** Somebody reads the body, or throws it away. */
  wantsBody(request: DoorRequest): void;
  hint(request: DoorRequest, status: number, lines: readonly string[]): void;
};

export class DoorRequest implements ReceivedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: FieldList;
  readonly address: string;
  readonly minor: number;
  readonly isHead: boolean;
  readonly isKept: boolean;
  readonly framing: Http1Head["framing"];
  /** Of the body, still to come; of one in chunks, what it may still have. */
  left: number;
  isBodyWhole: boolean;
  expectsContinue: boolean;
  isAnswered = false;
  readonly #connection: Client;
  readonly #chunks: ChunkedReader | undefined;
  #ahead: Uint8Array[] = [];
  #aheadBytes = 0;
  #isDropped = false;
  #problem: Error | undefined;
  #body: ReadableStream<Uint8Array> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #abort: AbortController | undefined;

  readonly whole: Uint8Array<ArrayBuffer> | undefined;

  /** `whole`: the body, when all of it came with the head. */
  constructor(
    connection: Client,
    head: Http1Head,
    address: string,
    bodyMaxBytes: number,
    whole: Uint8Array<ArrayBuffer> | undefined,
  ) {
    this.#connection = connection;
    this.address = address;
    this.method = head.method;
    this.target = head.target;
    this.headers = head.fields();
    this.minor = head.minor;
    this.isHead = this.method === "HEAD";
    this.isKept = head.isKept;
    this.framing = head.framing;
    this.expectsContinue = head.expectsContinue && head.framing !== "none";
    this.whole = whole;
    if (whole !== undefined) {
      this.expectsContinue = false;
      this.#ahead.push(whole);
    }
    this.isBodyWhole = head.framing === "none" || whole !== undefined;
    this.left = head.framing === "chunked" ? bodyMaxBytes : head.length;
    this.#chunks = head.framing === "chunked" ? new ChunkedReader(false) : undefined;
  }

  get url(): string {
    return `http://${this.headers.get("host")}${this.target}`;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#problem !== undefined) this.#abort.abort(this.#problem);
    }
    return this.#abort.signal;
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.framing === "none") return null;
    this.#body ??= new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          for (const piece of this.#ahead) controller.enqueue(piece);
          this.#ahead = [];
          this.#aheadBytes = 0;
          if (this.#problem !== undefined) controller.error(this.#problem);
          else if (this.isBodyWhole) controller.close();
        },
        pull: () => this.#connection.wantsBody(this),
        cancel: () => {
          this.#isDropped = true;
          this.#controller = undefined;
          this.#connection.wantsBody(this);
        },
      },
      { highWaterMark: aheadMaxBytes, size: (piece) => piece?.byteLength ?? 0 },
    );
    return this.#body;
  }

  hint(status: number, lines: readonly string[]): void {
    // Clients of HTTP/1.0 know no interim answers (RFC 9110 15.2).
    if (this.minor === 1 && !this.isAnswered) this.#connection.hint(this, status, lines);
  }

  async text(): Promise<string> {
    return await new Response(this.body).text();
  }

  /** Takes what belongs to the body; the index after it. Throws `AnswerError`, or a status as a number. */
  feed(bytes: Buffer, from: number, bodyMaxBytes: number): number {
    this.expectsContinue = false;
    if (this.#chunks === undefined) {
      const end = Math.min(bytes.length, from + this.left);
      this.left -= end - from;
      this.#give(bytes.subarray(from, end));
      if (this.left === 0) this.#whole();
      return end;
    }
    const pieces: Uint8Array[] = [];
    const end = this.#chunks.read(bytes, from, pieces);
    for (const piece of pieces) {
      this.left -= piece.length;
      if (this.left < 0) throw new TooLarge(`A body may have ${bodyMaxBytes} bytes.`);
      this.#give(piece);
    }
    if (end < 0) return bytes.length;
    this.#whole();
    return end;
  }

  #give(piece: Uint8Array): void {
    if (this.#isDropped || piece.length === 0) return;
    if (this.#controller !== undefined) this.#controller.enqueue(piece);
    else if (this.#body === undefined) {
      this.#ahead.push(piece);
      this.#aheadBytes += piece.length;
    }
  }

  #whole(): void {
    this.isBodyWhole = true;
    this.#controller?.close();
    this.#controller = undefined;
  }

  /** Whether whoever reads has enough for now. */
  isFull(): boolean {
    if (this.#isDropped || this.isBodyWhole) return false;
    if (this.#controller !== undefined) return (this.#controller.desiredSize ?? 0) <= 0;
    return this.#aheadBytes >= aheadMaxBytes;
  }

  /** Nobody reads it any more: the rest is thrown away. */
  drop(): void {
    this.#isDropped = true;
    this.#ahead = [];
    this.#aheadBytes = 0;
  }

  /** The client has gone, or what it sent cannot be read further. */
  fail(problem: Error): void {
    if (this.#problem !== undefined) return;
    this.#problem = problem;
    const controller = this.#controller;
    this.#controller = undefined;
    controller?.error(problem);
    this.#abort?.abort(problem);
  }
}

/** A request as its connection sees it. */
export type Pending = Pick<
  DoorRequest,
  "minor" | "isHead" | "isKept" | "isBodyWhole" | "isAnswered" | "isFull" | "feed" | "drop" | "fail"
>;

/** Of a body in chunks: it says no length beforehand. */
export class TooLarge extends Error {}
