/**
 * One room's line as an edge sees it: what the stage asks, and what it is told at once from memory. Behind it stand the store, the
 * reports and the leases; see docs/decisions/2026-11-28-waiting-room.md.
 */
import type { NowServing, Room, SignedNow } from "#contract/waiting-room.ts";

export type Joined =
  | { readonly kind: "joined"; readonly seq: number }
  /** The line cannot be reached: the arrival is noted with its time, and asked again later. */
  | { readonly kind: "unreachable" }
  /** More joins this second than the room takes. */
  | { readonly kind: "too-many" }
  | { readonly kind: "not-open"; readonly phase: NowServing["phase"] };

export type Claimed =
  | { readonly kind: "admitted"; readonly expiresRoomMs: number }
  /** Called, but no admission is free: at the door, for seconds. Ask again. */
  | { readonly kind: "at-the-door" }
  | { readonly kind: "not-called" }
  /** This place has been used: its session is over, or its order placed. */
  | { readonly kind: "used" }
  | { readonly kind: "closed" };

export type Line = {
  /** As last published by this edge; its signed bytes are `document`. */
  readonly now: () => NowServing;
  readonly document: () => { readonly signed: SignedNow; readonly bytes: Uint8Array };
  /** As this edge knows it now; what is published may say "sold-out" where this is "open". */
  readonly phase: () => NowServing["phase"];
  /** `leaf`: 32 bytes for the join log. `arrivedMs`: of one whose arrival was noted while the line was gone. */
  join(leaf: Uint8Array, arrivedMs?: number): Promise<Joined>;
  /** The rank of a number whose ticket was shown here; undefined for an entrant before the draw. */
  rankOf(seq: number): number | undefined;
  /** People ahead who may still come before this rank: holes left out; 0 when called. */
  aheadOf(rank: number): number;
  /** Room time at which it was called; undefined when it was not, or longer ago than is remembered. */
  calledAtMs(rank: number): number | undefined;
  /** Resolves within `waitMs`. The same place twice is the same admission. */
  claim(seq: number, waitMs: number): Promise<Claimed>;
  /**
   * Lets a session that would end at `fromRoomMs` (its pass says so) go on, at most until `untilRoomMs`: gives until when. Undefined: not now, the pass
   * stays as it is; ask again at the next request. Where active shoppers are capped it takes one report until the line has agreed.
   */
  renew(seq: number, fromRoomMs: number, untilRoomMs: number): number | undefined;
  /** Ended early: its room inside is free again, and its pass is worth nothing any more on every edge. */
  release(seq: number): void;
  isReleased(seq: number): boolean;
  /** The place went over to another device: tickets of a lower generation count no more, within a second on every edge that the store answers. */
  move(seq: number, generation: number): void;
  /** As far as is known here; 0 when it never moved. */
  generationOf(seq: number): number;
  /** Whether one may be let in at the floor rate now: only ever true without the store, where failMode is floor. It has then been counted. */
  admitAtFloor(): boolean;
  /** A safety net that stands by counts nobody: how many this edge sees inside, as the stage knows it. */
  inside(count: number): void;
  /** Counts one who was let in beside the line. */
  bypassed(reason: string): void;
  /** Stock as the shop tells it. */
  stock(told: { readonly remaining: number; readonly held: number; readonly sold: number }): void;
  /** An order of a shopper who had been admitted, and its units: for conversion. */
  ordered(units: number): void;
  /** The line's own clock, never ahead of time; see docs/decisions. */
  roomMs(): number;
  /** Whether the store has answered lately. */
  readonly isReachable: () => boolean;
  /** Live changes by the operator, agreed on by all edges. */
  control(change: LineControl): Promise<void>;
  /** Another configuration of the same room and epoch. */
  configure(room: Room): void;
  stats(): LineStats;
  stop(): Promise<void>;
};

/** Of the whole line, as this edge last knew it; for operators. */
export type LineStats = {
  readonly isReachable: boolean;
  readonly edges: number;
  readonly waiting: number;
  readonly atTheDoor: number;
  /** Inside now, as the line counts: never fewer than there are. */
  readonly active: number;
  readonly admittedLastMinute: number;
  /** Since the line began, by all edges. */
  readonly admitted: number;
  /** By this edge since it began, counted as it happened: the most in any 60 seconds, and how many beyond the outflow in theirs. */
  readonly mostInMinute: number;
  readonly beyondOutflow: number;
  readonly outflowPerMinute: number;
  readonly activeMax: number;
  /** Admissions that were granted and came to nothing within the last 60 seconds: the price of edges that were lost. */
  readonly strandedLastMinute: number;
  /** The share of those called who come, as measured. */
  readonly showRate: number;
  /** How often the line has been made again from a checkpoint. */
  readonly resumed: number;
  /** Of this edge: milliseconds since the store last answered. */
  readonly silentMs: number;
  /** Of this edge: milliseconds that its last report took; reports that failed since it began. */
  readonly reportMs: number;
  readonly reportsFailed: number;
  /** Of this edge, since it began: admitted by what it held while it was cut off, so that the place could only be noted later. */
  readonly admittedCutOff: number;
  /** Of those: places that another edge had let in, too, as was found when they were noted. */
  readonly usedTwice: number;
};

export type LineControl = {
  readonly outflowPerMinute?: number;
  readonly activeMax?: number;
  readonly message?: string | null;
  /** null: as the calendar and the signals say. */
  readonly phase?: "open" | "paused" | "draining" | "closed" | null;
};
