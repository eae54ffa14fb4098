/**
 * Lays the provider's books beside ours: finds every charge without an order and every order without its charge.
 * What can be mended by the ordinary settlement is mended (a success whose news was lost); the rest is reported.
 */
import type { PaymentBook, PaymentGateway, ProviderCharge } from "#commerce/payments/ports.ts";

export type Reconciliation = {
  readonly provider: string;
  readonly charges: number;
  /** Successes that we had not heard of; settled now: the order is paid, or the money is on its way back. */
  readonly settled: readonly string[];
  /** Charges at the provider that no attempt of ours made. */
  readonly chargesWithoutOrder: readonly ProviderCharge[];
  /** Attempts that we hold to be paid and the provider does not have. */
  readonly ordersWithoutCharge: readonly { readonly attemptKey: string; readonly orderId: number }[];
  /** Charges of another amount than ours. */
  readonly amountDiffers: readonly { readonly attemptKey: string; readonly ours: number; readonly theirs: number }[];
};

/** A charge this young may still be on its way into the provider's list. */
const settlingMs = 60_000;

export async function reconcilePayments(options: {
  readonly payments: PaymentBook;
  readonly gateway: PaymentGateway;
  readonly nowMs: number;
  readonly sinceMs: number;
  readonly signal: AbortSignal;
}): Promise<Reconciliation | undefined> {
  const { payments, gateway, sinceMs } = options;
  // The provider's list is read from a little earlier: the clocks are not the same.
  const list = gateway.charges(sinceMs - settlingMs, options.signal);
  if (list === null) return undefined;

  const settled: string[] = [];
  const chargesWithoutOrder: ProviderCharge[] = [];
  const amountDiffers: { attemptKey: string; ours: number; theirs: number }[] = [];
  const seen = new Set<string>();
  let charges = 0;
  for await (const charge of list) {
    charges += 1;
    if (charge.state !== "succeeded") continue;
    const attempt = await payments.find({
      attemptKey: charge.attemptKey,
      provider: gateway.name,
      reference: charge.reference,
    });
    if (attempt === undefined) {
      chargesWithoutOrder.push(charge);
      continue;
    }
    seen.add(attempt.attemptKey);
    if (attempt.amount.amount !== charge.amount.amount || attempt.amount.currency !== charge.amount.currency) {
      amountDiffers.push({ attemptKey: attempt.attemptKey, ours: attempt.amount.amount, theirs: charge.amount.amount });
    }
    if (attempt.state !== "succeeded" && attempt.state !== "surplus") {
      await payments.settle(attempt.attemptKey, { outcome: "succeeded", reference: charge.reference });
      settled.push(attempt.attemptKey);
    }
  }
  const ours = await payments.succeededBetween(gateway.name, sinceMs, options.nowMs - settlingMs);
  const ordersWithoutCharge = ours
    .filter((attempt) => !seen.has(attempt.attemptKey))
    .map((attempt) => ({ attemptKey: attempt.attemptKey, orderId: attempt.orderId }));
  return { provider: gateway.name, charges, settled, chargesWithoutOrder, ordersWithoutCharge, amountDiffers };
}
