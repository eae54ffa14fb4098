/**
 * A crowd's connections on Bun's sockets: raw HTTP/1.1, one exchange at a time on each, kept and used again, the last one
 * freed first, so that no more of them are open than the crowd needs.
 *
 * A connection is connecting -> busy -> idle -> busy … -> closed: by either side, after a time limit, or after anything that
 * leaves a doubt about where the next answer would begin.
 */
import type { Socket } from "bun";
import type { Exchange, Wire, WireState } from "#rehearse/ports.ts";
import type { FailureKind } from "#rehearse/result.ts";
import { AnswerReader, type LastHead } from "./crowd-answer.ts";

export type CrowdWireOptions = {
  /** `http://127.0.0.1:8080`; a path is not looked at. */
  readonly url: string;
  readonly trustAnyCertificate: boolean;
  readonly connectionsMax: number;
  /** From the moment that an exchange is sent on its way: waiting for a connection, connecting and the answer. */
  readonly timeoutMs: number;
  /** The crowd's clock, ms. */
  readonly now: () => number;
  /** Called after an answer or a failure was told, for what is due by now. Nothing is sent while it is told. */
  readonly afterwards: (nowMs: number) => void;
};

const waitingMax = 100_000;
/**
 * Connections that are being made at once. A listener's queue holds some hundreds; what it drops comes again a second later, and
 * that second would be the generator's doing. Whoever is not among them takes the first connection that is free or made.
 */
const connectingMax = 256;
/** Servers close what waits; common ones after 5 seconds. What must not be asked twice goes only to a fresher one. */
const idleMs = 4000;
const idleMsIfOnce = 1000;

export class CrowdWire implements Wire {
  readonly #options: CrowdWireOptions;
  readonly #place: { readonly hostname: string; readonly port: number };
  readonly #tls: { readonly serverName: string; readonly rejectUnauthorized: boolean } | undefined;
  readonly #last: LastHead = { text: "", head: undefined };
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #owned = new Map<number, Connection>();
  /** First in, first out; `#waitingFrom` is the first that still waits. */
  #waiting: { exchange: Exchange; deadlineMs: number }[] = [];
  #waitingFrom = 0;
  #openMax = 0;
  #busy = 0;
  #connecting = 0;
  #capped = 0;
  readonly #sweeper: ReturnType<typeof setInterval>;
  #isClosed = false;

  constructor(options: CrowdWireOptions) {
    this.#options = options;
    const url = new URL(options.url);
    const isTls = url.protocol === "https:";
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    this.#place = { hostname, port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port) };
    this.#tls = isTls ? { serverName: hostname, rejectUnauthorized: !options.trustAnyCertificate } : undefined;
    this.#sweeper = setInterval(() => this.#sweep(), Math.max(5, Math.min(50, options.timeoutMs / 4)));
  }

  get state(): WireState {
    return {
      open: this.#all.size,
      openMax: this.#openMax,
      busy: this.#busy,
      waiting: this.#waiting.length - this.#waitingFrom,
      capped: this.#capped,
    };
  }

  send(exchange: Exchange): void {
    this.#dispatch(exchange, this.#options.now() + this.#options.timeoutMs);
  }

  release(owner: number): void {
    this.#owned.get(owner)?.close();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    for (const connection of this.#all) connection.close();
  }

  #dispatch(exchange: Exchange, deadlineMs: number): void {
    const connection = exchange.owner === 0 ? this.#idleOne(exchange.isSafe) : this.#owned.get(exchange.owner);
    if (connection?.isIdle === true) {
      this.#busy += 1;
      connection.use(exchange, deadlineMs);
    } else if (this.#mayConnect()) this.#connect(exchange, deadlineMs);
    else {
      if (this.#all.size >= this.#options.connectionsMax) this.#capped += 1;
      if (this.#waiting.length - this.#waitingFrom >= waitingMax) {
        const text = `${waitingMax} requests wait for a connection already`;
        queueMicrotask(() => exchange.failed("unsent", text, this.#options.now()));
      } else this.#waiting.push({ exchange, deadlineMs });
    }
  }

  #mayConnect(): boolean {
    return this.#all.size < this.#options.connectionsMax && this.#connecting < connectingMax;
  }

  #idleOne(isSafe: boolean): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      if (!connection.isIdle) continue;
      if (connection.mayBeUsed(this.#options.now(), isSafe ? idleMs : idleMsIfOnce)) return connection;
      connection.close();
    }
  }

  #connect(exchange: Exchange, deadlineMs: number): void {
    const connection = new Connection(this, this.#options.now, this.#last, exchange, deadlineMs);
    this.#all.add(connection);
    this.#busy += 1;
    this.#connecting += 1;
    if (this.#all.size > this.#openMax) this.#openMax = this.#all.size;
    if (exchange.owner !== 0) this.#owned.set(exchange.owner, connection);
    const isTls = this.#tls !== undefined;
    Bun.connect<Connection>({
      ...this.#place,
      data: connection,
      ...(this.#tls === undefined ? {} : { tls: this.#tls }),
      socket: isTls ? secureHandlers : handlers,
    }).catch((error: unknown) => connection.connectFailed(error));
  }

  /** Somebody may go on to a new connection, if anybody waits. */
  #connectNext(): void {
    if (this.#isClosed || this.#waitingFrom === this.#waiting.length || !this.#mayConnect()) return;
    const next = this.#nextWaiting();
    if (next !== undefined) this.#connect(next.exchange, next.deadlineMs);
  }

  // What connections call.

  get afterwards(): (nowMs: number) => void {
    return this.#options.afterwards;
  }

  again(exchange: Exchange, deadlineMs: number): void {
    this.#dispatch(exchange, deadlineMs);
  }

  freed(connection: Connection): void {
    this.#busy -= 1;
    if (this.#waitingFrom < this.#waiting.length && connection.owner === 0) {
      const next = this.#nextWaiting();
      if (next !== undefined) {
        this.#busy += 1;
        connection.use(next.exchange, next.deadlineMs);
        return;
      }
    }
    if (connection.owner === 0) this.#idle.push(connection);
  }

  made(): void {
    this.#connecting -= 1;
    this.#connectNext();
  }

  gone(connection: Connection, wasBusy: boolean, wasConnecting: boolean): void {
    this.#all.delete(connection);
    if (wasBusy) this.#busy -= 1;
    if (wasConnecting) this.#connecting -= 1;
    if (connection.owner !== 0 && this.#owned.get(connection.owner) === connection)
      this.#owned.delete(connection.owner);
    this.#connectNext();
  }

  #nextWaiting(): { exchange: Exchange; deadlineMs: number } | undefined {
    const next = this.#waiting[this.#waitingFrom];
    if (next === undefined) return undefined;
    this.#waitingFrom += 1;
    if (this.#waitingFrom > 1024 && this.#waitingFrom * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingFrom);
      this.#waitingFrom = 0;
    }
    return next;
  }

  #sweep(): void {
    const nowMs = this.#options.now();
    for (const connection of this.#all) connection.look(nowMs);
    while ((this.#waiting[this.#waitingFrom]?.deadlineMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const late = this.#nextWaiting();
      late?.exchange.failed("timeout", "no connection became free in its time", nowMs);
    }
  }
}

class Connection {
  readonly owner: number;
  readonly #wire: CrowdWire;
  readonly #now: () => number;
  readonly #answer: AnswerReader;
  #socket: Socket<Connection> | undefined;
  #exchange: Exchange | undefined;
  #deadlineMs: number;
  #unsent: Uint8Array | undefined;
  #served = 0;
  #idleSinceMs = 0;
  #keptMs = idleMs;
  #isClosed = false;
  /** A slow device: what of its budget is used up, and when it reads on. */
  #readFromMs = 0;
  #resumeAtMs = 0;
  #isWholeAt = 0;

  constructor(wire: CrowdWire, now: () => number, last: LastHead, exchange: Exchange, deadlineMs: number) {
    this.#wire = wire;
    this.#now = now;
    this.#answer = new AnswerReader(last);
    this.#exchange = exchange;
    this.#deadlineMs = deadlineMs;
    this.owner = exchange.owner;
  }

  get isIdle(): boolean {
    return this.#exchange === undefined && !this.#isClosed;
  }

  mayBeUsed(nowMs: number, mostMs: number): boolean {
    return nowMs - this.#idleSinceMs < Math.min(mostMs, this.#keptMs);
  }

  opened(socket: Socket<Connection>): void {
    if (this.#isClosed) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    socket.setNoDelay(true);
    this.#write();
    this.#wire.made();
  }

  shookHands(socket: Socket<Connection>, isTrusted: boolean, error: Error | null): void {
    if (isTrusted) this.opened(socket);
    else {
      this.fail("refused", `its certificate is not to be trusted: ${error?.message ?? "unknown"}`);
      socket.terminate();
    }
  }

  connectFailed(error: unknown): void {
    const code = (error as { code?: string }).code ?? String(error);
    if (code === "EMFILE" || code === "ENFILE") this.fail("unsent", "no more files may be opened by this process");
    else this.fail("refused", `no connection: ${code}`);
  }

  use(exchange: Exchange, deadlineMs: number): void {
    this.#exchange = exchange;
    this.#deadlineMs = deadlineMs;
    this.#write();
  }

  #write(): void {
    const exchange = this.#exchange as Exchange;
    const socket = this.#socket as Socket<Connection>;
    this.#answer.begin(exchange.isHead, exchange.keepBytes);
    const nowMs = this.#now();
    exchange.sentAtMs = nowMs;
    this.#readFromMs = nowMs;
    const { request } = exchange;
    const written = socket.write(request);
    if (written < request.length) this.#unsent = request.subarray(Math.max(written, 0));
  }

  drain(): void {
    const unsent = this.#unsent;
    if (unsent === undefined) return;
    const written = Math.max(this.#socket?.write(unsent) ?? 0, 0);
    this.#unsent = written < unsent.length ? unsent.subarray(written) : undefined;
  }

  read(bytes: Buffer): void {
    const exchange = this.#exchange;
    // Nobody asked, or it was given up on: whatever it is, it must not become the next answer.
    if (exchange === undefined) {
      this.close();
      return;
    }
    let isWhole: boolean;
    try {
      isWhole = this.#answer.read(bytes);
    } catch (error) {
      this.fail(
        "malformed",
        `its answer was not understood: ${error instanceof Error ? error.message : String(error)}`,
      );
      return;
    }
    if (exchange.bytesPerSecond === 0) {
      if (isWhole) this.#done(this.#now());
      return;
    }
    const nowMs = this.#now();
    const dueMs = this.#readFromMs + (this.#answer.bytes / exchange.bytesPerSecond) * 1000;
    if (isWhole) {
      if (dueMs <= nowMs) this.#done(nowMs);
      else this.#isWholeAt = dueMs;
    } else if (dueMs > nowMs) {
      this.#resumeAtMs = dueMs;
      this.#socket?.pause();
    }
  }

  #done(nowMs: number): void {
    const exchange = this.#exchange as Exchange;
    const answer = this.#answer;
    this.#exchange = undefined;
    this.#isWholeAt = 0;
    this.#served += 1;
    if (!answer.isKept || this.#unsent !== undefined) {
      exchange.answered(answer, nowMs);
      this.#close(true);
      this.#wire.afterwards(nowMs);
      return;
    }
    this.#idleSinceMs = nowMs;
    if (answer.keptSeconds !== undefined) this.#keptMs = Math.max(0, answer.keptSeconds * 1000 - 500);
    exchange.answered(answer, nowMs);
    this.#wire.freed(this);
    this.#wire.afterwards(nowMs);
  }

  look(nowMs: number): void {
    if (this.#exchange === undefined) {
      if (this.#socket !== undefined && nowMs - this.#idleSinceMs >= 60_000) this.close();
      return;
    }
    if (this.#isWholeAt > 0 && nowMs >= this.#isWholeAt) this.#done(nowMs);
    else if (nowMs >= this.#deadlineMs)
      this.fail("timeout", this.#socket === undefined ? "no connection in its time" : "no answer in its time");
    else if (this.#resumeAtMs > 0 && nowMs >= this.#resumeAtMs) {
      this.#resumeAtMs = 0;
      this.#socket?.resume();
    }
  }

  /** The other side has closed. */
  ended(detail: string): void {
    const exchange = this.#exchange;
    if (this.#isClosed) return;
    if (exchange === undefined) this.#close(false);
    else if (this.#socket === undefined) this.fail("refused", detail);
    else if (this.#isWholeAt > 0 || this.#answer.endsWithConnection) this.#done(this.#now());
    else if (this.#served > 0 && this.#answer.isSilent && exchange.isSafe && exchange.tries === 0) {
      // It was closing this connection before it saw the request, most likely. A new one will tell.
      exchange.tries = 1;
      this.#exchange = undefined;
      this.#close(true);
      this.#wire.again(exchange, this.#deadlineMs);
    } else this.fail("reset", detail);
  }

  fail(kind: FailureKind, detail: string): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#close(exchange !== undefined);
    if (exchange === undefined) return;
    const nowMs = this.#now();
    exchange.failed(kind, detail, nowMs);
    this.#wire.afterwards(nowMs);
  }

  /** Whatever is under way on it is not told any more. */
  close(): void {
    const wasBusy = this.#exchange !== undefined;
    this.#exchange = undefined;
    this.#close(wasBusy);
  }

  #close(wasBusy: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const wasConnecting = this.#socket === undefined;
    this.#socket?.terminate();
    this.#wire.gone(this, wasBusy, wasConnecting);
  }
}

const closedInTheMiddle = "the connection was closed before the answer was whole";

const common = {
  data: (socket: Socket<Connection>, bytes: Buffer) => socket.data.read(bytes),
  drain: (socket: Socket<Connection>) => socket.data.drain(),
  end: (socket: Socket<Connection>) => socket.data.ended(closedInTheMiddle),
  close: (socket: Socket<Connection>, error?: Error) =>
    socket.data.ended(error === undefined ? closedInTheMiddle : `the connection broke: ${error.message}`),
  error: (socket: Socket<Connection>, error: Error) => socket.data.ended(`the connection broke: ${error.message}`),
  connectError: (socket: Socket<Connection>, error: Error) => socket.data.connectFailed(error),
};
const handlers = { ...common, open: (socket: Socket<Connection>) => socket.data.opened(socket) };
const secureHandlers = {
  ...common,
  handshake: (socket: Socket<Connection>, isTrusted: boolean, error: Error | null) =>
    socket.data.shookHands(socket, isTrusted, error),
};
