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
