/**
 * A worker charges an order. The units are held already; no call to a provider is made inside a transaction.
 *
 *   begin attempt (commit) -> charge (paced, bounded in time) -> settle (commit): the hold becomes a sale, or
 *   failed    nothing was charged: back in line, with the backup provider if the first is not healthy
 *   declined  the shopper may offer another means of payment while the units are kept
 *   unknown   asked about until the provider knows; nothing else is tried before
 *
 * A worker that dies between any two steps leaves an open attempt; the next one takes it up with the same key.
 */
import { isOpen } from "#commerce/orders/lifecycle.ts";
import type { OrderBook } from "#commerce/orders/ports.ts";
import type { Attempt, ChargeRequest, PaymentBook, Settlement } from "#commerce/payments/ports.ts";
import { orderNumber } from "#kernel/order-number.ts";
import type { PaymentDesk } from "./internal/payment-desk.ts";

export type PaymentFlowOptions = {
  readonly orders: OrderBook;
  readonly payments: PaymentBook;
  readonly desk: PaymentDesk;
  /** Seconds that units are kept while the shopper has something to do. */
  readonly holdSeconds: () => number;
  /** Where the shopper comes back to after a challenge. */
  readonly returnUrl: (orderId: number) => string;
};

/** Seconds before the next try after this many failures: 1, 2, 4, … up to five minutes. */
export const backOffSeconds = (failures: number): number => Math.min(2 ** failures, 300);

/** After so many tries that certainly charged nothing, the shopper is asked for another means of payment. */
const failuresMax = 5;

/** The reason of a failure that is about our pace and not about the card: it does not count towards giving up. */
const rateLimited = "rate_limited";

/** Seconds before a provider is asked again what became of a charge. */
const firstLookSeconds = 2;
/** After so many looks that told nothing the charge itself is asked for again, under its old key. */
const looksBeforeAsking = 10;
/** After so many tries an abandoned challenge is given up; should it still succeed, the money goes back. */
const cancelTriesMax = 6;

/** An order that costs nothing is paid without asking anybody: no provider charges nothing. */
const nothingToPay = { provider: "none", token: "" };

export async function payOrder(options: PaymentFlowOptions, orderId: number): Promise<void> {
  const { orders, payments, desk } = options;
  const order = await orders.get(orderId);
  if (order === undefined) return;
  const failures = await payments.failures(orderId);
  const choice = order.total === 0 ? nothingToPay : desk.choose(order.details.payment, failures);
  const begunMs = desk.now();
  const attempt = await payments.begin(orderId, orderNumber(orderId), choice);
  // Nothing to charge, or its end is on the way by another road: the shopper's challenge, or the look into the books.
  if (attempt === undefined || attempt.state !== "pending") return;

  if (attempt.amount.amount === 0) {
    await payments.settle(attempt.attemptKey, { outcome: "succeeded", reference: nothingToPay.provider });
    return;
  }
  const outcome = await desk.charge(attempt.provider, chargeRequest(options, attempt, order.email), begunMs);
  const settlement = settlementOf(outcome, failures.length, options.holdSeconds(), attempt.call);
  await payments.settle(attempt.attemptKey, settlement);
}

/** The provider did not say whether it charged. Ask its books until it does. */
export async function resolvePayment(
  options: PaymentFlowOptions,
  orderId: number,
  tries: number,
): Promise<"settled" | { readonly againInSeconds: number }> {
  const { orders, payments, desk } = options;
  const begunMs = desk.now();
  const attempt = await payments.open(orderId);
  if (attempt === undefined || attempt.state !== "unknown") return "settled";
  const order = await orders.get(orderId);
  if (order === undefined) return "settled";
  const request = chargeRequest(options, attempt, order.email);
  const found = await desk.find(attempt.provider, request);
  switch (found.kind) {
    case "unknown":
      if (tries >= looksBeforeAsking) {
        // The news is lost, or this provider has no books to look into. The same key never charges twice, and the
        // order still holds its units, so asking once more is safe.
        const again = await desk.charge(attempt.provider, request, begunMs);
        if (again.kind !== "unknown" && again.kind !== "rate_limited") {
          await payments.settle(attempt.attemptKey, settlementOf(again, 0, options.holdSeconds()));
          return "settled";
        }
      }
      return { againInSeconds: Math.min(firstLookSeconds * 2 ** Math.min(tries, 6), 120) };
    case "none":
      await payments.settle(
        attempt.attemptKey,
        settlementOf(
          { kind: "failed", reason: "the provider has no such charge" },
          (await payments.failures(orderId)).length,
          options.holdSeconds(),
        ),
      );
      return "settled";
    default:
      await payments.settle(attempt.attemptKey, settlementOf(found, 0, options.holdSeconds()));
      return "settled";
  }
}

/** The shopper is back from a challenge; the provider is asked at once rather than waiting for its webhook. */
export async function resumePayment(
  options: PaymentFlowOptions,
  orderId: number,
  returned: URLSearchParams,
): Promise<void> {
  const { orders, payments, desk } = options;
  const attempt = await payments.open(orderId);
  if (attempt === undefined || attempt.state !== "action_required") return;
  const order = await orders.get(orderId);
  if (order === undefined) return;
  const found = await desk.resume(attempt.provider, chargeRequest(options, attempt, order.email), returned);
  // Still open, or not known: the webhook, or the end of the shopper's time, will tell.
  if (found.kind === "none" || found.kind === "unknown" || found.kind === "action_required") return;
  await payments.settle(attempt.attemptKey, settlementOf(found, 0, options.holdSeconds()));
}

/**
 * The shopper's time is over, or the order has been paid by another attempt. A challenge that is still open is given up
 * at the provider first, so that it cannot succeed after the units have gone to somebody else.
 */
export async function expireOrder(
  options: PaymentFlowOptions,
  orderId: number,
  tries: number,
): Promise<"settled" | { readonly againInSeconds: number }> {
  const { orders, payments } = options;
  const order = await orders.get(orderId);
  if (order === undefined) return "settled";
  const waits = order.status === "action_required";
  // By the database's clock: this machine's may be ahead, and the time is the shopper's.
  if (waits && order.holdLeftMs !== null && order.holdLeftMs > 0)
    return { againInSeconds: order.holdLeftMs / 1000 + 1 };
  const attempt = await payments.open(orderId);
  if (attempt?.state === "action_required" && (waits || !isOpen(order.status))) {
    if (!(await giveUpChallenge(options, attempt, order.email, tries))) return { againInSeconds: 10 };
  }
  if (waits && !(await orders.expire(orderId))) return { againInSeconds: 1 };
  return "settled";
}

/** False when the provider could not be asked; after a few tries it is given up without it. */
async function giveUpChallenge(
  options: PaymentFlowOptions,
  attempt: Attempt,
  email: string,
  tries: number,
): Promise<boolean> {
  const { payments, desk } = options;
  const end = await desk.cancel(attempt.provider, attempt.reference ?? "", attempt.attemptKey);
  if (end === "unknown" && tries < cancelTriesMax) return false;
  if (end === "too_late") {
    // It went through, or failed, at the last moment: the provider's books say which.
    const found = await desk.find(attempt.provider, chargeRequest(options, attempt, email));
    const isTold = found.kind === "succeeded" || found.kind === "declined";
    if (isTold) await payments.settle(attempt.attemptKey, settlementOf(found, 0, 0));
    if (isTold || tries < cancelTriesMax) return isTold;
  }
  await payments.settle(attempt.attemptKey, {
    outcome: "cancelled",
    reason: "the shopper's time ran out",
    holdSeconds: 0,
  });
  return true;
}

/** Sends money back. The refund's own key makes a second call the same refund. */
export async function refundPayment(
  options: PaymentFlowOptions,
  refundKey: string,
  tries: number,
): Promise<"settled" | { readonly againInSeconds: number }> {
  const { payments, desk } = options;
  const refund = await payments.beginRefund(refundKey);
  if (refund === undefined || refund.state !== "pending") return "settled";
  const outcome = await desk.refund(refund.provider, {
    refundKey,
    reference: refund.reference,
    amount: refund.amount,
    orderNumber: orderNumber(refund.orderId),
    unknownSinceMs: refund.unknownSinceMs,
  });
  const settle = (succeeded: boolean, reference: string | null, reason: string | null) =>
    payments.settleRefund({ refundKey, provider: refund.provider, reference }, succeeded, reason);
  switch (outcome.kind) {
    case "succeeded":
      await settle(true, outcome.reference, null);
      return "settled";
    case "failed":
      await settle(false, null, outcome.reason);
      return "settled";
    case "pending":
      await payments.notePendingRefund(refundKey, outcome.reference);
      // A webhook will tell; asking again with the same key is harmless, in case the webhook is lost.
      return { againInSeconds: 3600 };
    case "rate_limited":
      return { againInSeconds: Math.max(1, outcome.retryAfterMs / 1000) };
    case "unknown":
      return { againInSeconds: backOffSeconds(tries) };
  }
}

function chargeRequest(options: PaymentFlowOptions, attempt: Attempt, email: string): ChargeRequest {
  return {
    attemptKey: attempt.attemptKey,
    orderNumber: orderNumber(attempt.orderId),
    amount: attempt.amount,
    token: attempt.token,
    email,
    returnUrl: options.returnUrl(attempt.orderId),
    createdAtMs: attempt.createdAtMs,
    unknownSinceMs: attempt.unknownSinceMs,
    reference: attempt.reference,
  };
}

type Charged = Awaited<ReturnType<PaymentDesk["charge"]>>;

function settlementOf(outcome: Charged, failures: number, holdSeconds: number, call: number | null = null): Settlement {
  switch (outcome.kind) {
    case "succeeded":
      return { outcome: "succeeded", reference: outcome.reference };
    case "declined":
      return { outcome: "declined", reference: outcome.reference, reason: outcome.reason, holdSeconds };
    case "action_required":
      return {
        outcome: "action_required",
        reference: outcome.reference,
        redirectUrl: outcome.redirectUrl,
        holdSeconds,
      };
    case "failed":
      if (failures + 1 >= failuresMax) {
        const reason = "We could not reach your bank. Nothing was charged; please try again, or another card.";
        return { outcome: "declined", reference: null, reason, holdSeconds };
      }
      return { outcome: "failed", reason: outcome.reason, retrySeconds: backOffSeconds(failures), call };
    case "rate_limited":
      return {
        outcome: "failed",
        reason: rateLimited,
        retrySeconds: Math.max(1, outcome.retryAfterMs / 1000),
        call,
      };
    case "unknown":
      return { outcome: "unknown", reason: outcome.reason, retrySeconds: firstLookSeconds };
  }
}
