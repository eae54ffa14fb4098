/** Which of Stripe's events mean something to an order, and that no others do. */
import { describe, expect, test } from "bun:test";
import type { ProviderEvent } from "#commerce/payments/ports.ts";
import { signTimed } from "../internal/timed-signature.ts";
import { readStripeWebhook } from "./webhook.ts";

const nowMs = 1_800_000_000_000;

function read(type: string, object: unknown): readonly ProviderEvent[] {
  const event = { id: "evt_1", object: "event", type, created: 1_799_999_990, data: { object } };
  const body = new TextEncoder().encode(JSON.stringify(event));
  const headers = new Headers({ "stripe-signature": signTimed("whsec", body, nowMs) });
  const reading = readStripeWebhook(headers, body, ["whsec"], nowMs);
  if (reading.kind !== "events") throw new Error(reading.kind);
  expect(reading.reply).toBe("");
  return reading.events;
}

const intent = (more: object = {}) => ({
  id: "pi_1",
  object: "payment_intent",
  status: "succeeded",
  metadata: { attempt: "attempt-1", order: "SP-1" },
  ...more,
});
const refund = (more: object = {}) => ({
  id: "re_1",
  object: "refund",
  status: "succeeded",
  payment_intent: "pi_1",
  metadata: { refund: "refund-1" },
  ...more,
});
const common = { eventId: "evt_1", occurredAtMs: 1_799_999_990_000, reference: "pi_1" };

describe("Stripe's events", () => {
  test("about an attempt", () => {
    const expected = { ...common, attemptKey: "attempt-1" };
    expect(read("payment_intent.succeeded", intent())).toEqual([{ ...expected, outcome: { kind: "succeeded" } }]);
    expect(read("payment_intent.canceled", intent())).toEqual([{ ...expected, outcome: { kind: "cancelled" } }]);
    const failed = intent({ last_payment_error: { message: "Your card was declined." } });
    expect(read("payment_intent.payment_failed", failed)).toEqual([
      { ...expected, outcome: { kind: "declined", reason: "Your card was declined." } },
    ]);
  });

  test("about a refund, by its state, under each of the names Stripe has had for them", () => {
    const expected = { ...common, attemptKey: "refund-1" };
    for (const type of ["refund.created", "refund.updated", "charge.refund.updated"]) {
      expect(read(type, refund())).toEqual([
        { ...expected, outcome: { kind: "refund_succeeded", refundReference: "re_1" } },
      ]);
    }
    expect(read("refund.failed", refund({ status: "failed", failure_reason: "lost_or_stolen_card" }))).toEqual([
      { ...expected, outcome: { kind: "refund_failed", refundReference: "re_1", reason: "lost_or_stolen_card" } },
    ]);
    expect(read("refund.created", refund({ status: "pending" }))).toEqual([]);
  });

  test("about a dispute, which carries no key of ours", () => {
    const dispute = { id: "dp_1", object: "dispute", payment_intent: "pi_1" };
    expect(read("charge.dispute.created", dispute)).toEqual([
      { ...common, attemptKey: null, outcome: { kind: "disputed" } },
    ]);
    expect(read("charge.dispute.closed", dispute)).toEqual([]);
    expect(read("charge.dispute.created", { ...dispute, payment_intent: null })).toEqual([]);
  });

  test("of other integrations, of other kinds and of odd shapes are passed over", () => {
    expect(read("payment_intent.succeeded", intent({ metadata: {} }))).toEqual([]);
    expect(read("payment_intent.created", intent())).toEqual([]);
    expect(read("refund.updated", refund({ metadata: {} }))).toEqual([]);
    expect(read("refund.updated", refund({ payment_intent: null }))).toEqual([]);
    for (const object of [null, [], 7, "text", {}, { object: "payment_intent" }, { id: "pi_1" }]) {
      expect(read("payment_intent.succeeded", object)).toEqual([]);
    }
  });
});
