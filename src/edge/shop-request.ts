/** A request as a shop in the same process is asked it: what the stages made of it, with nothing made that is not looked at. */
import type { LightRequest } from "#kernel/light-request.ts";
import type { Glimpse } from "./exchange.ts";
import type { AllFields, ReceivedRequest } from "./ports.ts";

export class ShopRequest implements LightRequest {
  readonly method: string;
  readonly headers: AllFields;
  readonly whole: Uint8Array<ArrayBuffer> | undefined;
  readonly #exchange: Glimpse;
  readonly #received: Pick<ReceivedRequest, "body" | "signal"> | null;
  #abort: AbortController | undefined;
  #isGone = false;

  /** `received`: undefined for one whose body is `whole`, or that has none. */
  constructor(
    exchange: Glimpse,
    headers: AllFields,
    whole: Uint8Array<ArrayBuffer> | undefined,
    received: Pick<ReceivedRequest, "body" | "signal"> | null,
  ) {
    this.method = exchange.method;
    this.headers = headers;
    this.whole = whole;
    this.#exchange = exchange;
    this.#received = received;
  }

  get url(): string {
    const { scheme, host, target } = this.#exchange;
    return `${scheme}://${host}${target}`;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.method === "GET" || this.method === "HEAD") return null;
    if (this.whole !== undefined) return new Response(this.whole).body;
    return (this.#received?.body ?? null) as ReadableStream<Uint8Array<ArrayBuffer>> | null;
  }

  /** Streams of events end when their reader has gone. */
  get signal(): AbortSignal {
    if (this.#received !== null) return this.#received.signal;
    this.#abort ??= new AbortController();
    if (this.#isGone) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Whoever asked has gone. */
  gone(): void {
    this.#isGone = true;
    this.#abort?.abort();
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return await new Response(this.whole ?? this.body).arrayBuffer();
  }

  async json(): Promise<unknown> {
    return await new Response(this.whole ?? this.body).json();
  }
}
