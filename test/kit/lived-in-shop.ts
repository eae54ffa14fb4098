/**
 * A shop in which everything has happened once: an order in every status it can have, by the steps that lead there, a
 * bundle, a limit, a code, two locations, and a charge that came too late. What looks at a whole database looks here.
 */
import type { SQL } from "bun";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { createOrderBook } from "#adapters/postgres/order-book.ts";
import { createOrderIntake } from "#adapters/postgres/order-intake.ts";
import { createPaymentBook } from "#adapters/postgres/payment-book.ts";
import { createSandboxBooks } from "#adapters/postgres/sandbox-books.ts";
import { createStockLedger } from "#adapters/postgres/stock-ledger.ts";
import type { Variant } from "#commerce/catalogue/product.ts";
import type { PricedOrder } from "#commerce/orders/ports.ts";
import type { Attempt } from "#commerce/payments/ports.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { orderNumber } from "#kernel/order-number.ts";
import { productDraft } from "./drafts.ts";
import { plainOrder, uuidOf } from "./priced-order.ts";

const payment = { provider: "sandbox", token: "ok" };

export async function livedInShop(sql: SQL) {
  const store = createCatalogueStore(sql, { defaultSettings });
  const stock = createStockLedger(sql);
  const intake = createOrderIntake(sql);
  const payments = createPaymentBook(sql);
  const book = createOrderBook(sql);
  const bank = createSandboxBooks(sql);

  await store.importProducts([
    productDraft("tee", [
      { sku: "TEE-S", onHand: 40 },
      { sku: "TEE-M", onHand: 2 },
    ]),
    productDraft("sneaker", [{ sku: "SNEAKER", price: 9900, onHand: 20, purchaseLimit: 2 }]),
    productDraft("lamp", [{ sku: "LAMP", policy: { kind: "preorder", allowance: 10, shipsOn: "2030-01-15" } }]),
    productDraft("set", [
      {
        sku: "SET",
        components: [
          { sku: "TEE-S", quantity: 2 },
          { sku: "LAMP", quantity: 1 },
        ],
      },
    ]),
  ]);
  await store.importPromotions([
    {
      code: "TEN",
      kind: "percent",
      value: 10,
      minimumSubtotal: 0,
      startsAtMs: 0,
      endsAtMs: Number.MAX_SAFE_INTEGER,
      limitPerPerson: 3,
      usageLimit: 5,
    },
  ]);
  await stock.change({ sku: "TEE-M", location: "oslo", kind: "receive", quantity: 5, reason: "delivery" });
  await stock.change({ sku: "TEE-S", kind: "policy", safetyPercent: 10, lowStockAt: 30, reason: "" });

  const { revision, products, promotions } = await store.read();
  const variants = new Map(products.flatMap((product) => product.variants.map((variant) => [variant.sku, variant])));
  const promotion = promotions[0]?.id ?? 0;

  const place = async (
    key: string,
    skus: readonly string[],
    more: Partial<PricedOrder> & { quantity?: number } = {},
  ) => {
    const wanted = skus.map((sku) => variants.get(sku) as Variant);
    const limits = wanted
      .filter((variant) => variant.purchaseLimit !== null)
      .map((variant) => ({ subject: variant.id, person: uuidOf(`person ${key}`), quantity: more.quantity ?? 1 }));
    const [verdict] = await intake.place({
      reading: { revision, validFrom: 0, validUntil: Number.MAX_SAFE_INTEGER },
      currency: "EUR",
      taxIncluded: true,
      orders: [plainOrder(key, wanted, { limits, ...more })],
    });
    if (verdict?.kind !== "placed") throw new Error(`the order "${key}" was not placed: ${JSON.stringify(verdict)}`);
    return verdict.id;
  };
  const withCode = (price: number, person: string): Partial<PricedOrder> => ({
    discount: price / 10,
    promotionId: promotion,
    limits: [{ subject: -promotion, person: uuidOf(person), quantity: 1 }],
  });
  const begin = async (id: number): Promise<Attempt> => (await payments.begin(id, orderNumber(id), payment)) as Attempt;
  /** Both sides of a charge: what the bank does, and what the shop hears of it. */
  const charge = async (attempt: Attempt) => {
    await bank.recordCharge({
      attemptKey: attempt.attemptKey,
      orderNumber: orderNumber(attempt.orderId),
      amount: attempt.amount,
      token: attempt.token,
      returnUrl: "",
      state: "succeeded",
      refunded: 0,
      createdAtMs: attempt.createdAtMs,
      settlesAtMs: attempt.createdAtMs,
    });
    await payments.settle(attempt.attemptKey, { outcome: "succeeded", reference: `sandbox_${attempt.attemptKey}` });
  };
  const pay = async (id: number) => {
    const attempt = await begin(id);
    await charge(attempt);
    return attempt;
  };
  const giveBack = async (attempt: Attempt, refundKey: string) => {
    const refund = await payments.beginRefund(refundKey);
    if (refund === undefined) throw new Error(`no refund ${refundKey}`);
    await bank.recordRefund({
      refundKey,
      attemptKey: attempt.attemptKey,
      amount: refund.amount.amount,
      createdAtMs: 0,
    });
    await payments.settleRefund({ refundKey, provider: "sandbox", reference: refundKey }, true, null);
  };

  /** Let in by the waiting room of the sneakers' drop. */
  const letIn = (seq: number): Partial<PricedOrder> => ({
    passes: [{ room: "drop", epoch: 1, seq, isOnce: true }],
    details: JSON.stringify({ payment, rooms: ["drop"] }),
  });

  const received = await place("received", ["TEE-S", "SNEAKER"], letIn(1));

  const paying = await place("paying", ["SET"], { quantity: 2 });
  await begin(paying);

  const challenged = await place("challenged", ["TEE-S"]);
  await payments.settle((await begin(challenged)).attemptKey, {
    outcome: "action_required",
    reference: "sandbox_challenged",
    redirectUrl: "https://bank.example/",
    holdSeconds: 900,
  });

  const unknown = await place("unknown", ["TEE-S"]);
  await payments.settle((await begin(unknown)).attemptKey, { outcome: "unknown", reason: "time-out", retrySeconds: 5 });

  const retried = await place("retried", ["LAMP"]);
  await payments.settle((await begin(retried)).attemptKey, {
    outcome: "failed",
    reason: "busy",
    retrySeconds: 5,
    call: null,
  });
  await pay(retried);

  // Its units come from two locations.
  const paid = await place("paid", ["TEE-M", "SNEAKER"], { quantity: 2 });
  await pay(paid);

  const packed = await place("packed", ["TEE-M"], { quantity: 2 });
  await pay(packed);
  await book.fulfil(packed, "packed", null);

  const shipped = await place("shipped", ["TEE-S"], withCode(1000, "Ada"));
  await pay(shipped);
  await book.fulfil(shipped, "shipped", { carrier: "Post", number: "1", url: null });

  const delivered = await place("delivered", ["TEE-S"]);
  await pay(delivered);
  await book.fulfil(delivered, "shipped", null);
  await book.fulfil(delivered, "delivered", null);

  const partRefunded = await place("part refunded", ["TEE-S"]);
  const partAttempt = await pay(partRefunded);
  await book.refund(partRefunded, 400, "1", "a stain");
  await giveBack(partAttempt, `${partAttempt.attemptKey}-1`);
  await book.refund(partRefunded, 100, "2", "another stain");

  const refunded = await place("refunded", ["TEE-S"]);
  const refundedAttempt = await pay(refunded);
  await book.fulfil(refunded, "shipped", null);
  await book.refund(refunded, 1490, "1", "came back");
  await giveBack(refundedAttempt, `${refundedAttempt.attemptKey}-1`);

  const cancelled = await place("cancelled", ["SNEAKER"], { quantity: 2 });
  await book.cancel(cancelled, "changed my mind");

  // Cancelled when it was paid, once with the money back already and once with it on its way.
  const cancelledPaid = await place("cancelled paid", ["TEE-S"], withCode(1000, "Ada"));
  const cancelledAttempt = await pay(cancelledPaid);
  await book.cancel(cancelledPaid, "changed my mind");
  await giveBack(cancelledAttempt, `${cancelledAttempt.attemptKey}-cancelled`);
  const cancelledOwed = await place("cancelled owed", ["SNEAKER"]);
  await pay(cancelledOwed);
  await book.cancel(cancelledOwed, "changed my mind");

  const expired = await place("expired", ["TEE-S"], withCode(1000, "Bo"));
  await payments.settle((await begin(expired)).attemptKey, {
    outcome: "declined",
    reference: null,
    reason: "no money",
    holdSeconds: 0,
  });
  if (!(await book.expire(expired))) throw new Error("it did not expire");

  // Given up at the provider, expired, and charged all the same.
  const surplus = await place("surplus", ["TEE-S"]);
  const late = await begin(surplus);
  await payments.settle(late.attemptKey, { outcome: "cancelled", reason: "time is over", holdSeconds: 0 });
  await book.expire(surplus);
  await charge(late);

  return {
    received,
    paying,
    challenged,
    unknown,
    retried,
    paid,
    packed,
    shipped,
    delivered,
    partRefunded,
    refunded,
    cancelled,
    cancelledPaid,
    cancelledOwed,
    expired,
    surplus,
  };
}
