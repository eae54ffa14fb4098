/** Shapes of the admin API: the same words as `bin/spillway`, behind a token. */
import Type from "typebox";
import { Sku } from "./shop.ts";

const closed = { additionalProperties: false } as const;
const Reason = Type.String({ minLength: 1, maxLength: 200 });
const Units = Type.Integer({ minimum: -10_000_000, maximum: 10_000_000 });
const Location = Type.Optional(Type.String({ minLength: 1, maxLength: 40 }));

export const StockChangeRequest = Type.Union([
  Type.Object({ kind: Type.Literal("set"), sku: Sku, location: Location, onHand: Units, reason: Reason }, closed),
  Type.Object({ kind: Type.Literal("receive"), sku: Sku, location: Location, quantity: Units, reason: Reason }, closed),
  Type.Object({ kind: Type.Literal("adjust"), sku: Sku, location: Location, delta: Units, reason: Reason }, closed),
  Type.Object(
    {
      kind: Type.Literal("policy"),
      sku: Sku,
      location: Location,
      safetyPercent: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      lowStockAt: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000_000 })),
      reason: Reason,
    },
    closed,
  ),
]);

export const StockLevelView = Type.Object({
  sku: Type.String(),
  location: Type.String(),
  onHand: Type.Integer(),
  held: Type.Integer(),
  sold: Type.Integer(),
  safety: Type.Integer(),
  safetyPercent: Type.Integer(),
  allowance: Type.Integer(),
  lowStockAt: Type.Integer(),
  available: Type.Integer(),
});

export const CancelRequest = Type.Object({ reason: Type.Optional(Reason) }, closed);
export const RefundRequest = Type.Object(
  {
    /** Minor units; absent is all that is left. */
    amount: Type.Optional(Type.Integer({ minimum: 1 })),
    reason: Type.Optional(Reason),
    /** The same key again is the same refund. */
    key: Type.String({ pattern: "^[\\w.-]{1,60}$" }),
  },
  closed,
);
export const FulfilRequest = Type.Object(
  {
    status: Type.Union([Type.Literal("packed"), Type.Literal("shipped"), Type.Literal("delivered")]),
    tracking: Type.Optional(
      Type.Object(
        {
          carrier: Type.String({ minLength: 1, maxLength: 60 }),
          number: Type.String({ minLength: 1, maxLength: 60 }),
          url: Type.Optional(Type.String({ pattern: "^https://", maxLength: 500 })),
        },
        closed,
      ),
    ),
  },
  closed,
);
export const DelayRequest = Type.Object({ text: Type.String({ minLength: 1, maxLength: 500 }) }, closed);
export const PriceRequest = Type.Object(
  {
    sku: Sku,
    /** RFC 3339; the price takes effect at that second. */
    at: Type.String({ maxLength: 40 }),
    price: Type.Integer({ minimum: 0 }),
    compareAt: Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()])),
  },
  closed,
);
export const PublishRequest = Type.Object(
  {
    handle: Type.String({ minLength: 1, maxLength: 200 }),
    /** RFC 3339, or null to take it off the shelves. */
    at: Type.Union([Type.String({ maxLength: 40 }), Type.Null()]),
  },
  closed,
);

export const ImportReportView = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  complaints: Type.Array(
    Type.Object({ line: Type.Integer(), column: Type.String(), severity: Type.String(), message: Type.String() }),
  ),
});

export const InvariantView = Type.Object({
  name: Type.String(),
  promise: Type.String(),
  checked: Type.Integer(),
  breaches: Type.Integer(),
  examples: Type.Array(Type.String()),
});
