/**
 * An `Origin` on sockets of our own: one upstream, its connections kept and used again, requests written and answers
 * read byte by byte. Bun's `fetch` would do much of it, but adds a User-Agent, has no time limit for connecting or
 * between two pieces of a body, asks again on its own, and lets 256 requests of the whole process through.
 *
 * What is wrong with the request itself (its body's length, its end) is rejected with another error than `OriginError`:
 * the upstream is not to blame.
 *
 * A connection is `connecting`, then `busy` with one exchange, then `idle` in the pool, until it is closed: by either
 * side, after its time, or after anything that leaves a doubt about where the next answer would begin.
 */

import type { Socket } from "bun";
import { type Carrier, FieldList, type Freight, type Origin, OriginError, type OriginRequest } from "#edge/ports.ts";
import { type MayBeWhole, wholeBody } from "#kernel/whole-body.ts";
import { AnswerError, type AnswerHead, ChunkedReader, fillIn, hintOf, parseHead } from "./http1-answer.ts";
import { notPlain, PlainAnswer } from "./plain-answer.ts";

export type SocketOriginOptions = {
  /** `http://10.0.0.7:8080` or `https://shop.example`, without a path. */
  readonly url: string;
  /** Connect there; the URL's host stays the name that its certificate must have. */
  readonly address?: string | undefined;
  /** Whether it sees the client's Host or its own. */
  readonly hostHeader: "client" | "upstream";
  readonly connectionsMax: number;
  readonly connectMs: number;
  /** From the last byte of the request to the answer's head. */
  readonly answerMs: number;
  /** Without a byte of an answer's body, or without the origin taking one of the request's. */
  readonly bodyIdleMs: number;
  /** Certificates to trust besides the well-known ones, PEM. */
  readonly ca?: string;
};

export type SocketOrigin = Required<Origin> & {
  /** True when every connection it may have is busy. */
  isFull(): boolean;
  /** Connections now: those with a request, and those that wait for one. */
  connections(): { readonly busy: number; readonly idle: number };
  /** Closes idle connections at once, others when their answer has been read. */
  close(): void;
};

const headMaxBytes = 65_536;
const interimMax = 32;
/** Servers close what waits; common ones after 5 seconds, and some say nothing about it. */
const idleMs = 4000;
/** What must not be asked twice goes only to a connection that surely still stands. */
const idleMsIfOnce = 500;
/** Body bytes that wait for a slow reader before the origin is told to wait too. */
const waitingMaxBytes = 262_144;

/** Asked again at once when a kept connection turns out to be closed (RFC 9112 9.3.1). */
const idempotent = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
/** Ours to say: how this message is framed on this connection. */
const ours = new Set([
  "host",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "expect",
  "upgrade",
  "te",
]);
const expectsBody = new Set(["POST", "PUT", "PATCH"]);

/** `request`: undefined for what goes as bytes, which is idempotent and has no body. */
const mayBeSentAgain = (request: OriginRequest | undefined, hasSent: boolean): boolean =>
  request === undefined ||
  (request.body === null && !request.signal.aborted && (!hasSent || idempotent.has(request.method)));

/** Heads are written from here. */
const scratch = Buffer.allocUnsafeSlow(65_536);
const plainAnswer = new PlainAnswer();

/** What is sent, and given up by its signal, with whoever waits for it; or what goes as bytes, and is dropped. */
type Exchange = {
  readonly request: OriginRequest | undefined;
  readonly freight: Freight | undefined;
  readonly isHead: boolean;
  readonly waiting:
    | { readonly resolve: (response: Response) => void; readonly reject: (error: unknown) => void }
    | undefined;
  /** Of the kept connection that it was tried on before, if any. */
  readonly isSecondTry: boolean;
};

function resolve({ freight, waiting }: Exchange, response: Response): void {
  waiting?.resolve(response);
  // Not at once: what has come of its body should be in it.
  if (freight !== undefined) queueMicrotask(() => freight.answered(response));
}

function reject({ freight, waiting }: Exchange, error: unknown): void {
  waiting?.reject(error);
  freight?.failed(error);
}

export function createSocketOrigin(options: SocketOriginOptions): SocketOrigin {
  const url = new URL(options.url);
  const isTls = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const place = {
    hostname: options.address ?? hostname,
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
  };
  const name = url.host;
  const all = new Set<Connection>();
  const idle: Connection[] = [];
  let isClosed = false;
  let sweeper: ReturnType<typeof setInterval> | undefined;
  const sweepMs = Math.max(5, Math.min(50, Math.min(options.connectMs, options.answerMs, options.bodyIdleMs) / 4));

  /** One look over all connections now and then costs less than a timer and an abort listener for each request. */
  function sweep(): void {
    const nowMs = performance.now();
    for (const connection of all) connection.look(nowMs);
  }

  class Connection implements Carrier {
    state: "connecting" | "busy" | "idle" | "closed" = "connecting";
    deadlineMs = performance.now() + options.connectMs;
    readonly #socket: Promise<Socket<Connection>> | undefined;
    #open: Socket<Connection> | undefined;
    #exchange: Exchange | undefined;
    #idleSinceMs = 0;
    #keptMs = idleMs;
    #served = 0;
    #hasSent = false;
    /** Bytes of the request that the socket did not take yet, and who waits for it to take more. */
    #unsent: Uint8Array | undefined;
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

    constructor(exchange: Exchange) {
      this.#take(exchange);
      this.#socket = Bun.connect<Connection>({
        ...place,
        data: this,
        ...(isTls ? { tls: { serverName: hostname, ...(options.ca === undefined ? {} : { ca: options.ca }) } } : {}),
        socket: handlers,
      });
      this.#socket.catch((error: unknown) => this.connectFailed(error));
    }

    opened(socket: Socket<Connection>): void {
      if (this.state === "closed") {
        socket.terminate();
        return;
      }
      this.#open = socket;
      socket.setNoDelay(true);
      if (!isTls) this.#start();
    }

    shookHands(isTrusted: boolean, error: Error | null): void {
      if (this.state !== "connecting") return;
      if (isTrusted) this.#start();
      else this.fail(new OriginError("unreachable", false, `${name} has no certificate to trust: ${error?.message}`));
    }

    connectFailed(error: unknown): void {
      const code = (error as { code?: string }).code ?? "";
      const kind = code === "ECONNREFUSED" ? "refused" : "unreachable";
      this.fail(new OriginError(kind, false, `${name} cannot be reached: ${code || String(error)}`, { cause: error }));
    }

    /** From the pool, for one more exchange. */
    use(exchange: Exchange): void {
      this.#take(exchange);
      this.#start();
    }

    #take(exchange: Exchange): void {
      this.#exchange = exchange;
      if (exchange.freight !== undefined) exchange.freight.carrier = this;
    }

    mayBeUsed(nowMs: number, isOnce: boolean): boolean {
      return nowMs - this.#idleSinceMs < (isOnce ? Math.min(idleMsIfOnce, this.#keptMs) : this.#keptMs);
    }

    look(nowMs: number): void {
      const signal = this.#exchange?.request?.signal;
      if (signal?.aborted) this.fail(signal.reason);
      else if (nowMs >= this.deadlineMs) this.#tooLate(nowMs);
    }

    #tooLate(nowMs: number): void {
      switch (this.state) {
        case "connecting":
          this.fail(new OriginError("timeout", false, `${name} took no connection within ${options.connectMs} ms`));
          return;
        case "busy": {
          const isBody = this.#hasHead || !this.#isRequestSent;
          this.fail(
            new OriginError(
              "timeout",
              this.#hasSent,
              isBody
                ? `${name} stood still for ${options.bodyIdleMs} ms`
                : `${name} gave no answer within ${options.answerMs} ms`,
            ),
          );
          return;
        }
        case "idle":
          if (!this.mayBeUsed(nowMs, false)) this.end();
      }
    }

    #start(): void {
      const { request, freight } = this.#exchange as Exchange;
      this.state = "busy";
      this.#hasSent = false;
      this.#isRequestSent = false;
      this.#head = undefined;
      this.#hasHead = false;
      this.#interim = 0;
      if (request === undefined) {
        if (freight === undefined) return;
        const host = options.hostHeader === "upstream" ? name : freight.host;
        this.#writeText(`${freight.line}Host: ${host}\r\n${freight.rest}`);
        if (this.state === "busy") this.#requestSent();
        return;
      }
      const isChunked = request.body !== null && !request.headers.has("content-length");
      this.#writeText(writtenHead(request, isChunked));
      if (this.state !== "busy") return;
      if (request.body === null) this.#requestSent();
      else void this.#send(request.body, isChunked);
    }

    #requestSent(): void {
      this.#isRequestSent = true;
      if (!this.#hasHead) this.deadlineMs = performance.now() + options.answerMs;
    }

    /** The request's body, no faster than the origin takes it, and exactly as long as it said. */
    async #send(body: ReadableStream<Uint8Array>, isChunked: boolean): Promise<void> {
      const exchange = this.#exchange;
      const declared = isChunked ? Number.POSITIVE_INFINITY : Number(exchange?.request?.headers.get("content-length"));
      let sent = 0;
      // While the client has nothing to give, its own limits count.
      this.deadlineMs = Number.POSITIVE_INFINITY;
      try {
        const reader = body.getReader();
        this.#upload = reader;
        while (true) {
          const { done, value } = await reader.read();
          if (this.#exchange !== exchange || this.state !== "busy") return;
          if (done) break;
          if (value.length === 0) continue;
          sent += value.length;
          if (sent > declared) throw new TypeError("The request's body is longer than its Content-Length");
          if (isChunked) this.#write(Buffer.from(`${value.length.toString(16)}\r\n`));
          this.#write(value);
          if (isChunked) this.#write(Buffer.from("\r\n"));
          if (this.#unsent !== undefined) {
            if (!this.#hasHead) this.deadlineMs = performance.now() + options.bodyIdleMs;
            await new Promise<void>((resolve) => {
              this.#drained = resolve;
            });
            if (this.#exchange !== exchange || this.state !== "busy") return;
            if (!this.#hasHead) this.deadlineMs = Number.POSITIVE_INFINITY;
          }
        }
        if (!isChunked && sent !== declared)
          throw new TypeError("The request's body is shorter than its Content-Length");
        if (isChunked) this.#write(Buffer.from("0\r\n\r\n"));
        this.#upload = undefined;
        this.#requestSent();
      } catch (error) {
        this.#upload = undefined;
        if (this.#exchange === exchange) this.fail(error);
      }
    }

    #writeText(text: string): void {
      // As a text it would be written as UTF-8: the bytes above 0x7f that a field may have would become two each.
      if (text.length > scratch.length) {
        this.#write(Buffer.from(text, "latin1"));
        return;
      }
      const length = scratch.write(text, "latin1");
      const taken = Math.max(0, this.#open?.write(scratch, 0, length) ?? 0);
      if (taken > 0) this.#hasSent = true;
      if (taken < length) this.#unsent = Buffer.from(scratch.subarray(taken, length));
    }

    #write(bytes: Uint8Array): void {
      if (this.#unsent !== undefined) {
        this.#unsent = Buffer.concat([this.#unsent, bytes]);
        return;
      }
      const taken = Math.max(0, this.#open?.write(bytes) ?? 0);
      if (taken > 0) this.#hasSent = true;
      if (taken < bytes.length) this.#unsent = bytes.subarray(taken);
    }

    drain(): void {
      const unsent = this.#unsent;
      if (unsent !== undefined) {
        this.#unsent = undefined;
        this.#write(unsent);
      }
      if (this.#unsent === undefined) {
        const drained = this.#drained;
        this.#drained = undefined;
        drained?.();
      }
    }

    read(bytes: Buffer): void {
      if (this.state !== "busy" || !this.#hasSent) {
        // Nobody asked. Whatever it is, it must not become the answer to the next request.
        this.fail(new OriginError("protocol", this.#hasSent, `${name} answered before it was asked`));
        return;
      }
      try {
        if (!this.#hasHead) this.#readHead(bytes);
        else {
          if (!this.#isPaused) this.deadlineMs = performance.now() + options.bodyIdleMs;
          if (this.#freight === undefined) this.#readBody(bytes, 0);
          else this.#passBody(this.#freight, bytes, 0);
        }
      } catch (error) {
        this.fail(
          error instanceof AnswerError
            ? new OriginError("protocol", true, `${name} gave a malformed answer: ${error.message}`, { cause: error })
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
        const exchange = this.#exchange as Exchange;
        const text = bytes.toString("latin1", 0, end);
        const head = parseHead(text, exchange.isHead);
        if (head === undefined) {
          const hint = hintOf(text);
          if (hint !== undefined) (exchange.freight ?? exchange.request?.client)?.hint?.(hint.status, hint.lines);
          if (++this.#interim > interimMax)
            throw new AnswerError(`it begins with more than ${interimMax} interim answers`);
          bytes = bytes.subarray(end + 4);
          if (bytes.length === 0) return;
          continue;
        }
        this.#begin(exchange, head, bytes, end + 4);
        return;
      }
    }

    /** Whether these bytes begin an everyday answer that is wanted as bytes; then it has begun. */
    #passesBytes(bytes: Buffer): boolean {
      const { freight, isHead } = this.#exchange as Exchange;
      if (freight === undefined || this.#partial !== undefined || this.#interim > 0) return false;
      const end = plainAnswer.read(bytes, isHead, headMaxBytes);
      if (end === notPlain || !freight.begins(plainAnswer)) return false;
      this.#hasHead = true;
      this.#isKept = plainAnswer.isKept;
      this.#keptSeconds = plainAnswer.keptSeconds;
      this.#left = plainAnswer.bodyLength;
      this.#freight = freight;
      if (this.#left > bytes.length - end) this.deadlineMs = performance.now() + options.bodyIdleMs;
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

    #begin(exchange: Exchange, head: AnswerHead, bytes: Buffer, from: number): void {
      const { status, framing } = head;
      this.#hasHead = true;
      this.#isKept = head.isKept;
      this.#keptSeconds = head.keptSeconds;
      if (exchange.freight !== undefined) exchange.freight.carrier = undefined;
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
        resolve(exchange, response);
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
      this.deadlineMs = performance.now() + options.bodyIdleMs;
      resolve(exchange, response);
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
      this.deadlineMs = performance.now() + options.bodyIdleMs;
      this.#open?.resume();
    }

    /** The answer is complete. `isMore`: bytes came after it. */
    #done(isMore: boolean): void {
      this.#settle();
      this.#served += 1;
      if (!this.#isRequestSent || this.#unsent !== undefined || isMore || !this.#isKept || isClosed) {
        this.end();
        return;
      }
      this.state = "idle";
      this.#keptMs = this.#keptSeconds === undefined ? idleMs : Math.min(this.#keptSeconds * 1000 - 500, 60_000);
      this.#idleSinceMs = performance.now();
      this.deadlineMs = this.#idleSinceMs + this.#keptMs;
      if (this.#keptMs <= 0) this.end();
      else idle.push(this);
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
      const exchange = this.#exchange;
      const isStale =
        this.state === "busy" &&
        this.#served > 0 &&
        isSilent &&
        exchange?.isSecondTry === false &&
        mayBeSentAgain(exchange.request, this.#hasSent);
      if (isStale && exchange !== undefined) {
        // It had closed this connection before it saw the request, most likely. A new one will tell.
        this.#settle();
        this.end();
        connect({ ...exchange, isSecondTry: true });
        return;
      }
      const sent = this.#hasSent;
      this.fail(
        !this.#hasHead
          ? new OriginError("reset", sent, `${name} closed the connection without an answer`, { cause: error })
          : new OriginError("reset", true, `${name} closed the connection in the middle of its answer`, {
              cause: error,
            }),
      );
    }

    /** No answer, or no more of it: whoever waits for it is told, and the connection is closed. */
    fail(error: unknown): void {
      if (this.state === "closed") return;
      const exchange = this.#exchange;
      const body = this.#hasHead ? this.#body : undefined;
      this.#settle();
      this.end();
      if (body !== undefined) body.error(error);
      else if (exchange !== undefined) reject(exchange, error);
    }

    drop(): void {
      this.#settle();
      this.end();
    }

    /** Closes it, whatever its state. */
    end(): void {
      if (this.state === "closed") return;
      if (this.state === "idle") idle.splice(idle.indexOf(this), 1);
      this.state = "closed";
      this.#settle();
      all.delete(this);
      if (all.size === 0) {
        clearInterval(sweeper);
        sweeper = undefined;
      }
      this.#open?.terminate();
    }

    #settle(): void {
      this.#exchange = undefined;
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
    open: (socket: Socket<Connection>) => socket.data.opened(socket),
    handshake: (socket: Socket<Connection>, isTrusted: boolean, error: Error | null) =>
      socket.data.shookHands(isTrusted, error),
    data: (socket: Socket<Connection>, bytes: Buffer) => socket.data.read(bytes),
    drain: (socket: Socket<Connection>) => socket.data.drain(),
    end: (socket: Socket<Connection>) => socket.data.closed(undefined),
    close: (socket: Socket<Connection>, error?: Error) => socket.data.closed(error),
    error: (socket: Socket<Connection>, error: Error) => socket.data.closed(error),
    connectError: (socket: Socket<Connection>, error: Error) => socket.data.connectFailed(error),
  };

  function connect(exchange: Exchange): void {
    const connection = new Connection(exchange);
    all.add(connection);
    if (sweeper === undefined) {
      sweeper = setInterval(sweep, sweepMs);
      sweeper.unref();
    }
  }

  function writtenHead(request: OriginRequest, isChunked: boolean): string {
    const { headers } = request;
    const host = options.hostHeader === "upstream" ? name : (headers.get("host") ?? name);
    let head = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${host}\r\n`;
    if (headers instanceof FieldList) {
      const { flat } = headers;
      for (let at = 0; at < flat.length; at += 2)
        if (!ours.has(flat[at] as string)) head += `${flat[at]}: ${flat[at + 1]}\r\n`;
    } else for (const [field, value] of headers) if (!ours.has(field)) head += `${field}: ${value}\r\n`;
    if (isChunked) head += "Transfer-Encoding: chunked\r\n";
    else if (request.body !== null) head += `Content-Length: ${headers.get("content-length")}\r\n`;
    else if (expectsBody.has(request.method)) head += "Content-Length: 0\r\n";
    return `${head}\r\n`;
  }

  function begin(exchange: Exchange, isOnce: boolean): void {
    const nowMs = performance.now();
    // The one that waited shortest: the longer ones may go in peace.
    const kept = idle[idle.length - 1];
    if (kept?.mayBeUsed(nowMs, isOnce)) {
      idle.pop();
      kept.use(exchange);
    } else if (all.size - idle.length >= options.connectionsMax) {
      reject(exchange, new OriginError("refused", false, `${name} has its ${options.connectionsMax} connections busy`));
    } else {
      if (all.size >= options.connectionsMax) idle[0]?.end();
      connect(exchange);
    }
  }

  return {
    send(request) {
      // Nothing in it may end the line that it stands on.
      if (/[^!-~]/.test(request.target) || !/^[!-~]+$/.test(request.method))
        return Promise.reject(new TypeError("The method or target has characters that no request may have"));
      if (request.body !== null && !/^\d{1,15}$/.test(request.headers.get("content-length") ?? "0"))
        return Promise.reject(new TypeError("The request's Content-Length is no number"));
      return new Promise((resolve, reject) => {
        const isHead = request.method === "HEAD";
        const waiting = { resolve, reject };
        const exchange: Exchange = { request, freight: undefined, isHead, waiting, isSecondTry: false };
        begin(exchange, request.body !== null || !idempotent.has(request.method));
      });
    },
    carry(freight) {
      const { isHead } = freight;
      begin({ request: undefined, freight, isHead, waiting: undefined, isSecondTry: false }, false);
    },
    isFull: () => all.size - idle.length >= options.connectionsMax,
    connections: () => ({ busy: all.size - idle.length, idle: idle.length }),
    close() {
      isClosed = true;
      for (const connection of [...idle]) connection.end();
    },
  };
}
