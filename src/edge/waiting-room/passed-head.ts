/**
 * The head of a request as it goes on with somebody's passes, before anything was made of it: what `withPasses` does to an exchange, for the
 * lanes. It lasts as long as the head behind it.
 */
import type { FieldList, RequestHead } from "../ports.ts";
import { listWith, roomField } from "./pass-on.ts";
import { passField } from "./room-places.ts";

export class PassedHead implements RequestHead {
  readonly #head: RequestHead;
  readonly #passes: string;

  /** `passes`: the value of `Spillway-Pass`. */
  constructor(head: RequestHead, passes: string) {
    this.#head = head;
    this.#passes = passes;
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target;
  }

  get(name: string): string | null {
    if (name === passField) return this.#passes;
    return name === roomField ? null : this.#head.get(name);
  }

  has(name: string): boolean {
    return name === passField || (name !== roomField && this.#head.has(name));
  }

  linesWithout(dropped: ReadonlySet<string>): string {
    const lines = this.#head.linesWithout(withOurs(dropped));
    return dropped.has(passField) ? lines : `${lines}${passField}: ${this.#passes}\r\n`;
  }

  kept(): () => FieldList {
    const make = this.#head.kept();
    return () => listWith(make(), this.#passes);
  }

  fields(): FieldList {
    return listWith(this.#head.fields(), this.#passes);
  }
}

/** Of each set of names that is dropped, the same with those that a room takes away; there are a handful. */
const widened = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();

function withOurs(dropped: ReadonlySet<string>): ReadonlySet<string> {
  let all = widened.get(dropped);
  if (all === undefined) {
    all = new Set([...dropped, passField, roomField]);
    widened.set(dropped, all);
  }
  return all;
}
