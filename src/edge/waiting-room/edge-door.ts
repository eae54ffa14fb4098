/**
 * The door at one edge: who was called and has come, and the admissions that this edge holds for them. The lowest rank that waits goes in first.
 *
 * A place is at the door from its claim until it is admitted or nobody has asked for it any more for a while. A lease is held from the reply that
 * grants it until it is used up, given back, or over.
 */
import type { Claimed } from "./line.ts";
import { leaseMs } from "./report.ts";
import type { Door } from "./state.ts";

export type Standing = {
  readonly seq: number;
  readonly rank: number;
  /** The claim book has it as this edge's until then; 0 when it has not. */
  oursUntilMs: number;
  /** An admission is kept for it while it is noted in the claim book. */
  isEntering: boolean;
  /** Another edge has it, or the book could not be reached: not tried again before. */
  notBeforeMs: number;
  /** Until then somebody listens, or is expected to ask again. */
  untilMs: number;
  waiting: ((claimed: Claimed) => void)[];
};

export type HeldLease = {
  readonly id: number;
  readonly count: number;
  used: number;
  /** Kept for those who are being noted. */
  kept: number;
  /** When the report was sent that asked for it: on the monotonic clock, and on the wall's. */
  readonly askedMs: number;
  readonly askedWallMs: number;
  /** Given back: nothing more is used of it. */
  isReturned: boolean;
};

/** Who waited in vain is expected to ask again within this time. */
export const lingersMs = 500;
const standingMax = 200_000;
const ranksTold = 16;
/** A lease that nobody uses is given back so long before its end, so that the line hears of it in time. */
const returnedBeforeMs = 1500;
/** Clocks that run apart, within the few seconds of a lease. */
const earlyMs = 10;

export class EdgeDoor {
  readonly #standing = new Map<number, Standing>();
  #leases: HeldLease[] = [];
  readonly #nowMs: () => number;
  readonly #wallMs: () => number;
  readonly #onGone: (rank: number) => void;

  constructor(options: {
    readonly nowMs: () => number;
    readonly wallMs: () => number;
    /** One who was noted as this edge's has gone away. */
    readonly onGone: (rank: number) => void;
  }) {
    this.#onGone = options.onGone;
    this.#nowMs = options.nowMs;
    this.#wallMs = options.wallMs;
  }

  get count(): number {
    return this.#standing.size;
  }

  at(rank: number): Standing | undefined {
    return this.#standing.get(rank);
  }

  /** Undefined when too many stand here. */
  come(seq: number, rank: number): Standing | undefined {
    if (this.#standing.size >= standingMax) return undefined;
    const standing: Standing = {
      seq,
      rank,
      oursUntilMs: 0,
      isEntering: false,
      notBeforeMs: 0,
      untilMs: this.#nowMs() + lingersMs,
      waiting: [],
    };
    this.#standing.set(rank, standing);
    return standing;
  }

  leave(rank: number): void {
    this.#standing.delete(rank);
  }

  granted(id: number, count: number, askedMs: number, askedWallMs: number): void {
    this.#leases.push({ id, count, used: 0, kept: 0, askedMs, askedWallMs, isReturned: false });
  }

  /** Who goes in next: the lowest ranks of those who wait, with the admission that is kept for each. */
  entering(): [Standing, HeldLease][] {
    const leases = this.#leases.filter((lease) => this.#freeOf(lease) > 0);
    if (leases.length === 0) return [];
    const nowMs = this.#nowMs();
    const ready = [...this.#standing.values()].filter(
      ({ isEntering, notBeforeMs, waiting }) => !isEntering && notBeforeMs <= nowMs && waiting.length > 0,
    );
    ready.sort((a, b) => a.rank - b.rank);
    const entering: [Standing, HeldLease][] = [];
    for (const standing of ready) {
      const lease = leases.find((one) => this.#freeOf(one) > 0);
      if (lease === undefined) break;
      lease.kept += 1;
      standing.isEntering = true;
      entering.push([standing, lease]);
    }
    return entering;
  }

  /** Takes the admission that was kept; false when it is over by now. */
  taken(lease: HeldLease): boolean {
    if (this.#isOver(lease)) return false;
    lease.used += 1;
    return true;
  }

  /** For the next report: what was used, what is given back, and who stands here. */
  told(): { door: Door; used: [number, number][]; returned: number[] } {
    const nowMs = this.#nowMs();
    for (const standing of this.#standing.values()) {
      if (standing.waiting.length > 0 || standing.isEntering || standing.untilMs > nowMs) continue;
      this.#standing.delete(standing.rank);
      if (standing.oursUntilMs > 0) this.#onGone(standing.rank);
    }
    const ranks = [...this.#standing.keys()].sort((a, b) => a - b);
    let spare = -ranks.length;
    for (const { isEntering } of this.#standing.values()) if (isEntering) spare += 1;
    for (const lease of this.#leases) spare += this.#freeOf(lease);
    for (const lease of this.#leases) {
      const free = this.#freeOf(lease);
      if (lease.kept > 0 || (free > spare && nowMs < lease.askedMs + leaseMs - returnedBeforeMs)) continue;
      lease.isReturned = true;
      spare -= free;
    }
    const wanted = Math.max(0, -spare);
    // Those behind the ones for whom there are admissions already.
    const unserved = ranks.slice(ranks.length - wanted);
    return {
      door: { count: ranks.length, wanted, ranks: sampled(unserved) },
      used: this.#leases.map(({ id, used }) => [id, used]),
      returned: this.#leases.filter(({ isReturned }) => isReturned).map(({ id }) => id),
    };
  }

  /** The line has heard of it: what is used up, given back or over need not be told again. */
  heard(told: { readonly used: readonly (readonly [number, number])[]; readonly returned: readonly number[] }): void {
    const totals = new Map(told.used);
    const returned = new Set(told.returned);
    this.#leases = this.#leases.filter(
      (lease) => !returned.has(lease.id) && !(totals.get(lease.id) === lease.count && lease.used === lease.count),
    );
  }

  get held(): number {
    return this.#leases.reduce((sum, lease) => sum + this.#freeOf(lease), 0);
  }

  /** The wall clock is asked too: a machine that was put to sleep has a monotonic clock that slept as well. */
  #isOver({ askedMs, askedWallMs, isReturned }: HeldLease): boolean {
    if (isReturned || this.#nowMs() - askedMs >= leaseMs - earlyMs) return true;
    return this.#wallMs() - askedWallMs >= leaseMs - earlyMs;
  }

  #freeOf(lease: HeldLease): number {
    return this.#isOver(lease) ? 0 : lease.count - lease.used - lease.kept;
  }
}

/** A few, evenly, the lowest among them. */
function sampled(ranks: readonly number[]): number[] {
  if (ranks.length <= ranksTold) return ranks.slice();
  return Array.from({ length: ranksTold }, (_, at) => ranks[Math.floor((at * ranks.length) / ranksTold)] as number);
}
