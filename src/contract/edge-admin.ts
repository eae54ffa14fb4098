/** Shapes of the edge's admin API, on the operations port, behind its token. */
import Type from "typebox";
import { LimitPolicy } from "./edge-config.ts";
import type { NowServing } from "./waiting-room.ts";

const closed = { additionalProperties: false } as const;
const Tag = Type.String({ minLength: 1, maxLength: 1024 });
const Address = Type.String({ minLength: 1, maxLength: 8192 });
const soft = Type.Optional(
  Type.Boolean({
    description: "Keeps the answers as stale ones: served while they are fetched again, or when the origin is gone",
  }),
);

export const PurgeRequest = Type.Union(
  [
    Type.Object({ tags: Type.Array(Tag, { minItems: 1, maxItems: 1000 }), soft }, closed),
    Type.Object({ urls: Type.Array(Address, { minItems: 1, maxItems: 1000 }), soft }, closed),
    Type.Object({ prefix: Address, soft }, closed),
    Type.Object({ all: Type.Literal(true), soft }, closed),
  ],
  { description: "What is purged: by tag, by whole URL, by the beginning of a URL, or all" },
);
export const Purged = Type.Object({ purged: Type.Integer({ minimum: 0 }) });

export const UpstreamState = Type.Object({
  name: Type.String(),
  url: Type.String(),
  weight: Type.Number(),
  state: Type.String({ description: "healthy, ejected, unhealthy, draining, …" }),
  inFlight: Type.Integer({ minimum: 0 }),
  latencyMs: Type.Number({ minimum: 0 }),
});
export const UpstreamWeight = Type.Object({ weight: Type.Integer({ minimum: 1, maximum: 1000 }) }, closed);

export const LimitsRequest = Type.Object({ policies: Type.Array(LimitPolicy, { maxItems: 50 }) }, closed);

export const PressureRequest = Type.Object(
  {
    level: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2), Type.Literal(3), Type.Null()], {
      description: "Holds the level there; null lets the signals decide again",
    }),
  },
  closed,
);
export const PressureView = Type.Object({
  level: Type.Integer({ minimum: 0, maximum: 3 }),
  override: Type.Union([Type.Integer({ minimum: 0, maximum: 3 }), Type.Null()]),
});
export type PressureView = Type.Static<typeof PressureView>;

/** Live changes of a waiting room, agreed on by all of its edges. What is left out stays as it is. */
export const RoomChange = Type.Object(
  {
    outflowPerMinute: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
    activeMax: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000_000, description: "0: any number" })),
    message: Type.Optional(
      Type.Union([Type.String({ maxLength: 500 }), Type.Null()], { description: "Told to those who wait; null: none" }),
    ),
    phase: Type.Optional(
      Type.Union(
        [Type.Literal("open"), Type.Literal("paused"), Type.Literal("draining"), Type.Literal("closed"), Type.Null()],
        { description: "null: as the calendar and the signals say" },
      ),
    ),
  },
  { ...closed, minProperties: 1 },
);
export type RoomChange = Type.Static<typeof RoomChange>;

export const InviteRequest = Type.Object({ count: Type.Integer({ minimum: 1, maximum: 10_000 }) }, closed);
export const Invited = Type.Object({
  codes: Type.Array(Type.String(), {
    description: "Each good for one pass; told this once, only their hashes are kept",
  }),
});

export const RoomStock = Type.Object(
  {
    remaining: Type.Integer({ minimum: 0 }),
    held: Type.Integer({ minimum: 0 }),
    sold: Type.Integer({ minimum: 0 }),
  },
  closed,
);

export const RestockRequest = Type.Object(
  { count: Type.Integer({ minimum: 1, maximum: 10_000, description: "How many are told, in the order of asking" }) },
  closed,
);
export const RestockTold = Type.Object({ told: Type.Integer({ minimum: 0 }) });

/** A room as its operator sees it: the published document, what this edge knows of the line, and who asked to be told. */
export type RoomState = {
  readonly id: string;
  readonly kind: string;
  readonly now: NowServing;
  readonly line: Readonly<Record<string, number | boolean>>;
  readonly toTell: { readonly turn: number; readonly restock: number };
};
export const RoomStateSchema = Type.Unsafe<RoomState>(
  Type.Object({
    id: Type.String(),
    kind: Type.String(),
    now: Type.Object({}, { description: "As at /.spillway/rooms/ID/now" }),
    line: Type.Object({}, { description: "waiting, atTheDoor, active, admittedLastMinute, strandedLastMinute, …" }),
    toTell: Type.Object({ turn: Type.Integer(), restock: Type.Integer() }),
  }),
);
