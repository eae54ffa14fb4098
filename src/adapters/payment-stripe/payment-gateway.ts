/**
 * Payments through Stripe: one PaymentIntent an attempt, made and confirmed in one call, so that the attempt's key is
 * its idempotency key and nothing is ever confirmed twice. Requests are plain HTTP: they are seven, and Stripe's own
 * library would retry on its own, which is our flow's decision.
 *
 * Where each promise of the port comes from:
 * - never twice: `Idempotency-Key`; Stripe drops keys after a day, so an older attempt is looked up instead of sent.
 * - `find`: by reference when known, else by listing the intents of the attempt's time and reading their metadata. The
 *   list is exact; search would answer faster but lags behind, and a missed charge could be charged again.
 */
import type Type from "typebox";
import Value from "typebox/value";
import type {
  ChargeOutcome,
  ChargeRequest,
  FindOutcome,
  PaymentGateway,
  ProviderCharge,
  RefundOutcome,
} from "#commerce/payments/ports.ts";
import type { Clock } from "#kernel/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import { onlyIfCertain } from "../internal/certainty.ts";
import { callProvider, type ProviderAnswer, readRetryAfterMs } from "../internal/provider-http.ts";
import { fromStripeAmount, toStripeAmount } from "./amount.ts";
import { Charge, PaymentIntent, pageOf, Refund, type StripeError, StripeErrorBody } from "./objects.ts";
import { readStripeWebhook } from "./webhook.ts";

export type StripeOptions = {
  readonly clock: Clock;
  readonly secretKey: string;
  /** The signing secrets of the webhook endpoint: the one in force, and while it is being changed the one before. */
  readonly webhookSecrets: readonly string[];
  /** Stripe's default for each endpoint of a live account is 25; more is granted on request. */
  readonly requestsPerSecond?: number;
  readonly baseUrl?: string;
};

/** The version that requests and the fields we read were checked against. */
const apiVersion = "2026-08-26.dahlia";

/** Stripe may forget a key "after at least 24 hours"; the hour less is for clocks that differ. */
const keyLifeMs = 23 * 3_600_000;

/** Longer than Stripe works on one request before it gives up. */
const underWayMaxMs = 180_000;

/** How far our clock may be from Stripe's before `find` stops saying `none`; half of what its window allows for. */
const clockSkewMaxMs = 30_000;
const findMarginSeconds = 60;

/** Two minutes' margin at 80 charges a second; a fuller window is not certain to be read in time, and `find` says so. */
const findPagesMax = 100;
const chargesWindowSeconds = 3600;
const chargesPagesMax = 2000;
const pageTriesMax = 5;
const pageSize = 100;

const defaultRetryAfterMs = 1000;

type Fields = Record<string, string>;

export function createStripeGateway(options: StripeOptions): PaymentGateway {
  const { clock, secretKey, webhookSecrets } = options;
  if (webhookSecrets.length === 0 || webhookSecrets.includes("")) {
    throw new SpillwayError("bad_config", "Stripe needs the signing secret of its webhook endpoint.");
  }
  const baseUrl = options.baseUrl ?? "https://api.stripe.com";

  function call(
    method: "GET" | "POST",
    path: string,
    fields: Fields,
    signal: AbortSignal,
    idempotencyKey: string | null = null,
  ): Promise<ProviderAnswer> {
    const form = new URLSearchParams(fields).toString();
    const headers: Record<string, string> = { authorization: `Bearer ${secretKey}`, "stripe-version": apiVersion };
    if (idempotencyKey !== null) headers["idempotency-key"] = idempotencyKey;
    if (method === "POST") headers["content-type"] = "application/x-www-form-urlencoded";
    const url = method === "GET" ? `${baseUrl}${path}?${form}` : `${baseUrl}${path}`;
    return callProvider({ method, url, headers, body: method === "POST" ? form : null }, signal);
  }

  /** What an answer says that is no success. Anything Stripe did not plainly refuse before acting stays `unknown`. */
  function trouble(answer: ProviderAnswer): Exclude<ChargeOutcome, { kind: "succeeded" | "action_required" }> {
    if (answer.kind === "not_sent") return { kind: "failed", reason: answer.reason };
    if (answer.kind === "lost") return { kind: "unknown", reason: answer.reason };
    const retryAfterMs = readRetryAfterMs(answer.headers, clock.now()) ?? defaultRetryAfterMs;
    if (answer.status === 429) return { kind: "rate_limited", retryAfterMs };
    const error = Value.Check(StripeErrorBody, answer.body) ? answer.body.error : null;
    if (error === null || answer.status < 400 || answer.status >= 500) {
      return { kind: "unknown", reason: `Stripe answered with status ${answer.status}.` };
    }
    return refusal(error, retryAfterMs);
  }

  async function charge(request: ChargeRequest, signal: AbortSignal): Promise<ChargeOutcome> {
    const amount = toStripeAmount(request.amount);
    if (!amount.ok) return onlyIfCertain(request, { kind: "failed", reason: amount.reason });
    if (clock.now() - request.createdAtMs > keyLifeMs) {
      const found = await find(request, signal);
      return found.kind === "none"
        ? { kind: "failed", reason: "The attempt is too old to be sent; make another." }
        : found;
    }
    const fields: Fields = {
      amount: String(amount.value),
      currency: request.amount.currency.toLowerCase(),
      payment_method: request.token,
      confirm: "true",
      return_url: request.returnUrl,
      "automatic_payment_methods[enabled]": "true",
      "automatic_payment_methods[allow_redirects]": "always",
      "metadata[attempt]": request.attemptKey,
      "metadata[order]": request.orderNumber,
      // No receipt_email: the shop writes to the shopper itself, and two receipts look like two charges.
    };
    const answer = await call("POST", "/v1/payment_intents", fields, signal, request.attemptKey);
    if (answer.kind === "answered" && answer.status === 200 && Value.Check(PaymentIntent, answer.body)) {
      return outcomeOf(answer.body);
    }
    return onlyIfCertain(request, trouble(answer));
  }

  /** One page, waiting where Stripe asks for patience; anything else that is no page ends the reading. */
  async function page<Schema extends Type.TSchema>(
    item: Schema,
    path: string,
    fields: Fields,
    signal: AbortSignal,
  ): Promise<{ readonly data: Type.Static<Schema>[]; readonly hasMore: boolean; readonly headers: Headers } | string> {
    const schema = pageOf(item);
    for (let tries = 1; ; tries++) {
      const answer = await call("GET", path, { limit: String(pageSize), ...fields }, signal);
      if (answer.kind !== "answered") return answer.reason;
      if (answer.status === 200 && Value.Check(schema, answer.body)) {
        const { data, has_more: hasMore } = answer.body as { data: Type.Static<Schema>[]; has_more: boolean };
        return { data, hasMore, headers: answer.headers };
      }
      if (answer.status !== 429 || tries === pageTriesMax) return `Stripe answered with status ${answer.status}.`;
      await clock.sleep(readRetryAfterMs(answer.headers, clock.now()) ?? defaultRetryAfterMs, signal);
    }
  }

  async function retrieve(reference: string, request: ChargeRequest, signal: AbortSignal): Promise<FindOutcome> {
    const answer = await call("GET", `/v1/payment_intents/${encodeURIComponent(reference)}`, {}, signal);
    if (answer.kind !== "answered") return { kind: "unknown", reason: answer.reason };
    if (answer.status !== 200 || !Value.Check(PaymentIntent, answer.body)) {
      return { kind: "unknown", reason: `Stripe answered with status ${answer.status}.` };
    }
    // The reference may come from a shopper's address bar: an intent of another order must not pay for this one.
    if (answer.body.metadata?.attempt !== request.attemptKey) {
      return { kind: "unknown", reason: "Stripe's intent belongs to another attempt." };
    }
    return outcomeOf(answer.body);
  }

  async function find(request: ChargeRequest, signal: AbortSignal): Promise<FindOutcome> {
    if (request.reference !== null) return retrieve(request.reference, request, signal);
    const window: Fields = {
      "created[gte]": String(Math.floor(request.createdAtMs / 1000) - findMarginSeconds),
      "created[lte]": String(Math.ceil((request.unknownSinceMs ?? clock.now()) / 1000) + findMarginSeconds),
    };
    let after: Fields = {};
    for (let pages = 0; pages < findPagesMax; pages++) {
      const read = await page(PaymentIntent, "/v1/payment_intents", { ...window, ...after }, signal);
      if (typeof read === "string") return { kind: "unknown", reason: read };
      const intent = read.data.find(({ metadata }) => metadata?.attempt === request.attemptKey);
      if (intent !== undefined) return outcomeOf(intent);
      const last = read.data.at(-1);
      if (!read.hasMore || last === undefined) return absent(request, read.headers);
      after = { starting_after: last.id };
    }
    return { kind: "unknown", reason: "Stripe made too many charges in that time to go through them all." };
  }

  /** The whole list was read and the attempt is not in it: is that certain? */
  function absent(request: ChargeRequest, headers: Headers): FindOutcome {
    if (request.unknownSinceMs !== null && clock.now() - request.unknownSinceMs < underWayMaxMs) {
      return { kind: "unknown", reason: "The call may still be under way at Stripe." };
    }
    const skewMs = Math.abs(Date.parse(headers.get("date") ?? "") - clock.now());
    if (!(skewMs < clockSkewMaxMs)) {
      return {
        kind: "unknown",
        reason: "Our clock and Stripe's differ too much to trust the window that was searched.",
      };
    }
    return { kind: "none" };
  }

  return {
    name: "stripe",
    requestsPerSecond: options.requestsPerSecond ?? 25,
    charge,
    find,

    async resume(request, returned, signal) {
      const reference = returned.get("payment_intent");
      return reference === null ? find(request, signal) : retrieve(reference, request, signal);
    },

    async refund(request, signal) {
      const amount = toStripeAmount(request.amount);
      if (!amount.ok) return onlyIfCertain(request, { kind: "failed", reason: amount.reason });
      // The key alone protects for a day; the refunds already made protect for good.
      const made = await page(Refund, "/v1/refunds", { payment_intent: request.reference }, signal);
      const earlier =
        typeof made === "string" ? undefined : made.data.find(({ metadata }) => metadata?.refund === request.refundKey);
      if (earlier !== undefined) return outcomeOfRefund(earlier);
      const fields: Fields = {
        payment_intent: request.reference,
        amount: String(amount.value),
        "metadata[refund]": request.refundKey,
        "metadata[order]": request.orderNumber,
      };
      const answer =
        typeof made === "string"
          ? ({ kind: "not_sent", reason: made } as const)
          : await call("POST", "/v1/refunds", fields, signal, request.refundKey);
      if (answer.kind === "answered" && answer.status === 200 && Value.Check(Refund, answer.body)) {
        return outcomeOfRefund(answer.body);
      }
      const outcome = trouble(answer);
      return onlyIfCertain(request, outcome.kind === "declined" ? { kind: "failed", reason: outcome.reason } : outcome);
    },

    async cancel(reference, _attemptKey, signal) {
      const path = `/v1/payment_intents/${encodeURIComponent(reference)}/cancel`;
      const answer = await call("POST", path, { cancellation_reason: "abandoned" }, signal);
      if (answer.kind !== "answered") return { kind: "unknown" };
      const status = Value.Check(PaymentIntent, answer.body)
        ? answer.body.status
        : Value.Check(StripeErrorBody, answer.body)
          ? answer.body.error.payment_intent?.status
          : undefined;
      if (status === "canceled") return { kind: "cancelled" };
      return { kind: status === "succeeded" || status === "requires_capture" ? "too_late" : "unknown" };
    },

    async *charges(sinceMs, signal) {
      // Stripe lists the newest first, the port wants the oldest: an hour at a time is read whole and turned round.
      const end = Math.floor(clock.now() / 1000);
      for (let from = Math.floor(sinceMs / 1000); from <= end; from += chargesWindowSeconds) {
        const charges: ProviderCharge[] = [];
        let fields: Fields = { "created[gte]": String(from), "created[lt]": String(from + chargesWindowSeconds) };
        for (let pages = 0; ; pages++) {
          const read = await page(Charge, "/v1/charges", fields, signal);
          if (typeof read === "string") throw brokenOff(read);
          for (const charge of read.data) {
            charges.push({
              reference: charge.payment_intent ?? charge.id,
              attemptKey: charge.metadata?.attempt ?? null,
              amount: fromStripeAmount(charge.amount, charge.currency),
              refunded: fromStripeAmount(charge.amount_refunded, charge.currency).amount,
              state: charge.status,
              createdAtMs: charge.created * 1000,
            });
          }
          const last = read.data.at(-1);
          if (!read.hasMore || last === undefined) break;
          if (pages === chargesPagesMax) throw brokenOff("More charges in an hour than are read.");
          fields = { ...fields, starting_after: last.id };
        }
        yield* charges.reverse();
      }
    },

    async readWebhook(headers, body) {
      return readStripeWebhook(headers, body, webhookSecrets, clock.now());
    },
  };
}

function brokenOff(reason: string): SpillwayError {
  return new SpillwayError("internal", `Stripe's list of charges broke off: ${reason}`);
}

/** https://docs.stripe.com/payments/paymentintents/lifecycle */
function outcomeOf(intent: PaymentIntent): Exclude<FindOutcome, { kind: "none" }> {
  const reference = intent.id;
  switch (intent.status) {
    case "succeeded":
      return { kind: "succeeded", reference };
    case "canceled":
      return { kind: "declined", reference, reason: "The payment was cancelled." };
    case "requires_action": {
      const redirectUrl = intent.next_action?.redirect_to_url?.url;
      return redirectUrl
        ? { kind: "action_required", reference, redirectUrl }
        : { kind: "unknown", reason: "Stripe waits for a step that is no redirect." };
    }
    case "requires_payment_method":
      // We never confirm an intent again, so a failed one stays failed; without an error it is still being confirmed.
      return intent.last_payment_error
        ? {
            kind: "declined",
            reference,
            reason: intent.last_payment_error.message ?? "The payment did not go through.",
          }
        : { kind: "unknown", reason: "Stripe has not confirmed the payment yet." };
    default:
      return { kind: "unknown", reason: `Stripe calls the payment ${intent.status}.` };
  }
}

function outcomeOfRefund(refund: Refund): RefundOutcome {
  switch (refund.status) {
    case "succeeded":
      return { kind: "succeeded", reference: refund.id };
    case "pending":
    case "requires_action":
      return { kind: "pending", reference: refund.id };
    default:
      return { kind: "failed", reason: refund.failure_reason ?? `Stripe calls the refund ${refund.status}.` };
  }
}

/** A 4xx that Stripe explains. https://docs.stripe.com/error-codes */
function refusal(
  error: StripeError,
  retryAfterMs: number,
): Exclude<ChargeOutcome, { kind: "succeeded" | "action_required" }> {
  const reason = error.message ?? `Stripe refused the request (${error.code ?? error.type}).`;
  if (error.code === "rate_limit" || error.code === "lock_timeout") return { kind: "rate_limited", retryAfterMs };
  switch (error.type) {
    case "card_error":
      // Stripe writes these messages for the shopper.
      return { kind: "declined", reference: error.payment_intent?.id ?? null, reason };
    case "invalid_request_error":
      // Another call with this key is under way.
      if (error.code === "idempotency_key_in_use") return { kind: "unknown", reason };
      if (error.param === "payment_method") {
        return {
          kind: "declined",
          reference: null,
          reason: "These payment details cannot be used; please enter them again.",
        };
      }
      return { kind: "failed", reason };
    default:
      // idempotency_error: a first request with this key exists and differs from ours, and may have charged.
      return { kind: "unknown", reason };
  }
}
