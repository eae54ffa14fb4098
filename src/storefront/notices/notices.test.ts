/** Every notice says what happened in both its parts, and nothing a shopper typed can become markup. */
import { describe, expect, test } from "bun:test";
import type { OrderView } from "#contract/shop.ts";
import { orderNotice, orderNoticeKinds, orderSms } from "./order-notices.ts";
import { lowStockNotice, restockNotice } from "./stock-notices.ts";

const frame = {
  shopName: "Northlight",
  origin: "https://shop.example",
  statusUrl: "https://shop.example/orders/10482/k7Qw",
  locale: "en-IE",
  timeZone: "Europe/Dublin",
};
const eur = (amount: number) => ({ amount, currency: "EUR" });
const order: OrderView = {
  orderNumber: "10482",
  status: "paid",
  statusText: "",
  placedAt: "2026-11-27T09:00:00Z",
  email: "a@b.example",
  lines: [
    {
      sku: "A",
      productHandle: "a",
      title: 'Lamp <script>alert("1")</script>',
      options: "Blue / L",
      quantity: 2,
      unitPrice: eur(5000),
      total: eur(10000),
      image: null,
    },
  ],
  totals: {
    subtotal: eur(10000),
    discount: eur(1000),
    shipping: eur(690),
    tax: eur(1811),
    taxIncluded: true,
    total: eur(9690),
  },
  total: eur(9690),
  shippingAddress: { name: "<b>Inés</b>", line1: "1 & 2 Street", city: "Dublin", postalCode: "D02", country: "IE" },
  shippingMethod: "Standard",
  actionUrl: null,
  canRetryPayment: false,
  canCancel: true,
  holdUntil: "2026-11-27T09:42:00Z",
  refunded: eur(2200),
  tracking: { carrier: "An Post", number: "CE1", url: null },
  delay: "Parcels leave two days later.",
  events: [],
};

describe("an order's notices", () => {
  for (const kind of orderNoticeKinds) {
    test(`${kind} names the order and leads to its page, in HTML and in plain text`, () => {
      const notice = orderNotice(kind, order, frame);
      expect(notice.subject).toContain("10482");
      expect(notice.subject).not.toMatch(/[\r\n]/);
      expect(notice.text).toContain(frame.statusUrl);
      expect(notice.html).toContain(`href="${frame.statusUrl}"`);
      expect(notice.html).not.toMatch(/<script|<b>Inés|undefined|\[object/);
      expect(notice.text).not.toMatch(/<time|&amp;|undefined|\[object/);
    });

    test(`${kind} fits into few text messages`, () => {
      const sms = orderSms(kind, order, frame);
      expect(sms.text).toContain(frame.statusUrl);
      expect(sms.text.length).toBeLessThan(306);
    });
  }

  test("the confirmation holds the whole order", () => {
    const { text, html } = orderNotice("paid", order, frame);
    for (const part of [
      "Lamp",
      "2 × €50.00",
      "€100.00",
      "−€10.00",
      "€6.90",
      "€96.90",
      "includes €18.11 tax",
      "Dublin",
      "Ireland",
    ]) {
      expect(text).toContain(part);
      expect(html).toContain(part);
    }
    expect(html).toContain("1 &amp; 2 Street");
  });

  test("an unknown outcome promises what we keep: no second charge, and the hold", () => {
    const { text } = orderNotice("payment_unknown", order, frame);
    expect(text).toContain("you will not be charged twice");
    expect(text).toContain("stay held");
  });

  test("a decline says until when, with the zone", () => {
    expect(orderNotice("payment_declined", order, frame).text).toContain("until 09:42 GMT");
  });

  test("a refund says how much of how much", () => {
    expect(orderNotice("refunded", order, frame).text).toContain("€22.00 of €96.90");
    expect(orderNotice("refunded", { ...order, refunded: order.total }, frame).text).toStartWith("Refunded in full");
  });
});

test("operators hear what is gone before what is low", () => {
  const { subject, text } = lowStockNotice(
    [
      { sku: "A", title: "Lamp", left: 3, threshold: 5 },
      { sku: "B", title: "Mug", left: 0, threshold: 5 },
    ],
    "http://localhost:9900/",
    frame,
  );
  expect(subject).toBe("Stock: 1 sold out, 1 low");
  expect(text.indexOf("Mug")).toBeLessThan(text.indexOf("Lamp"));
});

test("who asked to hear of a restock hears that it holds nothing", () => {
  const { text, subject } = restockNotice(
    { title: "Lamp", options: "Blue", price: eur(5000), url: "https://shop.example/products/lamp" },
    frame,
  );
  expect(subject).toBe("Back in stock: Lamp");
  expect(text).toContain("Lamp, Blue is available again, at €50.00.");
  expect(text).toContain("holds nothing");
});
