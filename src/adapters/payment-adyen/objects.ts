/**
 * The parts of Adyen's answers and notifications that we read, and nothing else: what one must look like before it is
 * believed. test/conformance/published-api.test.ts holds them against Adyen's own OpenAPI description.
 */
import Type from "typebox";

export const PaymentAnswer = Type.Object({
  resultCode: Type.String(),
  pspReference: Type.Optional(Type.String()),
  merchantReference: Type.Optional(Type.String()),
  refusalReasonCode: Type.Optional(Type.String()),
  action: Type.Optional(
    Type.Object({
      type: Type.String(),
      url: Type.Optional(Type.String()),
      method: Type.Optional(Type.String()),
    }),
  ),
});
export type PaymentAnswer = Type.Static<typeof PaymentAnswer>;

/** A refund or cancellation that Adyen has accepted; its end comes by notification. */
export const Accepted = Type.Object({ pspReference: Type.String(), status: Type.Literal("received") });

export const ServiceError = Type.Object({
  errorCode: Type.Optional(Type.String()),
  errorType: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
});
export type ServiceError = Type.Static<typeof ServiceError>;

export const Item = Type.Object({
  additionalData: Type.Optional(Type.Object({ hmacSignature: Type.Optional(Type.String()) })),
  amount: Type.Object({ value: Type.Integer(), currency: Type.String() }),
  eventCode: Type.String(),
  eventDate: Type.String(),
  merchantAccountCode: Type.String(),
  merchantReference: Type.String(),
  originalReference: Type.Optional(Type.String()),
  pspReference: Type.String(),
  reason: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  success: Type.String(),
});
export type Item = Type.Static<typeof Item>;

export const Notification = Type.Object({
  notificationItems: Type.Array(Type.Object({ NotificationRequestItem: Item }), { maxItems: 1000 }),
});
