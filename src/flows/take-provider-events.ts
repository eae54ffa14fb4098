/**
 * A provider tells what became of a charge or a refund. Delivered at least once and in any order, often before the
 * worker's own call returns: both roads end in the same idempotent settlement.
 */
import type { PaymentBook, ProviderEvent } from "#commerce/payments/ports.ts";

export async function takeProviderEvents(
  options: { readonly payments: PaymentBook; readonly holdSeconds: () => number },
  provider: string,
  events: readonly ProviderEvent[],
): Promise<{ readonly taken: number; readonly unknown: number }> {
  let taken = 0;
  let unknown = 0;
  for (const event of events) {
    // Settle first, note second: a crash in between makes the provider deliver it again, which changes nothing.
    const known = await settle(options, provider, event);
    if (!known) unknown += 1;
    if (await options.payments.takeEvent(provider, event.eventId, event)) taken += 1;
  }
  return { taken, unknown };
}

async function settle(
  options: { payments: PaymentBook; holdSeconds: () => number },
  provider: string,
  event: ProviderEvent,
): Promise<boolean> {
  const { payments } = options;
  const { outcome, reference } = event;
  if (outcome.kind === "refund_succeeded" || outcome.kind === "refund_failed") {
    const refund = { refundKey: event.attemptKey, provider, reference: outcome.refundReference };
    return await payments.settleRefund(
      refund,
      outcome.kind === "refund_succeeded",
      outcome.kind === "refund_failed" ? outcome.reason : null,
    );
  }
  const attempt = await payments.find({ attemptKey: event.attemptKey, provider, reference });
  if (attempt === undefined) return false;
  const holdSeconds = options.holdSeconds();
  switch (outcome.kind) {
    case "succeeded":
      await payments.settle(attempt.attemptKey, { outcome: "succeeded", reference });
      break;
    case "declined":
      // The charge's own call is still out and will bring the bank's answer itself, or be made again under the same key. A
      // refusal that overtakes it may be the older news, and the shopper would be asked for another card too early.
      if (attempt.state === "pending") break;
      await payments.settle(attempt.attemptKey, {
        outcome: "declined",
        reference,
        reason: outcome.reason,
        holdSeconds,
      });
      break;
    case "cancelled":
      await payments.settle(attempt.attemptKey, {
        outcome: "cancelled",
        reason: "cancelled at the provider",
        holdSeconds,
      });
      break;
    case "disputed":
      // Kept in provider_events for the operator; nothing about the order changes by itself.
      break;
  }
  return true;
}
