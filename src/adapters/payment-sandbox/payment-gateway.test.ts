/** Each fault the sandbox can play, as its books, its caller and its webhooks see it, and what survives a killed process. */
import { beforeEach, describe, expect, test } from "bun:test";
import type { ChargeRequest, ProviderEvent } from "#commerce/payments/ports.ts";
import type { Clock } from "#kernel/clock.ts";
import { type FaultName, faultOf, faults } from "./faults.ts";
import { createMemoryBooks } from "./memory-books.ts";
import { createSandboxGateway, type SandboxGateway, type SandboxOptions } from "./payment-gateway.ts";
import type { SandboxBooks } from "./ports.ts";

/** Time stands still until `run` lets it jump from one sleeper to the next, as long as a promise needs. */
function createJumpingClock(): Clock & { set(ms: number): void; run<Value>(promise: Promise<Value>): Promise<Value> } {
  let nowMs = 1_800_000_000_000;
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
    set(ms) {
      nowMs = ms;
    },
    async run(promise) {
      let isDone = false;
      const end = promise.finally(() => {
        isDone = true;
      });
      for (;;) {
        await Bun.sleep(0);
        if (isDone) return end;
        const next = sleepers.toSorted((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) continue;
        sleepers = sleepers.filter((sleeper) => sleeper !== next);
        nowMs = Math.max(nowMs, next.atMs);
        next.wake();
      }
    },
  };
}

let clock: ReturnType<typeof createJumpingClock>;
let books: SandboxBooks;
let told: ProviderEvent[];
let replies: number[];
let gateway: SandboxGateway;

function start(more: Partial<SandboxOptions> = {}): SandboxGateway {
  const started: SandboxGateway = createSandboxGateway({
    clock,
    random: () => 0,
    books,
    webhookSecret: "secret",
    async deliverWebhook(request) {
      const status = replies.shift() ?? 200;
      if (status === 0) throw new Error("nobody listens");
      const reading = await started.readWebhook(request.headers, new Uint8Array(await request.arrayBuffer()));
      if (reading.kind !== "events") throw new Error(`not readable: ${reading.kind}`);
      if (status === 200) told.push(...reading.events);
      return new Response("thank you", { status });
    },
    ...more,
  });
  return started;
}

beforeEach(() => {
  clock = createJumpingClock();
  books = createMemoryBooks();
  told = [];
  replies = [];
  gateway = start();
});

let orders = 0;
function requestFor(token: string, more: Partial<ChargeRequest> = {}): ChargeRequest {
  orders += 1;
  return {
    attemptKey: `attempt-${orders}`,
    orderNumber: `SP-${orders}`,
    amount: { amount: 1000, currency: "EUR" },
    token,
    email: "ada@example.com",
    returnUrl: "https://shop.example/orders/SP-1",
    createdAtMs: clock.now(),
    unknownSinceMs: null,
    reference: null,
    ...more,
  };
}
const refundFor = (request: ChargeRequest, amount = 400) => ({
  refundKey: `refund-of-${request.attemptKey}`,
  reference: `sandbox_${request.attemptKey}`,
  amount: { amount, currency: "EUR" },
  orderNumber: request.orderNumber,
  unknownSinceMs: null,
});
const shortly = () => AbortSignal.timeout(20);
const kindsTold = () => told.map((event) => event.outcome.kind);
const bookedState = async (request: ChargeRequest) => (await books.findCharge(request.attemptKey))?.state ?? null;

/** What the caller hears first, what is in the books then, what `find` says in the end, and what was told meanwhile. */
const scenes: Record<FaultName, readonly [string, string | null, string, readonly string[]]> = {
  ok: ["succeeded", "succeeded", "succeeded", ["succeeded"]],
  declined: ["declined", "declined", "declined", ["declined"]],
  insufficient_funds: ["declined", "declined", "declined", ["declined"]],
  error: ["failed", null, "none", []],
  slow: ["succeeded", "succeeded", "succeeded", ["succeeded"]],
  action_required: ["action_required", "challenge", "action_required", []],
  timeout_then_success: ["unknown", "succeeded", "succeeded", ["succeeded"]],
  timeout_then_nothing: ["unknown", null, "none", []],
  error_after_charge: ["unknown", "succeeded", "succeeded", ["succeeded"]],
  duplicate_webhook: ["succeeded", "succeeded", "succeeded", ["succeeded", "succeeded"]],
  out_of_order_webhooks: ["succeeded", "succeeded", "succeeded", ["succeeded", "declined"]],
  webhook_only: ["unknown", "succeeded", "unknown", ["succeeded"]],
  rate_limited: ["rate_limited", null, "none", []],
  once_failed: ["failed", null, "none", []],
  refund_pending: ["succeeded", "succeeded", "succeeded", ["succeeded"]],
  refund_failed: ["succeeded", "succeeded", "succeeded", ["succeeded"]],
};

describe("the sandbox plays", () => {
  for (const name of Object.keys(faults) as FaultName[]) {
    test(`${name}, as its table says`, async () => {
      const [heard, booked, found, webhooks] = scenes[name];
      const request = requestFor(name);
      const outcome = await clock.run(gateway.charge(request, shortly()));
      expect(outcome.kind).toBe(heard as typeof outcome.kind);
      expect(await bookedState(request)).toBe(booked as Awaited<ReturnType<typeof bookedState>>);
      await clock.run(gateway.settled());
      clock.set(clock.now() + 60_000);
      expect<string>((await gateway.find(request, shortly())).kind).toBe(found);
      expect<string[]>(kindsTold()).toEqual([...webhooks]);
    });
  }

  test("a token it does not know as a declined card", async () => {
    for (const token of ["", "4242", "constructor", "slow:", "ok:abc:1"]) {
      const outcome = await clock.run(gateway.charge(requestFor(token), shortly()));
      expect(outcome.kind).toBe(token === "slow:" || token.startsWith("ok") ? "succeeded" : "declined");
    }
    expect(faultOf("slow:3000").takesMs).toBe(3000);
    expect(faultOf("slow:999999").takesMs).toBe(600_000);
    expect(faultOf("slow").takesMs).toBe(1500);
  });

  test("rate_limited and once_failed: the second try of the same order succeeds, with the same key or another", async () => {
    for (const name of ["rate_limited", "once_failed"]) {
      const request = requestFor(name);
      await gateway.charge(request, shortly());
      expect((await gateway.charge(request, shortly())).kind).toBe("succeeded");
      const other = requestFor(name);
      await gateway.charge(other, shortly());
      expect((await gateway.charge({ ...other, attemptKey: `${other.attemptKey}-2` }, shortly())).kind).toBe(
        "succeeded",
      );
    }
  });

  test("duplicate_webhook: both have the same id", async () => {
    await gateway.charge(requestFor("duplicate_webhook"), shortly());
    await clock.run(gateway.settled());
    expect(new Set(told.map((event) => event.eventId)).size).toBe(1);
  });

  test("out_of_order_webhooks: the refund is told before the charge, and an older refusal last", async () => {
    const request = requestFor("out_of_order_webhooks");
    await gateway.charge(request, shortly());
    await gateway.refund(refundFor(request), shortly());
    await clock.run(gateway.settled());
    expect(kindsTold()).toEqual(["refund_succeeded", "succeeded", "declined"]);
    const [, success, refusal] = told;
    expect(refusal?.occurredAtMs).toBeLessThan(success?.occurredAtMs ?? 0);
  });

  test("refund_pending and refund_failed: accepted first, told later, and the books agree", async () => {
    const pending = requestFor("refund_pending");
    await gateway.charge(pending, shortly());
    expect(await gateway.refund(refundFor(pending), shortly())).toMatchObject({ kind: "pending" });
    const failing = requestFor("refund_failed");
    await gateway.charge(failing, shortly());
    expect(await gateway.refund(refundFor(failing), shortly())).toMatchObject({ kind: "pending" });
    await clock.run(gateway.settled());
    expect(kindsTold()).toContain("refund_succeeded");
    expect(kindsTold()).toContain("refund_failed");
    expect(await gateway.refund(refundFor(pending), shortly())).toMatchObject({ kind: "succeeded" });
    expect((await books.findCharge(pending.attemptKey))?.refunded).toBe(400);
    expect((await books.findCharge(failing.attemptKey))?.refunded).toBe(0);
  });

  test("timeout_then_success: while it is still at it, nobody is told anything", async () => {
    const request = requestFor("timeout_then_success");
    await gateway.charge(request, shortly());
    expect((await gateway.find(request, shortly())).kind).toBe("unknown");
    expect((await gateway.charge(request, shortly())).kind).toBe("unknown");
    expect((await gateway.refund(refundFor(request), shortly())).kind).toBe("failed");
    const listed = await Array.fromAsync(gateway.charges(0, shortly()) ?? []);
    expect(listed.map(({ state }) => state)).toEqual(["pending"]);
    expect(told).toEqual([]);
  });

  test("a challenge that the shopper's bank approves or declines, once", async () => {
    const request = requestFor("action_required");
    const outcome = await gateway.charge(request, shortly());
    const reference = outcome.kind === "action_required" ? outcome.reference : "";
    expect(outcome).toMatchObject({ redirectUrl: `https://shop.example/sandbox/challenge/${reference}` });
    expect(await gateway.approve(reference)).toMatchObject({ state: "succeeded", returnUrl: request.returnUrl });
    expect(await gateway.decline(reference)).toMatchObject({ state: "succeeded" });
    expect(await gateway.approve("sandbox_nothing")).toBeNull();
    expect(await gateway.approve("nothing")).toBeNull();
    const refused = requestFor("action_required");
    await gateway.charge(refused, shortly());
    await gateway.decline(`sandbox_${refused.attemptKey}`);
    expect((await gateway.find(refused, shortly())).kind).toBe("declined");
    await clock.run(gateway.settled());
    expect(new Set(told.map((event) => event.eventId)).size).toBe(2);
  });

  test("whatever a script makes of the token: a rehearsal breaks a share of the charges", async () => {
    const scripted = start({ script: (token, { orderNumber }) => (orderNumber === "SP-broken" ? "error" : token) });
    expect((await scripted.charge(requestFor("ok", { orderNumber: "SP-broken" }), shortly())).kind).toBe("failed");
    expect((await scripted.charge(requestFor("ok"), shortly())).kind).toBe("succeeded");
  });
});

describe("the sandbox", () => {
  test("refuses what goes over its limit, and says when to come again", async () => {
    const strict = start({ requestsPerSecond: 5 });
    const kinds = [];
    for (let call = 0; call < 6; call++) kinds.push(await strict.charge(requestFor("ok"), shortly()));
    expect(kinds.map(({ kind }) => kind)).toEqual([...Array(5).fill("succeeded"), "rate_limited"]);
    expect(kinds[5]).toEqual({ kind: "rate_limited", retryAfterMs: 200 });
    clock.set(clock.now() + 200);
    expect((await strict.charge(requestFor("ok"), shortly())).kind).toBe("succeeded");
    expect((await strict.charge(requestFor("ok"), shortly())).kind).toBe("rate_limited");
  });

  test("tries a webhook again until it is taken, and in the end gives it up", async () => {
    replies = [500, 0, 404];
    await gateway.charge(requestFor("ok"), shortly());
    await clock.run(gateway.settled());
    expect(kindsTold()).toEqual(["succeeded"]);
    replies = Array(6).fill(500);
    await gateway.charge(requestFor("ok"), shortly());
    await clock.run(gateway.settled());
    expect(kindsTold()).toEqual(["succeeded"]);
  });

  test("a process that was killed: another one on the same books charges nobody twice and can tell again", async () => {
    const answered = requestFor("timeout_then_success");
    await gateway.charge(answered, shortly());
    gateway.stop();
    await clock.run(gateway.settled());
    expect(told).toEqual([]);
    const next = start();
    clock.set(clock.now() + 10_000);
    expect((await next.find(answered, shortly())).kind).toBe("succeeded");
    expect((await next.charge(answered, shortly())).kind).toBe("succeeded");
    await next.resendWebhooks(answered.createdAtMs);
    await next.resendWebhooks(answered.createdAtMs);
    await clock.run(next.settled());
    expect(kindsTold()).toEqual(["succeeded", "succeeded"]);
    expect(new Set(told.map((event) => event.eventId)).size).toBe(1);
  });

  test("books that cannot be reached, or do not answer, make every answer unknown", async () => {
    const broken = { ...books, recordCharge: async () => Promise.reject(new Error("down")) };
    expect((await start({ books: broken }).charge(requestFor("ok"), shortly())).kind).toBe("unknown");
    const hanging = {
      ...books,
      findCharge: () => new Promise<never>(() => {}),
      endChallenge: () => new Promise<never>(() => {}),
    };
    const stuck = start({ books: hanging });
    expect((await stuck.find(requestFor("ok"), shortly())).kind).toBe("unknown");
    expect(await stuck.cancel("sandbox_a", "a", shortly())).toMatchObject({ kind: "unknown" });
  });
});
