/**
 * HTTP/1.1 on sockets of our own: what Bun.serve does on a cleartext port, but strict in what it reads, exact in how long anybody may
 * take, and with a way for answers that are ready which costs a third of a Bun.serve handler (docs/decisions/2026-11-23-hot-objects.md).
 *
 * A connection is read in order: a head, its body, and the next head only when the answer has been written; what comes earlier
 * waits, up to a bound. HTTP/2 that begins without asking, and WebSockets, are passed byte for byte to an inner listener on
 * Bun.serve, which knows them.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "bun";
import type { Door, PreparedAnswer, Receiver } from "#edge/ports.ts";
import { bodyLength, type MayBeWhole, wholeBody } from "#kernel/whole-body.ts";
import type { EdgeListener, EdgeListenerOptions } from "./edge-listener.ts";
import { portProblem } from "./http-server.ts";
import { AnswerError } from "./http1-answer.ts";
import { Http1Head, needsMore } from "./http1-head.ts";
import { DoorRequest, TooLarge } from "./http1-request.ts";
import { Pipe, type Piped } from "./inner-pipe.ts";

/** Nobody has asked for this long: those that were told to close have gone elsewhere. */
const quietMs = 500;
const sweepMs = 250;
/** For a whole head, however its bytes drip. */
const headMs = 10_000;
/** What has been told to close may hang up itself for so long, and send so much that nobody reads. */
const lingerMs = 2000;
const lingerMaxBytes = 4 * 1024 * 1024;
/** Bytes of a next request that came before their time. Then the client waits. */
const aheadMaxBytes = 65_536;
/** A prepared answer up to this size is written with one call. */
const scratchBytes = 262_144;

const scratch = Buffer.allocUnsafeSlow(scratchBytes);
const head = new Http1Head();
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const continues = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
const lastChunk = Buffer.from("0\r\n\r\n", "latin1");
const closes = Buffer.from("Connection: close\r\n\r\n", "latin1");
const keeps = Buffer.from("Connection: keep-alive\r\n\r\n", "latin1");
const lineEnd = Buffer.from("\r\n", "latin1");

type Wire = Socket<Connection>;
/** A stream may give texts, too. */
type Piece = { readonly done: false; readonly value: Uint8Array | string } | { readonly done: true };
type Reader = { read(): Promise<Piece>; cancel(): Promise<void> };

export function listenHttp1(
  options: EdgeListenerOptions,
  initial: Receiver,
  openInner: (receiver: Receiver, addressOf: (port: number) => string) => EdgeListener,
): EdgeListener {
  const door = new Http1Door(options, initial, openInner);
  return door.listener;
}

class Http1Door {
  receiver: Receiver;
  readonly options: EdgeListenerOptions;
  readonly idleMs: number;
  readonly connections = new Set<Connection>();
  readonly door: Door;
  readonly listener: EdgeListener;
  readonly trouble: (message: string) => void;
  isRetiring = false;
  lastAskedMs = 0;
  inFlight = 0;
  readonly #openInner: (receiver: Receiver, addressOf: (port: number) => string) => EdgeListener;
  #inner: EdgeListener | undefined;
  readonly piped: Piped = new Map();
  #dateSecond = 0;
  #date = "";

  constructor(
    options: EdgeListenerOptions,
    initial: Receiver,
    openInner: (receiver: Receiver, addressOf: (port: number) => string) => EdgeListener,
  ) {
    this.options = options;
    this.receiver = initial;
    this.idleMs = options.idleTimeoutSeconds * 1000;
    this.trouble = options.onTrouble ?? (() => {});
    this.#openInner = openInner;
    this.door = {
      scheme: "http",
      addressOf: (request) => (request instanceof DoorRequest ? request.address : ""),
      // Such a request has gone to the inner listener before it came here.
      tunnel: () => Promise.resolve(new Response("This connection cannot be switched.\n", { status: 400 })),
    };
    const server = this.#open();
    const sweeper = setInterval(() => {
      const nowMs = performance.now();
      for (const connection of this.connections) {
        if (nowMs >= connection.deadlineMs) connection.late(nowMs);
      }
    }, sweepMs);
    sweeper.unref();

    this.listener = {
      port: server.port,
      inFlight: () => this.inFlight + (this.#inner?.inFlight() ?? 0),
      tunnels: () => this.#inner?.tunnels() ?? 0,
      isDraining: () => this.isRetiring,
      setReceiver: (next) => {
        this.receiver = next;
        this.#inner?.setReceiver(next);
      },
      reloadCertificates: () => {},
      stop: async (graceMs) => {
        const inner = this.#inner?.stop(graceMs);
        await this.#retire(server, graceMs);
        await inner;
        clearInterval(sweeper);
      },
    };
  }

  #open() {
    const socket = {
      open: (wire: Wire) => {
        wire.data = new Connection(this, wire);
      },
      data: (wire: Wire, bytes: Buffer) => wire.data.received(bytes),
      drain: (wire: Wire) => wire.data.drained(),
      end: (wire: Wire) => wire.data.closed(),
      close: (wire: Wire) => wire.data.closed(),
      error: (wire: Wire, error: Error & { readonly code?: string }) => {
        // What the network does has a code; anything else is a mistake of ours, and costs this connection only.
        if (error.code === undefined) this.trouble(`A connection failed: ${error.message}`);
        wire.data?.breakOff();
      },
    };
    const { port, hostname } = this.options;
    try {
      return Bun.listen<Connection>({ port, hostname: hostname ?? "::", socket });
    } catch (error) {
      const { code } = error as { code?: string };
      if (hostname === undefined && (code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL")) {
        return Bun.listen<Connection>({ port, hostname: "0.0.0.0", socket });
      }
      throw portProblem(error, port);
    }
  }

  /** See `EdgeListener.stop`. */
  async #retire(server: Bun.TCPSocketListener<Connection>, graceMs: number): Promise<void> {
    const startMs = performance.now();
    this.isRetiring = true;
    this.lastAskedMs = startMs;
    const tellMs = graceMs / 2;
    while (performance.now() - startMs < tellMs && performance.now() - this.lastAskedMs < quietMs) {
      await Bun.sleep(Math.min(50, tellMs / 10));
    }
    server.stop(false);
    for (const connection of this.connections) if (connection.isIdle) connection.hangUp();
    while (performance.now() - startMs < graceMs && this.connections.size > 0) await Bun.sleep(10);
    for (const connection of [...this.connections]) connection.breakOff();
    server.stop(true);
  }

  inner(): EdgeListener {
    this.#inner ??= this.#openInner(this.receiver, (port) => this.piped.get(port) ?? "");
    return this.#inner;
  }

  /** RFC 9110 6.6.1; the same text for a second. */
  date(): string {
    const nowMs = Date.now();
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(nowMs).toUTCString();
    }
    return this.#date;
  }
}

class Connection {
  deadlineMs: number;
  readonly #door: Http1Door;
  readonly #wire: Wire;
  readonly #address: string;
  /** Bytes whose turn has not come. */
  #ahead: Buffer | undefined;
  /** When the head that is being read has to be whole; 0: none has begun. */
  #headDeadlineMs: number;
  #request: DoorRequest | undefined;
  #isAnswerBegun = false;
  #reader: Reader | undefined;
  /** What the socket did not take yet. */
  #unsent: Uint8Array | undefined;
  #drained: (() => void) | undefined;
  #isTaking = false;
  #isPaused = false;
  #isClosed = false;
  /** Set when the last answer is written: what comes now is not read. */
  #isLast = false;
  #lingered = 0;
  #hasAsked = false;
  #pipe: Pipe | undefined;

  constructor(door: Http1Door, wire: Wire) {
    this.#door = door;
    this.#wire = wire;
    // Undefined when they have gone already, whatever the type says.
    this.#address = plain(wire.remoteAddress as string | undefined);
    this.#headDeadlineMs = performance.now() + headMs;
    this.deadlineMs = this.#headDeadlineMs;
    wire.setNoDelay(true);
    door.connections.add(this);
  }

  get isIdle(): boolean {
    return this.#request === undefined && this.#unsent === undefined && this.#pipe === undefined;
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
      if (request !== undefined || this.#unsent !== undefined) break;
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

  #feed(request: DoorRequest, bytes: Buffer, from: number): number {
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
    this.deadlineMs = this.#unsent === undefined ? Number.POSITIVE_INFINITY : performance.now() + this.#door.idleMs;
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
    const problem = toOriginForm();
    if (problem !== "") {
      this.#refuse(400, problem);
      return from;
    }
    if (head.framing === "none" && receiver.quick !== undefined) {
      const ready = receiver.quick(head, "http", this.#address);
      if (ready !== undefined) {
        this.#writeReady(ready);
        return from;
      }
    }
    if (head.framing === "length" && head.length > door.options.bodyMaxBytes) {
      this.#refuse(413, `A body may have ${door.options.bodyMaxBytes} bytes.`);
      return from;
    }
    // Most bodies come with their head, and need no stream to be read.
    const bodyEnd = from + head.length;
    const isHere = head.framing === "length" && bodyEnd <= bytes.length;
    const whole = isHere ? new Uint8Array(bytes.subarray(from, bodyEnd)) : undefined;
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

  hint(request: DoorRequest, links: readonly string[]): void {
    if (this.#request !== request || this.#isClosed || this.#unsent !== undefined) return;
    const fields = links.map((link) => `link: ${link}\r\n`).join("");
    this.#writeText(`HTTP/1.1 103 Early Hints\r\n${fields}\r\n`, undefined);
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
    let length = wire.length + end.length;
    if (length + (body?.length ?? 0) <= scratchBytes) {
      scratch.set(wire, 0);
      scratch.set(end, wire.length);
      if (body !== null) {
        scratch.set(body, length);
        length += body.length;
      }
      const taken = Math.max(0, this.#wire.write(scratch, 0, length));
      if (taken < length) this.#unsent = Uint8Array.prototype.slice.call(scratch, taken, length);
    } else {
      this.#write(wire);
      this.#write(end);
      if (body !== null) this.#write(body);
    }
    this.deadlineMs = performance.now() + this.#door.idleMs;
    if (isClosing) this.#finish();
  }

  #answer(request: DoorRequest, response: Response): void {
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
          if (this.#isClosed) return;
          this.#door.trouble(`An answer broke off: ${error instanceof Error ? error.message : String(error)}`);
          this.breakOff();
        },
      );
    }
  }

  /** A body as it comes. What is whole at once, as most are, is written whole, with its length. */
  async #stream(
    request: DoorRequest,
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
        if (this.#unsent !== undefined) await this.#sent();
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

  #answered(request: DoorRequest, isClosing: boolean): void {
    if (this.#request !== request || this.#isClosed) return;
    request.drop();
    this.#request = undefined;
    this.#door.inFlight -= 1;
    this.deadlineMs = performance.now() + this.#door.idleMs;
    if (isClosing) this.#finish();
    else this.#goOn();
  }

  #goOn(): void {
    if (this.#isTaking || this.#unsent !== undefined || this.#request !== undefined) return;
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

  // --- writing

  /** A head, and perhaps what comes after it, with one call where it has room. */
  #writeText(text: string, body: Uint8Array | undefined, tail?: Uint8Array): void {
    const bodyLength = body?.length ?? 0;
    const tailLength = tail?.length ?? 0;
    if (text.length + bodyLength + tailLength > scratchBytes) {
      this.#write(Buffer.from(text, "latin1"));
      if (body !== undefined) this.#write(body);
      if (tail !== undefined) this.#write(tail);
      return;
    }
    let length = scratch.write(text, "latin1");
    if (body !== undefined) {
      scratch.set(body, length);
      length += bodyLength;
    }
    if (tail !== undefined) {
      scratch.set(tail, length);
      length += tailLength;
    }
    if (this.#unsent !== undefined) {
      this.#unsent = Buffer.concat([this.#unsent, scratch.subarray(0, length)]);
      return;
    }
    const taken = Math.max(0, this.#wire.write(scratch, 0, length));
    if (taken < length) this.#keep(Uint8Array.prototype.slice.call(scratch, taken, length));
  }

  #write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#unsent !== undefined) {
      this.#unsent = Buffer.concat([this.#unsent, bytes]);
      return;
    }
    const taken = Math.max(0, this.#wire.write(bytes));
    if (taken < bytes.length) this.#keep(bytes.subarray(taken));
  }

  #keep(rest: Uint8Array): void {
    this.#unsent = rest;
    this.deadlineMs = performance.now() + this.#door.idleMs;
  }

  drained(): void {
    if (this.#pipe !== undefined) {
      this.#pipe.outerDrained();
      return;
    }
    const unsent = this.#unsent;
    if (unsent === undefined || this.#isClosed) return;
    const taken = Math.max(0, this.#wire.write(unsent));
    if (taken < unsent.length) {
      if (taken > 0) this.#keep(unsent.subarray(taken));
      return;
    }
    this.#unsent = undefined;
    const drained = this.#drained;
    this.#drained = undefined;
    if (this.#isLast) {
      this.#shutDown();
      return;
    }
    if (this.#request === undefined) this.deadlineMs = performance.now() + this.#door.idleMs;
    else if (this.#request.isBodyWhole) this.deadlineMs = Number.POSITIVE_INFINITY;
    else this.#awaitBody();
    drained?.();
    this.#goOn();
  }

  // --- ending

  /** The last answer is written: the client is told, and read to its end for a while, so that it gets the answer (RFC 9112 9.6). */
  #finish(): void {
    this.#isLast = true;
    this.#ahead = undefined;
    this.#resume();
    if (this.#unsent === undefined) this.#shutDown();
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
    if (this.#isLast || this.#unsent !== undefined) this.breakOff();
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
    this.#unsent = undefined;
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

/** What is forwarded is a path and a query (RFC 9112 3.2.1, 3.2.2). What is wrong with the target; "" for nothing. */
function toOriginForm(): string {
  const { target } = head;
  // The method is HTTP/2's own (RFC 9113 11.6), so that nobody takes that for a request.
  if (head.method === "PRI") return "PRI is no method.";
  if (target.charCodeAt(0) === 47 || head.method === "CONNECT") return "";
  const found = /^http:\/\/([^/?#]*)([^#]*)$/i.exec(target);
  if (found === null) return "A target is a path, or begins with http:// and the name in Host.";
  const [, authority = "", rest = ""] = found;
  if (authority.toLowerCase() !== head.get("host")?.toLowerCase())
    return "The request line and Host do not say the same.";
  head.target = rest.startsWith("/") ? rest : `/${rest}`;
  return "";
}

function wireOf(ready: PreparedAnswer): Uint8Array {
  let text = `HTTP/1.1 ${ready.status} ${ready.statusText || (STATUS_CODES[ready.status] ?? "")}\r\n`;
  for (const [name, value] of ready.fields) text += `${name}: ${value}\r\n`;
  if (ready.length >= 0) text += `content-length: ${ready.length}\r\n`;
  const wire = Buffer.from(text, "latin1");
  ready.wire = wire;
  return wire;
}

/** An IPv4 client of a socket that takes both is "::ffff:192.0.2.1". */
function plain(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
