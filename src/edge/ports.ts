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
  readonly headers: AllFields;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly signal: AbortSignal;
  /** Who is told of an origin's early hints, if anybody. */
  readonly client?: Pick<ReceivedRequest, "hint"> | null;
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

/** Fields that can be looked at: `Headers`, or a head of which none were made yet. */
export type Fields = { get(name: string): string | null };

/** All fields of a request: `Headers`, or a `FieldList`. */
export type AllFields = Fields & { has(name: string): boolean } & Iterable<readonly [string, string]>;

/**
 * Fields as they came, which nobody changes. Making `Headers` of a browser's dozen, copying and reading it takes longer than all else
 * that the edge does with a request; a list of texts takes a tenth of it.
 */
export class FieldList implements AllFields {
  /** Name in lower case, value, name, value, … */
  readonly flat: readonly string[];

  constructor(flat: readonly string[]) {
    this.flat = flat;
  }

  get(name: string): string | null {
    const { flat } = this;
    let found: string | null = null;
    for (let at = 0; at < flat.length; at += 2) {
      if (flat[at] !== name) continue;
      // As `Headers` joins them.
      found = found === null ? (flat[at + 1] as string) : `${found}${name === "cookie" ? "; " : ", "}${flat[at + 1]}`;
    }
    return found;
  }

  has(name: string): boolean {
    const { flat } = this;
    for (let at = 0; at < flat.length; at += 2) if (flat[at] === name) return true;
    return false;
  }

  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    const { flat } = this;
    for (let at = 0; at < flat.length; at += 2) yield [flat[at] as string, flat[at + 1] as string];
  }
}

/** A copy to change. */
export function toHeaders(fields: AllFields): Headers {
  if (fields instanceof Headers) return new Headers(fields);
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

/** What is asked of a received request. A listener of our own has read the target itself, and says so. */
export type ReceivedRequest = Pick<Request, "method" | "url" | "body" | "signal" | "text"> & {
  readonly headers: AllFields;
  readonly target?: string;
  /** The body, where all of it is there already. */
  readonly whole?: Uint8Array<ArrayBuffer> | undefined;
  /** Tells the client before the answer what it will need (103, RFC 8297): values of Link. */
  readonly hint?: (links: readonly string[]) => void;
};

/** A head as it was read off the wire; its places are read over by the next one, so it is for the moment only. */
export type RequestHead = Fields & { readonly method: string; readonly target: string };

/** An answer that is ready, the same for many requests. Its Content-Length is `length`; -1: it has none. */
export type PreparedAnswer = {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly length: number;
  readonly body: Uint8Array | null;
  /** A place for what the listener made of it. */
  wire: Uint8Array | undefined;
};

/** What a listener knows of a request beside the request itself; one object for all of its requests. */
export interface Door {
  readonly scheme: "http" | "https";
  /** Who is connected: IPv4, or IPv6 without brackets; empty when they have gone. */
  addressOf(request: ReceivedRequest): string;
  /**
   * Joins a request for a WebSocket with the one that it opens at `upstream` (ws or wss). Undefined: it is done, and whatever the
   * stages answer is not sent. A Response: there is no such socket.
   */
  tunnel(request: ReceivedRequest, upstream: URL, headers: Headers): Promise<Response | undefined>;
}

export type Receiver = {
  (request: ReceivedRequest, door: Door): Response | Promise<Response>;
  /** Answers at once from what is ready, by all the rules that the receiver has; undefined: nothing has happened, ask the receiver. */
  readonly quick?: (head: RequestHead, scheme: Door["scheme"], address: string) => PreparedAnswer | undefined;
  /** Counts what the listener has refused itself, by status. */
  readonly refused?: (status: number) => void;
};

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
