/**
 * The line as it is kept: one value of a few kilobytes that all edges of a room change in turn. It begins with the first report of any edge and
 * lives as long as the room's epoch; when its store loses it, it is made again from what an edge knows (checkpoint.ts), under a new `tag`.
 * Times are room time unless they are called otherwise.
 */
import type { RoomPhase } from "#contract/waiting-room.ts";
import type { Frontier } from "./merkle.ts";
import type { Move } from "./moved-places.ts";
import type { Sessions } from "./sessions.ts";
import type { Turns } from "./turns.ts";
import { type AdmissionWindow, totalOf } from "./window.ts";

export type Span = readonly [from: number, to: number];

export type LineState = {
  readonly form: 1;
  readonly epoch: number;
  /** The store's server that it was written to. */
  readonly server: string;
  /** Names this life of the line; another one after each loss. */
  readonly tag: string;
  readonly resumed: number;
  /** Rises with every change within a life. */
  readonly serial: number;
  readonly roomMs: number;
  /** The store's own clock at the last change: good for a bound on how long ago that was, and for nothing else. */
  readonly wallMs: number;
  /** After a loss: what edges know is gathered until then, and nothing is given. */
  readonly settledMs: number;
  /** No admission is granted before. */
  readonly grantsFromMs: number;

  readonly doors: Doors;
  readonly next: number;
  readonly cursor: number;
  /** People called so far: the cursor without holes. */
  readonly called: number;
  /** Ranks that nobody has, ascending, none of them wholly below the cursor. */
  readonly holes: readonly Span[];
  readonly draw: DrawState | null;
  readonly log: Frontier;
  readonly control: ControlState;

  readonly window: AdmissionWindow;
  /** Theoretical arrival times (gcra.ts) of admissions and of joins. */
  readonly admissionsTat: number;
  readonly joinsTat: number;
  readonly sessions: Sessions;
  readonly turns: Turns;
  readonly edges: Readonly<Record<string, EdgeState>>;
  readonly released: Released;
  /** The last places that went over to another device; not there before the first. */
  readonly moved?: readonly Move[];

  readonly admitted: number;
  readonly stranded: AdmissionWindow;
  /** Of `window`: what is counted because nobody knows better, after a loss or at a blind start. */
  readonly assumed: AdmissionWindow;
  readonly bypassed: Readonly<Record<string, number>>;
  readonly orders: number;
  readonly units: number;
  readonly stock: Stock | null;
};

export type Stock = { readonly remaining: number; readonly held: number; readonly sold: number };

/** What calendars and signals have decided; a wall clock that is set back takes none of it back. */
export type Doors = {
  readonly preQueue: boolean;
  readonly open: boolean;
  /** The `closesAt` that has passed. */
  readonly closedAt: string | null;
  /** A safety net: nobody has waited since then. */
  readonly quietSinceMs: number;
};

export type DrawState = {
  readonly seed: string;
  readonly commitment: string;
  /** Set when the doors open: numbers up to `last` drew, but for those in `holes`, which nobody is known to have. */
  readonly drawn: {
    readonly entrants: number;
    readonly last: number;
    readonly holes: readonly Span[];
    readonly root: string;
  } | null;
};

export type ControlState = {
  /** Rises with each change by an operator. */
  readonly serial: number;
  readonly outflowPerMinute: number | null;
  readonly activeMax: number | null;
  /** Undefined: as configured. */
  readonly message?: string | null;
  readonly phase: "open" | "paused" | "draining" | "closed" | null;
};

/** `id`: the number of the report that it was granted to. */
export type Lease = readonly [id: number, count: number, used: number, endsMs: number];

export type EdgeState = {
  readonly report: number;
  readonly reply: Reply;
  readonly seenMs: number;
  /** Of the line, when this edge changed it last. */
  readonly serial: number;
  readonly leases: readonly Lease[];
  readonly door: Door;
  readonly pressure: number;
  readonly inside: number;
};

/** Who stands at an edge's door. `wanted`: for how many of them it has no admission yet; `ranks`: some of theirs, evenly, ascending. */
export type Door = { readonly count: number; readonly wanted: number; readonly ranks: readonly number[] };

/** The last places that were released, for edges that look often enough; `count`: ever. */
export type Released = { readonly count: number; readonly last: readonly number[] };

/** What a report brought. Kept until the next one, so that an answer that was lost can be had again. */
export type Reply = {
  readonly report: number;
  readonly roomMs: number;
  /** Numbers given, from `from` on. Fewer than asked: the rest are too many, or may not join now. */
  readonly joined: { readonly from: number; readonly count: number; readonly why: JoinRefusal | null };
  readonly granted: number;
};

export type JoinRefusal = "settling" | "too-many" | "not-open";

/** Where ranks are counted: holes between two ranks, both excluded or not as the caller says. */
export function holesWithin(holes: readonly Span[], from: number, to: number): number {
  let count = 0;
  for (const [first, last] of holes) {
    if (first > to) break;
    count += Math.max(0, Math.min(last, to) - Math.max(first, from) + 1);
  }
  return count;
}

/** Ahead of a rank and still to be called: 0 when it is called itself. */
export function aheadOf(state: Pick<LineState, "cursor" | "holes">, rank: number): number {
  if (rank <= state.cursor) return 0;
  return rank - 1 - state.cursor - holesWithin(state.holes, state.cursor + 1, rank - 1);
}

/** People who may still be called: numbers given and not called, holes left out. */
export const waitingOf = (state: Pick<LineState, "cursor" | "holes" | "next">): number => aheadOf(state, state.next);

export function phaseOf(state: Pick<LineState, "doors" | "control">, kind: "sale" | "safety-net"): RoomPhase {
  const { doors, control } = state;
  if (control.phase === "closed" || (doors.closedAt !== null && control.phase !== "open")) return "closed";
  if (control.phase !== null) return control.phase;
  if (doors.open) return "open";
  if (kind === "safety-net") return "standby";
  return doors.preQueue ? "pre-queue" : "before";
}

/** As far as is known to have been let in. */
export const admittedLastMinuteOf = ({ window, stranded, assumed }: LineState): number =>
  Math.max(0, totalOf(window) - totalOf(stranded) - totalOf(assumed));
