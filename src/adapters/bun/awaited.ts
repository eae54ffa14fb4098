/** A request that went on as bytes, as its connection sees it: it has no body, and its answer comes in pieces. */
import type { Delivery, Recipient } from "#edge/ports.ts";
import type { Http1Head } from "./http1-head.ts";
import type { Pending } from "./http1-request.ts";

/** The connection that it came by. */
type Client = {
  pass(request: Awaited, bytes: Uint8Array | undefined, isLast: boolean): boolean;
  give(request: Awaited, response: Response): void;
  broke(request: Awaited, error: unknown): void;
  hint(request: Pending, status: number, lines: readonly string[]): void;
};

export class Awaited implements Pending, Recipient {
  readonly minor = 1;
  readonly isBodyWhole = true;
  readonly isHead: boolean;
  isKept: boolean;
  isAnswered = false;
  status = 0;
  lines = "";
  hasDate = false;
  readonly delivery: Delivery;
  readonly #connection: Client;

  constructor(connection: Client, delivery: Delivery, head: Http1Head) {
    this.#connection = connection;
    this.delivery = delivery;
    this.isHead = head.method === "HEAD";
    this.isKept = head.isKept;
  }

  begin(status: number, lines: string, hasDate: boolean): void {
    this.status = status;
    this.lines = lines;
    this.hasDate = hasDate;
  }

  piece(bytes: Uint8Array | undefined, isLast: boolean): boolean {
    return this.#connection.pass(this, bytes, isLast);
  }

  answer(response: Response): void {
    this.#connection.give(this, response);
  }

  broke(error: unknown): void {
    this.#connection.broke(this, error);
  }

  hint(status: number, lines: readonly string[]): void {
    if (!this.isAnswered) this.#connection.hint(this, status, lines);
  }

  /** The client has gone. */
  fail(): void {
    this.delivery.abandon();
  }

  drop(): void {}
  isFull(): boolean {
    return false;
  }
  feed(_bytes: Buffer, from: number): number {
    return from;
  }
}
