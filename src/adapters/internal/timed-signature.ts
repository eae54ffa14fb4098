/**
 * The `t=…,v1=…` signature over a time and a raw body: Stripe's scheme for webhooks, which our sandbox speaks too.
 * HMAC-SHA256 over `<t>.<body>`; the header may carry several `v1` while a secret is being changed, and we may hold
 * several secrets for the same reason. https://docs.stripe.com/webhooks#verify-manually
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** A body older (or, by a wrong clock, newer) than this is refused, so that a captured one cannot be replayed later. */
const toleranceMs = 300_000;

/** More than a provider sends while it changes a secret; without a bound a header could make us compare for ever. */
const signaturesMax = 8;

export function signTimed(secret: string, body: Uint8Array, nowMs: number): string {
  const seconds = String(Math.floor(nowMs / 1000));
  return `t=${seconds},v1=${digest(secret, seconds, body).toString("hex")}`;
}

export function isTimedSignature(
  header: string | null,
  body: Uint8Array,
  secrets: readonly string[],
  nowMs: number,
): boolean {
  const parts = (header ?? "").split(",", 2 * signaturesMax).map((part) => part.trim());
  const seconds = parts.find((part) => part.startsWith("t="))?.slice(2) ?? "";
  if (!/^\d{1,12}$/.test(seconds)) return false;
  if (Math.abs(nowMs - Number(seconds) * 1000) > toleranceMs) return false;
  const given = parts
    .filter((part) => /^v1=[0-9a-f]{64}$/.test(part))
    .slice(0, signaturesMax)
    .map((part) => Buffer.from(part.slice(3), "hex"));
  let matches = false;
  for (const secret of secrets) {
    const wanted = digest(secret, seconds, body);
    // No early way out: how long this takes must not tell which signature or secret was the right one.
    for (const signature of given) if (timingSafeEqual(wanted, signature)) matches = true;
  }
  return matches;
}

function digest(secret: string, seconds: string, body: Uint8Array): Buffer {
  return createHmac("sha256", secret).update(`${seconds}.`).update(body).digest();
}
