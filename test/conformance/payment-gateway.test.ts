/** Runs the payment port's suite for the sandbox itself, and for Stripe and Adyen against local stand-ins of theirs. */

import { signTimed } from "#adapters/internal/timed-signature.ts";
import { signItem } from "#adapters/payment-adyen/notification.ts";
import { createAdyenGateway } from "#adapters/payment-adyen/payment-gateway.ts";
import { createMemoryBooks } from "#adapters/payment-sandbox/memory-books.ts";
import { createSandboxGateway } from "#adapters/payment-sandbox/payment-gateway.ts";
import { createStripeGateway } from "#adapters/payment-stripe/payment-gateway.ts";
import { adyenApiKey, adyenMerchantAccount, adyenToken, startAdyenStandIn } from "./adyen-stand-in.ts";
import { type Behaviour, describePaymentGateway, type SignedWith } from "./payment-gateway.suite.ts";
import { startStripeStandIn, stripeSecretKey } from "./stripe-stand-in.ts";

const nobodyListens = "http://127.0.0.1:1";
const secrets: Record<SignedWith, string> = { current: "whsec_new", previous: "whsec_old", another: "whsec_other" };
const hmacKeys: Record<SignedWith, string> = {
  current: "aa".repeat(32),
  previous: "bb".repeat(32),
  another: "cc".repeat(32),
};

describePaymentGateway("the sandbox", async (clock) => {
  const books = createMemoryBooks();
  const tokens: Record<Behaviour, string | null> = {
    charge: "ok",
    decline: "insufficient_funds",
    challenge: "action_required",
    refuse: "error",
    charge_then_silence: "timeout_then_success",
    silence: "timeout_then_nothing",
    charge_then_error: "error_after_charge",
    rate_limit: "rate_limited",
    malformed_answer: null,
    huge_answer: null,
    answer_without_end: null,
  };
  const gateway = createSandboxGateway({
    clock,
    random: () => 0.5,
    books,
    deliverWebhook: async () => new Response(null, { status: 204 }),
    webhookSecret: secrets.current,
  });
  return {
    gateway,
    unreachable: null,
    token: (behaviour) => tokens[behaviour],
    charges: async (attemptKey) => ((await books.findCharge(attemptKey))?.state === "succeeded" ? 1 : 0),
    refunded: async (attemptKey) => (await books.findCharge(attemptKey))?.refunded ?? 0,
    async passChallenge(attemptKey) {
      await gateway.approve(`sandbox_${attemptKey}`);
      return new URLSearchParams();
    },
    webhook({ attemptKey, reference, key, sentAtMs }) {
      const event = { id: "evt_1", kind: "succeeded", key: attemptKey, reference, occurredAtMs: sentAtMs };
      const body = new TextEncoder().encode(JSON.stringify(event));
      return { headers: new Headers({ "sandbox-signature": signTimed(secrets[key], body, sentAtMs) }), body };
    },
    canFind: true,
    signsTime: true,
    rotatesSecrets: false,
    stop: async () => gateway.stop(),
  };
});

describePaymentGateway("Stripe (stand-in)", async (clock) => {
  const standIn = startStripeStandIn(clock);
  const tokens: Record<Behaviour, string> = {
    charge: "pm_ok",
    decline: "pm_declined",
    challenge: "pm_challenge",
    refuse: "pm_refuse",
    charge_then_silence: "pm_charge_then_silence",
    silence: "pm_silence",
    charge_then_error: "pm_500",
    rate_limit: "pm_limited",
    malformed_answer: "pm_malformed",
    huge_answer: "pm_huge",
    answer_without_end: "pm_endless",
  };
  const options = { clock, secretKey: stripeSecretKey, webhookSecrets: [secrets.current, secrets.previous] };
  const intentsOf = (attemptKey: string) =>
    [...standIn.intents.values()].filter(({ metadata }) => metadata.attempt === attemptKey);
  return {
    gateway: createStripeGateway({ ...options, baseUrl: standIn.url }),
    unreachable: createStripeGateway({ ...options, baseUrl: nobodyListens }),
    token: (behaviour) => tokens[behaviour],
    charges: async (attemptKey) => intentsOf(attemptKey).filter((intent) => intent.amount_received > 0).length,
    refunded: async (attemptKey) =>
      intentsOf(attemptKey)
        .flatMap((intent) => standIn.refunds.filter((refund) => refund.payment_intent === intent.id))
        .reduce((sum, refund) => sum + refund.amount, 0),
    async passChallenge(attemptKey) {
      standIn.passChallenge(attemptKey);
      return new URLSearchParams({ payment_intent: intentsOf(attemptKey)[0]?.id ?? "", redirect_status: "succeeded" });
    },
    webhook({ attemptKey, reference, key, sentAtMs }) {
      const event = {
        id: "evt_1",
        object: "event",
        type: "payment_intent.succeeded",
        created: Math.floor(sentAtMs / 1000),
        data: {
          object: { id: reference, object: "payment_intent", status: "succeeded", metadata: { attempt: attemptKey } },
        },
      };
      const body = new TextEncoder().encode(JSON.stringify(event));
      return { headers: new Headers({ "stripe-signature": signTimed(secrets[key], body, sentAtMs) }), body };
    },
    canFind: true,
    signsTime: true,
    rotatesSecrets: true,
    stop: () => standIn.stop(),
  };
});

describePaymentGateway("Adyen (stand-in)", async (clock) => {
  const standIn = startAdyenStandIn(clock);
  const behaviours: Record<Behaviour, string> = {
    charge: "charge",
    decline: "decline",
    challenge: "challenge",
    refuse: "refuse",
    charge_then_silence: "charge_then_silence",
    silence: "silence",
    charge_then_error: "error",
    rate_limit: "rate_limit",
    malformed_answer: "malformed",
    huge_answer: "huge",
    answer_without_end: "endless",
  };
  const options = {
    clock,
    apiKey: adyenApiKey,
    merchantAccount: adyenMerchantAccount,
    hmacKeys: [hmacKeys.current, hmacKeys.previous],
  };
  const paymentsOf = (attemptKey: string) =>
    [...standIn.payments.values()].filter((payment) => payment.merchantReference === attemptKey);
  return {
    gateway: createAdyenGateway({ ...options, baseUrl: standIn.url }),
    unreachable: createAdyenGateway({ ...options, baseUrl: nobodyListens }),
    token: (behaviour) => adyenToken(behaviours[behaviour]),
    charges: async (attemptKey) => paymentsOf(attemptKey).filter((payment) => payment.isPaid).length,
    refunded: async (attemptKey) => paymentsOf(attemptKey).reduce((sum, payment) => sum + payment.refunded, 0),
    passChallenge: async (attemptKey) =>
      new URLSearchParams({ redirectResult: paymentsOf(attemptKey)[0]?.redirectResult ?? "" }),
    webhook({ attemptKey, reference, key, sentAtMs }) {
      const item = {
        amount: { value: 1299, currency: "EUR" },
        eventCode: "AUTHORISATION",
        eventDate: new Date(sentAtMs).toISOString(),
        merchantAccountCode: adyenMerchantAccount,
        merchantReference: attemptKey,
        pspReference: reference,
        success: "true",
      };
      const signed = { ...item, additionalData: { hmacSignature: signItem(item, hmacKeys[key]) } };
      const batch = { live: "false", notificationItems: [{ NotificationRequestItem: signed }] };
      return { headers: new Headers(), body: new TextEncoder().encode(JSON.stringify(batch)) };
    },
    canFind: false,
    signsTime: false,
    rotatesSecrets: true,
    stop: () => standIn.stop(),
  };
});
