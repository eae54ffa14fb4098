/**
 * What a shopper is told about an order without asking. Every notice says what has happened, what it means for their
 * money and units, and what comes next; the order's page says it too, so a lost message loses nothing.
 */
import type { OrderView } from "#contract/shop.ts";
import { countryNames, moment, money } from "../words.ts";
import { type Letter, letter, type NoticeFrame, type NoticeText } from "./mail.ts";

export const orderNoticeKinds = [
  "received",
  "paid",
  "payment_declined",
  "payment_action",
  "payment_unknown",
  "delayed",
  "packed",
  "shipped",
  "delivered",
  "cancelled",
  "expired",
  "refunded",
] as const;
export type OrderNoticeKind = (typeof orderNoticeKinds)[number];

type Said = Pick<Letter, "subject" | "title" | "paragraphs"> & {
  readonly button: string;
  /** One sentence for a text message: order number and address are added to it. */
  readonly short: string;
};

export function orderNotice(kind: OrderNoticeKind, order: OrderView, frame: NoticeFrame): NoticeText {
  const said = say(kind, order, frame);
  // A message about one step does not repeat the whole order, but for the two that people keep.
  const whole = kind === "received" || kind === "paid";
  return letter(frame, {
    subject: said.subject,
    preview: said.paragraphs[0] ?? "",
    title: said.title,
    paragraphs: said.paragraphs,
    button: { text: said.button, href: frame.statusUrl },
    rows: whole ? rows(order, frame) : [],
    blocks: whole ? [{ title: "Delivering to", lines: addressLines(order, frame) }] : [],
    footer: `Order ${order.orderNumber}. The address behind the button is the key to it: whoever has it can see and cancel the order.`,
  });
}

/** The same in one text message; the subject is empty because there is none. */
export function orderSms(
  kind: OrderNoticeKind,
  order: OrderView,
  frame: NoticeFrame,
): { subject: ""; text: string; html: null } {
  const said = say(kind, order, frame);
  return {
    subject: "",
    text: `${frame.shopName}: ${said.short} Order ${order.orderNumber}: ${frame.statusUrl}`,
    html: null,
  };
}

function say(kind: OrderNoticeKind, order: OrderView, frame: NoticeFrame): Said {
  const { orderNumber } = order;
  const total = money(frame, order.total);
  const until = order.holdUntil === null ? "" : ` until ${plainMoment(frame, order.holdUntil)}`;
  switch (kind) {
    case "received":
      return {
        subject: `We have your order ${orderNumber}`,
        title: "We have your order",
        paragraphs: [
          "Its items are held for you from this moment. Next we ask your bank for the payment, and we write again when it is in.",
          "When many people order at once, that takes a moment. Your place is kept, and there is nothing you need to do.",
        ],
        button: "See your order",
        short: "We have your order and hold its items for you.",
      };
    case "paid":
      return {
        subject: `Confirmed: order ${orderNumber}`,
        title: "Thank you, it’s yours",
        paragraphs: [`Your payment of ${total} is in and your order is confirmed. We are packing it next.`],
        button: "Follow your order",
        short: `Your payment of ${total} is in, the order is confirmed.`,
      };
    case "payment_declined":
      return {
        subject: `Your payment for order ${orderNumber} did not go through`,
        title: "The payment did not go through",
        paragraphs: [
          `Nothing was charged. Your items stay held${until}: you can try another card, or the same one again.`,
          "If you do nothing, they go back on sale after that and the order ends.",
        ],
        button: "Pay again",
        short: `The payment did not go through, nothing was charged. Your items stay held${until}. Try again:`,
      };
    case "payment_action":
      return {
        subject: `Please confirm the payment for order ${orderNumber}`,
        title: "Your bank asks you to confirm",
        paragraphs: [
          `Nothing has been charged yet. Please confirm the payment of ${total} with your bank; your items stay held${until}.`,
          "The button leads to your order’s page, and from there to your bank. We never ask for card details by mail.",
        ],
        button: "Go on to confirm",
        short: `Please confirm the payment with your bank. Your items stay held${until}.`,
      };
    case "payment_unknown":
      return {
        subject: `Order ${orderNumber}: waiting for your bank’s answer`,
        title: "The bank has not told us yet",
        paragraphs: [
          "We asked your bank for the payment and have no answer so far. We do not ask a second time before we know what became of the first, so you will not be charged twice.",
          "Your items stay held meanwhile. Please do not order again: we write as soon as we know.",
        ],
        button: "See how it stands",
        short: "Your bank has not answered yet. You will not be charged twice and your items stay held.",
      };
    case "delayed":
      return {
        subject: `Order ${orderNumber}: a little later than planned`,
        title: "A little later than planned",
        paragraphs: [
          order.delay ?? "It takes longer than we said.",
          "Your order is safe and keeps its place. Nothing is needed from you.",
        ],
        button: "See your order",
        short: order.delay ?? "Your order takes a little longer.",
      };
    case "packed":
      return {
        subject: `Order ${orderNumber} is packed`,
        title: "Packed",
        paragraphs: ["Your parcel is ready and waiting for the carrier."],
        button: "Follow your order",
        short: "Your parcel is packed.",
      };
    case "shipped":
      return {
        subject: `Order ${orderNumber} is on its way`,
        title: "On its way",
        paragraphs: [
          order.tracking === null
            ? "Your parcel is with the carrier."
            : `Your parcel is with ${order.tracking.carrier}, number ${order.tracking.number}.`,
        ],
        button: "Follow your parcel",
        short:
          order.tracking === null
            ? "Your parcel is on its way."
            : `Your parcel is on its way: ${order.tracking.carrier} ${order.tracking.number}.`,
      };
    case "delivered":
      return {
        subject: `Order ${orderNumber} has arrived`,
        title: "It has arrived",
        paragraphs: [
          "The carrier says that your parcel was delivered. We hope you like what is in it.",
          "Something missing, broken, or not as you hoped? Answer this mail, or see how returns work on our page.",
        ],
        button: "See your order",
        short: "Your parcel was delivered.",
      };
    case "cancelled":
      return {
        subject: `Order ${orderNumber} is cancelled`,
        title: "Your order is cancelled",
        paragraphs: [
          order.refunded.amount > 0
            ? `${money(frame, order.refunded)} is on its way back to you. Banks take a few days to show it.`
            : "If a payment still arrives, we refund it in full.",
        ],
        button: "See the order",
        short: "Your order is cancelled. Whatever you paid is refunded.",
      };
    case "expired":
      return {
        subject: `Order ${orderNumber}: the hold has ended`,
        title: "The hold has ended",
        paragraphs: [
          "No payment arrived while we held the items, so they are back on sale and the order has ended.",
          "If a late payment still arrives, we refund it in full. You are welcome to order again while there is stock.",
        ],
        button: "See the order",
        short: "No payment arrived, so the hold has ended. A late payment is refunded in full.",
      };
    case "refunded": {
      const whole = order.refunded.amount >= order.total.amount;
      return {
        subject: `${money(frame, order.refunded)} refunded for order ${orderNumber}`,
        title: whole ? "Refunded in full" : "Refunded in part",
        paragraphs: [
          `${money(frame, order.refunded)} of ${total} has gone back to the card you paid with. Banks take a few days to show it.`,
        ],
        button: "See the order",
        short: `${money(frame, order.refunded)} has gone back to your card.`,
      };
    }
  }
}

function rows(order: OrderView, frame: NoticeFrame): Letter["rows"] {
  const { totals } = order;
  return [
    ...order.lines.map((line) => ({
      name: line.title,
      detail: `${line.options === "" ? "" : `${line.options}, `}${line.quantity} × ${money(frame, line.unitPrice)}`,
      amount: money(frame, line.total),
    })),
    ...(totals.discount.amount > 0
      ? [{ name: "Discount", detail: "", amount: `−${money(frame, totals.discount)}` }]
      : []),
    ...(totals.shipping === null
      ? []
      : [
          {
            name: "Delivery",
            detail: order.shippingMethod,
            amount: totals.shipping.amount === 0 ? "Free" : money(frame, totals.shipping),
          },
        ]),
    ...(totals.taxIncluded ? [] : [{ name: "Tax", detail: "", amount: money(frame, totals.tax) }]),
    {
      name: "Total",
      detail: totals.taxIncluded && totals.tax.amount > 0 ? `includes ${money(frame, totals.tax)} tax` : "",
      amount: money(frame, totals.total),
      sum: true,
    },
  ];
}

function addressLines(order: OrderView, frame: NoticeFrame): readonly string[] {
  const to = order.shippingAddress;
  return [
    to.name,
    to.line1,
    to.line2 ?? "",
    `${to.postalCode} ${to.city}`,
    to.region ?? "",
    countryNames(frame, [to.country])[0]?.name ?? to.country,
  ].filter((line) => line.trim() !== "");
}

/** Mail has no script to put a time into the reader's zone, so it always names its own. */
const plainMoment = (frame: NoticeFrame, iso: string): string =>
  moment(frame, iso, "clock")
    .toString()
    .replace(/<[^>]*>/g, "");
