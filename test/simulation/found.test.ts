/**
 * Histories that the simulation has found, told in a few steps each, so that they stay found when its seeds mean other
 * days. `test.failing` are those that the program does not yet go through as it should: whoever mends one is told by a red
 * test to take the word away.
 */
import { expect, test } from "bun:test";
import type { Attempt, ChargeOutcome, ChargeRequest, PaymentGateway, ProviderEvent } from "#commerce/payments/ports.ts";
import { PaymentDesk } from "#flows/internal/payment-desk.ts";
import { takeProviderEvents } from "#flows/take-provider-events.ts";
import type { Clock } from "#kernel/clock.ts";
import { orderNumber } from "#kernel/order-number.ts";
import { orderRequest, testShop } from "../kit/shop.ts";

const shop = await testShop();
const { orders, payments, paymentFlow } = shop.parts;
const card = { provider: "sandbox", token: "ok" };

/** The bank has charged, and whoever asked it to died before the answer; the bank's webhook never comes. */
async function chargedUnheard(): Promise<Attempt> {
  shop.loseWebhooks(true);
  const id = await shop.placed(orderRequest(["MUG"], { payment: card }));
  const attempt = await payments.begin(id, orderNumber(id), card);
  if (attempt === undefined) throw new Error("there was nothing to charge");
  await shop.bank.charge(requestOf(attempt), AbortSignal.timeout(1000));
  await shop.bank.settled();
  shop.loseWebhooks(false);
  return attempt;
}

const requestOf = (attempt: Pick<Attempt, "orderId" | "attemptKey" | "amount" | "unknownSinceMs">): ChargeRequest => ({
  ...attempt,
  orderNumber: orderNumber(attempt.orderId),
  token: "ok",
  email: "",
  returnUrl: "",
  createdAtMs: Date.now(),
  reference: null,
});

const refusalOf = (attempt: Attempt): ProviderEvent => ({
  eventId: `evt_${attempt.attemptKey}_declined`,
  attemptKey: attempt.attemptKey,
  reference: `sandbox_${attempt.attemptKey}`,
  occurredAtMs: Date.now() - 1000,
  outcome: { kind: "declined", reason: "The card was declined." },
});

async function charges(orderId: number): Promise<number> {
  const [row] = await shop.sql.unsafe(
    "select count(*)::int as count from sandbox_charges where order_number = $1 and state = 'succeeded'",
    [orderNumber(orderId)],
  );
  return (row as { count: number }).count;
}

// Simulated as seeds 822, 2832 (2026-11-22) and 1156 (2026-11-23).
test.failing("an old refusal that overtakes the news of a success does not make the shopper pay again", async () => {
  const attempt = await chargedUnheard();
  await takeProviderEvents(paymentFlow, "sandbox", [refusalOf(attempt)]);
  expect(await shop.statusOf(attempt.orderId)).toBe("paid");
});

// Simulated as seed 1156 (2026-11-23).
test.failing("once one attempt has paid the order, the next is not charged any more", async () => {
  const attempt = await chargedUnheard();
  const { orderId } = attempt;
  await payments.settle(attempt.attemptKey, { outcome: "declined", reference: null, reason: "No.", holdSeconds: 900 });
  expect(await orders.retryPayment(orderId, card)).toBe(true);
  await payments.settle(attempt.attemptKey, { outcome: "succeeded", reference: `sandbox_${attempt.attemptKey}` });
  expect(await shop.statusOf(orderId)).toBe("paid");
  await shop.work();
  expect(await charges(orderId)).toBe(1);
});

/** Time passes only in sleeps. */
function fakeClock(): Clock & { setBack(ms: number): void; sleptMs: number } {
  let nowMs = Date.UTC(2026, 10, 27);
  const clock = {
    sleptMs: 0,
    now: () => nowMs,
    async sleep(ms: number, signal?: AbortSignal) {
      // Time limits of calls end with the call; only what is waited for in earnest moves the clock.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal !== undefined)
        return await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      nowMs += ms;
      clock.sleptMs += ms;
    },
    setBack(ms: number) {
      nowMs -= ms;
    },
  };
  return clock;
}

function bankThat(charge: () => ChargeOutcome, requestsPerSecond: number): PaymentGateway {
  return { name: "bank", requestsPerSecond, charge: async () => charge() } as unknown as PaymentGateway;
}

const anyAttempt = { orderId: 1000, attemptKey: "S-1", amount: { amount: 100, currency: "EUR" } };

// Found by reading, beside seed 546 (2026-11-22).
test.failing("a charge that waited too long for its turn says nothing of an earlier call", async () => {
  const desk = new PaymentDesk([bankThat(() => ({ kind: "succeeded", reference: "1" }), 0.05)], fakeClock());
  await desk.charge("bank", requestOf({ ...anyAttempt, unknownSinceMs: null }), desk.now());
  const outcome = await desk.charge("bank", requestOf({ ...anyAttempt, unknownSinceMs: 1 }), desk.now());
  expect(outcome.kind).toBe("unknown");
});

// Simulated as seed 546 (2026-11-22).
test.failing("a clock that is set back does not keep the next charges waiting", async () => {
  const clock = fakeClock();
  const outcomes: ChargeOutcome[] = [{ kind: "rate_limited", retryAfterMs: 1000 }];
  const desk = new PaymentDesk([bankThat(() => outcomes.pop() ?? { kind: "succeeded", reference: "1" }, 100)], clock);
  await desk.charge("bank", requestOf({ ...anyAttempt, unknownSinceMs: null }), desk.now());
  clock.setBack(3600_000);
  const began = clock.sleptMs;
  await desk.charge("bank", requestOf({ ...anyAttempt, unknownSinceMs: null }), desk.now());
  expect(clock.sleptMs - began).toBeLessThan(10_000);
});
