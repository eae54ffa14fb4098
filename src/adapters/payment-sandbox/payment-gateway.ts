/**
 * A pretend payment provider of our own, for demonstration, rehearsal and tests: no money moves, and the token decides
 * which fault is played (faults.ts). What it has charged is in its books, which outlive a process; its webhooks are sent
 * by the process that was called, are signed as Stripe signs, and may get lost when that process is killed. As with a
 * real provider, `resendWebhooks` brings them again.
 */
import Type from "typebox";
import Value from "typebox/value";
import type {
  ChargeOutcome,
  ChargeRequest,
  FindOutcome,
  PaymentGateway,
  ProviderEvent,
  RefundOutcome,
  RefundRequest,
} from "#commerce/payments/ports.ts";
import type { Clock, Random } from "#kernel/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import { onlyIfCertain } from "../internal/certainty.ts";
import { parseJson } from "../internal/provider-http.ts";
import { isTimedSignature, signTimed } from "../internal/timed-signature.ts";
import { faultOf } from "./faults.ts";
import type { SandboxBooks, SandboxCharge } from "./ports.ts";

export type SandboxOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly books: SandboxBooks;
  /** Given a POST to `http://sandbox.invalid/`, for the role to hand to its own webhook handler. */
  readonly deliverWebhook: (request: Request) => Promise<Response>;
  readonly webhookSecret: string;
  /** What it allows for each endpoint, and refuses beyond, in each process; 100 unless given. */
  readonly requestsPerSecond?: number;
  /** Turns the shopper's token into the one to play: a rehearsal breaks a share of all charges with it. */
  readonly script?: (token: string, request: ChargeRequest) => string;
};

export type SandboxGateway = PaymentGateway & {
  /** Ends an open challenge as the shopper's bank would; answers the charge as it then is, or null when there is none. */
  approve(reference: string): Promise<SandboxCharge | null>;
  decline(reference: string): Promise<SandboxCharge | null>;
  /** Sends the webhooks of all settled charges made since once more; they have the same ids as before. */
  resendWebhooks(sinceMs: number): Promise<void>;
  /** Resolves when no webhook is on its way any more. */
  settled(): Promise<void>;
  /** Gives up the webhooks that are on their way. */
  stop(): void;
};

const signatureHeader = "sandbox-signature";
const referencePrefix = "sandbox_";
const refundPrefix = "sandbox_refund_";

/** A call that was given up has certainly been dealt with after this. */
const underWayMaxMs = 2000;
const refundTakesMs = 2000;
const lateWebhookMs = 5000;

/** One try at once and the rest after these pauses, as a real provider's sender would, only faster. */
const webhookRetriesMs = [500, 1000, 2000, 4000, 8000];
const webhooksUnderWayMax = 10_000;
const firstTriesKept = 10_000;
const pageSize = 500;

const WebhookBody = Type.Object({
  id: Type.String(),
  kind: Type.Union([
    Type.Literal("succeeded"),
    Type.Literal("declined"),
    Type.Literal("cancelled"),
    Type.Literal("refund_succeeded"),
    Type.Literal("refund_failed"),
  ]),
  key: Type.String(),
  reference: Type.String(),
  occurredAtMs: Type.Integer(),
});
type WebhookBody = Type.Static<typeof WebhookBody>;

export function createSandboxGateway(options: SandboxOptions): SandboxGateway {
  const { clock, random, books, webhookSecret } = options;
  if (webhookSecret === "")
    throw new SpillwayError("bad_config", "The sandbox needs a secret to sign its webhooks with.");
  const requestsPerSecond = options.requestsPerSecond ?? 100;
  const stopped = new AbortController();
  const underWay = new Set<Promise<void>>();
  const triedOrders = new Set<string>();
  const allowances = new Map<string, { left: number; atMs: number }>();

  /** Takes one request of the endpoint's allowance; else says in how many ms there is one. */
  function waitMs(endpoint: string): number {
    const nowMs = clock.now();
    const allowance = allowances.get(endpoint) ?? { left: requestsPerSecond, atMs: nowMs };
    const gained = (Math.max(nowMs - allowance.atMs, 0) * requestsPerSecond) / 1000;
    const left = Math.min(allowance.left + gained, requestsPerSecond);
    allowances.set(endpoint, { left: left >= 1 ? left - 1 : left, atMs: nowMs });
    return left >= 1 ? 0 : Math.ceil(((1 - left) * 1000) / requestsPerSecond);
  }

  function isFirstTry(orderNumber: string): boolean {
    if (triedOrders.has(orderNumber)) return false;
    triedOrders.add(orderNumber);
    const [oldest] = triedOrders;
    if (triedOrders.size > firstTriesKept && oldest !== undefined) triedOrders.delete(oldest);
    return true;
  }

  async function charge(request: ChargeRequest, signal: AbortSignal): Promise<ChargeOutcome> {
    const retryAfterMs = waitMs("charge");
    if (retryAfterMs > 0) return onlyIfCertain(request, { kind: "rate_limited", retryAfterMs });
    if (!Number.isSafeInteger(request.amount.amount) || request.amount.amount <= 0)
      return onlyIfCertain(request, refused);
    const token = options.script?.(request.token, request) ?? request.token;
    const fault = faultOf(token);
    const nowMs = clock.now();
    if (fault.firstAnswer !== undefined && isFirstTry(request.orderNumber)) {
      return onlyIfCertain(
        request,
        fault.firstAnswer === "failed" ? refused : { kind: "rate_limited", retryAfterMs: 1000 },
      );
    }
    if (fault.books === null) {
      if (fault.answer === "failed") return onlyIfCertain(request, refused);
      return silence(signal);
    }
    const recorded = await books.recordCharge({
      attemptKey: request.attemptKey,
      orderNumber: request.orderNumber,
      amount: request.amount,
      token,
      returnUrl: request.returnUrl,
      state: fault.books,
      refunded: 0,
      createdAtMs: nowMs,
      settlesAtMs: nowMs + (fault.takesMs ?? 0),
    });
    if (recorded.isNew) {
      announce(recorded.charge);
      if (fault.answer === "silence") return silence(signal);
      if (fault.answer === "lost") return { kind: "unknown", reason: "The sandbox broke down after the charge." };
    }
    await clock.sleep(Math.max(recorded.charge.settlesAtMs - clock.now(), 0), signal);
    return answerOf(recorded.charge);
  }

  async function find(request: ChargeRequest): Promise<FindOutcome> {
    if (waitMs("find") > 0) return { kind: "unknown", reason: "The sandbox was asked too often." };
    const found = await books.findCharge(request.attemptKey);
    if (found !== null) return answerOf(found);
    const mayBeUnderWay = request.unknownSinceMs !== null && clock.now() - request.unknownSinceMs < underWayMaxMs;
    return mayBeUnderWay ? { kind: "unknown", reason: "The call may still be under way." } : { kind: "none" };
  }

  function answerOf(found: SandboxCharge): Exclude<FindOutcome, { kind: "none" }> {
    const fault = faultOf(found.token);
    const reference = referencePrefix + found.attemptKey;
    if (clock.now() < found.settlesAtMs) return { kind: "unknown", reason: "The sandbox is still at it." };
    if (fault.isUnsearchable) return { kind: "unknown", reason: "The sandbox tells only by webhook." };
    switch (found.state) {
      case "succeeded":
        return { kind: "succeeded", reference };
      case "declined":
        return { kind: "declined", reference, reason: fault.declineReason ?? "The card was declined." };
      case "cancelled":
        return { kind: "declined", reference, reason: "The payment was cancelled." };
      case "challenge": {
        const path = `/sandbox/challenge/${encodeURIComponent(reference)}`;
        const redirectUrl = URL.canParse(found.returnUrl) ? new URL(path, found.returnUrl).href : path;
        return { kind: "action_required", reference, redirectUrl };
      }
    }
  }

  async function refund(request: RefundRequest): Promise<RefundOutcome> {
    const retryAfterMs = waitMs("refund");
    if (retryAfterMs > 0) return onlyIfCertain(request, { kind: "rate_limited", retryAfterMs });
    const attemptKey = attemptKeyOf(request.reference);
    const charged = attemptKey === null ? null : await books.findCharge(attemptKey);
    if (attemptKey === null || charged === null || clock.now() < charged.settlesAtMs) {
      return { kind: "failed", reason: "There is no such charge." };
    }
    const { amount, currency } = request.amount;
    if (currency !== charged.amount.currency || !Number.isSafeInteger(amount) || amount <= 0) {
      return { kind: "failed", reason: "The amount does not fit the charge." };
    }
    const reference = refundPrefix + request.refundKey;
    const event = { key: request.refundKey, reference: request.reference };
    if (faultOf(charged.token).refund === "failed") {
      send({ ...event, kind: "refund_failed", occurredAtMs: clock.now() + refundTakesMs }, refundTakesMs);
      return { kind: "pending", reference };
    }
    const nowMs = clock.now();
    const recorded = await books.recordRefund({ refundKey: request.refundKey, attemptKey, amount, createdAtMs: nowMs });
    if (recorded === null) return { kind: "failed", reason: "More than is left of the charge." };
    const takesMs = faultOf(charged.token).refund === "pending" ? refundTakesMs : 0;
    const settlesAtMs = recorded.createdAtMs + takesMs;
    send({ ...event, kind: "refund_succeeded", occurredAtMs: settlesAtMs }, Math.max(settlesAtMs - nowMs, 0));
    return { kind: nowMs < settlesAtMs ? "pending" : "succeeded", reference };
  }

  async function endChallenge(attemptKey: string, state: "succeeded" | "declined" | "cancelled") {
    const ended = await books.endChallenge(attemptKey, state, clock.now());
    if (ended !== null) announce(ended);
    return ended;
  }

  /** Sends what is to be told about a charge, once it has settled. */
  function announce(charged: SandboxCharge): void {
    if (charged.state === "challenge") return;
    const fault = faultOf(charged.token);
    const event = {
      key: charged.attemptKey,
      reference: referencePrefix + charged.attemptKey,
      kind: charged.state,
      occurredAtMs: charged.settlesAtMs,
    };
    const delayMs = Math.max(charged.settlesAtMs - clock.now(), 0);
    if (fault.webhooks === "stale_last") {
      send(event, delayMs + lateWebhookMs);
      send({ ...event, kind: "declined", occurredAtMs: charged.settlesAtMs - 1000 }, delayMs + 2 * lateWebhookMs);
      return;
    }
    send(event, delayMs);
    if (fault.webhooks === "twice") send(event, delayMs);
  }

  function send(event: Omit<WebhookBody, "id">, delayMs: number): void {
    // Beyond the bound an event is dropped, as by a provider in trouble: `find` and `resendWebhooks` are there for that.
    if (underWay.size >= webhooksUnderWayMax || stopped.signal.aborted) return;
    const body = JSON.stringify({ id: `evt_${event.key}_${event.kind}`, ...event } satisfies WebhookBody);
    const delivery = deliver(body, delayMs + 50 + Math.floor(random() * 200)).finally(() => underWay.delete(delivery));
    underWay.add(delivery);
  }

  async function deliver(body: string, delayMs: number): Promise<void> {
    for (const pauseMs of [delayMs, ...webhookRetriesMs]) {
      await clock.sleep(pauseMs, stopped.signal);
      if (stopped.signal.aborted) return;
      const headers = {
        "content-type": "application/json",
        [signatureHeader]: signTimed(webhookSecret, new TextEncoder().encode(body), clock.now()),
      };
      try {
        const response = await options.deliverWebhook(
          new Request("http://sandbox.invalid/", { method: "POST", headers, body, signal: stopped.signal }),
        );
        await response.body?.cancel();
        if (response.ok) return;
      } catch {
        // An endpoint that cannot be reached is tried again, like one that says no.
      }
    }
  }

  /** Holds the port's promise that no call outlives its signal and none throws, whatever the books are stored in. */
  async function orUnknown<Outcome>(
    signal: AbortSignal,
    work: () => Promise<Outcome>,
  ): Promise<Outcome | { kind: "unknown"; reason: string }> {
    const gaveUp = { kind: "unknown", reason: "No answer came in time." } as const;
    if (signal.aborted) return gaveUp;
    const { promise: aborted, resolve } = Promise.withResolvers<typeof gaveUp>();
    const giveUp = () => resolve(gaveUp);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([work(), aborted]);
    } catch {
      return { kind: "unknown", reason: "The sandbox's books could not be reached." };
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  return {
    name: "sandbox",
    requestsPerSecond,
    charge: (request, signal) => orUnknown(signal, () => charge(request, signal)),
    find: (request, signal) => orUnknown(signal, () => find(request)),
    resume: (request, _returned, signal) => orUnknown(signal, () => find(request)),
    refund: (request, signal) => orUnknown(signal, () => refund(request)),

    cancel: (_reference, attemptKey, signal) =>
      orUnknown(signal, async () => {
        const ended = await endChallenge(attemptKey, "cancelled");
        if (ended === null) return { kind: "unknown" } as const;
        return { kind: ended.state === "succeeded" ? "too_late" : "cancelled" } as const;
      }),

    async *charges(sinceMs, signal) {
      for await (const charged of allSince(books, sinceMs, signal)) {
        const isSettled = clock.now() >= charged.settlesAtMs && charged.state !== "challenge";
        yield {
          reference: referencePrefix + charged.attemptKey,
          attemptKey: charged.attemptKey,
          amount: charged.amount,
          refunded: charged.refunded,
          state: isSettled ? (charged.state === "succeeded" ? "succeeded" : "failed") : "pending",
          createdAtMs: charged.createdAtMs,
        };
      }
    },

    async readWebhook(headers, body) {
      if (!isTimedSignature(headers.get(signatureHeader), body, [webhookSecret], clock.now())) {
        return { kind: "bad_signature" };
      }
      const event = parseJson(new TextDecoder().decode(body));
      if (!Value.Check(WebhookBody, event))
        return { kind: "malformed", reason: "The body is not an event of the sandbox." };
      const { id: eventId, key: attemptKey, reference, occurredAtMs } = event;
      return {
        kind: "events",
        events: [{ eventId, attemptKey, reference, occurredAtMs, outcome: outcomeOf(event) }],
        reply: "",
      };
    },

    approve: async (reference) => endChallenge(attemptKeyOf(reference) ?? "", "succeeded"),
    decline: async (reference) => endChallenge(attemptKeyOf(reference) ?? "", "declined"),

    async resendWebhooks(sinceMs) {
      for await (const charged of allSince(books, sinceMs)) announce(charged);
    },

    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },

    stop: () => stopped.abort(),
  };
}

const refused = { kind: "failed", reason: "The sandbox refused the request before it began." } as const;

function silence(signal: AbortSignal): Promise<ChargeOutcome> {
  return new Promise((resolve) => {
    const end = () => resolve({ kind: "unknown", reason: "No answer came in time." });
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

function attemptKeyOf(reference: string): string | null {
  return reference.startsWith(referencePrefix) ? reference.slice(referencePrefix.length) : null;
}

function outcomeOf(event: WebhookBody): ProviderEvent["outcome"] {
  const refundReference = refundPrefix + event.key;
  switch (event.kind) {
    case "declined":
      return { kind: "declined", reason: "The card was declined." };
    case "refund_succeeded":
      return { kind: "refund_succeeded", refundReference };
    case "refund_failed":
      return { kind: "refund_failed", refundReference, reason: "The sandbox was told to fail refunds of this charge." };
    default:
      return { kind: event.kind };
  }
}

async function* allSince(books: SandboxBooks, sinceMs: number, signal?: AbortSignal): AsyncGenerator<SandboxCharge> {
  let place = { createdAtMs: sinceMs, attemptKey: "" };
  for (;;) {
    signal?.throwIfAborted();
    const page = await books.chargesAfter(place, pageSize);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    place = last;
  }
}
