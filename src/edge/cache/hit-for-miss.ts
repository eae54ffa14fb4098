/**
 * Addresses whose last answer could not be shared: those who ask next go to the origin side by side, instead of waiting
 * one after the other for answers that turn out not to be theirs.
 */

/** Of all keys together: beyond it the first that were marked are forgotten. */
const charactersMax = 2_000_000;

export const unsharedMs = 10_000;
/** After an error, which may be over soon. */
export const unsharedErrorMs = 1000;

export class HitForMiss {
  readonly #untilMs = new Map<string, number>();
  #characters = 0;

  mark(key: string, untilMs: number): void {
    this.clear(key);
    this.#untilMs.set(key, untilMs);
    this.#characters += key.length;
    if (this.#characters <= charactersMax) return;
    for (const oldest of this.#untilMs.keys()) {
      if (this.#characters <= charactersMax) break;
      this.clear(oldest);
    }
  }

  /** Its last answer had this status, and could not be shared. */
  markFor(key: string, status: number, nowMs: number): void {
    this.mark(key, nowMs + (status >= 500 ? unsharedErrorMs : unsharedMs));
  }

  has(key: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.clear(key);
    return false;
  }

  clear(key: string): void {
    if (this.#untilMs.delete(key)) this.#characters -= key.length;
  }
}
