/**
 * The payment port's promises, held for every adapter. Each brings a provider that it can be tried against (the sandbox
 * itself, or a local stand-in that behaves as the vendor's manual says) and a way to ask that provider what it has
 * really charged: whether an adapter tells the truth is only known from the other side.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ChargeRequest, PaymentGateway, RefundRequest } from "#commerce/payments/ports.ts";
import type { Clock } from "#kernel/clock.ts";

/** What the provider is to do with a charge. */
export type Behaviour =
  | "charge"
  | "decline"
  | "challenge"
  | "refuse"
  | "charge_then_silence"
  | "silence"
  | "charge_then_error"
  | "rate_limit"
  | "malformed_answer"
  | "huge_answer"
  | "answer_without_end";

export type SignedWith = "current" | "previous" | "another";

export type GatewaySubject = {
  readonly gateway: PaymentGateway;
  /** The same gateway with a provider that nobody listens for; null when it needs no network. */
  readonly unreachable: PaymentGateway | null;
  /** The token for that behaviour; null when this provider has no such behaviour. */
  token(behaviour: Behaviour): string | null;
  /** How often money was really taken for the attempt. */
  charges(attemptKey: string): Promise<number>;
  /** Minor units that were really sent back of the attempt's charge. */
  refunded(attemptKey: string): Promise<number>;
  /** The shopper passes the challenge; answers the parameters that come with them on the return address. */
  passChallenge(attemptKey: string): Promise<URLSearchParams>;
  /** What the provider would send about a succeeded charge. */
  webhook(event: { attemptKey: string; reference: string; key: SignedWith; sentAtMs: number }): {
    headers: Headers;
    body: Uint8Array;
  };
  /** False when the provider offers no look-up: then `find` must say `unknown`, and `charges` is null. */
  readonly canFind: boolean;
  /** False when the signature covers no time. */
  readonly signsTime: boolean;
  /** False when there is only ever one secret. */
  readonly rotatesSecrets: boolean;
  stop(): Promise<void>;
};

export type TestClock = Clock & { advance(ms: number): Promise<void> };

/** Stands still unless told to move on. */
export function createTestClock(): TestClock {
  let nowMs = Date.now();
  let sleepers: { atMs: number; wake: () => void }[] = [];
  return {
    now: () => nowMs,
    sleep(ms, signal) {
      if (ms <= 0 || signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        sleepers.push({ atMs: nowMs + ms, wake: resolve });
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    },
    async advance(ms) {
      nowMs += ms;
      const due = sleepers.filter(({ atMs }) => atMs <= nowMs);
      sleepers = sleepers.filter(({ atMs }) => atMs > nowMs);
      for (const { wake } of due) wake();
      await Bun.sleep(1);
    },
  };
}

const patience = () => AbortSignal.timeout(4000);
/** How long a call may take to notice that it was given up. */
const noticeMs = 500;

export function describePaymentGateway(
  name: string,
  createSubject: (clock: TestClock) => Promise<GatewaySubject>,
): void {
  describe(`${name} keeps the payment port's promises`, () => {
    let clock: TestClock;
    let subject: GatewaySubject;
    let gateway: PaymentGateway;

    beforeEach(async () => {
      clock = createTestClock();
      subject = await createSubject(clock);
      gateway = subject.gateway;
    });
    afterEach(() => subject.stop());

    function requestFor(behaviour: Behaviour, more: Partial<ChargeRequest> = {}): ChargeRequest {
      return {
        attemptKey: crypto.randomUUID(),
        orderNumber: `SP-${Math.floor(Math.random() * 1e9)}`,
        amount: { amount: 1299, currency: "EUR" },
        token: subject.token(behaviour) ?? "",
        email: "ada@example.com",
        returnUrl: "https://shop.example/orders/SP-1?key=abc",
        createdAtMs: clock.now(),
        unknownSinceMs: null,
        reference: null,
        ...more,
      };
    }

    function refundFor(request: ChargeRequest, reference: string, amount: number): RefundRequest {
      return {
        refundKey: crypto.randomUUID(),
        reference,
        amount: { amount, currency: request.amount.currency },
        orderNumber: request.orderNumber,
        unknownSinceMs: null,
      };
    }

    async function chargeWell(more: Partial<ChargeRequest> = {}) {
      const request = requestFor("charge", more);
      const outcome = await gateway.charge(request, patience());
      if (outcome.kind !== "succeeded") throw new Error(`expected a charge, got ${JSON.stringify(outcome)}`);
      return { request, reference: outcome.reference };
    }

    /** Gives a call up after a moment, and fails when the call does not notice. */
    async function givenUp<Outcome>(call: (signal: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
      const controller = new AbortController();
      const running = call(controller.signal);
      await Bun.sleep(60);
      controller.abort();
      const late = Symbol("late");
      const first = await Promise.race([running, Bun.sleep(noticeMs).then(() => late)]);
      if (first === late) throw new Error("The call outlived its signal.");
      return first as Outcome;
    }

    const testFor = (behaviour: Behaviour, title: string, body: () => Promise<void>) =>
      test(title, async () => {
        // Behaviours that a provider cannot have at all, such as a malformed answer without a network, hold trivially.
        if (subject.token(behaviour) !== null) await body();
      });

    describe("charging", () => {
      test("a good card is charged once and gets a reference", async () => {
        const { request, reference } = await chargeWell();
        expect(reference).not.toBe("");
        expect(await subject.charges(request.attemptKey)).toBe(1);
      });

      test("the same attempt twice, one after the other and all at once, is one charge with one reference", async () => {
        const { request, reference } = await chargeWell();
        const again = await Promise.all(Array.from({ length: 8 }, () => gateway.charge(request, patience())));
        for (const outcome of again) {
          // While one of them is still under way, a provider may refuse to say.
          if (outcome.kind !== "unknown") expect(outcome).toEqual({ kind: "succeeded", reference });
        }
        const fresh = requestFor("charge");
        await Promise.all(Array.from({ length: 8 }, () => gateway.charge(fresh, patience())));
        expect(await gateway.charge(fresh, patience())).toMatchObject({ kind: "succeeded" });
        expect(await subject.charges(request.attemptKey)).toBe(1);
        expect(await subject.charges(fresh.attemptKey)).toBe(1);
      });

      test("a declined card is not charged, and the shopper is told why", async () => {
        const request = requestFor("decline");
        const outcome = await gateway.charge(request, patience());
        expect(outcome.kind).toBe("declined");
        if (outcome.kind === "declined") expect(outcome.reason).toMatch(/\w+.*\.$/);
        expect(await subject.charges(request.attemptKey)).toBe(0);
      });

      test("a token that is no token is not charged and does not throw", async () => {
        for (const token of ["", "\u0000", "nonsense", "[]", '{"number":"4111111111111111"}', "x".repeat(20_000)]) {
          const request = requestFor("charge", { token });
          expect(["declined", "failed"]).toContain((await gateway.charge(request, patience())).kind);
          expect(await subject.charges(request.attemptKey)).toBe(0);
        }
      });

      test("an amount that is no positive whole number is not charged", async () => {
        for (const amount of [0, -100, 12.5, Number.NaN, Number.POSITIVE_INFINITY]) {
          const request = requestFor("charge", { amount: { amount, currency: "EUR" } });
          expect((await gateway.charge(request, patience())).kind).toBe("failed");
          expect(await subject.charges(request.attemptKey)).toBe(0);
        }
      });

      test("a plain refusal is certain: nothing was charged", async () => {
        const request = requestFor("refuse");
        expect((await gateway.charge(request, patience())).kind).toBe("failed");
        expect(await subject.charges(request.attemptKey)).toBe(0);
      });

      test("a plain refusal after an uncertain call proves nothing", async () => {
        const request = requestFor("refuse", { unknownSinceMs: clock.now() });
        expect((await gateway.charge(request, patience())).kind).toBe("unknown");
      });

      test("a rate limit says when to come again, and nothing was charged", async () => {
        const request = requestFor("rate_limit");
        const outcome = await gateway.charge(request, patience());
        expect(outcome.kind).toBe("rate_limited");
        if (outcome.kind === "rate_limited") expect(outcome.retryAfterMs).toBeGreaterThan(0);
        expect(await subject.charges(request.attemptKey)).toBe(0);
        const uncertain = requestFor("rate_limit", { unknownSinceMs: clock.now() });
        expect((await gateway.charge(uncertain, patience())).kind).toBe("unknown");
      });
    });

    describe("when no certain answer comes", () => {
      test("silence after the charge: unknown when given up, never charged again, found in the end", async () => {
        const request = requestFor("charge_then_silence");
        const outcome = await givenUp((signal) => gateway.charge(request, signal));
        expect(outcome.kind).toBe("unknown");
        const uncertain = { ...request, unknownSinceMs: clock.now() };
        await clock.advance(240_000);
        const found = await gateway.find(uncertain, patience());
        expect(found.kind).toBe(subject.canFind ? "succeeded" : "unknown");
        await givenUp((signal) => gateway.charge(uncertain, signal));
        expect(await subject.charges(request.attemptKey)).toBe(1);
      });

      test("silence without a charge: first unknown, and only after a while none", async () => {
        const request = requestFor("silence");
        expect((await givenUp((signal) => gateway.charge(request, signal))).kind).toBe("unknown");
        const uncertain = { ...request, unknownSinceMs: clock.now() };
        expect((await gateway.find(uncertain, patience())).kind).toBe("unknown");
        await clock.advance(240_000);
        expect((await gateway.find(uncertain, patience())).kind).toBe(subject.canFind ? "none" : "unknown");
        expect(await subject.charges(request.attemptKey)).toBe(0);
      });

      test("an error after the charge: unknown, then found", async () => {
        const request = requestFor("charge_then_error");
        expect((await gateway.charge(request, patience())).kind).toBe("unknown");
        const found = await gateway.find({ ...request, unknownSinceMs: clock.now() }, patience());
        expect(found.kind).toBe(subject.canFind ? "succeeded" : "unknown");
        expect(await subject.charges(request.attemptKey)).toBe(1);
      });

      testFor("malformed_answer", "an answer that is no JSON, after a charge, is unknown", async () => {
        const request = requestFor("malformed_answer");
        expect((await gateway.charge(request, patience())).kind).toBe("unknown");
        expect(await subject.charges(request.attemptKey)).toBe(1);
      });

      testFor("huge_answer", "an answer of 10 MB is not read to its end", async () => {
        const request = requestFor("huge_answer");
        const before = process.memoryUsage().rss;
        expect((await gateway.charge(request, patience())).kind).toBe("unknown");
        expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
        expect(await subject.charges(request.attemptKey)).toBe(1);
      });

      testFor("answer_without_end", "an answer that begins and never ends is given up with its signal", async () => {
        const request = requestFor("answer_without_end");
        expect((await givenUp((signal) => gateway.charge(request, signal))).kind).toBe("unknown");
      });

      test("a provider that cannot be reached has charged nothing", async () => {
        if (subject.unreachable === null) return;
        const request = requestFor("charge");
        expect((await subject.unreachable.charge(request, patience())).kind).toBe("failed");
        expect((await subject.unreachable.find(request, patience())).kind).toBe("unknown");
        expect((await subject.unreachable.resume(request, new URLSearchParams(), patience())).kind).toBe("unknown");
        expect(await subject.unreachable.cancel("pi_x", request.attemptKey, patience())).toEqual({ kind: "unknown" });
        const refund = refundFor(request, "pi_x", 100);
        expect((await subject.unreachable.refund(refund, patience())).kind).toBe("failed");
        const uncertain = { ...request, unknownSinceMs: clock.now() };
        expect((await subject.unreachable.charge(uncertain, patience())).kind).toBe("unknown");
        expect((await subject.unreachable.refund({ ...refund, unknownSinceMs: 1 }, patience())).kind).toBe("unknown");
      });

      test("a call that is given up before it begins charges nothing", async () => {
        const request = requestFor("charge");
        const outcome = await gateway.charge(request, AbortSignal.abort());
        expect(["failed", "unknown"]).toContain(outcome.kind);
        expect(await subject.charges(request.attemptKey)).toBe(0);
      });
    });

    describe("finding", () => {
      test("it finds what became of an attempt, with and without its reference, and never charges", async () => {
        const { request, reference } = await chargeWell();
        const expected = subject.canFind ? { kind: "succeeded", reference } : { kind: "unknown" };
        expect(await gateway.find(request, patience())).toMatchObject(expected);
        expect(await gateway.find({ ...request, reference }, patience())).toMatchObject(expected);
        const never = requestFor("charge");
        expect((await gateway.find(never, patience())).kind).toBe(subject.canFind ? "none" : "unknown");
        expect(await subject.charges(never.attemptKey)).toBe(0);
        expect(await subject.charges(request.attemptKey)).toBe(1);
      });

      test("it finds the one among many", async () => {
        if (!subject.canFind) return;
        const wanted = await chargeWell();
        await Promise.all(Array.from({ length: 40 }, () => chargeWell()));
        expect(await gateway.find(wanted.request, patience())).toEqual({
          kind: "succeeded",
          reference: wanted.reference,
        });
      });
    });

    describe("challenges", () => {
      test("the shopper is sent to an address, passes, and the attempt has succeeded", async () => {
        const request = requestFor("challenge");
        const outcome = await gateway.charge(request, patience());
        if (outcome.kind !== "action_required") throw new Error(JSON.stringify(outcome));
        expect(URL.canParse(outcome.redirectUrl)).toBe(true);
        expect(await subject.charges(request.attemptKey)).toBe(0);
        const known = { ...request, reference: outcome.reference };
        const returned = await subject.passChallenge(request.attemptKey);
        expect((await gateway.resume(known, returned, patience())).kind).toBe("succeeded");
        expect(await subject.charges(request.attemptKey)).toBe(1);
      });

      test("what another attempt brought back does not pay for this one", async () => {
        const [cheap, dear] = [requestFor("challenge"), requestFor("challenge")];
        await gateway.charge(cheap, patience());
        const outcome = await gateway.charge(dear, patience());
        const reference = outcome.kind === "action_required" ? outcome.reference : null;
        const returned = await subject.passChallenge(cheap.attemptKey);
        const resumed = await gateway.resume({ ...dear, reference }, returned, patience());
        expect(resumed.kind).not.toBe("succeeded");
        expect(await subject.charges(dear.attemptKey)).toBe(0);
      });

      test("a challenge that was given up cannot succeed later; a charge that succeeded cannot be given up", async () => {
        const request = requestFor("challenge");
        const outcome = await gateway.charge(request, patience());
        if (outcome.kind !== "action_required") throw new Error(JSON.stringify(outcome));
        const first = await gateway.cancel(outcome.reference, request.attemptKey, patience());
        expect(first.kind).toBe(subject.canFind ? "cancelled" : "unknown");
        if (first.kind === "cancelled") {
          await subject.passChallenge(request.attemptKey);
          expect(await subject.charges(request.attemptKey)).toBe(0);
          expect((await gateway.find(request, patience())).kind).toBe("declined");
          const again = await gateway.cancel(outcome.reference, request.attemptKey, patience());
          expect(again.kind).toBe("cancelled");
        }
        const done = await chargeWell();
        const tooLate = await gateway.cancel(done.reference, done.request.attemptKey, patience());
        expect(tooLate.kind).toBe(subject.canFind ? "too_late" : "unknown");
        expect(await subject.charges(done.request.attemptKey)).toBe(1);
      });
    });

    describe("refunds", () => {
      test("the same refund twice is one; what is left can be refunded, more cannot", async () => {
        const { request, reference } = await chargeWell();
        const part = refundFor(request, reference, 300);
        for (const outcome of [await gateway.refund(part, patience()), await gateway.refund(part, patience())]) {
          expect(["succeeded", "pending"]).toContain(outcome.kind);
        }
        expect(await subject.refunded(request.attemptKey)).toBe(300);
        // Days later, when a provider may have dropped the key: still one.
        await clock.advance(30 * 3_600_000);
        await gateway.refund(part, patience());
        expect(await subject.refunded(request.attemptKey)).toBe(300);
        const tooMuch = await gateway.refund(refundFor(request, reference, 1000), patience());
        expect(tooMuch.kind).toBe("failed");
        const rest = await gateway.refund(refundFor(request, reference, 999), patience());
        expect(["succeeded", "pending"]).toContain(rest.kind);
        expect(await subject.refunded(request.attemptKey)).toBe(1299);
      });

      test("a charge that is not there cannot be refunded", async () => {
        const request = requestFor("charge");
        for (const reference of ["nothing", "", "../v1/charges", "a/b?c"]) {
          expect((await gateway.refund(refundFor(request, reference, 100), patience())).kind).toBe("failed");
        }
      });
    });

    describe("the provider's list of charges", () => {
      test("it has every charge since, the oldest first, or there is none", async () => {
        const before = clock.now();
        await clock.advance(2000);
        const made = [];
        for (let count = 0; count < 5; count++) {
          await clock.advance(1800_000);
          made.push(await chargeWell());
        }
        const [first, second] = made;
        if (first === undefined || second === undefined) throw new Error("unreachable");
        await gateway.refund(refundFor(second.request, second.reference, 200), patience());
        const list = gateway.charges(before, patience());
        expect(list === null).toBe(!subject.canFind);
        if (list === null) return;
        const charges = await Array.fromAsync(list);
        expect(charges.map((charge) => charge.attemptKey)).toEqual(made.map(({ request }) => request.attemptKey));
        expect(charges[0]).toMatchObject({
          reference: first.reference,
          amount: first.request.amount,
          refunded: 0,
          state: "succeeded",
        });
        expect(charges[1]?.refunded).toBe(200);
        const later = await Array.fromAsync(gateway.charges(clock.now(), patience()) ?? []);
        expect(later.map((charge) => charge.attemptKey)).toEqual([made[4]?.request.attemptKey ?? ""]);
      });

      test("a list that breaks off throws: half of one is never taken for the whole", async () => {
        if (!subject.canFind) return;
        await chargeWell();
        const list = (subject.unreachable ?? gateway).charges(0, AbortSignal.abort()) ?? [];
        const end = await Array.fromAsync(list).then(
          () => "whole",
          () => "broken off",
        );
        expect(end).toBe("broken off");
      });
    });

    describe("webhooks", () => {
      const event = () => ({ attemptKey: "attempt-1", reference: "reference-1", sentAtMs: clock.now() });

      test("a signed one is read", async () => {
        const { headers, body } = subject.webhook({ ...event(), key: "current" });
        const reading = await gateway.readWebhook(headers, body);
        if (reading.kind !== "events") throw new Error(JSON.stringify(reading));
        expect(reading.events).toHaveLength(1);
        expect(reading.events[0]).toMatchObject({
          attemptKey: "attempt-1",
          reference: "reference-1",
          outcome: { kind: "succeeded" },
        });
        const again = await gateway.readWebhook(headers, body);
        expect(again).toEqual(reading);
      });

      test("while the secret is being changed, both the new and the old one are good; another is not", async () => {
        const kinds = [];
        for (const key of ["current", "previous", "another"] as const) {
          const { headers, body } = subject.webhook({ ...event(), key });
          kinds.push((await gateway.readWebhook(headers, body)).kind);
        }
        expect(kinds).toEqual(["events", subject.rotatesSecrets ? "events" : "bad_signature", "bad_signature"]);
      });

      test("one byte changed anywhere in what is signed, and it is refused", async () => {
        const { headers, body } = subject.webhook({ ...event(), key: "current" });
        const text = new TextDecoder().decode(body);
        for (const [from, to] of [
          ["attempt-1", "attempt-2"],
          ["reference-1", "reference-2"],
        ] as const) {
          const altered = new TextEncoder().encode(text.replace(from, to));
          expect((await gateway.readWebhook(headers, altered)).kind).toBe("bad_signature");
        }
      });

      test("an old one, or one from the future, is refused where the signature covers the time", async () => {
        if (!subject.signsTime) return;
        for (const ageMs of [-301_000, 301_000]) {
          const old = subject.webhook({ ...event(), key: "current", sentAtMs: clock.now() - ageMs });
          expect((await gateway.readWebhook(old.headers, old.body)).kind).toBe("bad_signature");
        }
        const recent = subject.webhook({ ...event(), key: "current", sentAtMs: clock.now() - 290_000 });
        expect((await gateway.readWebhook(recent.headers, recent.body)).kind).toBe("events");
      });

      test("any bytes and any headers are answered, and none of them are believed", async () => {
        const names = ["stripe-signature", "sandbox-signature", "authorization"];
        await fc.assert(
          fc.asyncProperty(
            fc.uint8Array({ maxLength: 300 }),
            fc.constantFrom(...names),
            fc.stringMatching(/^[\x20-\x7e]{0,80}$/),
            async (bytes, name, value) => {
              const reading = await gateway.readWebhook(new Headers({ [name]: value }), bytes);
              expect(["bad_signature", "malformed"]).toContain(reading.kind);
            },
          ),
          { numRuns: 200 },
        );
        const { headers } = subject.webhook({ ...event(), key: "current" });
        for (const body of ["", "null", "[]", "{}", '{"notificationItems":[]}', "[".repeat(100_000)]) {
          const reading = await gateway.readWebhook(headers, new TextEncoder().encode(body));
          expect(["bad_signature", "malformed"]).toContain(reading.kind);
        }
      });
    });
  });
}
