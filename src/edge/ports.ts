/** What the edge needs of the world. */

/**
 * Where requests go in the end. It sends what it is given, follows no redirect, decodes no body, and rejects when there is
 * no answer (refused, reset, timed out: `OriginError`). An answer of any status is an answer.
 */
export interface Origin {
  send(request: OriginRequest): Promise<Response>;
  /** The same for what goes as bytes. Absent: it takes none. */
  carry?(freight: Freight): void;
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
  /** Tells the client something before the answer, by an interim one: its status, and its fields as lines without their end. */
  readonly hint?: (status: number, lines: readonly string[]) => void;
};

/** A head as it was read off the wire; its places are read over by the next one, so it is for the moment only. */
export type Head = Fields & {
  /** The lines of all fields but those named, in lower case: as they came, each with its end. */
  linesWithout(dropped: ReadonlySet<string>): string;
  has(name: string): boolean;
};
export type RequestHead = Head & {
  readonly method: string;
  readonly target: string;
  /** Makes all fields of them, whenever that is asked for: when the next head has been read, too. */
  kept(): () => FieldList;
  fields(): FieldList;
};
/** `length`: as Content-Length says, of an answer without a body too; -1 where it says nothing. */
export type AnswerHead = Head & { readonly status: number; readonly length: number };

/**
 * A GET or HEAD on its way to an origin as bytes, and who takes what comes back: either a head and pieces of a body, or a whole
 * `Response` where the answer is an unusual one, or an error. Nothing is awaited, and no `Request`, `Headers` or `Response` made.
 */
export interface Freight {
  readonly isHead: boolean;
  /** "GET /lamps?colour=red HTTP/1.1" and its end. */
  readonly line: string;
  /** The client's Host. */
  readonly host: string;
  /** All other fields, and the empty line. */
  readonly rest: string;
  /** Whoever has it now; set by the origin. */
  carrier: Carrier | undefined;
  /** False: this answer is wanted as a `Response`. Else pieces follow. */
  begins(head: AnswerHead): boolean;
  /** False: no more for now, until the carrier is told to `resume`. */
  piece(bytes: Uint8Array | undefined, isLast: boolean): boolean;
  answered(response: Response): void;
  /** Instead of an answer, or of the rest of one. */
  failed(error: unknown): void;
  hint(status: number, lines: readonly string[]): void;
}

export interface Carrier {
  resume(): void;
  /** Nobody waits for it any more. */
  drop(): void;
}

/** Where the answer of a request goes that is not read as a `Request`. */
export interface Recipient {
  /** `lines`: all fields but Date where `hasDate` is not set, and what belongs to the client's connection. Pieces follow. */
  begin(status: number, lines: string, hasDate: boolean): void;
  /** False: it is slow, and tells its delivery to `resume` when it has room. */
  piece(bytes: Uint8Array | undefined, isLast: boolean): boolean;
  /** Instead, an answer as the stages give it. */
  answer(response: Response): void;
  /** Instead, or in the middle of it: there is no more. */
  broke(error: unknown): void;
  hint(status: number, lines: readonly string[]): void;
}

/** What a recipient may say to whoever brings it its answer. */
export interface Delivery {
  resume(): void;
  /** The client has gone. */
  abandon(): void;
}

/** A connection: makes itself the recipient of one request's answer. */
export interface Client {
  awaits(delivery: Delivery): Recipient;
}

/** An answer that is ready, the same for many requests. Its Content-Length is `length`; -1: it has none. */
export type PreparedAnswer = {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly length: number;
  readonly body: Uint8Array | null;
  /** A place for what the listener made of it. */
  wire: Uint8Array | undefined;
  /** A place for the same with what it says under pressure. */
  underPressure?:
    | { readonly told: readonly (readonly [string, string])[]; readonly answer: PreparedAnswer }
    | undefined;
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
  /**
   * Answers at once from what is ready, by all the rules that the receiver has; or sends the request on as bytes, whose answer the
   * client then awaits; undefined: nothing has happened, ask the receiver. Only for requests without a body, or whose body is here.
   */
  readonly quick?: (
    head: RequestHead,
    scheme: Door["scheme"],
    address: string,
    client?: Client,
    body?: Uint8Array<ArrayBuffer>,
  ) => PreparedAnswer | "awaited" | undefined;
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
