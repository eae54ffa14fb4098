/**
 * Payments through Adyen's Checkout API, version 71. The attempt's key is both the idempotency key and the payment's
 * `reference`, which Adyen gives back as `merchantReference` in every notification.
 *
 * Where Adyen differs from what the port hopes for, and what is answered instead:
 * - There is no way to look a payment up by reference: `find` says `unknown` until the notification tells. Calling
 *   `charge` again with the same key is the other way: within a week Adyen answers what it answered first.
 * - After a redirect a payment is only made once `/payments/details` is called: that is `resume`.
 * - Refunds and cancellations are only accepted at once; their end comes by notification. So `cancel` says `unknown`.
 * - There is no list of payments: `charges` is null, and reconciliation needs Adyen's own reports.
 *
 * The account is expected to capture at once (Adyen's default). The browser part is Adyen's Web Drop-in or Components;
 * the token is the JSON of its `state.data.paymentMethod`, with the card's data encrypted in the browser.
 */
import Value from "typebox/value";
import type { ChargeOutcome, ChargeRequest, FindOutcome, PaymentGateway } from "#commerce/payments/ports.ts";
import type { Clock } from "#kernel/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import { onlyIfCertain } from "../internal/certainty.ts";
import { callProvider, type ProviderAnswer, parseJson, readRetryAfterMs } from "../internal/provider-http.ts";
import { toAdyenAmount } from "./amount.ts";
import { type NotificationOptions, readNotification } from "./notification.ts";
import { Accepted, PaymentAnswer, ServiceError } from "./objects.ts";

export type AdyenOptions = NotificationOptions & {
  readonly clock: Clock;
  readonly apiKey: string;
  /** With its version: `https://checkout-test.adyen.com/v71`, or the live address with the company's own prefix. */
  readonly baseUrl: string;
  /** Adyen publishes no figure; 25 is what others allow for an endpoint. Ask for the account's own before a sale. */
  readonly requestsPerSecond?: number;
};

/** Adyen keeps idempotency keys "for a minimum of 7 days"; the day less is for clocks that differ. */
const keyLifeMs = 6 * 24 * 3_600_000;
const keyLengthMax = 64;
const defaultRetryAfterMs = 1000;

/** What the shopper typed, or waited with, was unusable. https://docs.adyen.com/development-resources/error-codes */
const cardDataErrors = new Set(["101", "103", "129", "140", "141", "172", "174"]);
/** "Request already processed or in progress": another call with this key is under way. */
const keyInUse = "704";

const unusableDetails = "These payment details cannot be used; please enter them again.";

export function createAdyenGateway(options: AdyenOptions): PaymentGateway {
  const { clock, merchantAccount } = options;
  if (options.hmacKeys.length === 0 || !options.hmacKeys.every((key) => /^([0-9a-f]{2}){16,}$/i.test(key))) {
    throw new SpillwayError(
      "bad_config",
      "Adyen needs the HMAC key of its webhook, in hex as the Customer Area shows it.",
    );
  }

  function post(path: string, body: object, signal: AbortSignal, idempotencyKey: string | null = null) {
    const headers: Record<string, string> = { "x-api-key": options.apiKey, "content-type": "application/json" };
    if (idempotencyKey !== null) headers["idempotency-key"] = idempotencyKey;
    return callProvider(
      { method: "POST", url: `${options.baseUrl}${path}`, headers, body: JSON.stringify(body) },
      signal,
    );
  }

  /** What an answer says that is no result. Anything Adyen did not plainly refuse before acting stays `unknown`. */
  function trouble(answer: ProviderAnswer): Exclude<ChargeOutcome, { kind: "succeeded" | "action_required" }> {
    if (answer.kind === "not_sent") return { kind: "failed", reason: answer.reason };
    if (answer.kind === "lost") return { kind: "unknown", reason: answer.reason };
    const { status, headers, body } = answer;
    if (status === 429) {
      return { kind: "rate_limited", retryAfterMs: readRetryAfterMs(headers, clock.now()) ?? defaultRetryAfterMs };
    }
    const error = Value.Check(ServiceError, body) ? body : {};
    const isRefusal = error.errorCode !== undefined && status >= 400 && status < 500 && status !== 409;
    if (!isRefusal || error.errorCode === keyInUse || headers.get("transient-error") === "true") {
      return { kind: "unknown", reason: `Adyen answered with status ${status}.` };
    }
    if (error.errorCode !== undefined && cardDataErrors.has(error.errorCode)) {
      return { kind: "declined", reference: null, reason: unusableDetails };
    }
    return { kind: "failed", reason: error.message ?? `Adyen refused the request (${error.errorCode}).` };
  }

  async function charge(request: ChargeRequest, signal: AbortSignal): Promise<ChargeOutcome> {
    const amount = toAdyenAmount(request.amount);
    if (!amount.ok) return onlyIfCertain(request, { kind: "failed", reason: amount.reason });
    if (request.attemptKey.length > keyLengthMax) {
      return onlyIfCertain(request, { kind: "failed", reason: `Adyen takes keys of ${keyLengthMax} characters.` });
    }
    if (clock.now() - request.createdAtMs > keyLifeMs) {
      return { kind: "unknown", reason: "The attempt is too old to be sent again, and Adyen cannot look it up." };
    }
    const paymentMethod = parseJson(request.token);
    if (typeof paymentMethod !== "object" || paymentMethod === null || Array.isArray(paymentMethod)) {
      return { kind: "declined", reference: null, reason: unusableDetails };
    }
    // Card numbers in the clear must not pass through this shop at all, whatever Adyen would say to them.
    if ("number" in paymentMethod || "cvc" in paymentMethod) {
      return onlyIfCertain(request, { kind: "failed", reason: "The token holds card data that is not encrypted." });
    }
    const body = {
      merchantAccount,
      amount: amount.value,
      reference: request.attemptKey,
      merchantOrderReference: request.orderNumber,
      paymentMethod,
      returnUrl: request.returnUrl,
      shopperEmail: request.email,
      shopperInteraction: "Ecommerce",
      channel: "Web",
      // A challenge by redirect needs nothing of the page that the shopper has long left.
      authenticationData: { threeDSRequestData: { nativeThreeDS: "disabled" } },
    };
    const answer = await post("/payments", body, signal, request.attemptKey);
    if (answer.kind === "answered" && answer.status === 200 && Value.Check(PaymentAnswer, answer.body)) {
      if (answer.body.resultCode !== "Error") return outcomeOf(answer.body, request);
      return onlyIfCertain(request, { kind: "failed", reason: "Adyen could not process the payment." });
    }
    return onlyIfCertain(request, trouble(answer));
  }

  async function find(): Promise<FindOutcome> {
    return { kind: "unknown", reason: "Adyen tells what became of a payment by notification only." };
  }

  return {
    name: "adyen",
    requestsPerSecond: options.requestsPerSecond ?? 25,
    charge,
    find,

    async resume(request, returned, signal) {
      const redirectResult = returned.get("redirectResult");
      if (redirectResult === null) return find();
      const answer = await post("/payments/details", { details: { redirectResult } }, signal);
      if (answer.kind !== "answered") return { kind: "unknown", reason: answer.reason };
      if (answer.status !== 200 || !Value.Check(PaymentAnswer, answer.body)) {
        return { kind: "unknown", reason: `Adyen answered with status ${answer.status}.` };
      }
      // The result comes from a shopper's address bar: a payment for another order must not pay for this one.
      const { merchantReference, pspReference } = answer.body;
      const isOurs =
        merchantReference === request.attemptKey || (pspReference !== undefined && pspReference === request.reference);
      return isOurs
        ? outcomeOf(answer.body, request)
        : { kind: "unknown", reason: "Adyen's answer does not say that it is about this attempt." };
    },

    async refund(request, signal) {
      const amount = toAdyenAmount(request.amount);
      if (!amount.ok) return onlyIfCertain(request, { kind: "failed", reason: amount.reason });
      const path = `/payments/${encodeURIComponent(request.reference)}/refunds`;
      const body = { merchantAccount, amount: amount.value, reference: request.refundKey };
      const answer = await post(path, body, signal, request.refundKey);
      if (answer.kind === "answered" && answer.status === 201 && Value.Check(Accepted, answer.body)) {
        return { kind: "pending", reference: answer.body.pspReference };
      }
      const outcome = trouble(answer);
      return onlyIfCertain(request, outcome.kind === "declined" ? { kind: "failed", reason: outcome.reason } : outcome);
    },

    async cancel(_reference, attemptKey, signal) {
      // By our own reference: a payment that waits for its shopper need not have one of Adyen's yet.
      await post("/cancels", { merchantAccount, paymentReference: attemptKey, reference: attemptKey }, signal);
      return { kind: "unknown" };
    },

    charges: () => null,

    async readWebhook(headers, body) {
      return readNotification(headers, body, options);
    },
  };
}

/** https://docs.adyen.com/online-payments/build-your-integration/payment-result-codes */
function outcomeOf(answer: PaymentAnswer, request: ChargeRequest): Exclude<FindOutcome, { kind: "none" }> {
  const reference = answer.pspReference ?? null;
  switch (answer.resultCode) {
    case "Authorised":
      return reference === null
        ? { kind: "unknown", reason: "Adyen authorised the payment without naming it." }
        : { kind: "succeeded", reference };
    case "Refused":
      return { kind: "declined", reference, reason: refusalReason(answer.refusalReasonCode) };
    case "Cancelled":
      return { kind: "declined", reference, reason: "The payment was cancelled." };
    case "Error":
      return { kind: "declined", reference, reason: "The payment did not go through." };
    case "RedirectShopper":
      // A redirect by POST needs a form of its own; Adyen uses it only for methods that we do not offer.
      return answer.action?.url !== undefined && (answer.action.method ?? "GET") === "GET"
        ? { kind: "action_required", reference: reference ?? request.attemptKey, redirectUrl: answer.action.url }
        : { kind: "unknown", reason: "Adyen waits for a step that is no redirect." };
    default:
      return { kind: "unknown", reason: `Adyen calls the payment ${answer.resultCode}.` };
  }
}

/** Adyen's own wording tells thieves too much; these say what an honest shopper can do something about. */
function refusalReason(code: string | undefined): string {
  switch (code) {
    case "6":
      return "The card has expired.";
    case "8":
      return "The card number is not valid.";
    case "11":
      return "The card could not be authenticated.";
    case "12":
      return "There is not enough money on this card.";
    case "24":
      return "The card's security code is not right.";
    default:
      return "The payment was refused.";
  }
}
