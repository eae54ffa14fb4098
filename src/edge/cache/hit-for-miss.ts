/**
 * Addresses whose last answer could not be shared: those who ask next go to the origin side by side, instead of waiting
 * one after the other for answers that turn out not to be theirs.
 */

const keysMax = 10_000;

export class HitForMiss {
  readonly #untilMs = new Map<string, number>();

  mark(key: string, untilMs: number): void {
    this.#untilMs.delete(key);
    if (this.#untilMs.size >= keysMax) {
      const oldest = this.#untilMs.keys().next().value;
      if (oldest !== undefined) this.#untilMs.delete(oldest);
    }
    this.#untilMs.set(key, untilMs);
  }

  has(key: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#untilMs.delete(key);
    return false;
  }

  clear(key: string): void {
    this.#untilMs.delete(key);
  }
}
