/**
 * Those who ask for a number at one edge, until they have it or are told that they cannot have one now. Numbers are the line's to give, so they wait for a
 * report and its reply; their leaves go into the log of joins afterwards.
 *
 * waiting -> reported -> joined, or refused
 * Waiting for too long: told that the line cannot be reached. One who was reported meanwhile is late: asked again with the same leaf, it is told its number.
 */
import type { NowServing } from "#contract/waiting-room.ts";
import type { Joined } from "./line.ts";
import type { LineStore } from "./ports.ts";
import type { Reply } from "./state.ts";

/** Joins of one report. */
const joinsMax = 8192;
/** Waiting to be told; beyond it people are told that there are too many. */
const waitingMax = 100_000;
/** A join that got no number for so long is told that the line cannot be reached. */
const joinWaitMs = 1500;
const lateMax = 100_000;

type WaitingJoin = {
  readonly leaf: Uint8Array;
  readonly arrivedMs: number;
  readonly resolve: (joined: Joined) => void;
  readonly askedMs: number;
  /** Has been told that the line cannot be reached, while its report was under way. */
  isLate: boolean;
};

type Options = {
  readonly store: LineStore;
  /** Of this room and epoch in the store. */
  readonly name: string;
  readonly monotonicMs: () => number;
  readonly phase: () => NowServing["phase"];
  readonly onJoined: (seq: number) => void;
};

export class JoinQueue {
  readonly #options: Options;
  #waiting: WaitingJoin[] = [];
  /** Of the report that is under way. */
  #reported: { readonly batch: readonly WaitingJoin[]; readonly leaves: Uint8Array } | undefined;
  readonly #late = new Map<string, { readonly seq: number | undefined }>();
  readonly #leavesToKeep: { readonly at: number; readonly leaves: Uint8Array }[] = [];
  #isKeepingLeaves = false;

  constructor(options: Options) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#waiting.length >= waitingMax;
  }

  /** What one is told who was told too early that the line cannot be reached; undefined for anybody else. */
  late(leaf: Uint8Array): Joined | undefined {
    const late = this.#late.size === 0 ? undefined : this.#late.get(leaf.toHex());
    if (late === undefined) return undefined;
    return late.seq === undefined ? { kind: "unreachable" } : { kind: "joined", seq: late.seq };
  }

  join(leaf: Uint8Array, arrivedMs: number): Promise<Joined> {
    return new Promise((resolve) => {
      this.#waiting.push({ leaf, arrivedMs, resolve, askedMs: this.#options.monotonicMs(), isLate: false });
    });
  }

  /** The leaves of one report, in the order of arrival. */
  toTell(): Uint8Array {
    const all = this.#waiting;
    const batch = all.length <= joinsMax ? all : all.slice(0, joinsMax);
    this.#waiting = all.slice(batch.length);
    if (batch.length > 1) batch.sort((a, b) => a.arrivedMs - b.arrivedMs);
    const leaves = new Uint8Array(batch.length * 32);
    for (let at = 0; at < batch.length; at++) leaves.set((batch[at] as WaitingJoin).leaf, at * 32);
    this.#reported = { batch, leaves };
    return leaves;
  }

  /** The line's answer to those of the last report. */
  hear({ joined }: Reply): void {
    const { batch, leaves } = this.#reported ?? { batch: [], leaves: new Uint8Array() };
    this.#reported = undefined;
    if (batch.length === 0) return;
    if (joined.why === "settling") {
      for (const { isLate, leaf } of batch) if (isLate) this.#late.delete(leaf.toHex());
      this.#waiting = [...batch.filter(({ isLate }) => !isLate), ...this.#waiting];
      this.refuseLate();
      return;
    }
    if (joined.count > 0) {
      this.#leavesToKeep.push({ at: joined.from - 1, leaves: leaves.subarray(0, joined.count * 32) });
      void this.keepLeaves();
    }
    const { phase, onJoined } = this.#options;
    for (let at = 0; at < batch.length; at++) {
      const { resolve, isLate, leaf } = batch[at] as WaitingJoin;
      if (isLate) this.#keepLate(leaf, at < joined.count ? joined.from + at : undefined);
      if (at < joined.count) {
        onJoined(joined.from + at);
        resolve({ kind: "joined", seq: joined.from + at });
      } else resolve(joined.why === "not-open" ? { kind: "not-open", phase: phase() } : { kind: "too-many" });
    }
  }

  /** Nobody waits longer than they should. Whose report is under way may have a number by now, and gets it when they ask again. */
  refuseLate(): void {
    const beforeMs = this.#options.monotonicMs() - joinWaitMs;
    const isDue = (join: WaitingJoin): boolean => join.askedMs <= beforeMs && !join.isLate;
    for (const join of this.#reported?.batch ?? []) {
      if (!isDue(join)) continue;
      join.isLate = true;
      if (this.#late.size < lateMax) this.#late.set(join.leaf.toHex(), { seq: undefined });
      join.resolve({ kind: "unreachable" });
    }
    if (!this.#waiting.some(isDue)) return;
    for (const join of this.#waiting) if (isDue(join)) join.resolve({ kind: "unreachable" });
    this.#waiting = this.#waiting.filter((join) => !isDue(join));
  }

  /** Sends what the log of joins has not got yet. */
  async keepLeaves(): Promise<void> {
    if (this.#isKeepingLeaves) return;
    this.#isKeepingLeaves = true;
    const { store, name } = this.#options;
    try {
      for (let first = this.#leavesToKeep[0]; first !== undefined; first = this.#leavesToKeep[0]) {
        await store.appendLeaves(name, first.at, first.leaves);
        this.#leavesToKeep.shift();
      }
    } catch {
      // With the next report that gets through.
    } finally {
      this.#isKeepingLeaves = false;
    }
  }

  stop(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve({ kind: "unreachable" });
  }

  #keepLate(leaf: Uint8Array, seq: number | undefined): void {
    if (seq === undefined) this.#late.delete(leaf.toHex());
    else this.#late.set(leaf.toHex(), { seq });
  }
}
