/**
 * What an edge has really let in, counted when it happens and apart from the line's own bookkeeping, so that the one can be held against the
 * other: how many in all, the most in any 60 seconds, and how many beyond what was allowed then.
 *
 * A minute begins at each hundredth of a second here: each of these is a true minute, so that nothing is called too many that was not.
 */
const stepMs = 10;
const windowMs = 60_000;
const steps = windowMs / stepMs;
/** An admission may be used so long after it was granted, and then belongs to the outflow of the grant. */
const leasedMs = 5000;
const outflowsMax = 1000;

export class AdmissionRecord {
  readonly #counts = new Uint32Array(steps);
  #step = 0;
  #inWindow = 0;
  /** Falling: each is the greatest outflow from its moment on. `untilMs`: when it was last in force. */
  #outflows: { perMinute: number; untilMs: number }[] = [];
  total = 0;
  mostInMinute = 0;
  beyond = 0;

  /** The outflow that is in force at `nowMs`, monotonic. */
  allows(perMinute: number, nowMs: number): void {
    this.#outflows = this.#outflows.filter(
      (one) => one.perMinute > perMinute && nowMs - one.untilMs <= windowMs + leasedMs,
    );
    if (this.#outflows.length < outflowsMax) this.#outflows.push({ perMinute, untilMs: nowMs });
  }

  admitted(nowMs: number): void {
    const step = Math.floor(nowMs / stepMs);
    if (step - this.#step >= steps) {
      this.#counts.fill(0);
      this.#inWindow = 0;
      this.#step = step;
    }
    for (; this.#step < step; this.#step++) {
      const slot = (this.#step + 1) % steps;
      this.#inWindow -= this.#counts[slot] as number;
      this.#counts[slot] = 0;
    }
    this.#counts[step % steps] = (this.#counts[step % steps] as number) + 1;
    this.#inWindow += 1;
    this.total += 1;
    this.mostInMinute = Math.max(this.mostInMinute, this.#inWindow);
    const allowed = this.#outflows[0]?.perMinute;
    if (allowed !== undefined && this.#inWindow > allowed) this.beyond += 1;
  }
}
