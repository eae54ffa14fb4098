/**
 * Places whose pass is worth nothing any more: those that were released here, which the others are told with the next report, and those that stand in the
 * line. An edge that has missed some of the line's looks into the claim book.
 */
import type { ClaimBook } from "./claim-book.ts";
import { RecentSet } from "./recent-set.ts";
import type { Report } from "./report.ts";
import type { LineState } from "./state.ts";

/** Of one report. */
const toldMax = 512;
const waitingMax = 200_000;
/** Lately released, and as many again perhaps. */
const knownMax = 1_000_000;

export class ReleasedPlaces {
  readonly #book: ClaimBook;
  readonly #rankOf: (seq: number) => number | undefined;
  readonly #known = new RecentSet(knownMax);
  readonly #toTell: number[] = [];
  /** Sessions that would have gone on until then. */
  readonly #ended: [untilMs: number, count: number][] = [];
  #tag = "";
  #count = 0;

  constructor(options: { readonly book: ClaimBook; readonly rankOf: (seq: number) => number | undefined }) {
    this.#book = options.book;
    this.#rankOf = options.rankOf;
  }

  /** As this edge knows without a look into the claim book. */
  has(seq: number): boolean {
    return this.#known.has(seq);
  }

  isReleased(seq: number): boolean {
    if (seq === 0) return false;
    if (this.#known.has(seq)) return true;
    const rank = this.#rankOf(seq);
    if (rank === undefined) return false;
    const isReleased = this.#book.isReleased(rank);
    if (isReleased === undefined) this.#book.fetch(rank);
    return isReleased === true;
  }

  release(seq: number): void {
    if (seq === 0 || this.#known.has(seq)) return;
    this.#known.add(seq);
    if (this.#toTell.length < waitingMax) this.#toTell.push(seq);
    const rank = this.#rankOf(seq);
    if (rank === undefined) return;
    void this.#book.release(rank).then((untilMs) => {
      if (untilMs !== undefined && this.#ended.length < waitingMax) this.#ended.push([untilMs, 1]);
    });
  }

  toTell(): Pick<Report, "ended" | "released"> {
    return { ended: this.#ended.splice(0, toldMax), released: this.#toTell.splice(0, toldMax) };
  }

  /** As they stand in the line. */
  hear({ released, tag }: Pick<LineState, "released" | "tag">): void {
    const missed = tag === this.#tag ? released.count - this.#count : Number.POSITIVE_INFINITY;
    if (missed > released.last.length) this.#book.doubt();
    for (const seq of released.last.slice(-Math.min(missed, released.last.length) || released.last.length)) {
      if (missed > 0) this.#known.add(seq);
    }
    this.#tag = tag;
    this.#count = released.count;
  }
}
