/**
 * What tells that two orders come from one person, as far as a shop can know. Each of these counts on its own:
 * a limit is met when any of them has had its share.
 */
import type { Address } from "./order-request.ts";

/** Lower case; the part after "+" dropped; dots dropped where the provider ignores them (Google's published rule). */
export function normaliseEmail(email: string): string {
  const lower = email.trim().toLowerCase();
  const at = lower.lastIndexOf("@");
  let local = lower.slice(0, at);
  let domain = lower.slice(at + 1);
  const plus = local.indexOf("+");
  if (plus > 0) local = local.slice(0, plus);
  if (domain === "googlemail.com") domain = "gmail.com";
  if (domain === "gmail.com") local = local.replaceAll(".", "");
  return `${local}@${domain}`;
}

/**
 * Street, postal code and country without case, spaces or punctuation: "12, High St." and "12 high st" are one door, and
 * so are "12 High St, Flat B" on one line and on two.
 */
export function normaliseAddress(address: Address): string {
  const bare = (text: string) =>
    text
      .normalize("NFKD")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]/gu, "");
  return [address.country, bare(address.postalCode), bare(`${address.line1}${address.line2 ?? ""}`)].join("|");
}

/** The texts whose hashes are this person's keys. */
export function personTexts(person: { email: string; address: Address; cardFingerprint: string | null }): string[] {
  const texts = [`email ${normaliseEmail(person.email)}`, `address ${normaliseAddress(person.address)}`];
  if (person.cardFingerprint !== null) texts.push(`card ${person.cardFingerprint}`);
  return texts;
}
