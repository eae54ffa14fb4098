/**
 * Adyen counts four currencies otherwise than ISO 4217 does (https://docs.adyen.com/development-resources/currency-codes).
 * An amount is never rounded: what cannot be said exactly is refused.
 */
import { type Money, minorDigits } from "#kernel/money.ts";
import { fail, ok, type Result } from "#kernel/result.ts";

export type AdyenAmount = { readonly value: number; readonly currency: string };

const digitsThatDiffer = new Map([
  ["CLP", 2],
  ["CVE", 0],
  ["IDR", 0],
  ["ISK", 2],
]);

/** The amount as Adyen's API wants it, or why it cannot be charged there. */
export function toAdyenAmount(money: Money): Result<AdyenAmount, string> {
  const { amount, currency } = money;
  if (!/^[A-Z]{3}$/.test(currency)) return fail(`"${currency}" is no ISO 4217 code.`);
  if (!Number.isSafeInteger(amount) || amount <= 0)
    return fail("Only a positive whole number of minor units is charged.");
  const ours = minorDigits(currency);
  const theirs = digitsThatDiffer.get(currency) ?? ours;
  const value = theirs >= ours ? amount * 10 ** (theirs - ours) : amount / 10 ** (ours - theirs);
  return Number.isSafeInteger(value)
    ? ok({ value, currency })
    : fail(`Adyen cannot charge a fraction of this in ${currency}.`);
}
