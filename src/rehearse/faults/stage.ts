/**
 * One toxic at work on one direction of one connection: a bounded line of chunks, the rule that decides on its head, and
 * the timer that the rule asks for. Nothing is taken from the one before while the line is full, so a slow end holds
 * back the fast one, as without a proxy.
 *
 * open -> closed (by the sender's end, or by the toxic); what still comes then is dropped
 */
import type { Clock, Random } from "#kernel/clock.ts";
import { type Behaviour, behaviourOf, type Chunk, type Memory, type Turn, withoutEffect } from "./behaviour.ts";
import type { Toxic } from "./toxic.ts";

/** What a stage hands its chunks to: the next one, or the socket at the end. */
export type Next = {
  hasRoom(): boolean;
  push(chunk: Chunk): void;
  end(): void;
};

export type StageSurroundings = {
  readonly clock: Clock;
  readonly random: Random;
  /** The one before may go on. */
  readonly room: () => void;
  readonly reset: () => void;
};

/** Latency needs a long line: all that is sent within it is on its way. The others hold one chunk. */
const bufferedChunksMax = 1024;
const bufferedBytesMax = 32 * 1024 * 1024;

export class Stage implements Next {
  next: Next;
  toxic: Toxic;
  readonly #surroundings: StageSurroundings;
  readonly #memory: Memory = { bytesPassed: 0 };
  #behaviour: Behaviour;
  #isPlayed = false;
  readonly #line: Chunk[] = [];
  #bytes = 0;
  #hasEnded = false;
  #isClosed = false;
  #isAtWork = false;
  #timer: AbortController | undefined;
  /** The running timer is for the head of the line or the end, not for silence. */
  #isHeld = false;

  constructor(toxic: Toxic, next: Next, surroundings: StageSurroundings) {
    this.toxic = toxic;
    this.next = next;
    this.#surroundings = surroundings;
    this.#behaviour = this.#choose();
  }

  hasRoom(): boolean {
    if (this.#isClosed) return true;
    if (this.toxic.type !== "latency") return this.#line.length === 0;
    return this.#line.length < bufferedChunksMax && this.#bytes < bufferedBytesMax;
  }

  push(chunk: Chunk): void {
    if (this.#isClosed) return;
    this.#line.push(chunk);
    this.#bytes += chunk.data.length;
    this.work();
  }

  end(): void {
    this.#hasEnded = true;
    this.work();
  }

  /** Goes on as far as it can: called when something came, a timer is over, or the next has room again. */
  work(isDue = false): void {
    if (this.#isAtWork || this.#isClosed || (this.#isHeld && !isDue)) return;
    this.#isAtWork = true;
    let due = isDue;
    while (!this.#isClosed) {
      this.#stopTimer();
      const [head] = this.#line;
      if (head === undefined && !this.#hasEnded) {
        if (this.#behaviour.silenceMs !== undefined) this.#startTimer(this.#behaviour.silenceMs, () => this.#close());
        break;
      }
      if (head !== undefined && this.#behaviour.isSink !== true && !this.next.hasRoom()) break;
      const nowMs = this.#surroundings.clock.now();
      const turn = head === undefined ? this.#behaviour.end(due) : this.#behaviour.turn(head, nowMs, due);
      due = false;
      if (!this.#carryOut(turn)) break;
    }
    this.#isAtWork = false;
    if (this.hasRoom()) this.#surroundings.room();
  }

  /** The attributes changed: what is held passes at once, and from there the new rule holds. */
  change(toxic: Toxic): void {
    this.toxic = toxic;
    if (this.#isHeld && this.#behaviour.isSink !== true) this.#passHead();
    this.#stopTimer();
    this.#behaviour = this.#choose();
    this.work();
  }

  /** Gives on what it holds; a timeout that has swallowed data closes the connection instead. */
  remove(): void {
    this.#stopTimer();
    if (this.#isClosed) return;
    if (this.#isPlayed && this.toxic.type === "timeout") {
      this.#close();
      return;
    }
    while (this.#line.length > 0) this.#passHead();
    this.#isClosed = true;
    if (this.#hasEnded) this.next.end();
  }

  /** The connection is gone: nothing passes any more. */
  dispose(): void {
    this.#stopTimer();
    this.#isClosed = true;
    this.#line.length = 0;
    this.#bytes = 0;
  }

  /** Whether the toxic is played on this connection is drawn when it begins and when the toxic is changed. */
  #choose(): Behaviour {
    this.#isPlayed = this.#surroundings.random() < this.toxic.toxicity;
    return this.#isPlayed ? behaviourOf(this.toxic, this.#memory, this.#surroundings.random) : withoutEffect;
  }

  /** False: nothing more can be done now. */
  #carryOut(turn: Turn): boolean {
    switch (turn.kind) {
      case "pass":
        this.#dropHead();
        if (turn.rest !== undefined) {
          this.#line.unshift(turn.rest);
          this.#bytes += turn.rest.data.length;
        }
        this.next.push(turn.chunk);
        return true;
      case "drop":
        this.#dropHead();
        return true;
      case "wait":
        this.#isHeld = true;
        this.#startTimer(turn.ms, () => this.work(true));
        return false;
      case "hold":
        this.#isHeld = true;
        return false;
      case "close":
        if (turn.last !== undefined) this.next.push(turn.last);
        this.#close();
        return false;
      case "reset":
        this.dispose();
        this.#surroundings.reset();
        return false;
    }
  }

  #passHead(): void {
    const [head] = this.#line;
    if (head === undefined) return;
    this.#dropHead();
    this.next.push(head);
  }

  #dropHead(): void {
    this.#bytes -= this.#line.shift()?.data.length ?? 0;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.dispose();
    this.next.end();
  }

  #startTimer(ms: number, over: () => void): void {
    const timer = new AbortController();
    this.#timer = timer;
    void this.#surroundings.clock.sleep(ms, timer.signal).then(() => {
      if (!timer.signal.aborted) over();
    });
  }

  #stopTimer(): void {
    this.#isHeld = false;
    this.#timer?.abort();
    this.#timer = undefined;
  }
}
