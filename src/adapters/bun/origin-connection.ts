/**
 * One connection to an origin, for one errand after the other: a request is written, its answer read byte by byte.
 *
 * A connection is `connecting`, then `busy` with one errand, then `idle` in the pool, until it is closed: by either side, after its
 * time, or after anything that leaves a doubt about where the next answer would begin.
 */

import type { Socket } from "bun";
import { type Carrier, type Freight, OriginError, type OriginRequest } from "#edge/ports.ts";
import { type MayBeWhole, wholeBody } from "#kernel/whole-body.ts";
import { AnswerError, type AnswerHead, ChunkedReader, fillIn, hintOf, parseHead } from "./http1-answer.ts";
import { type Errand, mayBeSentAgain, reject, resolve, writtenHead } from "./origin-errand.ts";
import { upload } from "./origin-upload.ts";
import { Outlet } from "./outlet.ts";
import { notPlain, PlainAnswer } from "./plain-answer.ts";
import type { SocketOriginOptions } from "./socket-origin.ts";
import { readBytes } from "./young-memory.ts";

const headMaxBytes = 65_536;
const interimMax = 32;
/** Servers close what waits; common ones after 5 seconds, and some say nothing about it. */
const idleMs = 4000;
/** What must not be asked twice goes only to a connection that surely still stands. */
const idleMsIfOnce = 500;
/** Body bytes that wait for a slow reader before the origin is told to wait too. */
const waitingMaxBytes = 262_144;

const plainAnswer = new PlainAnswer();

/** All connections to one origin. */
export type OriginPool = {
  readonly options: SocketOriginOptions;
  /** Of the origin, as its URL has it: "shop.internal:8080". */
  readonly name: string;
  readonly place: { readonly hostname: string; readonly port: number };
  /** Undefined: it speaks plainly. */
  readonly tls: { readonly serverName: string; readonly ca?: string } | undefined;
  /** Those that wait for a request, the one that was used last at the end. */
  readonly idle: OriginConnection[];
  /** What ends now is not kept. */
  isClosed: boolean;
  /** Opens another one. */
  connect(errand: Errand): void;
  forget(connection: OriginConnection): void;
};

export class OriginConnection implements Carrier {
  state: "connecting" | "busy" | "idle" | "closed" = "connecting";
  deadlineMs: number;
  readonly #pool: OriginPool;
  readonly #socket: Promise<Socket<OriginConnection>> | undefined;
  #open: Socket<OriginConnection> | undefined;
  #errand: Errand | undefined;
  #idleSinceMs = 0;
  #keptMs = idleMs;
  #served = 0;
  #hasSent = false;
  readonly #outlet = new Outlet(this);
  /** Whoever waits for the socket to take what is in the outlet. */
  #drained: (() => void) | undefined;
  #isRequestSent = false;
  #upload: { cancel(): Promise<void> } | undefined;
  // The answer.
  #partial: Buffer | undefined;
  #interim = 0;
  #hasHead = false;
  /** Of an answer that is read as a `Response`. */
  #head: AnswerHead | undefined;
  #left = 0;
  #chunks: ChunkedReader | undefined;
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Takes the rest of an answer's body as it comes. */
  #freight: Freight | undefined;
  #isKept = true;
  #keptSeconds: number | undefined;
  #isPaused = false;

  constructor(pool: OriginPool, errand: Errand) {
    this.#pool = pool;
    this.deadlineMs = performance.now() + pool.options.connectMs;
    this.#take(errand);
    this.#socket = Bun.connect<OriginConnection>({
      ...pool.place,
      data: this,
      ...(pool.tls === undefined ? {} : { tls: pool.tls }),
      socket: handlers,
    });
    this.#socket.catch((error: unknown) => this.connectFailed(error));
  }

  opened(socket: Socket<OriginConnection>): void {
    if (this.state === "closed") {
      socket.terminate();
      return;
    }
    this.#open = socket;
    socket.setNoDelay(true);
    if (this.#pool.tls === undefined) this.#start();
  }

  shookHands(isTrusted: boolean, error: Error | null): void {
    if (this.state !== "connecting") return;
    if (isTrusted) this.#start();
    else this.fail(this.#trouble("unreachable", false, `has no certificate to trust: ${error?.message}`));
  }

  connectFailed(error: unknown): void {
    const code = (error as { code?: string }).code ?? "";
    const kind = code === "ECONNREFUSED" ? "refused" : "unreachable";
    this.fail(this.#trouble(kind, false, `cannot be reached: ${code || String(error)}`, error));
  }

  #trouble(kind: OriginError["kind"], hasSent: boolean, words: string, cause?: unknown): OriginError {
    return new OriginError(kind, hasSent, `${this.#pool.name} ${words}`, { cause });
  }

  /** From the pool, for one more errand. */
  use(errand: Errand): void {
    this.#take(errand);
    this.#start();
  }

  #take(errand: Errand): void {
    this.#errand = errand;
    if (errand.freight !== undefined) errand.freight.carrier = this;
  }

  mayBeUsed(nowMs: number, isOnce: boolean): boolean {
    return nowMs - this.#idleSinceMs < (isOnce ? Math.min(idleMsIfOnce, this.#keptMs) : this.#keptMs);
  }

  look(nowMs: number): void {
    const signal = this.#errand?.request?.signal;
    if (signal?.aborted) this.fail(signal.reason);
    else if (nowMs >= this.deadlineMs) this.#tooLate(nowMs);
  }

  #tooLate(nowMs: number): void {
    const { connectMs, answerMs, bodyIdleMs } = this.#pool.options;
    switch (this.state) {
      case "connecting":
        this.fail(this.#trouble("timeout", false, `took no connection within ${connectMs} ms`));
        return;
      case "busy": {
        const isBody = this.#hasHead || !this.#isRequestSent;
        const words = isBody ? `stood still for ${bodyIdleMs} ms` : `gave no answer within ${answerMs} ms`;
        this.fail(this.#trouble("timeout", this.#hasSent, words));
        return;
      }
      case "idle":
        if (!this.mayBeUsed(nowMs, false)) this.end();
    }
  }

  #start(): void {
    const { request, freight } = this.#errand as Errand;
    const { options, name } = this.#pool;
    this.state = "busy";
    this.#hasSent = false;
    this.#isRequestSent = false;
    this.#head = undefined;
    this.#hasHead = false;
    this.#interim = 0;
    if (request === undefined) {
      if (freight === undefined) return;
      const host = options.hostHeader === "upstream" ? name : freight.host;
      this.#outlet.writeText(`${freight.line}Host: ${host}\r\n${freight.rest}`, undefined, undefined);
      if (this.state === "busy") this.#requestSent();
      return;
    }
    const isChunked = request.body !== null && !request.headers.has("content-length");
    const host = options.hostHeader === "upstream" ? name : (request.headers.get("host") ?? name);
    this.#outlet.writeText(writtenHead(request, isChunked, host), undefined, undefined);
    if (this.state !== "busy") return;
    if (request.body === null) this.#requestSent();
    else void this.#send(request, request.body, isChunked);
  }

  #requestSent(): void {
    this.#isRequestSent = true;
    if (!this.#hasHead) this.deadlineMs = performance.now() + this.#pool.options.answerMs;
  }

  async #send(request: OriginRequest, body: ReadableStream<Uint8Array>, isChunked: boolean): Promise<void> {
    const errand = this.#errand;
    const isWanted = (): boolean => this.#errand === errand && this.state === "busy";
    // While the client has nothing to give, its own limits count.
    this.deadlineMs = Number.POSITIVE_INFINITY;
    try {
      const reader = body.getReader();
      this.#upload = reader;
      const length = isChunked ? undefined : Number(request.headers.get("content-length"));
      const taken = (bytes: Uint8Array) => (this.#outlet.write(bytes) ? undefined : this.#taken());
      if (!(await upload(reader, length, { isWanted, taken }))) return;
      this.#upload = undefined;
      this.#requestSent();
    } catch (error) {
      this.#upload = undefined;
      if (this.#errand === errand) this.fail(error);
    }
  }

  /** Until the origin has taken what was written. */
  async #taken(): Promise<void> {
    if (!this.#hasHead) this.deadlineMs = performance.now() + this.#pool.options.bodyIdleMs;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    if (!this.#hasHead && this.state === "busy") this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** For the outlet: what the socket takes of it. */
  write(bytes: Uint8Array, offset?: number, length?: number): number {
    const socket = this.#open;
    const taken = (offset === undefined ? socket?.write(bytes) : socket?.write(bytes, offset, length)) ?? 0;
    if (taken > 0) this.#hasSent = true;
    return taken;
  }

  drain(): void {
    this.#outlet.flush();
    if (!this.#outlet.isEmpty) return;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  read(bytes: Buffer): void {
    if (this.state !== "busy" || !this.#hasSent) {
      // Nobody asked. Whatever it is, it must not become the answer to the next request.
      this.fail(this.#trouble("protocol", this.#hasSent, "answered before it was asked"));
      return;
    }
    try {
      if (!this.#hasHead) this.#readHead(bytes);
      else {
        if (!this.#isPaused) this.deadlineMs = performance.now() + this.#pool.options.bodyIdleMs;
        if (this.#freight === undefined) this.#readBody(bytes, 0);
        else this.#passBody(this.#freight, bytes, 0);
      }
    } catch (error) {
      this.fail(
        error instanceof AnswerError
          ? this.#trouble("protocol", true, `gave a malformed answer: ${error.message}`, error)
          : error,
      );
    }
  }

  #readHead(more: Buffer): void {
    if (this.#passesBytes(more)) return;
    let bytes = this.#partial === undefined ? more : Buffer.concat([this.#partial, more]);
    this.#partial = undefined;
    while (true) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end > headMaxBytes || (end < 0 && bytes.length > headMaxBytes))
        throw new AnswerError(`its head is longer than ${headMaxBytes} bytes`);
      if (end < 0) {
        // What cannot become a head is not waited for.
        if (!"HTTP/1.".startsWith(bytes.toString("latin1", 0, Math.min(7, bytes.length))))
          throw new AnswerError("it does not begin with a status line");
        this.#partial = bytes;
        return;
      }
      const errand = this.#errand as Errand;
      const text = bytes.toString("latin1", 0, end);
      const head = parseHead(text, errand.isHead);
      if (head === undefined) {
        const hint = hintOf(text);
        if (hint !== undefined) (errand.freight ?? errand.request?.client)?.hint?.(hint.status, hint.lines);
        if (++this.#interim > interimMax)
          throw new AnswerError(`it begins with more than ${interimMax} interim answers`);
        bytes = bytes.subarray(end + 4);
        if (bytes.length === 0) return;
        continue;
      }
      this.#begin(errand, head, bytes, end + 4);
      return;
    }
  }

  /** Whether these bytes begin an everyday answer that is wanted as bytes; then it has begun. */
  #passesBytes(bytes: Buffer): boolean {
    const { freight, isHead } = this.#errand as Errand;
    if (freight === undefined || this.#partial !== undefined || this.#interim > 0) return false;
    const end = plainAnswer.read(bytes, isHead, headMaxBytes);
    if (end === notPlain || !freight.begins(plainAnswer)) return false;
    this.#hasHead = true;
    this.#isKept = plainAnswer.isKept;
    this.#keptSeconds = plainAnswer.keptSeconds;
    this.#left = plainAnswer.bodyLength;
    this.#freight = freight;
    if (this.#left > bytes.length - end) this.deadlineMs = performance.now() + this.#pool.options.bodyIdleMs;
    this.#passBody(freight, bytes, end);
    return true;
  }

  #passBody(freight: Freight, bytes: Buffer, from: number): void {
    const end = Math.min(bytes.length, from + this.#left);
    this.#left -= end - from;
    const piece = end > from ? bytes.subarray(from, end) : undefined;
    if (this.#left === 0) {
      // Free first: whoever takes the end may ask the next.
      this.#done(bytes.length > end);
      freight.piece(piece, true);
    } else if (piece !== undefined && !freight.piece(piece, false)) this.#pause();
  }

  #begin(errand: Errand, head: AnswerHead, bytes: Buffer, from: number): void {
    const { status, framing } = head;
    this.#hasHead = true;
    this.#isKept = head.isKept;
    this.#keptSeconds = head.keptSeconds;
    if (errand.freight !== undefined) errand.freight.carrier = undefined;
    const isWhole = framing === "none" || (framing === "length" && bytes.length - from >= head.length);
    if (isWhole) {
      // The whole answer is here, as most are: no stream is needed.
      const end = from + head.length;
      const body = framing === "none" ? null : bytes.subarray(from, end);
      const response: MayBeWhole = new Response(body, status === 200 ? undefined : { status });
      if (body !== null) response[wholeBody] = body;
      fillIn(response.headers, head.fields);
      this.#head = head;
      this.#done(bytes.length > end);
      resolve(errand, response);
      return;
    }
    let body: ReadableStreamDefaultController<Uint8Array> | undefined;
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          body = controller;
        },
        pull: () => this.resume(),
        cancel: () => this.end(),
      },
      { highWaterMark: waitingMaxBytes, size: (piece) => piece?.byteLength ?? 0 },
    );
    const response = new Response(stream, { status });
    fillIn(response.headers, head.fields);
    this.#head = head;
    this.#left = head.length;
    this.#body = body;
    if (framing === "chunked") this.#chunks = new ChunkedReader();
    this.deadlineMs = performance.now() + this.#pool.options.bodyIdleMs;
    resolve(errand, response);
    if (bytes.length > from) this.#readBody(bytes, from);
  }

  #readBody(bytes: Buffer, from: number): void {
    const body = this.#body as ReadableStreamDefaultController<Uint8Array>;
    if (this.#chunks !== undefined) {
      const pieces: Uint8Array[] = [];
      const end = this.#chunks.read(bytes, from, pieces);
      for (const piece of pieces) body.enqueue(piece);
      if (end >= 0) {
        this.#done(end < bytes.length);
        body.close();
        return;
      }
    } else if (this.#head?.framing === "length") {
      const piece = bytes.subarray(from, from + this.#left);
      this.#left -= piece.length;
      body.enqueue(piece);
      if (this.#left === 0) {
        this.#done(bytes.length > from + piece.length);
        body.close();
        return;
      }
    } else body.enqueue(bytes.subarray(from));
    if ((body.desiredSize ?? 0) <= 0) this.#pause();
  }

  #pause(): void {
    if (this.#isPaused || this.state !== "busy") return;
    this.#isPaused = true;
    // Whoever reads is slow, not the origin.
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#open?.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.state !== "busy") return;
    this.#isPaused = false;
    this.deadlineMs = performance.now() + this.#pool.options.bodyIdleMs;
    this.#open?.resume();
  }

  /** The answer is complete. `isMore`: bytes came after it. */
  #done(isMore: boolean): void {
    this.#settle();
    this.#served += 1;
    if (!this.#isRequestSent || !this.#outlet.isEmpty || isMore || !this.#isKept || this.#pool.isClosed) {
      this.end();
      return;
    }
    this.state = "idle";
    this.#keptMs = this.#keptSeconds === undefined ? idleMs : Math.min(this.#keptSeconds * 1000 - 500, 60_000);
    this.#idleSinceMs = performance.now();
    this.deadlineMs = this.#idleSinceMs + this.#keptMs;
    if (this.#keptMs <= 0) this.end();
    else this.#pool.idle.push(this);
  }

  /** The other side ended: cleanly (`error` undefined), or not. */
  closed(error: Error | undefined): void {
    if (this.state === "closed") return;
    const body = this.#body;
    const isWhole =
      error === undefined &&
      this.#isRequestSent &&
      (this.#head?.framing === "close" || this.#chunks?.hasWholeBody === true);
    if (this.state === "busy" && body !== undefined && isWhole) {
      this.#settle();
      this.end();
      body.close();
      return;
    }
    const isSilent = !this.#hasHead && this.#partial === undefined && this.#interim === 0;
    const errand = this.#errand;
    const isStale =
      this.state === "busy" &&
      this.#served > 0 &&
      isSilent &&
      errand?.isSecondTry === false &&
      mayBeSentAgain(errand.request, this.#hasSent);
    if (isStale && errand !== undefined) {
      // It had closed this connection before it saw the request, most likely. A new one will tell.
      this.#settle();
      this.end();
      this.#pool.connect({ ...errand, isSecondTry: true });
      return;
    }
    const sent = this.#hasSent;
    this.fail(
      !this.#hasHead
        ? this.#trouble("reset", sent, "closed the connection without an answer", error)
        : this.#trouble("reset", true, "closed the connection in the middle of its answer", error),
    );
  }

  /** No answer, or no more of it: whoever waits for it is told, and the connection is closed. */
  fail(error: unknown): void {
    if (this.state === "closed") return;
    const errand = this.#errand;
    const body = this.#hasHead ? this.#body : undefined;
    this.#settle();
    this.end();
    if (body !== undefined) body.error(error);
    else if (errand !== undefined) reject(errand, error);
  }

  drop(): void {
    this.#settle();
    this.end();
  }

  /** Closes it, whatever its state. */
  end(): void {
    if (this.state === "closed") return;
    if (this.state === "idle") this.#pool.idle.splice(this.#pool.idle.indexOf(this), 1);
    this.state = "closed";
    this.#settle();
    this.#pool.forget(this);
    this.#outlet.forget();
    this.#open?.terminate();
  }

  #settle(): void {
    this.#errand = undefined;
    this.#freight = undefined;
    this.#body = undefined;
    this.#chunks = undefined;
    this.#partial = undefined;
    this.#isPaused = false;
    const upload = this.#upload;
    this.#upload = undefined;
    upload?.cancel().catch(() => undefined);
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }
}

const handlers = {
  open: (socket: Socket<OriginConnection>) => socket.data.opened(socket),
  handshake: (socket: Socket<OriginConnection>, isTrusted: boolean, error: Error | null) =>
    socket.data.shookHands(isTrusted, error),
  data: (socket: Socket<OriginConnection>, bytes: Buffer) => {
    readBytes(bytes.length);
    socket.data.read(bytes);
  },
  drain: (socket: Socket<OriginConnection>) => socket.data.drain(),
  end: (socket: Socket<OriginConnection>) => socket.data.closed(undefined),
  close: (socket: Socket<OriginConnection>, error?: Error) => socket.data.closed(error),
  error: (socket: Socket<OriginConnection>, error: Error) => socket.data.closed(error),
  connectError: (socket: Socket<OriginConnection>, error: Error) => socket.data.connectFailed(error),
};
