/**
 * Turns Stripe's signed events into the port's. Events of other integrations on the same account carry no attempt or
 * refund key of ours and are passed over; so are kinds that settle nothing.
 */
import Value from "typebox/value";
import type { ProviderEvent, WebhookReading } from "#commerce/payments/ports.ts";
import { parseJson } from "../internal/provider-http.ts";
import { isTimedSignature } from "../internal/timed-signature.ts";
import { Dispute, Event, PaymentIntent, Refund } from "./objects.ts";

export function readStripeWebhook(
  headers: Headers,
  body: Uint8Array,
  secrets: readonly string[],
  nowMs: number,
): WebhookReading {
  if (!isTimedSignature(headers.get("stripe-signature"), body, secrets, nowMs)) return { kind: "bad_signature" };
  const event = parseJson(new TextDecoder().decode(body));
  if (!Value.Check(Event, event)) return { kind: "malformed", reason: "The body is not an event of Stripe's." };
  const common = { eventId: event.id, occurredAtMs: event.created * 1000 };
  const object = event.data.object;

  let found: Pick<ProviderEvent, "attemptKey" | "reference" | "outcome"> | null = null;
  if (Value.Check(PaymentIntent, object)) {
    const outcome = outcomeOfIntent(event.type, object);
    const attemptKey = object.metadata?.attempt;
    if (outcome !== null && attemptKey !== undefined) found = { attemptKey, reference: object.id, outcome };
  } else if (Value.Check(Refund, object)) {
    const outcome = outcomeOfRefund(object);
    const attemptKey = object.metadata?.refund;
    if (outcome !== null && attemptKey !== undefined && object.payment_intent)
      found = { attemptKey, reference: object.payment_intent, outcome };
  } else if (Value.Check(Dispute, object)) {
    if (event.type === "charge.dispute.created" && object.payment_intent)
      found = { attemptKey: null, reference: object.payment_intent, outcome: { kind: "disputed" } };
  }
  return { kind: "events", events: found === null ? [] : [{ ...common, ...found }], reply: "" };
}

function outcomeOfIntent(type: string, intent: PaymentIntent): ProviderEvent["outcome"] | null {
  switch (type) {
    case "payment_intent.succeeded":
      return { kind: "succeeded" };
    case "payment_intent.payment_failed":
      return { kind: "declined", reason: intent.last_payment_error?.message ?? "The payment did not go through." };
    case "payment_intent.canceled":
      return { kind: "cancelled" };
    default:
      return null;
  }
}

/** By the refund's own state, for `refund.created`, `.updated`, `.failed` and the older `charge.refund.updated` alike. */
function outcomeOfRefund(refund: Refund): ProviderEvent["outcome"] | null {
  switch (refund.status) {
    case "succeeded":
      return { kind: "refund_succeeded", refundReference: refund.id };
    case "failed":
    case "canceled":
      return {
        kind: "refund_failed",
        refundReference: refund.id,
        reason: refund.failure_reason ?? `Stripe calls the refund ${refund.status}.`,
      };
    default:
      return null;
  }
}
