/** What the edge needs of the world. */

/**
 * Where requests go in the end. It sends what it is given, follows no redirect, decodes no body, and rejects when there is
 * no answer (refused, reset, timed out: `OriginError`). An answer of any status is an answer.
 */
export interface Origin {
  send(request: OriginRequest): Promise<Response>;
}

export type OriginRequest = {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Hop-by-hop fields are gone, `host` and the forwarding fields are set. */
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly signal: AbortSignal;
};

/** Why there is no answer. `sent`: whether the origin may have seen the request. */
export class OriginError extends Error {
  readonly kind: "refused" | "reset" | "timeout" | "unreachable" | "protocol";
  readonly sent: boolean;

  constructor(kind: OriginError["kind"], sent: boolean, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "OriginError";
    this.kind = kind;
    this.sent = sent;
  }
}

/** What a listener knows of a request beside the request itself; one object for all of its requests. */
export interface Door {
  readonly scheme: "http" | "https";
  /** Who is connected: IPv4, or IPv6 without brackets; empty when they have gone. */
  addressOf(request: Request): string;
  /**
   * Joins a request for a WebSocket with the one that it opens at `upstream` (ws or wss). Undefined: it is done, and whatever the
   * stages answer is not sent. A Response: there is no such socket.
   */
  tunnel(request: Request, upstream: URL, headers: Headers): Promise<Response | undefined>;
}

export type Receiver = (request: Request, door: Door) => Response | Promise<Response>;

/** Counters, gauges and histograms as `watch` has them. Labels are written once, by the first call. */
export interface Meter {
  counter(name: string, help: string): (labels: Readonly<Record<string, string>>) => () => void;
  gauge(
    name: string,
    help: string,
    read: () => number | readonly (readonly [Readonly<Record<string, string>>, number])[],
  ): void;
  histogram(name: string, help: string): (labels: Readonly<Record<string, string>>) => (seconds: number) => void;
}
