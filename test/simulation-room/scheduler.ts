/**
 * Time and order of a simulated room. Whatever any part waits for is an event here; the clock jumps from one to the next, and an event is
 * dealt with when everything that the last one set free has come to rest. So the same dice always give the same run.
 *
 * A process lives from `spawn` to `crash`. What it has sent may arrive after its end; nobody hears the answer.
 */
import type { Dice } from "../simulation/dice.ts";

export type Process = {
  readonly name: string;
  isAlive: boolean;
  /** Until then it does not get the processor. */
  pausedUntilMs: number;
  /** How fast its monotonic clock runs, 1 being right; and what it shows at the world's beginning. */
  readonly rate: number;
  readonly beganMs: number;
  /** What its monotonic clock has slept through, together with its machine. */
  sleptMs: number;
  /** Its wall clock's error. */
  offsetMs: number;
};

type Event = {
  readonly atMs: number;
  readonly tie: number;
  readonly process: Process;
  readonly run: () => unknown;
  isOff: boolean;
};

export const still = Symbol("still");

export const beginningMs = Date.UTC(2026, 10, 27, 8, 59);

export class Scheduler {
  nowMs = beginningMs;
  eventCount = 0;
  readonly dice: Dice;
  readonly story: string[] = [];
  readonly tellsAll: boolean;
  #heap: Event[] = [];
  #told = 0;

  constructor(dice: Dice, tellsAll: boolean) {
    this.dice = dice;
    this.tellsAll = tellsAll;
  }

  spawn(name: string, clock: { rate: number; offsetMs: number } = { rate: 1, offsetMs: 0 }): Process {
    const beganMs = this.dice.whole(1, 10_000_000);
    return { name, isAlive: true, pausedUntilMs: 0, beganMs, sleptMs: 0, ...clock };
  }

  monotonicMs(process: Process): number {
    return process.beganMs + (this.nowMs - beginningMs) * process.rate - process.sleptMs;
  }

  /**
   * Calls back after so long; the answer takes it back. Never, when the process is gone by then. What answers `still` has set nothing free that has
   * to come to rest.
   */
  after(process: Process, ms: number, run: () => unknown): () => void {
    const event: Event = { atMs: this.nowMs + Math.max(0, ms), tie: this.#told++, process, run, isOff: false };
    this.#push(event);
    return () => {
      event.isOff = true;
    };
  }

  note(who: string, text: string): void {
    if (this.tellsAll)
      this.story.push(`${((this.nowMs - beginningMs) / 1000).toFixed(3).padStart(8)}  ${who.padEnd(8)} ${text}`);
  }

  async runUntil(untilMs: number): Promise<void> {
    await settled();
    for (let event = this.#heap[0]; event !== undefined && event.atMs <= untilMs; event = this.#heap[0]) {
      this.#pop();
      if (event.isOff || !event.process.isAlive) continue;
      if (event.process.pausedUntilMs > event.atMs) {
        this.#push({ ...event, atMs: event.process.pausedUntilMs });
        continue;
      }
      this.nowMs = Math.max(this.nowMs, event.atMs);
      this.eventCount += 1;
      if (event.run() !== still) await settled();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.tie < b.tie);

/** Everything that could go on without an event has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
