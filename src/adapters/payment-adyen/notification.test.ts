/** Holds Adyen's signature against the vectors their own libraries are tested with, and the reading of each event. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readNotification, signItem } from "./notification.ts";
import type { Item } from "./objects.ts";

const key = "ab".repeat(32);
const options = { merchantAccount: "Shop", hmacKeys: [key] };

const item = (more: Partial<Item> = {}): Item => ({
  amount: { value: 1299, currency: "EUR" },
  eventCode: "AUTHORISATION",
  eventDate: "2030-01-01T01:00:00+01:00",
  merchantAccountCode: "Shop",
  merchantReference: "attempt-1",
  pspReference: "PSP1",
  success: "true",
  ...more,
});
const signed = (one: Item, hmacKey = key): Item => ({
  ...one,
  additionalData: { hmacSignature: signItem(one, hmacKey) },
});

function read(items: unknown[], more: object = {}, headers = new Headers()) {
  const batch = { live: "false", notificationItems: items.map((one) => ({ NotificationRequestItem: one })) };
  return readNotification(headers, new TextEncoder().encode(JSON.stringify(batch)), { ...options, ...more });
}
const outcomeOf = (more: Partial<Item>) => {
  const reading = read([signed(item(more))]);
  if (reading.kind !== "events") throw new Error(reading.kind);
  return reading.events.map((event) => event.outcome);
};

describe("Adyen's signature", () => {
  test("is what Adyen's own libraries compute for their test items", () => {
    const published = item({
      pspReference: "pspReference",
      originalReference: "originalReference",
      merchantAccountCode: "merchantAccount",
      merchantReference: "reference",
      amount: { value: 1000, currency: "EUR" },
    });
    const publishedKey = "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00";
    expect(signItem({ ...published, eventCode: "EVENT" }, publishedKey)).toBe(
      "ipnxGCaUZ4l8TUW75a71/ghd2Fe5ffvX0pV4TLTntIc=",
    );
    expect(signItem({ ...published, eventCode: "REPORT_AVAILABLE" }, publishedKey)).toBe(
      "ZNBPtI+oDyyRrLyD1XirkKnQgIAlFc07Vj27TeHsDRE=",
    );
  });

  test("a change of any field that it covers is refused", () => {
    const text = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
    const field = fc.constantFrom("pspReference", "originalReference", "merchantReference", "eventCode", "success");
    fc.assert(
      fc.property(field, text, (name, value) => {
        const before = signed(item({ originalReference: "PSP0" }));
        fc.pre(before[name] !== value);
        expect(read([{ ...before, [name]: value }]).kind).toBe("bad_signature");
      }),
    );
    const before = signed(item());
    expect(read([{ ...before, amount: { value: 1, currency: "EUR" } }]).kind).toBe("bad_signature");
    expect(read([{ ...before, amount: { value: 1299, currency: "USD" } }]).kind).toBe("bad_signature");
  });

  test("one item without a good signature refuses the whole batch", () => {
    const good = signed(item());
    expect(read([good, good]).kind).toBe("events");
    for (const bad of [item(), signed(item(), "cd".repeat(32)), { ...item(), additionalData: { hmacSignature: "" } }]) {
      expect(read([good, bad]).kind).toBe("bad_signature");
      expect(read([bad, good]).kind).toBe("bad_signature");
    }
    expect(read([]).kind).toBe("bad_signature");
  });

  test("basic authentication is asked for as well when it is set", () => {
    const basicAuth = { username: "adyen", password: "pä:ss" };
    const header = (text: string) => new Headers({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
    expect(read([signed(item())], { basicAuth }).kind).toBe("bad_signature");
    expect(read([signed(item())], { basicAuth }, header("adyen:wrong")).kind).toBe("bad_signature");
    expect(read([signed(item())], { basicAuth }, header("adyen:pä:ss")).kind).toBe("events");
    expect(read([item()], { basicAuth }, header("adyen:pä:ss")).kind).toBe("bad_signature");
  });
});

describe("Adyen's events", () => {
  test("are each read as what they mean", () => {
    const refund = {
      pspReference: "PSP2",
      originalReference: "PSP1",
      merchantReference: "refund-1",
      reason: "Refused",
    };
    expect(outcomeOf({})).toEqual([{ kind: "succeeded" }]);
    expect(outcomeOf({ success: "false" })).toEqual([{ kind: "declined", reason: "The payment was refused." }]);
    expect(outcomeOf({ eventCode: "TECHNICAL_CANCEL" })).toEqual([{ kind: "cancelled" }]);
    expect(outcomeOf({ eventCode: "CANCELLATION" })).toEqual([{ kind: "cancelled" }]);
    expect(outcomeOf({ eventCode: "CANCELLATION", success: "false" })).toEqual([]);
    expect(outcomeOf({ eventCode: "REFUND", ...refund })).toEqual([
      { kind: "refund_succeeded", refundReference: "PSP2" },
    ]);
    for (const failed of [
      { eventCode: "REFUND", success: "false" },
      { eventCode: "REFUND_FAILED" },
      { eventCode: "REFUNDED_REVERSED" },
    ]) {
      expect(outcomeOf({ ...refund, ...failed })).toEqual([
        { kind: "refund_failed", refundReference: "PSP2", reason: "Refused" },
      ]);
    }
    expect(outcomeOf({ eventCode: "NOTIFICATION_OF_CHARGEBACK" })).toEqual([{ kind: "disputed" }]);
    expect(outcomeOf({ eventCode: "CHARGEBACK" })).toEqual([{ kind: "disputed" }]);
    expect(outcomeOf({ eventCode: "REPORT_AVAILABLE" })).toEqual([]);
  });

  test("name the charge by its own reference, also when they are about a refund of it", () => {
    const reading = read([signed(item({ eventCode: "REFUND", pspReference: "PSP2", originalReference: "PSP1" }))]);
    expect(reading).toMatchObject({
      kind: "events",
      reply: "[accepted]",
      events: [{ reference: "PSP1", eventId: "REFUND:PSP2:true" }],
    });
    expect(read([signed(item())])).toMatchObject({
      events: [{ reference: "PSP1", occurredAtMs: Date.UTC(2030, 0, 1) }],
    });
  });

  test("never tell the shopper what the bank wrote, or the last digits of a card", () => {
    const reason = "034051:1111:12/2030";
    expect(JSON.stringify(outcomeOf({ success: "false", reason }))).not.toContain("1111");
  });

  test("of another merchant account are taken and passed over", () => {
    expect(read([signed(item({ merchantAccountCode: "Other" }))])).toEqual({
      kind: "events",
      events: [],
      reply: "[accepted]",
    });
  });

  test("a body of another shape is malformed", () => {
    for (const body of ["", "{", "[]", '{"notificationItems":7}', '{"notificationItems":[{}]}']) {
      expect(readNotification(new Headers(), new TextEncoder().encode(body), options).kind).toBe("malformed");
    }
  });
});
