/**
 * Sessions that are to go on. Each is told to the line, whose count of those inside it changes; where active shoppers are capped it holds only when the line
 * has agreed, so it is asked for, told, and found agreed by a later request of the same session.
 */
import type { Report } from "./report.ts";
import { isRenewed } from "./step.ts";

type Renewal = { readonly seq: number; readonly fromMs: number; readonly untilMs: number };

/** Of one report. */
const toldMax = 512;
const waitingMax = 200_000;
const agreedMax = 100_000;

export class Renewals {
  readonly #waiting: Renewal[] = [];
  /** Of the report that is under way. */
  #reported: readonly Renewal[] = [];
  /** Wait for the line to agree. */
  readonly #asked = new Set<number>();
  /** Until when, by number. */
  readonly #agreed = new Map<number, number>();

  /** Until when it goes on; undefined while it is not agreed. `isFree`: nobody's agreement is needed. */
  renew(seq: number, fromMs: number, untilMs: number, isFree: boolean): number | undefined {
    const agreed = this.#agreed.get(seq);
    if (agreed !== undefined && agreed > fromMs) {
      this.#agreed.delete(seq);
      return agreed;
    }
    if (!this.#asked.has(seq) && this.#waiting.length < waitingMax) {
      this.#waiting.push({ seq, fromMs, untilMs });
      if (!isFree) this.#asked.add(seq);
    }
    return isFree ? untilMs : undefined;
  }

  toTell(): Report["renewals"] {
    this.#reported = this.#waiting.splice(0, toldMax);
    return this.#reported.map(({ fromMs, untilMs }) => [fromMs, untilMs, 1] as const);
  }

  /** The line has heard of those of the last report; `roomMs`: when, in its own time. */
  heard(roomMs: number): void {
    for (const { seq, fromMs, untilMs } of this.#reported) {
      if (!this.#asked.delete(seq) || !isRenewed(fromMs, roomMs)) continue;
      if (this.#agreed.size >= agreedMax) this.#agreed.clear();
      this.#agreed.set(seq, untilMs);
    }
    this.#reported = [];
  }
}
