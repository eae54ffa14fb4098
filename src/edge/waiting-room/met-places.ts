/**
 * The places that an edge has met: those that it gave, and those whose ticket it was shown. What counts is that it met them before the store last
 * answered it: once it is cut off, it lets in nobody without a note who comes to it for the first time.
 */
import { RecentSet } from "./recent-set.ts";

/** Lately met, and as many again perhaps. */
const knownMax = 100_000;

export class MetPlaces {
  readonly #known = new RecentSet(knownMax);
  #sinceAnswer = new Set<number>();

  meet(seq: number): void {
    if (this.#sinceAnswer.size < knownMax && !this.#known.has(seq)) this.#sinceAnswer.add(seq);
  }

  /** The store has answered: whoever was met until now was met before a cut. */
  answered(): void {
    if (this.#sinceAnswer.size === 0) return;
    for (const seq of this.#sinceAnswer) this.#known.add(seq);
    this.#sinceAnswer = new Set();
  }

  has(seq: number): boolean {
    return this.#known.has(seq);
  }
}
