/**
 * Room time at one edge: a clock that is never ahead of time. It takes the line's time when that is later than its own reckoning, and goes on with the
 * edge's monotonic clock from there; so it is behind by the way of one answer at most.
 */
export class RoomClock {
  readonly #monotonicMs: () => number;
  #roomMs = 0;
  #atMs = 0;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** 0 until the first answer. */
  now(): number {
    return this.#roomMs === 0 ? 0 : this.#roomMs + Math.max(0, this.#monotonicMs() - this.#atMs);
  }

  /** The line's time as of an answer that has just come. `isTaken`: the line took this edge's own reckoning, so it goes on with that if it is later. */
  told(roomMs: number, isTaken: boolean): void {
    if (isTaken && roomMs <= this.now()) return;
    this.#roomMs = roomMs;
    this.#atMs = this.#monotonicMs();
  }
}
