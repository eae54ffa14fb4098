/**
 * An order's state in words that are true and calm, and its path as steps. One table, read by the order page and the
 * notices: what has happened, what happens next, and what it means for the shopper's money and units.
 */
import type { OrderView } from "#contract/shop.ts";

export type Story = {
  readonly title: string;
  readonly text: string;
  /** Whether it is the shopper's turn, all is well, or the order has come to an end. */
  readonly tone: "moving" | "yours" | "well" | "over";
  /** It may change by itself within minutes: the page refreshes for people without script. */
  readonly moving: boolean;
};

type Teller = (order: OrderView) => Story;

const moving = (title: string, text: string): Story => ({ title, text, tone: "moving", moving: true });
const well = (title: string, text: string): Story => ({ title, text, tone: "well", moving: false });
const over = (title: string, text: string): Story => ({ title, text, tone: "over", moving: false });
const yours = (title: string, text: string): Story => ({ title, text, tone: "yours", moving: false });
const notPaid = yours(
  "The payment did not go through",
  "Nothing was charged. Your items stay held for you: try another card, or the same one again.",
);

/** A declined payment waits in `received` or in `action_required`; what tells it is that there is nothing to confirm. */
const declined = (order: OrderView): boolean => order.canRetryPayment && order.actionUrl === null;

const stories: Readonly<Record<string, Teller>> = {
  received: (order) =>
    declined(order)
      ? notPaid
      : moving(
          "We have your order",
          "Its items are held for you. Next we ask your bank for the payment. When many people order at once that takes a moment, and your place is kept.",
        ),
  paying: () => moving("We are asking your bank", "Your items are held. The answer usually takes seconds."),
  action_required: (order) =>
    declined(order)
      ? notPaid
      : {
          ...yours(
            "Your bank asks you to confirm",
            "Nothing has been charged yet. Your items stay held while you confirm the payment with your bank.",
          ),
          moving: true,
        },
  unknown: () =>
    moving(
      "The bank has not told us yet",
      "We asked for the payment and have no answer so far. You will not be charged twice, and your items stay held while we find out. There is nothing you need to do; please do not order again.",
    ),
  paid: () => well("Thank you, it’s yours", "The payment is in and your order is confirmed. We are packing it next."),
  packed: () => well("Packed", "Your parcel is ready and waiting for the carrier."),
  shipped: () => well("On its way", "Your parcel is with the carrier."),
  delivered: () => well("Delivered", "The carrier says that your parcel has arrived. We hope you like it."),
  cancelled: (order) =>
    over(
      "This order is cancelled",
      order.refunded.amount > 0
        ? "The money is on its way back to you. Banks take a few days to show it."
        : "Its items are back on sale. If a payment still arrives, we refund it in full.",
    ),
  expired: () =>
    over(
      "The hold has ended",
      "No payment arrived while the items were held, so they are back on sale. If a late payment still arrives, we refund it in full.",
    ),
  refunded: () => over("Refunded in full", "The money is on its way back to you. Banks take a few days to show it."),
  part_refunded: () =>
    well("Refunded in part", "Part of the money is on its way back to you. Banks take a few days to show it."),
};

/** A status that this page has not heard of is told in the shop's own words. */
export function orderStory(order: OrderView): Story {
  const teller = Object.hasOwn(stories, order.status) ? stories[order.status] : undefined;
  return teller?.(order) ?? well(order.statusText, "");
}

export type Step = {
  readonly name: string;
  readonly state: "done" | "now" | "stopped" | "to-come" | "over";
  /** RFC 3339; null when it has not come or nobody noted when. */
  readonly at: string | null;
};

const path = ["received", "paid", "packed", "shipped", "delivered"] as const;
const doneNames = ["Received and held", "Paid", "Packed", "Shipped", "Delivered"] as const;
const comingNames = ["", "Payment", "Packing", "Shipping", "Delivery"] as const;
const ends: Readonly<Record<string, string>> = {
  cancelled: "Cancelled",
  expired: "Hold ended",
  refunded: "Refunded in full",
};

export function orderSteps(order: OrderView): readonly Step[] {
  const when = (status: string) => order.events.find((event) => event.status === status)?.at ?? null;
  const own = path.indexOf(order.status as (typeof path)[number]);
  // Refunds and cancellations leave the path: how far it had come, the events tell.
  const reached = own >= 0 ? own : path.reduce((far, status, index) => (when(status) === null ? far : index), 0);
  const steps: Step[] = path.slice(0, reached + 1).map((status, index) => ({
    name: doneNames[index] as string,
    state: "done",
    at: when(status) ?? (index === 0 ? order.placedAt : null),
  }));
  const end = Object.hasOwn(ends, order.status) ? ends[order.status] : undefined;
  if (end !== undefined) return [...steps, { name: end, state: "over", at: when(order.status) }];
  if (order.status === "part_refunded") {
    steps.push({ name: "Refunded in part", state: "done", at: when("part_refunded") });
  }
  for (let index = reached + 1; index < path.length; index += 1) {
    const next = index === reached + 1;
    steps.push(next ? nextStep(order, index) : { name: comingNames[index] as string, state: "to-come", at: null });
  }
  return steps;
}

function nextStep(order: OrderView, index: number): Step {
  const name = comingNames[index] as string;
  if (index !== 1) return { name, state: "now", at: null };
  if (order.canRetryPayment) return { name: "Payment did not go through", state: "stopped", at: null };
  const names: Readonly<Record<string, string>> = {
    received: "Payment is next",
    paying: "Paying",
    action_required: "Your bank asks you to confirm",
    unknown: "Waiting for the bank",
  };
  return { name: names[order.status] ?? name, state: "now", at: null };
}
