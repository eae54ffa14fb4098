/**
 * The payment port. What decides about an order is our own commit; a gateway only says what it knows, and says so
 * when it does not know. Promises that every adapter keeps, held by test/conformance/payment-gateway.suite.ts:
 *
 * 1. `charge` with the same `attemptKey` never charges twice, however often it is called, from whichever process.
 * 2. `failed` and `rate_limited` mean that nothing was charged and nothing will be: another try, here or at another
 *    provider, is safe. Whenever that is not certain (time-out, broken connection, 5xx after sending, or an earlier call
 *    for the same attempt that never got a certain answer) the answer is `unknown`.
 * 3. `find` never makes a charge. It answers what became of an attempt, or `unknown` while the provider cannot tell.
 * 4. No call outlives its signal; none throws for anything a provider may answer. Only the list of `charges` throws when
 *    it breaks off, so that half a list is never taken for the whole.
 * 5. `readWebhook` verifies the signature over the raw bytes, in constant time, before it reads anything.
 */
import type { OrderStatus } from "#commerce/orders/lifecycle.ts";
import type { Money } from "#kernel/money.ts";

export type ChargeRequest = {
  /** Our own key of this attempt: the provider's idempotency key and, as metadata or reference, the way to find it. */
  readonly attemptKey: string;
  readonly orderNumber: string;
  readonly amount: Money;
  /** The shopper's means of payment, as the provider's browser part made it. Never a card number. */
  readonly token: string;
  readonly email: string;
  /** Where the provider sends the shopper back after a challenge such as 3-D Secure. */
  readonly returnUrl: string;
  /** When the attempt was made, in ms since the epoch; `find` looks no further back. */
  readonly createdAtMs: number;
  /** When `charge` was last called without a certain answer (its process died in it, or it said `unknown`); else null. */
  readonly unknownSinceMs: number | null;
  /** What the provider calls the attempt, once it has said so. */
  readonly reference: string | null;
};

export type ChargeOutcome =
  | { readonly kind: "succeeded"; readonly reference: string }
  /** Final for this token; the shopper may try another. `reason` is fit for the shopper's eyes. */
  | { readonly kind: "declined"; readonly reference: string | null; readonly reason: string }
  /** The shopper must do something at `redirectUrl` first; a webhook will tell the end of it. */
  | { readonly kind: "action_required"; readonly reference: string; readonly redirectUrl: string }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "rate_limited"; readonly retryAfterMs: number }
  | { readonly kind: "unknown"; readonly reason: string };

export type FindOutcome =
  | Exclude<ChargeOutcome, { kind: "failed" } | { kind: "rate_limited" }>
  /** The provider is certain that it has no such attempt, and that none sent by `unknownSinceMs` is still under way. */
  | { readonly kind: "none" };

export type RefundRequest = {
  /** Our own key of this refund: the provider's idempotency key. */
  readonly refundKey: string;
  /** The charge's reference at the provider. */
  readonly reference: string;
  readonly amount: Money;
  readonly orderNumber: string;
  /** As in `ChargeRequest`: after an uncertain call, `failed` is no longer said lightly. */
  readonly unknownSinceMs: number | null;
};

export type RefundOutcome =
  | { readonly kind: "succeeded"; readonly reference: string }
  /** Accepted; a webhook (`refund_succeeded` or `refund_failed`) will tell the end. */
  | { readonly kind: "pending"; readonly reference: string }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "rate_limited"; readonly retryAfterMs: number }
  | { readonly kind: "unknown"; readonly reason: string };

/** What a provider tells of its own accord. Delivered at least once, in any order. */
export type ProviderEvent = {
  /** The provider's id of the event: the same event twice has the same id. */
  readonly eventId: string;
  /** Our attempt key (or refund key), as the provider gave it back; null when it does not (a dispute): go by `reference`. */
  readonly attemptKey: string | null;
  /** The provider's reference of the charge. */
  readonly reference: string;
  readonly occurredAtMs: number;
  readonly outcome:
    | { readonly kind: "succeeded" }
    | { readonly kind: "declined"; readonly reason: string }
    | { readonly kind: "cancelled" }
    /** `refundReference` is what `refund` answered: Adyen does not promise to give the refund key back. */
    | { readonly kind: "refund_succeeded"; readonly refundReference: string }
    | { readonly kind: "refund_failed"; readonly refundReference: string; readonly reason: string }
    | { readonly kind: "disputed" };
};

/** A charge as the provider's own books have it, for reconciliation. */
export type ProviderCharge = {
  readonly reference: string;
  readonly attemptKey: string | null;
  readonly amount: Money;
  readonly refunded: number;
  readonly state: "succeeded" | "pending" | "failed";
  readonly createdAtMs: number;
};

export type WebhookReading =
  | {
      readonly kind: "events";
      readonly events: readonly ProviderEvent[] /** The body that the provider expects back. */;
      readonly reply: string;
    }
  | { readonly kind: "bad_signature" }
  | { readonly kind: "malformed"; readonly reason: string };

export interface PaymentGateway {
  /** "sandbox", "stripe", "adyen": as in `payment.provider` of an order. */
  readonly name: string;
  /** Calls per second that the provider allows for each of its endpoints. */
  readonly requestsPerSecond: number;
  charge(request: ChargeRequest, signal: AbortSignal): Promise<ChargeOutcome>;
  find(request: ChargeRequest, signal: AbortSignal): Promise<FindOutcome>;
  /**
   * The shopper is back from a challenge with these parameters on the return address. Some providers charge only when
   * told so (Adyen), others look the end up here without a search.
   */
  resume(request: ChargeRequest, returned: URLSearchParams, signal: AbortSignal): Promise<FindOutcome>;
  refund(request: RefundRequest, signal: AbortSignal): Promise<RefundOutcome>;
  /** Gives up a challenge that the shopper left open, so that it cannot succeed later. */
  cancel(
    reference: string,
    attemptKey: string,
    signal: AbortSignal,
  ): Promise<{ readonly kind: "cancelled" | "too_late" | "unknown" }>;
  /** Charges made since, oldest first, for reconciliation; null when the provider offers no such list. */
  charges(sinceMs: number, signal: AbortSignal): AsyncIterable<ProviderCharge> | null;
  readWebhook(headers: Headers, body: Uint8Array): Promise<WebhookReading>;
}

// --- Our own books of payments, apart from any provider's. Each step is one commit, and idempotent, so that a worker
// may die anywhere and another may do the step again. Held by the kill tests and the simulation.

export type AttemptState =
  | "pending"
  | "action_required"
  | "unknown"
  | "succeeded"
  | "declined"
  | "failed"
  | "cancelled"
  | "surplus";

export type Attempt = {
  readonly orderId: number;
  readonly provider: string;
  readonly attemptKey: string;
  readonly token: string;
  readonly amount: Money;
  readonly state: AttemptState;
  readonly reference: string | null;
  readonly redirectUrl: string | null;
  readonly createdAtMs: number;
  /** When the provider was last asked to charge without a certain answer; null when it never was. */
  readonly unknownSinceMs: number | null;
  /** Which begin this is of the attempt: what `failed` is fenced by. */
  readonly call: number;
};

export type Settlement =
  | { readonly outcome: "succeeded"; readonly reference: string }
  | {
      readonly outcome: "declined";
      readonly reference: string | null;
      readonly reason: string;
      readonly holdSeconds: number;
    }
  | {
      readonly outcome: "action_required";
      readonly reference: string;
      readonly redirectUrl: string;
      readonly holdSeconds: number;
    }
  /**
   * Certain that nothing was charged; the order goes back to be charged again after `retrySeconds`. Taken for `unknown`
   * when the attempt was begun again since this `call`; null when it is the provider's books that say so.
   */
  | { readonly outcome: "failed"; readonly reason: string; readonly retrySeconds: number; readonly call: number | null }
  /** Asked about again after `retrySeconds`. */
  | { readonly outcome: "unknown"; readonly reason: string; readonly retrySeconds: number }
  | { readonly outcome: "cancelled"; readonly reason: string; readonly holdSeconds: number };

export type Refund = {
  readonly orderId: number;
  readonly refundKey: string;
  readonly provider: string;
  /** The charge's reference at the provider. */
  readonly reference: string;
  readonly amount: Money;
  readonly state: "pending" | "succeeded" | "failed";
  readonly unknownSinceMs: number | null;
};

export interface PaymentBook {
  /** The attempt to make for this order, a new one or one that was left open; undefined when none is wanted. */
  begin(
    orderId: number,
    orderNumber: string,
    payment: { provider: string; token: string },
  ): Promise<Attempt | undefined>;
  /** Writes what became of an attempt. Old news changes nothing. Undefined when no such attempt is known. */
  settle(attemptKey: string, settlement: Settlement): Promise<OrderStatus | undefined>;
  open(orderId: number): Promise<Attempt | undefined>;
  /** By our key, or by the provider's reference. */
  find(attempt: {
    readonly attemptKey: string | null;
    readonly provider: string;
    readonly reference: string;
  }): Promise<Attempt | undefined>;
  /** Attempts of this order that failed without a charge, those apart that were only refused for our pace: what the back-off grows with. */
  failures(orderId: number): Promise<readonly { readonly provider: string }[]>;
  /** The refund to make; notes that the provider is about to be asked. */
  beginRefund(refundKey: string): Promise<Refund | undefined>;
  /** The provider accepted it and will tell the end by a webhook that may know it only by this reference. */
  notePendingRefund(refundKey: string, reference: string): Promise<void>;
  /** By our key, or by the provider's reference when it does not give our key back. False when neither is known. */
  settleRefund(
    refund: { readonly refundKey: string | null; readonly provider: string; readonly reference: string | null },
    succeeded: boolean,
    reason: string | null,
  ): Promise<boolean>;
  /** True the first time; false when this event was taken before. */
  takeEvent(provider: string, eventId: string, event: unknown): Promise<boolean>;
  /** Attempts that we hold to have succeeded, made in this span, for reconciliation. */
  succeededBetween(provider: string, fromMs: number, toMs: number): Promise<readonly Attempt[]>;
}
