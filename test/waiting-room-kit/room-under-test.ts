/**
 * What the kit asks of a waiting room, whoever's it is. An adapter does what a shopper or an operator would do and tells what they would see; it knows no
 * inside. What a room has not is left out of `can`: scenarios that need it are reported as not asked, aloud, and not as passed.
 */

export type Capability =
  /** A number of people ahead, and a rank or number that names the place. */
  | "places"
  /** Gives a range of seconds. */
  | "expected-time"
  | "pre-queue"
  | "draw-receipts"
  | "reopen-tab"
  | "move-device"
  | "copy-ticket"
  | "lose-store"
  | "skew-clock"
  | "change-outflow"
  | "stock"
  /** One document for all who wait. */
  | "shared-document";

export type RoomConfig = {
  /** At most so many admitted in any 60 seconds. */
  readonly outflowPerMinute: number;
  /** How long a turn is kept at the front. */
  readonly claimSeconds: number;
  readonly sessionSeconds: number;
  /** Doors open so long after `start`, and who came before takes part in a draw; 0: open at once, first come. */
  readonly opensInSeconds: number;
  /** Whether stock will be told. */
  readonly hasStock: boolean;
};

export type WaitingRoomUnderTest = {
  readonly name: string;
  readonly can: ReadonlySet<Capability>;
  start(config: RoomConfig): Promise<RunningRoom>;
};

/** Whatever an adapter keeps of one shopper: cookies, a ticket. */
export type Shopper = { readonly id: string };

export type Seen = {
  readonly state: "waiting" | "your-turn" | "at-the-door" | "admitted" | "sold-out" | "closed" | "moved" | "refused";
  /** What names the place for as long as it lasts; null before there is one. */
  readonly place: string | null;
  /** Where it stands in the order: 1 is first; null before a draw. */
  readonly rank: number | null;
  readonly ahead: number | null;
  readonly waitSeconds: readonly [low: number, high: number] | null;
  /** That something is left: 0 to 1; null where nothing is said. */
  readonly chance: number | null;
};

export type Claimed = {
  readonly isAdmitted: boolean;
  /** The same for claims that are one admission, such as a ticket's and its copy's. */
  readonly admission: string | null;
};

export type SharedDocument = {
  /** Whether a cache may give the same bytes to everybody. */
  readonly isShared: boolean;
  readonly bytes: number;
  /** Asked-for seconds until the next look, of somebody near the front and of somebody far back. */
  readonly againNearSeconds: number;
  readonly againFarSeconds: number;
};

export type RunningRoom = {
  /** Takes a place, or is let in at once where nobody waits. */
  join(): Promise<Shopper>;
  look(shopper: Shopper): Promise<Seen>;
  claim(shopper: Shopper): Promise<Claimed>;
  /** The same browser after its tab was closed. */
  reopenTab?(shopper: Shopper): Promise<Shopper>;
  /** Another device takes the place over. */
  moveDevice?(shopper: Shopper): Promise<Shopper>;
  /** Somebody else with a copy of all that can be copied. */
  copyTicket?(shopper: Shopper): Promise<Shopper>;
  /** The store forgets everything. */
  loseStore?(): Promise<void>;
  /** The wall clock of the machine that admits jumps by so many seconds. */
  skewClock?(seconds: number): Promise<void>;
  changeOutflow?(perMinute: number): Promise<void>;
  tellStock?(stock: { readonly remaining: number; readonly held: number; readonly sold: number }): Promise<void>;
  sharedDocument?(): Promise<SharedDocument>;
  /** How many admissions the room itself says it has given so far. */
  admittedCount?(): Promise<number>;
  /** What is broken in this shopper's receipt; empty when nothing is. */
  brokenInReceipt?(shopper: Shopper): Promise<readonly string[]>;
  stop(): Promise<void>;
};
