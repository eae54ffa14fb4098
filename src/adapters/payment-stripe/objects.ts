/**
 * The parts of Stripe's objects that we read, and nothing else: what an answer must look like before it is believed.
 * test/conformance/published-api.test.ts holds them against Stripe's own OpenAPI description.
 */
import Type from "typebox";

const nullable = <Schema extends Type.TSchema>(schema: Schema) => Type.Optional(Type.Union([schema, Type.Null()]));
const metadata = Type.Optional(Type.Record(Type.String(), Type.String()));

export const StripeError = Type.Object({
  type: Type.String(),
  code: nullable(Type.String()),
  message: nullable(Type.String()),
  param: nullable(Type.String()),
  payment_intent: nullable(Type.Object({ id: Type.String(), status: Type.String() })),
});
export type StripeError = Type.Static<typeof StripeError>;
export const StripeErrorBody = Type.Object({ error: StripeError });

export const PaymentIntent = Type.Object({
  id: Type.String(),
  object: Type.Literal("payment_intent"),
  status: Type.String(),
  metadata,
  last_payment_error: nullable(Type.Object({ message: nullable(Type.String()) })),
  next_action: nullable(Type.Object({ redirect_to_url: nullable(Type.Object({ url: nullable(Type.String()) })) })),
});
export type PaymentIntent = Type.Static<typeof PaymentIntent>;

export const Refund = Type.Object({
  id: Type.String(),
  object: Type.Literal("refund"),
  status: nullable(Type.String()),
  metadata,
  payment_intent: nullable(Type.String()),
  failure_reason: nullable(Type.String()),
});
export type Refund = Type.Static<typeof Refund>;

export const Charge = Type.Object({
  id: Type.String(),
  object: Type.Literal("charge"),
  amount: Type.Integer(),
  amount_refunded: Type.Integer(),
  currency: Type.String(),
  created: Type.Integer(),
  metadata,
  payment_intent: nullable(Type.String()),
  status: Type.Union([Type.Literal("succeeded"), Type.Literal("pending"), Type.Literal("failed")]),
});

export const Dispute = Type.Object({
  id: Type.String(),
  object: Type.Literal("dispute"),
  payment_intent: nullable(Type.String()),
});

export const pageOf = <Schema extends Type.TSchema>(item: Schema) =>
  Type.Object({ object: Type.Literal("list"), data: Type.Array(item), has_more: Type.Boolean() });

export const Event = Type.Object({
  id: Type.String(),
  object: Type.Literal("event"),
  type: Type.String(),
  created: Type.Integer(),
  data: Type.Object({ object: Type.Unknown() }),
});
