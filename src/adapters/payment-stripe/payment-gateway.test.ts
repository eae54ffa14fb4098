/** What is Stripe's own beyond the port: the exact request, its rules of idempotency, and each state and error it has. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ChargeRequest, PaymentGateway } from "#commerce/payments/ports.ts";
import { createStripeGateway } from "./payment-gateway.ts";

type Answer = { status: number; body: unknown; headers?: Record<string, string> };
type Asked = { method: string; url: URL; form: URLSearchParams; headers: Headers };

let answers: ((asked: Asked) => Answer)[];
let asked: Asked[];
let server: ReturnType<typeof Bun.serve>;
let gateway: PaymentGateway;
let nowMs: number;
let sleptMs: number[];

beforeEach(() => {
  answers = [];
  asked = [];
  sleptMs = [];
  nowMs = Date.now();
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const one = {
        method: request.method,
        url: new URL(request.url),
        form: new URLSearchParams(await request.text()),
        headers: request.headers,
      };
      asked.push(one);
      const answer = (answers.length > 1 ? answers.shift() : answers[0])?.(one) ?? { status: 500, body: {} };
      const headers = { date: new Date(nowMs).toUTCString(), ...answer.headers };
      return Response.json(answer.body, { status: answer.status, headers });
    },
  });
  gateway = createStripeGateway({
    clock: {
      now: () => nowMs,
      async sleep(ms) {
        sleptMs.push(ms);
      },
    },
    secretKey: "sk_test_1",
    webhookSecrets: ["whsec_1"],
    baseUrl: `http://127.0.0.1:${server.port}`,
  });
});
afterEach(() => server.stop(true));

const signal = () => AbortSignal.timeout(3000);
const request = (more: Partial<ChargeRequest> = {}): ChargeRequest => ({
  attemptKey: "attempt-1",
  orderNumber: "SP-1",
  amount: { amount: 1299, currency: "EUR" },
  token: "pm_card_visa",
  email: "ada@example.com",
  returnUrl: "https://shop.example/orders/SP-1?key=a&b=c",
  createdAtMs: nowMs,
  unknownSinceMs: null,
  reference: null,
  ...more,
});
const intent = (more: object = {}) => ({
  id: "pi_1",
  object: "payment_intent",
  status: "succeeded",
  metadata: { attempt: "attempt-1" },
  ...more,
});
const answerWith = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  answers = [() => ({ status, body, headers })];
};
const list = (data: unknown[], has_more = false) => ({ object: "list", data, has_more });

describe("a charge at Stripe", () => {
  test("is one form, with the attempt's key as idempotency key and as metadata", async () => {
    answerWith(200, intent());
    expect(await gateway.charge(request(), signal())).toEqual({ kind: "succeeded", reference: "pi_1" });
    const [one] = asked;
    expect(`${one?.method} ${one?.url.pathname}`).toBe("POST /v1/payment_intents");
    expect(Object.fromEntries(one?.form ?? [])).toEqual({
      amount: "1299",
      currency: "eur",
      payment_method: "pm_card_visa",
      confirm: "true",
      return_url: "https://shop.example/orders/SP-1?key=a&b=c",
      "automatic_payment_methods[enabled]": "true",
      "automatic_payment_methods[allow_redirects]": "always",
      "metadata[attempt]": "attempt-1",
      "metadata[order]": "SP-1",
    });
    expect(one?.headers.get("idempotency-key")).toBe("attempt-1");
    expect(one?.headers.get("authorization")).toBe("Bearer sk_test_1");
    expect(one?.headers.get("stripe-version")).toMatch(/^\d{4}-\d{2}-\d{2}\.\w+$/);
    expect(one?.headers.get("content-type")).toBe("application/x-www-form-urlencoded");
  });

  test("every state of an intent has one meaning", async () => {
    const redirect = {
      type: "redirect_to_url",
      redirect_to_url: { url: "https://hooks.stripe.com/x", return_url: "y" },
    };
    const states: [object, object][] = [
      [{ status: "succeeded" }, { kind: "succeeded", reference: "pi_1" }],
      [{ status: "processing" }, { kind: "unknown" }],
      [{ status: "requires_capture" }, { kind: "unknown" }],
      [{ status: "requires_confirmation" }, { kind: "unknown" }],
      [{ status: "a_state_of_next_year" }, { kind: "unknown" }],
      [{ status: "canceled" }, { kind: "declined", reference: "pi_1" }],
      [{ status: "requires_payment_method" }, { kind: "unknown" }],
      [
        { status: "requires_payment_method", last_payment_error: { message: "Your card has expired." } },
        { kind: "declined", reference: "pi_1", reason: "Your card has expired." },
      ],
      [
        { status: "requires_action", next_action: redirect },
        { kind: "action_required", redirectUrl: "https://hooks.stripe.com/x" },
      ],
      [{ status: "requires_action", next_action: { type: "use_stripe_sdk" } }, { kind: "unknown" }],
    ];
    for (const [state, expected] of states) {
      answerWith(200, intent(state));
      expect(await gateway.charge(request(), signal())).toMatchObject(expected);
    }
  });

  test("every error has one meaning, and only a plain refusal is called certain", async () => {
    const errors: [number, object, string][] = [
      [402, { type: "card_error", code: "card_declined", message: "Your card was declined." }, "declined"],
      [400, { type: "invalid_request_error", message: "Amount must be at least 50 cents." }, "failed"],
      [
        400,
        { type: "invalid_request_error", param: "payment_method", code: "resource_missing", message: "No such" },
        "declined",
      ],
      [401, { type: "invalid_request_error", message: "Invalid API Key." }, "failed"],
      [403, { type: "invalid_request_error", message: "Not allowed." }, "failed"],
      [429, { type: "invalid_request_error", code: "lock_timeout", message: "Locked." }, "rate_limited"],
      [400, { type: "invalid_request_error", code: "lock_timeout", message: "Locked." }, "rate_limited"],
      [400, { type: "invalid_request_error", code: "rate_limit", message: "Too many." }, "rate_limited"],
      [409, { type: "invalid_request_error", code: "idempotency_key_in_use", message: "In use." }, "unknown"],
      [400, { type: "idempotency_error", message: "Other parameters." }, "unknown"],
      [400, { type: "an_error_of_next_year", message: "?" }, "unknown"],
      [402, { type: "api_error", message: "?" }, "unknown"],
      [500, { type: "api_error", message: "Sorry." }, "unknown"],
      [503, { type: "invalid_request_error", message: "Sorry." }, "unknown"],
    ];
    for (const [status, error, kind] of errors) {
      answerWith(status, { error });
      expect<unknown>([status, error, (await gateway.charge(request(), signal())).kind]).toEqual([status, error, kind]);
    }
    for (const [status, body] of [
      [400, "<html>"],
      [403, {}],
      [404, { error: "string" }],
      [302, {}],
      [200, {}],
      [200, { id: "pi_1", object: "charge", status: "succeeded" }],
      [204, ""],
    ] as const) {
      answerWith(status, body);
      expect((await gateway.charge(request(), signal())).kind).toBe("unknown");
    }
  });

  test("what Stripe writes for developers does not reach the shopper", async () => {
    answerWith(400, {
      error: { type: "invalid_request_error", param: "payment_method", message: "No such PaymentMethod: 'pm_x'" },
    });
    const outcome = await gateway.charge(request(), signal());
    expect(JSON.stringify(outcome)).not.toContain("pm_x");
  });

  test("an attempt older than Stripe's keys is looked up and never sent again", async () => {
    const old = request({ createdAtMs: nowMs - 25 * 3_600_000 });
    answerWith(200, list([intent()]));
    expect(await gateway.charge(old, signal())).toEqual({ kind: "succeeded", reference: "pi_1" });
    answerWith(200, list([]));
    expect((await gateway.charge(old, signal())).kind).toBe("failed");
    expect(asked.every(({ method }) => method === "GET")).toBe(true);
  });
});

describe("a look-up at Stripe", () => {
  test("by reference is one request, and another attempt's intent is not believed", async () => {
    answerWith(200, intent());
    expect(await gateway.find(request({ reference: "pi_1" }), signal())).toEqual({
      kind: "succeeded",
      reference: "pi_1",
    });
    expect(asked.map(({ url }) => url.pathname)).toEqual(["/v1/payment_intents/pi_1"]);
    answerWith(200, intent({ metadata: { attempt: "another" } }));
    expect((await gateway.find(request({ reference: "pi_1" }), signal())).kind).toBe("unknown");
    await gateway.find(request({ reference: "../refunds?x=" }), signal());
    expect(asked.at(-1)?.url.pathname).toBe("/v1/payment_intents/..%2Frefunds%3Fx%3D");
  });

  test("without one goes through the attempt's time, page by page", async () => {
    const other = (id: string) => intent({ id, metadata: {} });
    answers = [
      () => ({ status: 200, body: list([other("pi_9"), other("pi_8")], true) }),
      () => ({ status: 429, body: {}, headers: { "retry-after": "2" } }),
      () => ({ status: 200, body: list([other("pi_7"), intent()], true) }),
    ];
    const uncertain = request({ createdAtMs: nowMs - 600_000, unknownSinceMs: nowMs - 590_000 });
    expect(await gateway.find(uncertain, signal())).toEqual({ kind: "succeeded", reference: "pi_1" });
    expect(sleptMs).toEqual([2000]);
    const query = asked[0]?.url.searchParams;
    expect(Number(query?.get("created[gte]"))).toBe(Math.floor((nowMs - 600_000) / 1000) - 60);
    expect(Number(query?.get("created[lte]"))).toBe(Math.ceil((nowMs - 590_000) / 1000) + 60);
    expect(query?.get("limit")).toBe("100");
    expect(asked[2]?.url.searchParams.get("starting_after")).toBe("pi_8");
  });

  test("says none only when the whole list was read, the call is over and the clocks agree", async () => {
    const uncertain = (agoMs: number) => request({ createdAtMs: nowMs - agoMs, unknownSinceMs: nowMs - agoMs });
    answerWith(200, list([]));
    expect((await gateway.find(uncertain(600_000), signal())).kind).toBe("none");
    expect((await gateway.find(uncertain(60_000), signal())).kind).toBe("unknown");
    answerWith(200, list([]), { date: new Date(nowMs - 120_000).toUTCString() });
    expect((await gateway.find(uncertain(600_000), signal())).kind).toBe("unknown");
    answerWith(200, list([]), { date: "soon" });
    expect((await gateway.find(uncertain(600_000), signal())).kind).toBe("unknown");
    for (const body of [{}, list([{ id: 1 }]), "<html>"]) {
      answerWith(200, body);
      expect((await gateway.find(uncertain(600_000), signal())).kind).toBe("unknown");
    }
  });

  test("gives a window up that has no end, and a provider that only says 429", async () => {
    let page = 0;
    answers = [() => ({ status: 200, body: list([intent({ id: `pi_${++page}`, metadata: {} })], true) })];
    expect((await gateway.find(request(), signal())).kind).toBe("unknown");
    expect(asked).toHaveLength(100);
    asked.length = 0;
    answerWith(429, {});
    expect((await gateway.find(request(), signal())).kind).toBe("unknown");
    expect(asked).toHaveLength(5);
  });
});

describe("refunds, cancellations and lists at Stripe", () => {
  const refund = {
    refundKey: "refund-1",
    reference: "pi_1",
    amount: { amount: 300, currency: "EUR" },
    orderNumber: "SP-1",
    unknownSinceMs: null,
  };
  const made = (status: string | null, more: object = {}) => ({
    id: "re_1",
    object: "refund",
    status,
    metadata: { refund: "refund-1" },
    ...more,
  });

  test("every state of a refund has one meaning", async () => {
    for (const [status, kind] of [
      ["succeeded", "succeeded"],
      ["pending", "pending"],
      ["requires_action", "pending"],
      ["failed", "failed"],
      ["canceled", "failed"],
      [null, "failed"],
    ] as const) {
      answers = [() => ({ status: 200, body: list([]) }), () => ({ status: 200, body: made(status) })];
      expect([status, (await gateway.refund(refund, signal())).kind]).toEqual([status, kind]);
    }
    const sent = asked.find(({ method }) => method === "POST");
    expect(Object.fromEntries(sent?.form ?? [])).toEqual({
      payment_intent: "pi_1",
      amount: "300",
      "metadata[refund]": "refund-1",
      "metadata[order]": "SP-1",
    });
    expect(sent?.headers.get("idempotency-key")).toBe("refund-1");
  });

  test("a refund that was made is not made again; one that cannot be looked for is not sent", async () => {
    answerWith(200, list([made("pending")]));
    expect(await gateway.refund(refund, signal())).toEqual({ kind: "pending", reference: "re_1" });
    answerWith(500, {});
    expect((await gateway.refund(refund, signal())).kind).toBe("failed");
    expect((await gateway.refund({ ...refund, unknownSinceMs: nowMs }, signal())).kind).toBe("unknown");
    expect(asked.every(({ method }) => method === "GET")).toBe(true);
  });

  test("a cancellation is judged by the state the intent is in", async () => {
    const refusal = (status: string) => ({
      error: { type: "invalid_request_error", payment_intent: { id: "pi_1", status } },
    });
    for (const [status, body, kind] of [
      [200, intent({ status: "canceled" }), "cancelled"],
      [400, refusal("canceled"), "cancelled"],
      [400, refusal("succeeded"), "too_late"],
      [400, refusal("requires_capture"), "too_late"],
      [400, refusal("processing"), "unknown"],
      [404, { error: { type: "invalid_request_error" } }, "unknown"],
      [500, {}, "unknown"],
    ] as const) {
      answerWith(status, body);
      expect([status, await gateway.cancel("pi_1", "attempt-1", signal())]).toEqual([status, { kind }]);
    }
  });

  test("charges made elsewhere on the account are listed too, without a key", async () => {
    const charge = {
      id: "ch_1",
      object: "charge",
      amount: 500,
      amount_refunded: 100,
      currency: "isk",
      created: 1000,
      status: "pending",
    };
    answerWith(
      200,
      list([
        { ...charge, payment_intent: null },
        { ...charge, id: "ch_2", payment_intent: "pi_2", metadata: { attempt: "a" } },
      ]),
    );
    const charges = await Array.fromAsync(gateway.charges(nowMs - 1000, signal()) ?? []);
    expect(charges).toEqual([
      {
        reference: "pi_2",
        attemptKey: "a",
        amount: { amount: 5, currency: "ISK" },
        refunded: 1,
        state: "pending",
        createdAtMs: 1_000_000,
      },
      {
        reference: "ch_1",
        attemptKey: null,
        amount: { amount: 5, currency: "ISK" },
        refunded: 1,
        state: "pending",
        createdAtMs: 1_000_000,
      },
    ]);
  });

  test("without a signing secret there is no gateway: every body would be believed", () => {
    const options = { clock: { now: () => 0, sleep: async () => {} }, secretKey: "sk" };
    expect(() => createStripeGateway({ ...options, webhookSecrets: [] })).toThrow("signing secret");
    expect(() => createStripeGateway({ ...options, webhookSecrets: ["a", ""] })).toThrow("signing secret");
  });
});
