/**
 * HTTP/1.1 on sockets of our own: what Bun.serve does on a cleartext port, but strict in what it reads, exact in how long anybody may
 * take, and with a way for answers that are ready which costs a third of a Bun.serve handler (docs/decisions/2026-11-23-hot-objects.md).
 *
 * A connection is read in order: a head, its body, and the next head only when the answer has been written; what comes earlier
 * waits, up to a bound. HTTP/2 that begins without asking, and WebSockets, are passed byte for byte to an inner listener on
 * Bun.serve, which knows them.
 */
import type { Door, Receiver } from "#edge/ports.ts";
import { portProblem } from "./http-server.ts";
import { Connection, type Wire } from "./http1-connection.ts";
import { DoorRequest } from "./http1-request.ts";
import type { Piped } from "./inner-pipe.ts";
import { type EdgeListener, type EdgeListenerOptions, quietMs } from "./listener.ts";

const sweepMs = 250;

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
