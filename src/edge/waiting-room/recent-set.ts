/** Numbers that were met lately: the last ones for certain, as many again perhaps. */
export class RecentSet {
  readonly #max: number;
  #recent = new Set<number>();
  #before = new Set<number>();

  constructor(max: number) {
    this.#max = max;
  }

  has(value: number): boolean {
    return this.#recent.has(value) || this.#before.has(value);
  }

  add(value: number): void {
    if (this.#recent.size >= this.#max) {
      this.#before = this.#recent;
      this.#recent = new Set();
    }
    this.#recent.add(value);
  }
}
