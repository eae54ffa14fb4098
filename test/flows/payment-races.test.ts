/**
 * Money: however the bank's answer, its webhook, the shopper's second thoughts and the end of their time fall together,
 * an order is charged at most once, and what was taken too much goes back.
 */
import { describe, expect, test } from "bun:test";
import { takeProviderEvents } from "#flows/take-provider-events.ts";
import { orderNumber } from "#kernel/order-number.ts";
import { orderRequest, type ShopProcess, tally, testShop } from "../kit/shop.ts";

const shop = await testShop({ processes: 2 });
const [here, there] = shop.processes as [ShopProcess, ShopProcess];
const { orders, payments } = shop.parts;

const withToken = (token: string, sku = "MUG") => orderRequest([sku], { payment: { provider: "sandbox", token } });
const another = { provider: "sandbox", token: "ok" };

/** What the bank really took and gave back for an order. */
async function banked(orderId: number) {
  const [row] = await shop.sql.unsafe(
    `select coalesce(sum(amount) filter (where state = 'succeeded'), 0)::int as taken, coalesce(sum(refunded), 0)::int as back,
       count(*) filter (where state = 'succeeded')::int as charges from sandbox_charges where order_number = $1`,
    [orderNumber(orderId)],
  );
  return row as { taken: number; back: number; charges: number };
}

const once = { taken: 2490, back: 0, charges: 1 };

/** A challenge is open at the bank; answers its reference there. */
async function challenged(): Promise<{ id: number; reference: string }> {
  const id = await here.placed(withToken("action_required"));
  await here.work();
  const attempt = await payments.open(id);
  if (attempt?.state !== "action_required") throw new Error("no challenge is open");
  return { id, reference: attempt.reference ?? "" };
}

async function declined(): Promise<number> {
  const id = await here.placed(withToken("declined"));
  await here.work();
  expect(await shop.statusOf(id)).toBe("action_required");
  return id;
}

/** Everything that waits is done, by both processes at once, until nothing is left to do now. */
async function finish(): Promise<void> {
  for (let round = 0; round < 6; round++) {
    await shop.hurry();
    const done = await Promise.all([here.work(), there.work()]);
    for (const { bank } of shop.processes) await bank.settled();
    if (done.every((topics) => topics.length === 0)) return;
  }
}

describe("a webhook", () => {
  test("that comes before the worker's own call returns pays the order, and the call changes nothing more", async () => {
    const id = await here.placed(withToken("ok"));
    here.gate.close();
    const working = here.work();
    await here.gate.waiting(1);
    await here.bank.settled();
    expect(await shop.statusOf(id)).toBe("paid");
    here.gate.open();
    await working;
    expect(await shop.statusOf(id)).toBe("paid");
    expect(await banked(id)).toEqual(once);
    expect((await orders.get(id))?.events.map(({ status }) => status)).toEqual(["paying", "paid"]);
  });

  test("that comes before the call returns, and tells of a refusal, waits for the call's own answer", async () => {
    const id = await here.placed(withToken("declined"));
    here.gate.close();
    const working = here.work();
    await here.gate.waiting(1);
    await here.bank.settled();
    // It may be older news than the answer.
    expect(await shop.statusOf(id)).toBe("paying");
    here.gate.open();
    await working;
    expect((await orders.get(id))?.events.map(({ status }) => status)).toEqual(["paying", "action_required"]);
    await orders.cancel(id, "test");
  });

  test("of a refusal does not touch the payment that the shopper has tried since", async () => {
    const id = await here.placed(withToken("declined"));
    await here.work();
    expect(await orders.retryPayment(id, another)).toBe(true);
    await there.work();
    expect(await shop.statusOf(id)).toBe("paid");
    await here.bank.resendWebhooks(0);
    await here.bank.settled();
    expect(await shop.statusOf(id)).toBe("paid");
    expect(await banked(id)).toEqual(once);
  });

  for (const token of ["duplicate_webhook", "out_of_order_webhooks"]) {
    test(`played as ${token} leaves one paid order and one charge`, async () => {
      const id = await here.placed(withToken(token));
      await here.work();
      await here.bank.settled();
      expect(await shop.statusOf(id)).toBe("paid");
      expect(await banked(id)).toEqual(once);
    });
  }

  test("delivered ten times at once to both processes is taken once", async () => {
    const id = await here.placed(withToken("ok"));
    await here.work();
    await Promise.all(Array.from({ length: 5 }, () => [here, there].map(({ bank }) => bank.resendWebhooks(0))).flat());
    for (const { bank } of shop.processes) await bank.settled();
    expect(await shop.statusOf(id)).toBe("paid");
    const [row] = await shop.sql.unsafe("select count(*)::int as events from provider_events");
    expect((row as { events: number }).events).toBe(1);
    expect((await orders.get(id))?.events).toHaveLength(2);
  });

  test("is the only news of a charge whose answer was lost, and is enough", async () => {
    const id = await here.placed(withToken("webhook_only"));
    await here.work();
    await here.bank.settled();
    expect(await shop.statusOf(id)).toBe("paid");
    expect(await banked(id)).toEqual(once);
  });

  test("about an order that nobody placed here is answered and changes nothing", async () => {
    const before = await shop.rows();
    const answer = await takeProviderEvents({ payments, holdSeconds: () => 900 }, "sandbox", [
      {
        eventId: "evt_stray",
        attemptKey: "SNOTOURS1-1",
        reference: "sandbox_x",
        occurredAtMs: 0,
        outcome: { kind: "succeeded" },
      },
    ]);
    expect(answer.unknown).toBe(1);
    await shop.sql.unsafe("delete from provider_events where event_id = 'evt_stray'");
    expect(await shop.rows()).toBe(before);
  });
});

describe("charging", () => {
  test("the same order by two workers at once charges it once", async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, async () => await here.placed(withToken("slow:20"))));
    const working = here.work();
    await Bun.sleep(5);
    // Its lease has run out, or so it seems to the other worker.
    await shop.hurry();
    await Promise.all([working, there.work()]);
    await finish();
    for (const id of ids) {
      expect(await shop.statusOf(id)).toBe("paid");
      expect(await banked(id)).toEqual(once);
    }
  });

  test("that was cut off before its answer is taken up again with the same key, and charges once", async () => {
    const id = await here.placed(withToken("ok"));
    // A worker began and died: the attempt is open, its task comes back by itself.
    const attempt = await payments.begin(id, orderNumber(id), another);
    await here.bank.charge(
      {
        attemptKey: attempt?.attemptKey ?? "",
        orderNumber: orderNumber(id),
        amount: { amount: 2490, currency: "EUR" },
        token: "ok",
        email: "",
        returnUrl: "",
        createdAtMs: Date.now(),
        unknownSinceMs: null,
        reference: null,
      },
      AbortSignal.timeout(1000),
    );
    await finish();
    expect(await shop.statusOf(id)).toBe("paid");
    expect(await banked(id)).toEqual(once);
  });

  test("whose answer got lost after the charge is asked about, not tried again", async () => {
    const id = await here.placed(withToken("error_after_charge"));
    here.loseWebhooks(true);
    await here.work();
    expect(await shop.statusOf(id)).toBe("unknown");
    expect(await orders.cancel(id, "no")).toBe("busy");
    expect(await orders.retryPayment(id, another)).toBe(false);
    await finish();
    expect(await shop.statusOf(id)).toBe("paid");
    expect(await banked(id)).toEqual(once);
  });

  for (const token of ["once_failed", "rate_limited"]) {
    test(`that first hears ${token} is tried again and succeeds, charged once`, async () => {
      const id = await here.placed(withToken(token));
      await here.work();
      expect(await shop.statusOf(id)).toBe("received");
      await shop.hurry();
      await here.work();
      expect(await shop.statusOf(id)).toBe("paid");
      expect(await banked(id)).toEqual(once);
    });
  }

  test("at a provider that fails goes to the shopper's second card after two tries", async () => {
    const id = await here.placed(
      orderRequest(["MUG"], {
        payment: { provider: "sandbox", token: "error", backup: { provider: "sandbox", token: "ok" } },
      }),
    );
    for (let round = 0; round < 3; round++) {
      await shop.hurry();
      await here.work();
    }
    expect(await shop.statusOf(id)).toBe("paid");
    expect(await banked(id)).toEqual(once);
  });

  test("nothing, for an order that costs nothing, asks no bank and is paid at once", async () => {
    const request = orderRequest(["CARD"], { promotionCode: "ALL-OFF" });
    const id = await here.placed(request);
    expect((await orders.get(id))?.total).toBe(0);
    await here.work();
    expect(await shop.statusOf(id)).toBe("paid");
    expect(await banked(id)).toEqual({ taken: 0, back: 0, charges: 0 });
    expect(await shop.level("CARD")).toMatchObject({ held: 0, sold: 1 });
  });

  test("nothing, and cancelled afterwards, sends nothing back and frees the unit", async () => {
    const id = await here.placed(orderRequest(["CARD"], { promotionCode: "ALL-OFF" }));
    await here.work();
    expect(await orders.cancel(id, "no")).toBe("cancelled");
    expect(await shop.level("CARD")).toMatchObject({ held: 0, sold: 0, available: 100 });
  });
});

describe("cancelling", () => {
  test("while the bank is asked is answered with 'ask again', and afterwards gives the money back", async () => {
    const id = await here.placed(withToken("ok"));
    here.gate.close();
    const working = here.work();
    await here.gate.waiting(1);
    const early = await there.parts.orders.cancel(id, "changed my mind");
    // The webhook may have come already: then it is paid, and goes back.
    expect(["busy", "refunding"]).toContain(early);
    here.gate.open();
    await working;
    await here.bank.settled();
    if (early === "busy") expect(await orders.cancel(id, "changed my mind")).toBe("refunding");
    await finish();
    expect(await shop.statusOf(id)).toBe("refunded");
    expect(await banked(id)).toEqual({ taken: 2490, back: 2490, charges: 1 });
    expect(await shop.level("MUG")).toMatchObject({ held: 0, sold: 0, available: 100 });
  });

  test("raced with the worker ends as cancelled and never charged, or as charged and given back", async () => {
    const ids = await Promise.all(Array.from({ length: 24 }, async () => await here.placed(withToken("ok"))));
    const [, ...ends] = await Promise.all([
      here.work(),
      ...ids.map(async (id) => await there.parts.orders.cancel(id, "no")),
    ]);
    await finish();
    for (const [index, id] of ids.entries()) {
      const money = await banked(id);
      switch (ends[index]) {
        case "cancelled":
          expect([await shop.statusOf(id), money.taken]).toEqual(["cancelled", 0]);
          break;
        case "refunding":
          expect([await shop.statusOf(id), money]).toEqual(["refunded", { taken: 2490, back: 2490, charges: 1 }]);
          break;
        default:
          expect([ends[index] as string, await shop.statusOf(id), money]).toEqual(["busy", "paid", once]);
      }
    }
    const kept = (ends as string[]).filter((end) => end === "busy").length;
    expect(await shop.level("MUG")).toMatchObject({ held: 0, sold: kept, available: 100 - kept });
  });

  test("from ten tabs at once gives the money back once", async () => {
    const id = await here.placed(withToken("ok"));
    await here.work();
    const ends = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => (index % 2 === 0 ? here : there).parts.orders.cancel(id, "no")),
    );
    expect(tally(ends.map((kind) => ({ kind })))).toEqual({ refunding: 1, cancelled: 9 });
    await finish();
    expect(await banked(id)).toEqual({ taken: 2490, back: 2490, charges: 1 });
  });

  test("is refused once the parcel has left, and raced with packing it up one of the two wins", async () => {
    for (let round = 0; round < 10; round++) {
      const id = await here.placed(withToken("ok"));
      await here.work();
      const [end, left] = await Promise.all([
        here.parts.orders.cancel(id, "no"),
        there.parts.orders.fulfil(id, "shipped", null),
      ]);
      expect([end, left] as unknown).toEqual(left ? ["too_late", true] : ["refunding", false]);
    }
    await finish();
  });
});

describe("a challenge", () => {
  test("that is passed pays the order when the shopper comes back, and its webhook changes nothing more", async () => {
    const { id, reference } = await challenged();
    await here.bank.approve(reference);
    await here.bank.settled();
    expect(await shop.statusOf(id)).toBe("paid");
    await finish();
    expect(await banked(id)).toEqual(once);
  });

  test("that is failed leaves the units held for another card", async () => {
    const { id, reference } = await challenged();
    await here.bank.decline(reference);
    await here.bank.settled();
    expect(await orders.get(id)).toMatchObject({ status: "action_required", canRetryPayment: true });
    expect((await shop.level("MUG")).held).toBe(1);
    expect(await orders.retryPayment(id, another)).toBe(true);
    await here.work();
    expect(await shop.statusOf(id)).toBe("paid");
  });

  test("that is open when the shopper's time ends is given up at the bank, and its units go back", async () => {
    const { id, reference } = await challenged();
    await shop.timeRunsOut(id);
    await finish();
    expect(await shop.statusOf(id)).toBe("expired");
    expect(await here.bank.approve(reference)).toMatchObject({ state: "cancelled" });
    expect(await banked(id)).toEqual({ taken: 0, back: 0, charges: 0 });
    expect(await shop.level("MUG")).toMatchObject({ held: 0, available: 100 });
  });

  test("that is passed at the moment in which the time ends is paid, or expires; money and units agree", async () => {
    const seen = new Set<string>();
    for (let round = 0; round < 12; round++) {
      const { id, reference } = await challenged();
      await shop.timeRunsOut(id);
      await shop.hurry();
      const order = round % 2 === 0;
      await Promise.all([
        order ? here.work() : there.bank.approve(reference),
        order ? there.bank.approve(reference) : here.work(),
      ]);
      await finish();
      const status = await shop.statusOf(id);
      const { taken, back } = await banked(id);
      seen.add(status);
      expect([status, taken - back]).toEqual(status === "paid" ? ["paid", 2490] : ["expired", 0]);
    }
    expect((await shop.level("MUG")).held).toBe(0);
  });

  test("whose success is told after the order has expired sends the money back whole", async () => {
    const id = await declined();
    const [attempt] = await shop.sql.unsafe("select attempt_key from payment_attempts where order_id = $1", [id]);
    await shop.timeRunsOut(id);
    await finish();
    expect(await shop.statusOf(id)).toBe("expired");
    // The bank changes its mind, as banks do.
    const { attempt_key } = attempt as { attempt_key: string };
    await shop.sql.unsafe("update sandbox_charges set state = 'succeeded' where attempt_key = $1", [attempt_key]);
    const settle = async (process: ShopProcess) =>
      await process.parts.payments.settle(attempt_key, { outcome: "succeeded", reference: `sandbox_${attempt_key}` });
    expect(await Promise.all([settle(here), settle(there), settle(here)])).toEqual(["expired", "expired", "expired"]);
    await finish();
    expect(await shop.statusOf(id)).toBe("expired");
  });

  test("cannot be left by cancelling while it is open: the bank may still say yes", async () => {
    const { id, reference } = await challenged();
    expect(await orders.cancel(id, "no")).toBe("busy");
    await here.bank.decline(reference);
    await here.bank.settled();
    expect(await orders.cancel(id, "no")).toBe("cancelled");
  });
});

describe("another card", () => {
  test("offered by two tabs at once is charged once", async () => {
    for (let round = 0; round < 8; round++) {
      const id = await declined();
      const taken = await Promise.all([
        here.parts.orders.retryPayment(id, another),
        there.parts.orders.retryPayment(id, another),
        here.parts.orders.retryPayment(id, { provider: "sandbox", token: "declined" }),
      ]);
      expect(taken.filter(Boolean)).toHaveLength(1);
      await finish();
      if (taken[2] === true) {
        expect(await orders.cancel(id, "no")).toBe("cancelled");
      } else {
        expect(await shop.statusOf(id)).toBe("paid");
        expect(await banked(id)).toEqual(once);
      }
    }
  });

  test("offered at the moment in which the time ends is charged, or comes too late", async () => {
    for (let round = 0; round < 10; round++) {
      const id = await declined();
      await shop.timeRunsOut(id);
      const [taken, expired] = await Promise.all([
        here.parts.orders.retryPayment(id, another),
        there.parts.orders.expire(id),
      ]);
      expect(taken).toBe(!expired);
      await finish();
      expect(await shop.statusOf(id)).toBe(taken ? "paid" : "expired");
    }
  });

  test("offered while another tab cancels is charged, or the order is cancelled", async () => {
    for (let round = 0; round < 10; round++) {
      const id = await declined();
      const [taken, end] = await Promise.all([
        here.parts.orders.retryPayment(id, another),
        there.parts.orders.cancel(id, "no"),
      ]);
      expect([taken, end] as unknown).toEqual(taken ? [true, "busy"] : [false, "cancelled"]);
      await finish();
      expect(await shop.statusOf(id)).toBe(taken ? "paid" : "cancelled");
    }
  });

  test("is not taken by an order that is paid, cancelled, expired or still being charged", async () => {
    const paid = await here.placed(withToken("ok"));
    await here.work();
    expect(await orders.retryPayment(paid, another)).toBe(false);
    const waiting = await here.placed(withToken("ok"));
    expect(await orders.retryPayment(waiting, another)).toBe(false);
    await orders.cancel(waiting, "no");
    expect(await orders.retryPayment(waiting, another)).toBe(false);
    const expired = await declined();
    await shop.timeRunsOut(expired);
    await finish();
    expect(await orders.retryPayment(expired, another)).toBe(false);
  });
});

describe("a refund", () => {
  const paid = async (token = "ok") => {
    const id = await here.placed(withToken(token));
    await here.work();
    await here.bank.settled();
    return id;
  };

  test("asked for twenty times under one key, by both processes, goes out once", async () => {
    const id = await paid();
    const ends = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        (index % 2 === 0 ? here : there).parts.orders.refund(id, 500, "stain", "a stain"),
      ),
    );
    expect(new Set(ends)).toEqual(new Set(["ok"]));
    await finish();
    expect(await banked(id)).toEqual({ taken: 2490, back: 500, charges: 1 });
    expect(await orders.get(id)).toMatchObject({ status: "part_refunded", refunded: 500 });
  });

  test("of more than was paid is refused, also when many smaller ones race for the rest", async () => {
    const id = await paid();
    expect(await orders.refund(id, 2491, "all-and-one", "")).toBe("too_much");
    const ends = await Promise.all(
      Array.from({ length: 12 }, async (_, index) =>
        (index % 2 === 0 ? here : there).parts.orders.refund(id, 700, `part-${index}`, "part"),
      ),
    );
    expect(tally(ends.map((kind) => ({ kind })))).toEqual({ ok: 3, too_much: 9 });
    await finish();
    expect(await orders.refund(id, 391, "last", "")).toBe("too_much");
    expect(await orders.refund(id, 390, "last", "")).toBe("ok");
    await finish();
    expect(await banked(id)).toEqual({ taken: 2490, back: 2490, charges: 1 });
    expect(await orders.get(id)).toMatchObject({ status: "refunded", refunded: 2490 });
  });

  test("of another amount under a key that was used is not a second refund", async () => {
    const id = await paid();
    expect(await orders.refund(id, 500, "stain", "")).toBe("ok");
    await orders.refund(id, 900, "stain", "");
    await finish();
    expect((await banked(id)).back).toBe(500);
  });

  test("made by two workers at once goes out once", async () => {
    const ids = [await paid(), await paid(), await paid()];
    for (const id of ids) await orders.refund(id, 1000, "a", "");
    const working = here.work();
    await shop.hurry();
    await Promise.all([working, there.work()]);
    await finish();
    for (const id of ids) expect((await banked(id)).back).toBe(1000);
  });

  test("that the bank takes its time over is told by webhook, once", async () => {
    const id = await paid("refund_pending");
    await orders.refund(id, 1000, "a", "");
    await here.work();
    expect(await orders.get(id)).toMatchObject({ status: "paid", refunded: 0 });
    await here.bank.settled();
    expect(await orders.get(id)).toMatchObject({ status: "part_refunded", refunded: 1000 });
    await finish();
    expect(await orders.get(id)).toMatchObject({ refunded: 1000 });
  });

  test("that failed tells an operator and may be asked for again under another key", async () => {
    const id = await paid("refund_failed");
    await orders.refund(id, 1000, "a", "");
    await here.work();
    await here.bank.settled();
    expect(await orders.get(id)).toMatchObject({ status: "paid", refunded: 0 });
    const [alert] = await shop.sql.unsafe("select payload from outbox where topic = 'operator_alert'");
    expect(JSON.stringify(alert)).toContain("-a");
    expect(await orders.refund(id, 2490, "b", "")).toBe("ok");
  });

  test("of everything before anything was sent puts units, code and the person's limit back on sale", async () => {
    const request = orderRequest([["PRINT", 2]], { promotionCode: "FIVE-TIMES" });
    const id = await here.placed(request);
    await here.work();
    const { total } = (await orders.get(id)) ?? { total: 0 };
    await orders.refund(id, total - 1, "a", "");
    await finish();
    expect(await shop.level("PRINT")).toMatchObject({ sold: 2 });
    await orders.refund(id, 1, "b", "");
    await finish();
    expect(await shop.statusOf(id)).toBe("refunded");
    expect(await shop.level("PRINT")).toMatchObject({ held: 0, sold: 0, available: 20 });
    expect((await there.place(request)).kind).toBe("placed");
  });

  test("of an order that was never paid is refused", async () => {
    const id = await here.placed(withToken("ok"));
    expect(await orders.refund(id, 100, "a", "")).toBe("not_paid");
    expect(await orders.refund(999_999, 100, "a", "")).toBe("not_found");
  });

  test("raced with cancelling never gives more back than was taken", async () => {
    for (let round = 0; round < 8; round++) {
      const id = await paid();
      await Promise.all([
        here.parts.orders.cancel(id, "no"),
        there.parts.orders.refund(id, 2000, "a", ""),
        there.parts.orders.refund(id, 400, "b", ""),
      ]);
      await finish();
      const { taken, back } = await banked(id);
      expect(back).toBeLessThanOrEqual(taken);
    }
  });
});
