/**
 * Adyen's standard notifications: a batch of items, each signed for itself inside the body. So the body must be parsed
 * to find the signatures (the port's fifth promise, as far as Adyen's scheme lets it be kept): nothing of it is used
 * before every item's signature has matched, and one bad item refuses the batch.
 * https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import Value from "typebox/value";
import type { ProviderEvent, WebhookReading } from "#commerce/payments/ports.ts";
import { parseJson } from "../internal/provider-http.ts";
import { type Item, Notification } from "./objects.ts";

/** What Adyen wants to read before it stops sending a batch again. */
const accepted = "[accepted]";

export type NotificationOptions = {
  readonly merchantAccount: string;
  /** Keys in hex, as Adyen's Customer Area gives them: the one in force, and while it is being changed the one before. */
  readonly hmacKeys: readonly string[];
  /** Asked for besides the signature, when Adyen has been given one. */
  readonly basicAuth?: { readonly username: string; readonly password: string };
};

export function readNotification(headers: Headers, body: Uint8Array, options: NotificationOptions): WebhookReading {
  if (options.basicAuth !== undefined && !isBasicAuth(headers.get("authorization"), options.basicAuth)) {
    return { kind: "bad_signature" };
  }
  const batch = parseJson(new TextDecoder().decode(body));
  if (!Value.Check(Notification, batch))
    return { kind: "malformed", reason: "The body is not a notification of Adyen's." };
  const items = batch.notificationItems.map((wrapper) => wrapper.NotificationRequestItem);
  let areSigned = items.length > 0;
  for (const item of items) if (!isSigned(item, options.hmacKeys)) areSigned = false;
  if (!areSigned) return { kind: "bad_signature" };
  const events = items
    .filter((item) => item.merchantAccountCode === options.merchantAccount)
    .map(eventOf)
    .filter((event) => event !== null);
  return { kind: "events", events, reply: accepted };
}

/**
 * Adyen's payload joins eight fields with colons and does not escape them, as its own libraries do. Shifting a colon
 * from one field to its neighbour therefore keeps the signature; our keys hold none, and items are matched by our keys.
 */
export function signItem(item: Item, hmacKey: string): string {
  const fields = [
    item.pspReference,
    item.originalReference ?? "",
    item.merchantAccountCode,
    item.merchantReference,
    item.amount.value,
    item.amount.currency,
    item.eventCode,
    item.success,
  ];
  return createHmac("sha256", Buffer.from(hmacKey, "hex")).update(fields.join(":")).digest("base64");
}

function isSigned(item: Item, hmacKeys: readonly string[]): boolean {
  const given = Buffer.from(item.additionalData?.hmacSignature ?? "");
  let matches = false;
  // No early way out: how long this takes must not tell which key was the right one.
  for (const key of hmacKeys) {
    const wanted = Buffer.from(signItem(item, key));
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) matches = true;
  }
  return matches;
}

function isBasicAuth(header: string | null, auth: { readonly username: string; readonly password: string }): boolean {
  // Hashed first, so that the comparison takes the same time for every length.
  const hash = (text: string) => createHmac("sha256", "basic").update(text).digest();
  const wanted = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
  return timingSafeEqual(hash(header ?? ""), hash(wanted));
}

function eventOf(item: Item): ProviderEvent | null {
  const outcome = outcomeOf(item);
  if (outcome === null) return null;
  const occurredAtMs = Date.parse(item.eventDate);
  return {
    // Adyen has no id of events; its manual tells duplicates by these. `success` may change for the same payment.
    eventId: `${item.eventCode}:${item.pspReference}:${item.success}`,
    attemptKey: item.merchantReference === "" ? null : item.merchantReference,
    // A modification has its own reference and names the payment's as the original one.
    reference: item.originalReference || item.pspReference,
    occurredAtMs: Number.isNaN(occurredAtMs) ? 0 : occurredAtMs,
    outcome,
  };
}

function outcomeOf(item: Item): ProviderEvent["outcome"] | null {
  const isSuccess = item.success === "true";
  const refund = { refundReference: item.pspReference, reason: item.reason ?? "Adyen could not refund." };
  switch (item.eventCode) {
    case "AUTHORISATION":
      // `reason` holds the bank's own words, or on success the card's last digits: neither is for the shopper.
      return isSuccess ? { kind: "succeeded" } : { kind: "declined", reason: "The payment was refused." };
    case "CANCELLATION":
    case "TECHNICAL_CANCEL":
      return isSuccess ? { kind: "cancelled" } : null;
    case "REFUND":
      return isSuccess
        ? { kind: "refund_succeeded", refundReference: item.pspReference }
        : { kind: "refund_failed", ...refund };
    case "REFUND_FAILED":
    case "REFUNDED_REVERSED":
      return { kind: "refund_failed", ...refund };
    case "NOTIFICATION_OF_CHARGEBACK":
    case "CHARGEBACK":
      return { kind: "disputed" };
    default:
      return null;
  }
}
