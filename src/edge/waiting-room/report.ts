/** What an edge tells the line, several times a second. Its number is its name: told twice it is applied once. */
import type { Room } from "#contract/waiting-room.ts";
import type { LineControl } from "./line.ts";
import type { Sha256 } from "./merkle.ts";
import type { Move } from "./moved-places.ts";
import type { Door, LineState, Stock } from "./state.ts";

export type Report = {
  /** Another one after each start. */
  readonly edge: string;
  readonly number: number;
  /** Room time as the edge reckons it; 0 when it has never been told. May be newer when the same report is sent again. */
  readonly roomMs: number;
  /** One leaf of 32 bytes for each who joins, in the order of arrival. */
  readonly leaves: Uint8Array;
  /** Admissions used of each lease so far. */
  readonly used: readonly (readonly [lease: number, total: number])[];
  /** Leases of which no more will be used. */
  readonly returned: readonly number[];
  readonly door: Door;
  /** Came to a door for the first time: a rank of their turn, how long after the call (turns.ts), how many. */
  readonly came: readonly (readonly [rank: number, delayBin: number, count: number])[];
  readonly renewals: readonly (readonly [fromMs: number, untilMs: number, count: number])[];
  readonly ended: readonly (readonly [untilMs: number, count: number])[];
  /** Numbers of places whose pass is worth nothing any more. */
  readonly released: readonly number[];
  /** Places that went over to another device. */
  readonly moved: readonly Move[];
  readonly bypassed: Readonly<Record<string, number>>;
  readonly orders: number;
  readonly units: number;
  readonly stock: Stock | null;
  readonly pressure: number;
  readonly inside: number;
  readonly control: LineControl | null;
  /** The highest number of a ticket that this edge was shown; 0 for none. A line that was lost learns from it. */
  readonly seen: number;
};

/**
 * How long a lease is good, on the edge's clock from the moment it asked. The line waits a little longer before it counts the lease as ended: for clocks
 * that run apart.
 */
export const leaseMs = 4000;
/**
 * How far an edge's reckoning may take room time beyond where it was at that edge's last report, when others have changed the line since. Longer than
 * the pause between two reports; see `bookingMs` in room-time.ts.
 */
export const reckonedMaxMs = 900;
export const leaseGraceMs = 250;

/** What a report meets beside the line. */
export type StepInputs = {
  readonly room: Room;
  readonly joinsPerSecondMax: number;
  readonly server: string;
  /** The store's own clock. */
  readonly wallMs: number;
  /** What the reporting edge knows of the line; null for nothing. */
  readonly known: Known | null;
  /** Whether other processes may know of the line. */
  readonly isShared: boolean;
  /** Names a new life of the line, if this is the beginning of one. */
  readonly newTag: () => string;
  /** Of a draw: 32 bytes, hexadecimal. */
  readonly newSeed: () => string;
  readonly sha256: Sha256;
};

/** The line as an edge last knew it. */
export type Known = {
  readonly state: LineState;
  /** At most so long ago it was the newest. */
  readonly ageMs: number;
};
