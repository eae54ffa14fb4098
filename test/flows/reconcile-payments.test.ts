/** The bank's books beside ours: what was only late is settled, and what does not fit is named, to the cent. */
import { describe, expect, test } from "bun:test";
import { reconcilePayments } from "#flows/reconcile-payments.ts";
import { orderNumber } from "#kernel/order-number.ts";
import { orderRequest, testShop } from "../kit/shop.ts";

const shop = await testShop();
const { payments, orders } = shop.parts;

/** The bank's clock runs ahead of ours, so that it is asked from the beginning. */
const reconcile = async () =>
  await reconcilePayments({
    payments,
    gateway: shop.bank,
    nowMs: Date.now() + 120_000,
    sinceMs: 0,
    signal: AbortSignal.timeout(5000),
  });

const nothing = { settled: [], chargesWithoutOrder: [], ordersWithoutCharge: [], amountDiffers: [] };

async function paid(): Promise<number> {
  const id = await shop.placed(orderRequest(["MUG"]));
  await shop.work();
  await shop.bank.settled();
  return id;
}

const attemptKeyOf = async (id: number) => {
  const [row] = await shop.sql.unsafe("select attempt_key as key from payment_attempts where order_id = $1", [id]);
  return (row as { key: string }).key;
};

describe("books that agree", () => {
  test("have nothing to tell but how much was looked at", async () => {
    await paid();
    await paid();
    expect(await reconcile()).toEqual({ provider: "sandbox", charges: 2, ...nothing });
  });
});

describe("a charge whose news was lost", () => {
  test("pays its order now, and a second look finds nothing more", async () => {
    shop.loseWebhooks(true);
    const id = await shop.placed(orderRequest(["MUG"], { payment: { provider: "sandbox", token: "webhook_only" } }));
    await shop.work();
    expect(await shop.statusOf(id)).toBe("unknown");
    const key = await attemptKeyOf(id);
    expect(await reconcile()).toMatchObject({ settled: [key], ordersWithoutCharge: [] });
    expect(await shop.statusOf(id)).toBe("paid");
    expect(await reconcile()).toMatchObject({ settled: [], charges: 1 });
  });

  test("of an order that was given up since goes back", async () => {
    const id = await shop.placed(orderRequest(["MUG"], { payment: { provider: "sandbox", token: "declined" } }));
    await shop.work();
    await shop.bank.settled();
    await orders.cancel(id, "no");
    const key = await attemptKeyOf(id);
    await shop.sql.unsafe("update sandbox_charges set state = 'succeeded', token = 'ok' where attempt_key = $1", [key]);
    expect(await reconcile()).toMatchObject({ settled: [key] });
    await shop.work();
    const [charge] = await shop.sql.unsafe("select refunded from sandbox_charges where attempt_key = $1", [key]);
    expect(Number((charge as { refunded: string }).refunded)).toBe(2490);
    expect(await shop.statusOf(id)).toBe("cancelled");
  });
});

describe("what does not fit", () => {
  test("is a charge that no order of ours made", async () => {
    const id = await paid();
    await shop.bank.charge(
      {
        attemptKey: "SOMEBODY-1",
        orderNumber: "SOMEBODY",
        amount: { amount: 700, currency: "EUR" },
        token: "ok",
        email: "",
        returnUrl: "",
        createdAtMs: Date.now(),
        unknownSinceMs: null,
        reference: null,
      },
      AbortSignal.timeout(1000),
    );
    await shop.bank.settled();
    const found = await reconcile();
    expect(found?.chargesWithoutOrder).toMatchObject([{ attemptKey: "SOMEBODY-1", amount: { amount: 700 } }]);
    expect(found).toMatchObject({ charges: 2, settled: [], ordersWithoutCharge: [], amountDiffers: [] });
    await shop.sql.unsafe("delete from sandbox_charges where attempt_key = 'SOMEBODY-1'");
    expect(await shop.statusOf(id)).toBe("paid");
  });

  test("is an order that we hold to be paid and the bank does not know", async () => {
    const id = await paid();
    await paid();
    const key = await attemptKeyOf(id);
    const [row] = await shop.sql.unsafe("delete from sandbox_charges where attempt_key = $1 returning *", [key]);
    expect(await reconcile()).toMatchObject({ ...nothing, ordersWithoutCharge: [{ attemptKey: key, orderId: id }] });
    expect(orderNumber(id)).toBe((row as { order_number: string }).order_number);
    const columns = Object.keys(row as object);
    await shop.sql.unsafe(
      `insert into sandbox_charges (${columns.join()}) values (${columns.map((_, index) => `$${index + 1}`).join()})`,
      Object.values(row as object),
    );
  });

  test("is another amount than ours", async () => {
    const id = await paid();
    const key = await attemptKeyOf(id);
    await shop.sql.unsafe("update sandbox_charges set amount = 2491 where attempt_key = $1", [key]);
    expect(await reconcile()).toMatchObject({
      ...nothing,
      amountDiffers: [{ attemptKey: key, ours: 2490, theirs: 2491 }],
    });
    await shop.sql.unsafe("update sandbox_charges set amount = 2490 where attempt_key = $1", [key]);
  });
});

test("a provider that keeps no list is not reconciled, and nothing is claimed of it", async () => {
  const gateway = { ...shop.bank, charges: () => null };
  expect(
    await reconcilePayments({ payments, gateway, nowMs: 0, sinceMs: 0, signal: AbortSignal.timeout(1) }),
  ).toBeUndefined();
});
