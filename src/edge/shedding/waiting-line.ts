/**
 * Those who wait for their turn: higher classes first, the oldest first within a class. Bounded; when it is full, one
 * who came last in the lowest class gives way to somebody of a higher one. Every operation takes the same time however
 * many wait. Pure: knows nothing of requests.
 *
 * Oldest first and not newest first: nobody waits for long here, so an answer to the oldest is still wanted, and among
 * people of one kind whoever came first is next.
 */
import type { RouteClass } from "#contract/edge-config.ts";

/** Whoever stands earlier goes first. */
export const classes: readonly RouteClass[] = ["paying", "cart", "product", "browsing", "background"];

export const rankOf: Readonly<Record<RouteClass, number>> = {
  paying: 0,
  cart: 1,
  product: 2,
  browsing: 3,
  background: 4,
};

export type Waiter<Who> = {
  readonly who: Who;
  readonly rank: number;
  readonly sinceMs: number;
  /** In line until it is taken out, by whatever end it meets. */
  isWaiting: boolean;
  before: Waiter<Who> | null;
  after: Waiter<Who> | null;
};

export class WaitingLine<Who> {
  /** How many may wait. Fewer than wait already: they stay, and nobody new comes in. */
  max: number;
  readonly #first: (Waiter<Who> | null)[] = classes.map(() => null);
  readonly #last: (Waiter<Who> | null)[] = classes.map(() => null);
  readonly lengths: number[] = classes.map(() => 0);
  length = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** Into the line; `undefined` when it is full of people who are not behind this one. `displaced` had to give way. */
  enter(
    who: Who,
    rank: number,
    nowMs: number,
  ): { readonly waiter: Waiter<Who>; readonly displaced: Waiter<Who> | null } | undefined {
    let displaced: Waiter<Who> | null = null;
    if (this.length >= this.max) {
      for (let lower = classes.length - 1; lower > rank && displaced === null; lower--)
        displaced = this.#last[lower] ?? null;
      if (displaced === null) return undefined;
      this.leave(displaced);
    }
    const before = this.#last[rank] ?? null;
    const waiter: Waiter<Who> = { who, rank, sinceMs: nowMs, isWaiting: true, before, after: null };
    if (before === null) this.#first[rank] = waiter;
    else before.after = waiter;
    this.#last[rank] = waiter;
    this.lengths[rank] = (this.lengths[rank] ?? 0) + 1;
    this.length++;
    return { waiter, displaced };
  }

  /** False when it had left already. */
  leave(waiter: Waiter<Who>): boolean {
    if (!waiter.isWaiting) return false;
    waiter.isWaiting = false;
    if (waiter.before === null) this.#first[waiter.rank] = waiter.after;
    else waiter.before.after = waiter.after;
    if (waiter.after === null) this.#last[waiter.rank] = waiter.before;
    else waiter.after.before = waiter.before;
    waiter.before = waiter.after = null;
    this.lengths[waiter.rank] = (this.lengths[waiter.rank] ?? 0) - 1;
    this.length--;
    return true;
  }

  /** Whose turn it is, still in line. */
  next(): Waiter<Who> | undefined {
    for (const waiter of this.#first) {
      if (waiter !== null) return waiter;
    }
    return undefined;
  }

  /** Whose patience ends first, when each class has so many milliseconds of it. */
  endsFirst(patienceMs: readonly number[]): Waiter<Who> | undefined {
    let found: Waiter<Who> | undefined;
    let endMs = Number.POSITIVE_INFINITY;
    for (const [rank, waiter] of this.#first.entries()) {
      if (waiter === null) continue;
      const ownMs = waiter.sinceMs + (patienceMs[rank] ?? 0);
      if (ownMs >= endMs) continue;
      found = waiter;
      endMs = ownMs;
    }
    return found;
  }
}
