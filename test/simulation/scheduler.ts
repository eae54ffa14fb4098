/**
 * Time and order of a simulated run. Whatever any part waits for is an event here, and the dice decide how long each
 * takes; the clock jumps from one event to the next. One event is dealt with at a time, and only when everything that
 * the last one set free has come to rest, so the same dice always give the same run.
 *
 * A process lives from `spawn` to `crash`: then everything that it waited for is dropped, and what it had sent already
 * may still arrive, but nobody hears the answer.
 */
import { createHash } from "node:crypto";
import type { Clock } from "#kernel/clock.ts";
import type { Dice } from "./dice.ts";

export type Process = {
  readonly name: string;
  /** Crashes and stalls befall only these. */
  readonly isMortal: boolean;
  isAlive: boolean;
  /** Its clock's error. */
  offsetMs: number;
  /** Until then it does not get the processor. */
  stalledUntilMs: number;
  /** Resolves when it has crashed: whoever talks to it sees a broken connection. */
  readonly crashed: Promise<void>;
  readonly noteCrash: () => void;
};

type Event = {
  atMs: number;
  /** Among events of the same moment the lower goes first. */
  readonly tie: number;
  readonly process: Process;
  readonly run: () => void | Promise<void>;
  /** `look`: comes back every second to see whether there is work. `round`: comes back as long as the process lives. */
  readonly kind: "event" | "look" | "round";
  /** What was sent already: it happens even if its sender is gone. */
  readonly isSent: boolean;
};

/** What the scheduler must know of the world around it. */
export type Surroundings = {
  /** When the next task of the outbox is due; undefined when there is none. A look before it finds nothing. */
  readonly nextTaskMs: () => Promise<number | undefined>;
  /** Called after every event: the place for trouble. */
  readonly afterEvent: (process: Process) => void;
};

const beginningMs = Date.UTC(2026, 10, 27);

/** As the worker has them: the pause between two looks, and the one between two rounds. */
const lookEveryMs = 1000;
const roundEveryMs = 60_000;

export class Scheduler {
  nowMs = beginningMs;
  readonly trace: string[] = [];
  /** For the whole story: also the looks that found nothing. */
  keepsDull = false;
  readonly dice: Dice;
  eventCount = 0;
  #events: Event[] = [];
  #outside = 0;
  readonly #hash = createHash("sha256");

  constructor(dice: Dice) {
    this.dice = dice;
  }

  spawn(name: string, isMortal: boolean): Process {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { name, isMortal, isAlive: true, offsetMs: 0, stalledUntilMs: 0, crashed: promise, noteCrash: resolve };
  }

  crash(process: Process): void {
    if (!process.isAlive) return;
    this.note(process, "CRASHES");
    process.isAlive = false;
    // What is on the wire may arrive or not; nothing else is left.
    this.#events = this.#events.filter((event) => event.process !== process || (event.isSent && this.dice.chance(0.5)));
    process.noteCrash();
  }

  /** What is dull is not in the trace, but in its hash. */
  note(process: Process | undefined, text: string, isDull = false): void {
    const seconds = ((this.nowMs - beginningMs) / 1000).toFixed(3).padStart(9);
    const line = `${seconds}  ${(process?.name ?? "").padEnd(11)} ${text}`;
    this.#hash.update(line);
    if (!isDull || this.keepsDull) this.trace.push(line);
  }

  /** Of everything that was noted; to be asked once. */
  hash(): string {
    return this.#hash.digest("hex").slice(0, 16);
  }

  /** Calls back after a time; the answer takes it back. Never, when the process is gone by then. */
  after(
    process: Process,
    ms: number,
    run: () => void | Promise<void>,
    more: { readonly kind?: Event["kind"]; readonly isSent?: boolean } = {},
  ): () => void {
    if (!process.isAlive) return () => undefined;
    const event: Event = {
      atMs: this.nowMs + Math.max(ms, 0),
      tie: this.dice.next(),
      process,
      run,
      kind: more.kind ?? "event",
      isSent: more.isSent ?? false,
    };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((other) => other !== event);
    };
  }

  /** Resolves after a time of the world, not of the process's own clock. */
  pause(process: Process, ms: number): Promise<void> {
    return new Promise((resolve) => this.after(process, ms, resolve));
  }

  /** The clock that a process has. It may be wrong, but a sleep takes as long as it should. */
  clockOf(process: Process): Clock {
    return {
      now: () => this.nowMs + process.offsetMs,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted === true) return resolve();
          const kind = !process.isMortal
            ? "event"
            : ms === lookEveryMs
              ? "look"
              : ms === roundEveryMs
                ? "round"
                : "event";
          const cancel = this.after(process, Math.ceil(ms), resolve, { kind });
          signal?.addEventListener(
            "abort",
            () => {
              cancel();
              resolve();
            },
            { once: true },
          );
        }),
    };
  }

  /** Something of the runtime's own that is awaited: nothing else happens until it has come. */
  async outside<Value>(promise: Promise<Value>): Promise<Value> {
    this.#outside += 1;
    return await promise.finally(() => {
      this.#outside -= 1;
    });
  }

  stall(process: Process, ms: number): void {
    process.stalledUntilMs = Math.max(process.stalledUntilMs, this.nowMs + ms);
  }

  /** True when nothing will happen by itself any more but looks and rounds. */
  get isIdle(): boolean {
    return this.#events.every((event) => event.kind !== "event");
  }

  /** Deals with events until `isOver`, which is asked before each of them. */
  async run(surroundings: Surroundings, isOver: () => boolean | Promise<boolean>): Promise<void> {
    for (;;) {
      await this.#settled();
      if (await isOver()) return;
      const event = await this.#next(surroundings);
      if (event === undefined) return;
      this.#events = this.#events.filter((other) => other !== event);
      this.nowMs = Math.max(this.nowMs, this.#whenOf(event));
      this.eventCount += 1;
      await event.run();
      await this.#settled();
      surroundings.afterEvent(event.process);
    }
  }

  /** Everything that could go on without an event has gone on. */
  async #settled(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#outside > 0);
  }

  #whenOf(event: Event): number {
    return event.isSent ? event.atMs : Math.max(event.atMs, event.process.stalledUntilMs);
  }

  #earliest(isWanted: (event: Event) => boolean): Event | undefined {
    let earliest: Event | undefined;
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const event of this.#events) {
      if (!isWanted(event)) continue;
      const atMs = this.#whenOf(event);
      if (atMs < earliestMs || (atMs === earliestMs && earliest !== undefined && event.tie < earliest.tie)) {
        earliest = event;
        earliestMs = atMs;
      }
    }
    return earliest;
  }

  /** Looks that would find nothing are skipped: they are put off until there is something to find. */
  async #next(surroundings: Surroundings): Promise<Event | undefined> {
    const first = this.#earliest(() => true);
    if (first === undefined || first.kind !== "look") return first;
    const taskMs = (await surroundings.nextTaskMs()) ?? Number.POSITIVE_INFINITY;
    if (taskMs <= this.#whenOf(first)) return first;
    const other = this.#earliest((event) => event.kind !== "look");
    const untilMs = Math.min(taskMs, other === undefined ? Number.POSITIVE_INFINITY : this.#whenOf(other));
    if (untilMs === Number.POSITIVE_INFINITY) return undefined;
    for (const event of this.#events) if (event.kind === "look") event.atMs = Math.max(event.atMs, untilMs);
    return this.#earliest(() => true);
  }
}
