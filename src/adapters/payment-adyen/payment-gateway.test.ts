/** What is Adyen's own beyond the port: the exact requests, its result codes, and how its errors are told apart. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ChargeRequest, PaymentGateway } from "#commerce/payments/ports.ts";
import { createAdyenGateway } from "./payment-gateway.ts";

let answer: { status: number; body: unknown; headers?: Record<string, string> };
let asked: { path: string; body: unknown; headers: Headers }[];
let server: ReturnType<typeof Bun.serve>;
let gateway: PaymentGateway;
const nowMs = Date.now();
const clock = { now: () => nowMs, sleep: async () => {} };
const options = { clock, apiKey: "AQE1", merchantAccount: "Shop", hmacKeys: ["ab".repeat(32)] };

beforeEach(() => {
  asked = [];
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      asked.push({ path: new URL(request.url).pathname, body: await request.json(), headers: request.headers });
      return Response.json(answer.body, { status: answer.status, headers: answer.headers ?? {} });
    },
  });
  gateway = createAdyenGateway({ ...options, baseUrl: `http://127.0.0.1:${server.port}/v71` });
});
afterEach(() => server.stop(true));

const signal = () => AbortSignal.timeout(3000);
const token = { type: "scheme", encryptedCardNumber: "test_4111", holderName: "Ada" };
const request = (more: Partial<ChargeRequest> = {}): ChargeRequest => ({
  attemptKey: "attempt-1",
  orderNumber: "SP-1",
  amount: { amount: 1299, currency: "EUR" },
  token: JSON.stringify(token),
  email: "ada@example.com",
  returnUrl: "https://shop.example/orders/SP-1",
  createdAtMs: nowMs,
  unknownSinceMs: null,
  reference: null,
  ...more,
});

describe("a charge at Adyen", () => {
  test("is one request, with the attempt's key as idempotency key and as reference", async () => {
    answer = { status: 200, body: { resultCode: "Authorised", pspReference: "PSP1" } };
    expect(await gateway.charge(request(), signal())).toEqual({ kind: "succeeded", reference: "PSP1" });
    expect(asked[0]?.path).toBe("/v71/payments");
    expect(asked[0]?.body).toEqual({
      merchantAccount: "Shop",
      amount: { value: 1299, currency: "EUR" },
      reference: "attempt-1",
      merchantOrderReference: "SP-1",
      paymentMethod: token,
      returnUrl: "https://shop.example/orders/SP-1",
      shopperEmail: "ada@example.com",
      shopperInteraction: "Ecommerce",
      channel: "Web",
      authenticationData: { threeDSRequestData: { nativeThreeDS: "disabled" } },
    });
    expect(asked[0]?.headers.get("x-api-key")).toBe("AQE1");
    expect(asked[0]?.headers.get("idempotency-key")).toBe("attempt-1");
  });

  test("every result code has one meaning", async () => {
    const redirect = { type: "redirect", url: "https://checkoutshopper-test.adyen.com/x", method: "GET" };
    const codes: [object, object][] = [
      [{ resultCode: "Authorised" }, { kind: "succeeded", reference: "PSP1" }],
      [{ resultCode: "Authorised", pspReference: undefined }, { kind: "unknown" }],
      [
        { resultCode: "Refused", refusalReasonCode: "12" },
        { kind: "declined", reason: "There is not enough money on this card." },
      ],
      [
        { resultCode: "Refused", refusalReasonCode: "20" },
        { kind: "declined", reason: "The payment was refused." },
      ],
      [{ resultCode: "Cancelled" }, { kind: "declined" }],
      [{ resultCode: "Error", refusalReason: "Acquirer Error" }, { kind: "failed" }],
      [
        { resultCode: "RedirectShopper", action: redirect },
        { kind: "action_required", redirectUrl: redirect.url, reference: "PSP1" },
      ],
      [{ resultCode: "RedirectShopper", action: { ...redirect, method: "POST" } }, { kind: "unknown" }],
      [{ resultCode: "RedirectShopper" }, { kind: "unknown" }],
      [{ resultCode: "ChallengeShopper", action: { type: "threeDS2" } }, { kind: "unknown" }],
      [{ resultCode: "IdentifyShopper", action: { type: "threeDS2" } }, { kind: "unknown" }],
      [{ resultCode: "Received" }, { kind: "unknown" }],
      [{ resultCode: "Pending" }, { kind: "unknown" }],
      [{ resultCode: "PartiallyAuthorised" }, { kind: "unknown" }],
      [{ resultCode: "PresentToShopper" }, { kind: "unknown" }],
      [{ resultCode: "A code of next year" }, { kind: "unknown" }],
    ];
    for (const [body, expected] of codes) {
      answer = { status: 200, body: { pspReference: "PSP1", ...body } };
      expect(await gateway.charge(request(), signal())).toMatchObject(expected);
    }
    answer = { status: 200, body: { resultCode: "Error", pspReference: "PSP1" } };
    expect((await gateway.charge(request({ unknownSinceMs: nowMs }), signal())).kind).toBe("unknown");
  });

  test("every error has one meaning, and only a plain refusal is called certain", async () => {
    const errors: [number, object, Record<string, string>, string][] = [
      [422, { errorCode: "130", errorType: "validation", message: "Reference Missing" }, {}, "failed"],
      [401, { errorCode: "000", errorType: "security", message: "Unauthorized" }, {}, "failed"],
      [403, { errorCode: "901", errorType: "security", message: "Invalid Merchant Account" }, {}, "failed"],
      [422, { errorCode: "101", errorType: "validation", message: "Invalid card number" }, {}, "declined"],
      [
        422,
        { errorCode: "704", errorType: "validation", message: "request already processed or in progress" },
        {},
        "unknown",
      ],
      [
        422,
        { errorCode: "999", errorType: "internal", message: "Try again" },
        { "transient-error": "true" },
        "unknown",
      ],
      [409, { errorCode: "999", errorType: "validation", message: "Conflict" }, {}, "unknown"],
      [500, { errorCode: "905", errorType: "internal", message: "Sorry" }, {}, "unknown"],
      [429, {}, { "retry-after": "3" }, "rate_limited"],
      [403, {}, {}, "unknown"],
      [200, {}, {}, "unknown"],
      [202, { resultCode: "Authorised" }, {}, "unknown"],
      [302, { errorCode: "1" }, {}, "unknown"],
    ];
    for (const [status, body, headers, kind] of errors) {
      answer = { status, body, headers };
      expect<unknown>([status, body, (await gateway.charge(request(), signal())).kind]).toEqual([status, body, kind]);
    }
  });

  test("card data that is not encrypted, and keys Adyen would cut, never leave this process", async () => {
    answer = { status: 200, body: { resultCode: "Authorised", pspReference: "PSP1" } };
    for (const more of [
      { token: '{"type":"scheme","number":"4111111111111111"}' },
      { token: '{"type":"scheme","cvc":"737"}' },
      { attemptKey: "k".repeat(65) },
    ]) {
      expect((await gateway.charge(request(more), signal())).kind).toBe("failed");
    }
    expect(asked).toEqual([]);
  });

  test("an attempt older than Adyen's keys is not sent again", async () => {
    const old = request({ createdAtMs: nowMs - 7 * 24 * 3_600_000 });
    expect((await gateway.charge(old, signal())).kind).toBe("unknown");
    expect(asked).toEqual([]);
  });
});

describe("the rest of a payment at Adyen", () => {
  const back = new URLSearchParams({ redirectResult: "X6XtfGC3!Y..." });

  test("a shopper who comes back ends the payment, and only this one", async () => {
    answer = { status: 200, body: { resultCode: "Authorised", pspReference: "PSP1", merchantReference: "attempt-1" } };
    expect(await gateway.resume(request(), back, signal())).toEqual({ kind: "succeeded", reference: "PSP1" });
    expect(asked[0]).toMatchObject({
      path: "/v71/payments/details",
      body: { details: { redirectResult: "X6XtfGC3!Y..." } },
    });
    answer = { status: 200, body: { resultCode: "Authorised", pspReference: "PSP1" } };
    expect((await gateway.resume(request({ reference: "PSP1" }), back, signal())).kind).toBe("succeeded");
    expect((await gateway.resume(request(), back, signal())).kind).toBe("unknown");
    answer = { status: 200, body: { resultCode: "Authorised", pspReference: "PSP9", merchantReference: "another" } };
    expect((await gateway.resume(request({ reference: "PSP1" }), back, signal())).kind).toBe("unknown");
    answer = { status: 422, body: { errorCode: "1" } };
    expect((await gateway.resume(request(), back, signal())).kind).toBe("unknown");
    asked.length = 0;
    expect((await gateway.resume(request(), new URLSearchParams(), signal())).kind).toBe("unknown");
    expect(asked).toEqual([]);
  });

  test("a refund is accepted at once and ends by notification", async () => {
    const refund = {
      refundKey: "refund-1",
      reference: "PSP/1",
      amount: { amount: 300, currency: "EUR" },
      orderNumber: "SP-1",
      unknownSinceMs: null,
    };
    answer = { status: 201, body: { pspReference: "PSP2", status: "received" } };
    expect(await gateway.refund(refund, signal())).toEqual({ kind: "pending", reference: "PSP2" });
    expect(asked[0]).toMatchObject({
      path: "/v71/payments/PSP%2F1/refunds",
      body: { merchantAccount: "Shop", amount: { value: 300, currency: "EUR" }, reference: "refund-1" },
    });
    expect(asked[0]?.headers.get("idempotency-key")).toBe("refund-1");
    answer = { status: 200, body: {} };
    expect((await gateway.refund(refund, signal())).kind).toBe("unknown");
  });

  test("a cancellation goes by our own reference, and its end comes by notification", async () => {
    answer = { status: 201, body: { pspReference: "PSP2", status: "received" } };
    expect(await gateway.cancel("PSP1", "attempt-1", signal())).toEqual({ kind: "unknown" });
    expect(asked[0]).toMatchObject({
      path: "/v71/cancels",
      body: { merchantAccount: "Shop", paymentReference: "attempt-1" },
    });
  });

  test("without a usable HMAC key there is no gateway: every notification would be believed", () => {
    for (const hmacKeys of [[], [""], ["not hex"], ["ab".repeat(32), "abc"]]) {
      expect(() => createAdyenGateway({ ...options, hmacKeys, baseUrl: "http://127.0.0.1:1" })).toThrow("HMAC key");
    }
  });
});
