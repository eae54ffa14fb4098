/** Shapes of the edge's admin API, on the operations port, behind its token. */
import Type from "typebox";
import { LimitPolicy } from "./edge-config.ts";

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
