/**
 * An `Origin` on sockets of our own: one upstream, its connections (origin-connection.ts) kept and used again. Bun's `fetch` would do much of it, but adds a User-Agent, has no time limit for connecting or
 * between two pieces of a body, asks again on its own, and lets 256 requests of the whole process through.
 *
 * What is wrong with the request itself (its body's length, its end) is rejected with another error than `OriginError`:
 * the upstream is not to blame.
 */
import { type Origin, OriginError } from "#edge/ports.ts";
import { OriginConnection, type OriginPool } from "./origin-connection.ts";
import { type Errand, idempotent, reject } from "./origin-errand.ts";

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

export function createSocketOrigin(options: SocketOriginOptions): SocketOrigin {
  const url = new URL(options.url);
  const isTls = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const place = {
    hostname: options.address ?? hostname,
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
  };
  const name = url.host;
  const all = new Set<OriginConnection>();
  const idle: OriginConnection[] = [];
  let sweeper: ReturnType<typeof setInterval> | undefined;
  const sweepMs = Math.max(5, Math.min(50, Math.min(options.connectMs, options.answerMs, options.bodyIdleMs) / 4));

  /** One look over all connections now and then costs less than a timer and an abort listener for each request. */
  function sweep(): void {
    const nowMs = performance.now();
    for (const connection of all) connection.look(nowMs);
  }

  const pool: OriginPool = {
    options,
    name,
    place,
    tls: isTls ? { serverName: hostname, ...(options.ca === undefined ? {} : { ca: options.ca }) } : undefined,
    idle,
    isClosed: false,
    connect(errand: Errand): void {
      all.add(new OriginConnection(pool, errand));
      if (sweeper !== undefined) return;
      sweeper = setInterval(sweep, sweepMs);
      sweeper.unref();
    },
    forget(connection: OriginConnection): void {
      all.delete(connection);
      if (all.size > 0) return;
      clearInterval(sweeper);
      sweeper = undefined;
    },
  };

  function begin(errand: Errand, isOnce: boolean): void {
    const nowMs = performance.now();
    // The one that waited shortest: the longer ones may go in peace.
    const kept = idle[idle.length - 1];
    if (kept?.mayBeUsed(nowMs, isOnce)) {
      idle.pop();
      kept.use(errand);
    } else if (all.size - idle.length >= options.connectionsMax) {
      reject(errand, new OriginError("refused", false, `${name} has its ${options.connectionsMax} connections busy`));
    } else {
      if (all.size >= options.connectionsMax) idle[0]?.end();
      pool.connect(errand);
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
        const errand: Errand = { request, freight: undefined, isHead, waiting, isSecondTry: false };
        begin(errand, request.body !== null || !idempotent.has(request.method));
      });
    },
    carry(freight) {
      const { isHead } = freight;
      begin({ request: undefined, freight, isHead, waiting: undefined, isSecondTry: false }, false);
    },
    isFull: () => all.size - idle.length >= options.connectionsMax,
    connections: () => ({ busy: all.size - idle.length, idle: idle.length }),
    close() {
      pool.isClosed = true;
      for (const connection of [...idle]) connection.end();
    },
  };
}
