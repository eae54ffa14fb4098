/**
 * Shapes of the waiting room: its part of the edge's configuration, the signed document that all who wait read, and what programs
 * are told. Ranks and sequence numbers begin at 1.
 */
import Type from "typebox";

const closed = { additionalProperties: false } as const;
const whole = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Integer({ minimum, maximum, default: fallback, description });
const texts = (description: string) => Type.Array(Type.String(), { default: [], description });

export const Room = Type.Object(
  {
    id: Type.String({ pattern: "^[a-z][a-z0-9-]{0,40}$", description: "Stands in addresses and counters" }),
    title: Type.Optional(Type.String({ maxLength: 120, description: "What people read: the sale's name" })),
    kind: Type.Union([Type.Literal("sale"), Type.Literal("safety-net")], {
      default: "sale",
      description: "sale: doors open at a time. safety-net: opens by itself when more come than the shop carries",
    }),
    epoch: whole(1, 2 ** 31, 1, "Another number makes another line: tickets of the one before are worth nothing"),
    match: Type.Object(
      {
        paths: texts("Patterns as in routes, that need a pass: the product, its cart and checkout; all when empty"),
        hosts: texts("Only on these hosts; all when empty"),
        header: Type.Optional(
          Type.Object(
            { name: Type.String(), value: Type.String() },
            { ...closed, description: "Only requests with this field" },
          ),
        ),
        tags: texts("Pages whose Surrogate-Key has one of these, such as collection-drop"),
        except: texts("Patterns that stay open whatever else is said"),
      },
      { ...closed, default: {} },
    ),
    opensAt: Type.Optional(Type.String({ description: "Doors open: 2026-11-27T09:00:00Z" })),
    preQueueMinutes: whole(
      0,
      24 * 60,
      0,
      "Who comes this long before the doors open takes part in a draw for their places",
    ),
    closesAt: Type.Optional(Type.String({ description: "Nobody is admitted after this" })),
    outflowPerMinute: whole(1, 10_000_000, 600, "At most this many are admitted in any 60 seconds"),
    activeMax: whole(0, 100_000_000, 0, "At most this many inside at once; 0: any number"),
    sessionSeconds: whole(30, 86_400, 900, "How long a pass lets in, from the last request if it renews"),
    renews: Type.Boolean({ default: true, description: "Whether a pass is renewed while its holder is active" }),
    claimSeconds: whole(20, 3600, 300, "How long a turn is kept at the front; a place that was called is never lost"),
    onePerOrder: Type.Boolean({ default: true, description: "A pass buys once: the order's commit consumes it" }),
    failMode: Type.Optional(
      Type.Union([Type.Literal("hold"), Type.Literal("floor")], {
        description: "Without the line's store: hold everybody (a sale), or admit at the floor rate (a safety net)",
      }),
    ),
    floorPerMinute: whole(0, 10_000_000, 60, "For each edge, while the store is gone and failMode is floor"),
    opensAtPressure: whole(1, 3, 2, "A safety net opens at this level of pressure, or when activeMax are inside"),
    staysOpenSeconds: whole(5, 86_400, 120, "A safety net closes when nobody has waited for this long"),
    bypass: Type.Object(
      {
        addresses: texts("Addresses and CIDRs that need no pass"),
        tokens: texts("SHA-256 (hex) of tokens shown in Spillway-Bypass"),
        codes: texts(
          "SHA-256 (hex) of invitation codes, each good for one pass; `bin/spillway rooms invite` makes them",
        ),
        bots: texts(
          "Names under which verified crawlers resolve, such as googlebot.com; checked by reverse and forward DNS",
        ),
      },
      { ...closed, default: {} },
    ),
    skus: texts("What is sold here: its stock is told to those who wait, and an order for it needs a pass"),
    landing: Type.Optional(
      Type.String({
        pattern: "^/(?![/\\\\])",
        description:
          "Where people are sent who come from elsewhere, such as another device; the first path without : and *",
      }),
    ),
    links: Type.Array(
      Type.Object(
        {
          text: Type.String({ minLength: 1, maxLength: 60 }),
          url: Type.String({ pattern: "^(https?://|/(?![/\\\\])|mailto:|tel:)", maxLength: 500 }),
        },
        closed,
      ),
      { default: [], maxItems: 6, description: "Stay open and are shown to those who wait: help, order tracking" },
    ),
    page: Type.Union([Type.Literal("product"), Type.Literal("standalone")], {
      default: "product",
      description: "product: the page they came for, with the line in it; standalone: a page of its own",
    }),
    message: Type.Optional(Type.String({ maxLength: 500, description: "Told to those who wait" })),
    emails: Type.Boolean({
      default: true,
      description: "Whether people may leave an address to be told when their turn is near",
    }),
  },
  closed,
);
export type Room = Type.Static<typeof Room>;

export const WaitingRooms = Type.Object(
  {
    rooms: Type.Array(Room, { default: [], maxItems: 100, description: "The first that fits a request counts" }),
    storeUrl: Type.Optional(
      Type.String({
        pattern: "^(redis|rediss|valkey)://",
        description: "Where several edges agree; this process alone without it",
      }),
    ),
    stateDir: Type.Optional(
      Type.String({ description: "Checkpoints and join logs are kept here; beside a data folder by default" }),
    ),
    stockSecret: Type.Optional(
      Type.String({
        minLength: 16,
        description: "Signs the stock webhook of a shop elsewhere (t=…,v1=… over the body)",
      }),
    ),
    smtpUrl: Type.Optional(Type.String({ description: "For e-mails to those who asked; none are sent without it" })),
    mailFrom: Type.Optional(Type.String({ description: "Their sender" })),
    joinsPerSecondMax: whole(1, 1_000_000, 50_000, "More joins than this are told to come back in a second"),
  },
  { ...closed, default: {} },
);
export type WaitingRooms = Type.Static<typeof WaitingRooms>;

/** before: browsing is free, the pre-queue has not begun. paused: nobody is admitted, places stay. draining: no new places. */
export type RoomPhase = "before" | "pre-queue" | "open" | "paused" | "draining" | "sold-out" | "closed" | "standby";

/** Pairs: people ahead, and a value for that many; a reader interpolates between two. */
export type ByAhead = readonly (readonly [ahead: number, value: number])[];

/** What is true of a room at this second, the same for everybody. Served at `/.spillway/rooms/ID/now`. */
export type NowServing = {
  readonly room: string;
  readonly title: string;
  readonly epoch: number;
  readonly phase: RoomPhase;
  /** Ranks up to here are called. Never falls within an epoch. */
  readonly cursor: number;
  /** The next number that a join gets. */
  readonly next: number;
  /** Numbers that nobody has: from, to (inclusive), ascending. */
  readonly holes: readonly (readonly [from: number, to: number])[];
  /** Undefined without a pre-queue. `entrants`, `root` and `seed` (hex) are null until it closes. */
  readonly draw?: {
    readonly commitment: string;
    readonly entrants: number | null;
    readonly root: string | null;
    readonly seed: string | null;
    /** Numbers among the entrants' that nobody is known to have, after a loss; they drew nothing. Left out when there are none. */
    readonly holes?: readonly (readonly [from: number, to: number])[];
  };
  /** The append-only log of joins: how many, and its root (hex, RFC 6962). */
  readonly log: { readonly size: number; readonly root: string };
  readonly outflowPerMinute: number;
  readonly admittedLastMinute: number;
  /** Called, not yet admitted, and at a door right now. */
  readonly atTheDoor: number;
  /** Expected seconds until called: 80 % are within low and high. */
  readonly waitLowSeconds: ByAhead;
  readonly waitHighSeconds: ByAhead;
  /** Null where nobody tells the stock. */
  readonly stock: {
    readonly remaining: number;
    readonly held: number;
    readonly sold: number;
    /** That something is left at the turn: 0 to 1. */
    readonly chance: ByAhead;
  } | null;
  /** Let in beside the line, by reason. */
  readonly bypassed: Readonly<Record<string, number>>;
  readonly message: string | null;
  readonly opensAtMs: number | null;
  readonly closesAtMs: number | null;
  /** Seconds until the next look, by people ahead; readers add up to a fifth, by chance. */
  readonly lookAgainSeconds: ByAhead;
  readonly claimSeconds: number;
  /** Of the line's own clock, see docs/decisions: rates are counted in it. */
  readonly roomMs: number;
  readonly issuedAtMs: number;
};

/** As it is served. The signature is Ed25519 over the UTF-8 of `JSON.stringify(now)`, base64url. */
export type SignedNow = { readonly now: NowServing; readonly keyId: number; readonly signature: string };

/** What a program is told: 202 while waiting, 200 when there is nothing to wait for. */
export type PlaceView = {
  /** no-place: none is given now; `phase` says why. */
  readonly state: "no-place" | "waiting" | "your-turn" | "at-the-door" | "admitted" | "sold-out" | "closed";
  readonly phase: RoomPhase;
  readonly room: string;
  /** As in the ticket; null while the line cannot be reached and the arrival is only noted. */
  readonly number: number | null;
  /** Where they stand in the order of the line, from 1; null before a draw. People compute their place from it and `nowUrl`. */
  readonly rank: number | null;
  /** People ahead; null before a draw. */
  readonly ahead: number | null;
  readonly waitSeconds: readonly [low: number, high: number] | null;
  /** That something is left at their turn. */
  readonly chance: number | null;
  readonly lookAgainSeconds: number;
  readonly nowUrl: string;
  /** POST it when it is your turn. */
  readonly claimUrl: string;
  readonly message: string | null;
  /** Seconds for which a called turn is kept at the front; null when it is not called. */
  readonly keptSeconds: number | null;
  /** The place itself, for programs without cookies, which send it as `Spillway-Place`. */
  readonly place?: string;
  /** When admitted: the pass, which programs without cookies send as `Spillway-Pass`, and for how long it lets in. */
  readonly pass?: string;
  readonly passSeconds?: number;
};
