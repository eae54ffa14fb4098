/**
 * One request to the origin that others wait for. A flight begins when nobody is asking for its key, and others may join until
 * the object is complete; what they get is decided when the head comes.
 */
import type { SharedBody } from "./shared-body.ts";
import type { Stored } from "./stored.ts";

export type Outcome =
  /** It may be used for others with the same selecting fields. `body`: still on its way. */
  | { readonly kind: "shared"; readonly stored: Stored; readonly body: SharedBody | undefined }
  /** The one who asked has an answer that is nobody else's. */
  | { readonly kind: "alone" }
  | { readonly kind: "failed"; readonly error: unknown };

export class Flight {
  readonly outcome: Promise<Outcome>;
  /** How many purges there had been when it began. */
  readonly purges: number;
  /** Known when the head is. */
  tags: readonly string[] | undefined;
  settled: Outcome | undefined;
  #resolve: (outcome: Outcome) => void = () => {};

  constructor(purges: number) {
    this.purges = purges;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  settle(outcome: Outcome): void {
    this.settled ??= outcome;
    this.#resolve(outcome);
  }
}

/** What the one who leads has. `end`: nobody may join any more. */
export type Led = { readonly flight: Flight; readonly end: () => void };
