/**
 * One connection of the door: read in order, a head, its body, and the next head only when the answer has been written; what comes
 * earlier waits, up to a bound. Who answers at once is written from memory; who is asked by bytes is passed on piece by piece; all
 * others give a `Response`.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "bun";
import type { Client, Delivery, Door, PreparedAnswer, Receiver, Recipient } from "#edge/ports.ts";
import { bodyLength, type MayBeWhole, wholeBody } from "#kernel/whole-body.ts";
import { Awaited } from "./awaited.ts";
import { AnswerError } from "./http1-answer.ts";
import { needsMore } from "./http1-fields.ts";
import { Http1Head } from "./http1-head.ts";
import { DoorRequest, type Pending, TooLarge } from "./http1-request.ts";
import { Pipe, type Piped } from "./inner-pipe.ts";
import { type EdgeListener, type EdgeListenerOptions, plainAddress } from "./listener.ts";
import { Outlet } from "./outlet.ts";

/** For a whole head, however its bytes drip. */
const headMs = 10_000;
/** What has been told to close may hang up itself for so long, and send so much that nobody reads. */
const lingerMs = 2000;
const lingerMaxBytes = 4 * 1024 * 1024;
/** Bytes of a next request that came before their time. Then the client waits. */
const aheadMaxBytes = 65_536;

const head = new Http1Head();
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const continues = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
const lastChunk = Buffer.from("0\r\n\r\n", "latin1");
const closes = Buffer.from("Connection: close\r\n\r\n", "latin1");
const keeps = Buffer.from("Connection: keep-alive\r\n\r\n", "latin1");
const lineEnd = Buffer.from("\r\n", "latin1");

export type Wire = Socket<Connection>;
/** A stream may give texts, too. */
type Piece = { readonly done: false; readonly value: Uint8Array | string } | { readonly done: true };
type Reader = { read(): Promise<Piece>; cancel(): Promise<void> };

/** The door that it belongs to. */
export type Doorway = {
  readonly receiver: Receiver;
  readonly options: EdgeListenerOptions;
  readonly idleMs: number;
  readonly connections: Set<Connection>;
  readonly door: Door;
  readonly piped: Piped;
  readonly isRetiring: boolean;
  lastAskedMs: number;
  inFlight: number;
  trouble(message: string): void;
  /** The listener that knows what this one does not. */
  inner(): EdgeListener;
  date(): string;
};

export class Connection implements Client {
  deadlineMs: number;
  readonly #door: Doorway;
  readonly #wire: Wire;
  readonly #address: string;
  /** Bytes whose turn has not come. */
  #ahead: Buffer | undefined;
  /** When the head that is being read has to be whole; 0: none has begun. */
  #headDeadlineMs: number;
  /** Has no whole answer yet. */
  #request: Pending | undefined;
  #isAnswerBegun = false;
  #reader: Reader | undefined;
  readonly #outlet: Outlet;
  #drained: (() => void) | undefined;
  #isTaking = false;
  #isPaused = false;
  #isClosed = false;
  /** Set when the last answer is written: what comes now is not read. */
  #isLast = false;
  #lingered = 0;
  #hasAsked = false;
  #pipe: Pipe | undefined;

  constructor(door: Doorway, wire: Wire) {
    this.#door = door;
    this.#wire = wire;
    this.#outlet = new Outlet(wire);
    // Undefined when they have gone already, whatever the type says.
    this.#address = plainAddress(wire.remoteAddress as string | undefined);
    this.#headDeadlineMs = performance.now() + headMs;
    this.deadlineMs = this.#headDeadlineMs;
    wire.setNoDelay(true);
    door.connections.add(this);
  }

  get isIdle(): boolean {
    return this.#request === undefined && this.#outlet.isEmpty && this.#pipe === undefined;
  }

  // --- reading

  received(bytes: Buffer): void {
    if (this.#isClosed) return;
    if (this.#pipe !== undefined) {
      this.#pipe.toInner(bytes);
      return;
    }
    if (this.#isLast) {
      this.#lingered += bytes.length;
      if (this.#lingered > lingerMaxBytes) this.breakOff();
      return;
    }
    this.#take(this.#ahead === undefined ? bytes : Buffer.concat([this.#ahead, bytes]));
  }

  #take(bytes: Buffer): void {
    this.#ahead = undefined;
    this.#isTaking = true;
    let at = 0;
    while (at < bytes.length && !this.#isLast && !this.#isClosed) {
      const request = this.#request;
      if (request !== undefined && !request.isBodyWhole) {
        at = this.#feed(request, bytes, at);
        continue;
      }
      // In order: the next is looked at when this one is answered, and read.
      if (request !== undefined || !this.#outlet.isEmpty) break;
      if (!this.#hasAsked && this.#door.options.http2 && this.#isHttp2(bytes)) {
        this.#isTaking = false;
        return;
      }
      const end = head.read(bytes, at, this.#door.options.headersMaxBytes);
      if (end === needsMore) {
        if (this.#headDeadlineMs === 0) this.#headDeadlineMs = performance.now() + headMs;
        this.deadlineMs = this.#headDeadlineMs;
        break;
      }
      if (end < 0) {
        this.#refuse(-end, head.problem);
        break;
      }
      this.#headDeadlineMs = 0;
      this.#hasAsked = true;
      if (head.wantsWebSocket) {
        this.#isTaking = false;
        this.#passToInner(bytes.subarray(at));
        return;
      }
      at = this.#ask(bytes, end);
    }
    this.#isTaking = false;
    if (at < bytes.length && !this.#isLast && !this.#isClosed) {
      this.#ahead = at === 0 ? bytes : bytes.subarray(at);
      if (this.#ahead.length > aheadMaxBytes && !this.isIdle) this.#pause();
    }
  }

  #feed(request: Pending, bytes: Buffer, from: number): number {
    const { bodyMaxBytes } = this.#door.options;
    try {
      const end = request.feed(bytes, from, bodyMaxBytes);
      if (request.isBodyWhole) this.#await();
      else if (request.isFull()) this.#pause();
      return end;
    } catch (error) {
      if (error instanceof TooLarge) this.#refuse(413, error.message);
      else if (error instanceof AnswerError) this.#refuse(400, `The request's body is malformed: ${error.message}.`);
      else throw error;
      return bytes.length;
    }
  }

  /** Nothing has to come from the client now: it waits for us. */
  #await(): void {
    this.deadlineMs = this.#outlet.isEmpty ? Number.POSITIVE_INFINITY : performance.now() + this.#door.idleMs;
  }

  /** By the whole of its body's reading, however many bytes drip. */
  #awaitBody(): void {
    this.deadlineMs = performance.now() + this.#door.options.bodyTimeoutSeconds * 1000;
  }

  /** `bytes` from `from` on come after the head; the index after what was taken of them. */
  #ask(bytes: Buffer, from: number): number {
    const door = this.#door;
    const { receiver } = door;
    if (door.isRetiring) door.lastAskedMs = performance.now();
    const problem = head.toOriginForm();
    if (problem !== "") {
      this.#refuse(400, problem);
      return from;
    }
    // Most bodies come with their head, and need no stream to be read.
    const bodyEnd = from + head.length;
    const isHere = head.framing === "length" && bodyEnd <= bytes.length && head.length <= door.options.bodyMaxBytes;
    const whole = isHere ? new Uint8Array(bytes.subarray(from, bodyEnd)) : undefined;
    if (receiver.quick !== undefined && (isHere || head.framing === "none")) {
      // Clients of HTTP/1.0 are answered in ways of their own.
      const ready = receiver.quick(head, "http", this.#address, head.minor === 1 ? this : undefined, whole);
      if (ready !== undefined) {
        if (ready !== "awaited") this.#writeReady(ready);
        return isHere ? bodyEnd : from;
      }
    }
    if (head.framing === "length" && head.length > door.options.bodyMaxBytes) {
      this.#refuse(413, `A body may have ${door.options.bodyMaxBytes} bytes.`);
      return from;
    }
    const request = new DoorRequest(this, head, this.#address, door.options.bodyMaxBytes, whole);
    this.#request = request;
    this.#isAnswerBegun = false;
    door.inFlight += 1;
    if (request.isBodyWhole) this.deadlineMs = Number.POSITIVE_INFINITY;
    else this.#awaitBody();
    try {
      const answer = receiver(request, door.door);
      if (answer instanceof Promise) {
        answer.then(
          (response) => this.#answer(request, response),
          (error: unknown) => this.#answer(request, this.#failed(error)),
        );
      } else this.#answer(request, answer);
    } catch (error) {
      this.#answer(request, this.#failed(error));
    }
    return isHere ? bodyEnd : from;
  }

  #failed(error: unknown): Response {
    // Who has gone has no use for an answer, and what was broken off is no trouble.
    if (!this.#isClosed && !this.#isLast) {
      this.#door.trouble(`A request failed: ${error instanceof Error ? error.message : String(error)}`);
    }
    return new Response("This request failed. Try again.\n", {
      status: 500,
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  }

  wantsBody(request: DoorRequest): void {
    if (this.#request !== request || this.#isClosed) return;
    if (request.expectsContinue && !this.#isAnswerBegun) {
      request.expectsContinue = false;
      this.#write(continues);
    }
    if (this.#isPaused && !request.isFull()) this.#resume();
  }

  hint(request: Pending, status: number, lines: readonly string[]): void {
    if (this.#request !== request || this.#isClosed || !this.#outlet.isEmpty) return;
    const fields = lines.map((line) => `${line}\r\n`).join("");
    this.#writeText(`${statusLine(status)}${fields}\r\n`, undefined);
  }

  // --- answers as bytes

  awaits(delivery: Delivery): Recipient {
    const request = new Awaited(this, delivery, head);
    this.#request = request;
    this.#isAnswerBegun = false;
    this.#door.inFlight += 1;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    return request;
  }

  /** One more piece of an answer, the first with its head. False: no more, until the delivery is told to resume. */
  pass(request: Awaited, bytes: Uint8Array | undefined, isLast: boolean): boolean {
    if (request !== this.#request || this.#isClosed) return true;
    if (request.isAnswered) {
      if (bytes !== undefined) this.#write(bytes);
    } else {
      request.isAnswered = true;
      this.#isAnswerBegun = true;
      const isClosing = this.#isClosing(request.isKept);
      request.isKept = !isClosing;
      const date = request.hasDate ? "" : `date: ${this.#door.date()}\r\n`;
      const end = isClosing ? "connection: close\r\n\r\n" : "\r\n";
      this.#writeText(`${statusLine(request.status)}${request.lines}${date}${end}`, bytes);
    }
    if (isLast) this.#answered(request, !request.isKept);
    return this.#outlet.isEmpty;
  }

  give(request: Awaited, response: Response): void {
    this.#answer(request, response);
  }

  /** No more of an answer comes, or none. */
  broke(request: Awaited, error: unknown): void {
    if (request !== this.#request || this.#isClosed) return;
    if (request.isAnswered) this.#brokeOff(error);
    else this.#answer(request, this.#failed(error));
  }

  #brokeOff(error: unknown): void {
    this.#door.trouble(`An answer broke off: ${error instanceof Error ? error.message : String(error)}`);
    this.breakOff();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#wire.pause();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#wire.resume();
  }

  // --- answering

  #isClosing(isKept: boolean): boolean {
    return !isKept || this.#door.isRetiring;
  }

  /** From memory, with one call. */
  #writeReady(ready: PreparedAnswer): void {
    const wire = ready.wire ?? wireOf(ready);
    const isClosing = this.#isClosing(head.isKept);
    const end = isClosing ? closes : head.minor === 0 ? keeps : lineEnd;
    const body = head.method === "HEAD" ? null : ready.body;
    this.#outlet.writePieces(wire, end, body);
    this.deadlineMs = performance.now() + this.#door.idleMs;
    if (isClosing) this.#finish();
  }

  #answer(request: Pending, response: Response): void {
    if (request !== this.#request || request.isAnswered || this.#isClosed) {
      response.body?.cancel().catch(() => {});
      return;
    }
    request.isAnswered = true;
    this.#isAnswerBegun = true;
    const { status, headers } = response;
    let isClosing = this.#isClosing(request.isKept) || !request.isBodyWhole;
    let text = `HTTP/1.1 ${status} ${response.statusText || (STATUS_CODES[status] ?? "")}\r\n`;
    let length: string | undefined;
    let hasDate = false;
    for (const [name, value] of headers) {
      switch (name) {
        case "content-length":
          if (/^\d{1,15}$/.test(value)) length = value;
          continue;
        case "connection":
          if (/\bclose\b/i.test(value)) isClosing = true;
          continue;
        case "transfer-encoding":
        case "keep-alive":
        case "upgrade":
          continue;
        case "date":
          hasDate = true;
      }
      text += `${name}: ${value}\r\n`;
    }
    if (!hasDate) text += `date: ${this.#door.date()}\r\n`;
    if (isClosing) text += "connection: close\r\n";
    else if (request.minor === 0) text += "connection: keep-alive\r\n";
    const isBare = request.isHead || status === 204 || status === 304;
    const whole = (response as MayBeWhole)[wholeBody];
    if (whole !== undefined && !isBare && !response.bodyUsed) {
      this.#writeText(`${text}content-length: ${whole.length}\r\n\r\n`, whole);
      this.#answered(request, isClosing);
      return;
    }
    const { body } = response;
    const known = (response as MayBeWhole)[bodyLength];
    if (known !== undefined && !response.bodyUsed) length = String(known);
    if (isBare) {
      if (body !== null) body.cancel().catch(() => {});
      if (length !== undefined && status !== 204) text += `content-length: ${length}\r\n`;
      this.#writeText(`${text}\r\n`, undefined);
      this.#answered(request, isClosing);
    } else if (body === null) {
      this.#writeText(`${text}content-length: 0\r\n\r\n`, undefined);
      this.#answered(request, isClosing);
    } else {
      const reader = body.getReader() as Reader;
      this.#reader = reader;
      this.#stream(request, reader, text, length === undefined ? undefined : Number(length), isClosing).catch(
        (error: unknown) => {
          if (!this.#isClosed) this.#brokeOff(error);
        },
      );
    }
  }

  /** A body as it comes. What is whole at once, as most are, is written whole, with its length. */
  async #stream(
    request: Pending,
    reader: Reader,
    headText: string,
    given: number | undefined,
    isLast: boolean,
  ): Promise<void> {
    let text = headText;
    let isClosing = isLast;
    const first = reader.read();
    const ready = Bun.peek.status(first) === "fulfilled" ? await first : undefined;
    const start = ready === undefined || ready.done ? undefined : bytesOf(ready.value);
    let length = given;
    let next = first;
    let isChunked = false;
    if (ready !== undefined) {
      if (start === undefined) length = 0;
      else {
        next = reader.read();
        // One turn is enough for the end of what is whole.
        await Promise.resolve();
        if (Bun.peek.status(next) === "fulfilled" && (await next).done) length ??= start.length;
      }
    }
    if (length !== undefined) text += `content-length: ${length}\r\n`;
    else if (request.minor === 0) {
      // The end of the connection is the end of the body.
      if (!isClosing) text = text.replace("connection: keep-alive\r\n", "connection: close\r\n");
      isClosing = true;
    } else {
      isChunked = true;
      text += "transfer-encoding: chunked\r\n";
    }
    let left = length ?? Number.POSITIVE_INFINITY;
    text += "\r\n";
    if (start === undefined) this.#writeText(text, undefined);
    else {
      left -= start.length;
      if (left < 0) throw new Error("The answer is longer than its Content-Length.");
      if (isChunked && start.length > 0) this.#writeText(`${text}${start.length.toString(16)}\r\n`, start, lineEnd);
      else this.#writeText(text, start);
    }
    if (ready?.done !== true) {
      for (;;) {
        if (!this.#outlet.isEmpty) await this.#sent();
        if (this.#isClosed) {
          // Nobody waits for it any more.
          next.catch(() => {});
          return;
        }
        const piece = await next;
        if (this.#isClosed) return;
        if (piece.done) break;
        const value = bytesOf(piece.value);
        next = reader.read();
        if (value.length === 0) continue;
        left -= value.length;
        if (left < 0) throw new Error("The answer is longer than its Content-Length.");
        if (isChunked) this.#writeText(`${value.length.toString(16)}\r\n`, value, lineEnd);
        else this.#write(value);
      }
    }
    if (isChunked) this.#write(lastChunk);
    else if (left > 0 && length !== undefined) throw new Error("The answer is shorter than its Content-Length.");
    this.#reader = undefined;
    this.#answered(request, isClosing);
  }

  #sent(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  #answered(request: Pending, isClosing: boolean): void {
    if (this.#request !== request || this.#isClosed) return;
    request.drop();
    this.#request = undefined;
    this.#door.inFlight -= 1;
    this.deadlineMs = performance.now() + this.#door.idleMs;
    if (isClosing) this.#finish();
    else this.#goOn();
  }

  #goOn(): void {
    if (this.#isTaking || !this.#outlet.isEmpty || this.#request !== undefined) return;
    this.#resume();
    const ahead = this.#ahead;
    if (ahead !== undefined) this.#take(ahead);
  }

  /** An answer of the door itself, and the end. What was under way learns of it. */
  #refuse(status: number, detail: string): void {
    const request = this.#request;
    if (request !== undefined) {
      const isLate = request.isAnswered;
      request.isAnswered = true;
      this.#request = undefined;
      this.#door.inFlight -= 1;
      request.fail(status === 408 ? new DOMException(detail, "TimeoutError") : new DOMException(detail, "AbortError"));
      if (isLate) {
        this.breakOff();
        return;
      }
    }
    this.#door.receiver.refused?.(status);
    const title = STATUS_CODES[status] ?? "";
    const body = JSON.stringify({ title, status, detail });
    this.#writeText(
      `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\ndate: ${this.#door.date()}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      undefined,
    );
    this.#finish();
  }

  // --- written

  /** A head, and perhaps what comes after it. */
  #writeText(text: string, body: Uint8Array | undefined, tail?: Uint8Array): void {
    if (!this.#outlet.writeText(text, body, tail)) this.#awaitDrain();
  }

  #write(bytes: Uint8Array): void {
    if (!this.#isClosed && !this.#outlet.write(bytes)) this.#awaitDrain();
  }

  /** By what the client takes, whoever it waits for. */
  #awaitDrain(): void {
    this.deadlineMs = performance.now() + this.#door.idleMs;
  }

  drained(): void {
    if (this.#pipe !== undefined) {
      this.#pipe.outerDrained();
      return;
    }
    if (this.#outlet.isEmpty || this.#isClosed) return;
    const taken = this.#outlet.flush();
    if (!this.#outlet.isEmpty) {
      if (taken > 0) this.#awaitDrain();
      return;
    }
    const drained = this.#drained;
    this.#drained = undefined;
    if (this.#isLast) {
      this.#shutDown();
      return;
    }
    const request = this.#request;
    if (request === undefined) this.deadlineMs = performance.now() + this.#door.idleMs;
    else if (request.isBodyWhole) this.deadlineMs = Number.POSITIVE_INFINITY;
    else this.#awaitBody();
    if (request instanceof Awaited) request.delivery.resume();
    drained?.();
    this.#goOn();
  }

  // --- ending

  /** The last answer is written: the client is told, and read to its end for a while, so that it gets the answer (RFC 9112 9.6). */
  #finish(): void {
    this.#isLast = true;
    this.#ahead = undefined;
    this.#resume();
    if (this.#outlet.isEmpty) this.#shutDown();
    else this.deadlineMs = performance.now() + this.#door.idleMs;
  }

  #shutDown(): void {
    this.deadlineMs = performance.now() + lingerMs;
    this.#wire.shutdown();
  }

  hangUp(): void {
    if (this.#isClosed || this.#isLast) return;
    this.#finish();
  }

  late(nowMs: number): void {
    const request = this.#request;
    if (this.#isLast || !this.#outlet.isEmpty) this.breakOff();
    else if (request !== undefined && !request.isBodyWhole) {
      if (this.#isPaused) {
        // Whoever reads the body is slow, not the client.
        this.deadlineMs = nowMs + this.#door.options.bodyTimeoutSeconds * 1000;
        return;
      }
      this.#refuse(408, "The request's body took too long.");
    } else if (request !== undefined) this.deadlineMs = Number.POSITIVE_INFINITY;
    else this.breakOff();
  }

  breakOff(): void {
    if (this.#isClosed) return;
    this.closed();
    this.#wire.terminate();
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#door.connections.delete(this);
    this.#pipe?.outerClosed();
    this.#ahead = undefined;
    this.#outlet.forget();
    const request = this.#request;
    if (request !== undefined) {
      this.#request = undefined;
      this.#door.inFlight -= 1;
      request.fail(new DOMException("The client has gone.", "AbortError"));
    }
    this.#reader?.cancel().catch(() => {});
    this.#reader = undefined;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  // --- what the inner listener does

  /** RFC 9113 3.3: a connection that begins so is HTTP/2, and nothing else. */
  #isHttp2(bytes: Buffer): boolean {
    const length = Math.min(bytes.length, preface.length);
    if (bytes[0] !== 80 || bytes.compare(preface, 0, length, 0, length) !== 0) return false;
    if (length < preface.length) this.#ahead = bytes;
    else this.#passToInner(bytes);
    return true;
  }

  #passToInner(bytes: Buffer): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#pipe = new Pipe(this.#door.piped, this.#door.inner().port, this.#wire, this.#address, bytes, () =>
      this.breakOff(),
    );
  }
}

const encoder = new TextEncoder();
const bytesOf = (value: Uint8Array | string): Uint8Array => (typeof value === "string" ? encoder.encode(value) : value);

/** By status. */
const statusLines: string[] = [];
function statusLine(status: number): string {
  statusLines[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  return statusLines[status];
}

function wireOf(ready: PreparedAnswer): Uint8Array {
  let text = `HTTP/1.1 ${ready.status} ${ready.statusText || (STATUS_CODES[ready.status] ?? "")}\r\n`;
  for (const [name, value] of ready.fields) text += `${name}: ${value}\r\n`;
  if (ready.length >= 0) text += `content-length: ${ready.length}\r\n`;
  const wire = Buffer.from(text, "latin1");
  ready.wire = wire;
  return wire;
}
