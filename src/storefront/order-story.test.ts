/** What an order's page says is true for its state, and its steps never claim what has not happened. */
import { describe, expect, test } from "bun:test";
import type { OrderView } from "#contract/shop.ts";
import { liveState } from "./live-state.ts";
import { orderSteps, orderStory } from "./order-story.ts";

const eur = (amount: number) => ({ amount, currency: "EUR" });
const at = (minute: number) => new Date(Date.UTC(2026, 10, 27, 9, minute)).toISOString();

function order(path: readonly string[], more: Partial<OrderView> = {}): OrderView {
  return {
    orderNumber: "1",
    status: path.at(-1) ?? "received",
    statusText: "In the shop’s own words.",
    placedAt: at(0),
    email: "a@b.example",
    lines: [],
    totals: { subtotal: eur(1), discount: eur(0), shipping: null, tax: eur(0), taxIncluded: true, total: eur(1) },
    total: eur(1),
    shippingAddress: { name: "A", line1: "B", city: "C", postalCode: "D", country: "IE" },
    shippingMethod: "Standard",
    actionUrl: null,
    canRetryPayment: false,
    canCancel: false,
    holdUntil: null,
    refunded: eur(0),
    tracking: null,
    delay: null,
    events: path.map((status, index) => ({ at: at(index), status, text: status })),
    ...more,
  };
}

const states = (path: readonly string[], more?: Partial<OrderView>) =>
  orderSteps(order(path, more)).map(({ name, state }) => `${name}: ${state}`);

describe("the story", () => {
  test("says of an unknown payment that nobody is charged twice and the items stay held", () => {
    const { text, moving } = orderStory(order(["received", "paying", "unknown"]));
    expect(text).toContain("will not be charged twice");
    expect(text).toContain("stay held");
    expect(moving).toBe(true);
  });

  test("says after a decline that nothing was charged, and that it is the shopper's turn", () => {
    const { text, tone, moving } = orderStory(
      order(["received", "paying", "action_required"], { canRetryPayment: true }),
    );
    expect(text).toContain("Nothing was charged");
    expect([tone, moving]).toEqual(["yours", false]);
    const waiting = order(["received", "paying", "action_required"], { canRetryPayment: true });
    expect(orderStory(waiting)).toEqual(orderStory(order(["received"], { canRetryPayment: true })));
    expect(orderSteps(waiting)[1]).toEqual({ name: "Payment did not go through", state: "stopped", at: null });
    expect(orderStory({ ...waiting, actionUrl: "https://bank.example" }).title).toBe("Your bank asks you to confirm");
  });

  test("says that money is on its way back only when some is", () => {
    expect(orderStory(order(["received", "cancelled"])).text).not.toContain("on its way back");
    expect(orderStory(order(["received", "paid", "cancelled"], { refunded: eur(1) })).text).toContain(
      "on its way back",
    );
  });

  test("tells an unheard-of status in the shop's own words", () => {
    for (const status of ["teleported", "constructor", "__proto__"])
      expect(orderStory(order([status])).title).toBe("In the shop’s own words.");
  });
});

describe("the steps", () => {
  test("follow the way of an order", () => {
    expect(states(["received"])).toEqual([
      "Received and held: done",
      "Payment is next: now",
      "Packing: to-come",
      "Shipping: to-come",
      "Delivery: to-come",
    ]);
    expect(states(["received", "paying", "unknown"])[1]).toBe("Waiting for the bank: now");
    expect(states(["received", "paying", "action_required"], { canRetryPayment: true })[1]).toBe(
      "Payment did not go through: stopped",
    );
    expect(states(["received", "paid", "packed", "shipped"])).toEqual([
      "Received and held: done",
      "Paid: done",
      "Packed: done",
      "Shipped: done",
      "Delivery: now",
    ]);
    expect(
      states(["received", "paid", "packed", "shipped", "delivered"]).every((step) => step.endsWith(": done")),
    ).toBe(true);
  });

  test("end where the order ended, and claim nothing beyond", () => {
    expect(states(["received", "paying", "received", "expired"])).toEqual([
      "Received and held: done",
      "Hold ended: over",
    ]);
    expect(states(["received", "paid", "cancelled"])).toEqual([
      "Received and held: done",
      "Paid: done",
      "Cancelled: over",
    ]);
    expect(states(["received", "paid", "shipped", "delivered", "refunded"]).at(-1)).toBe("Refunded in full: over");
  });

  test("go on after a part of the money went back", () => {
    expect(states(["received", "paid", "packed", "part_refunded"])).toEqual([
      "Received and held: done",
      "Paid: done",
      "Packed: done",
      "Refunded in part: done",
      "Shipping: now",
      "Delivery: to-come",
    ]);
  });

  test("carry the time of what happened", () => {
    expect(orderSteps(order(["received", "paying", "paid"])).map((step) => step.at)).toEqual([
      at(0),
      at(2),
      null,
      null,
      null,
    ]);
  });
});

test("the live state changes with everything the page shows", () => {
  const before = order(["received", "paid"]);
  const changes: Partial<OrderView>[] = [
    { status: "packed" },
    { canRetryPayment: true },
    { canCancel: true },
    { actionUrl: "https://bank.example" },
    { holdUntil: at(9) },
    { refunded: eur(1) },
    { delay: "Later." },
    { tracking: { carrier: "A", number: "1", url: null } },
    { events: [] },
  ];
  for (const change of changes) expect(liveState({ ...before, ...change })).not.toBe(liveState(before));
  expect(liveState({ ...before })).toBe(liveState(before));
});
