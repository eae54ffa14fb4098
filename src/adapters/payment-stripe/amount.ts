/**
 * Stripe counts some currencies otherwise than ISO 4217 does (https://docs.stripe.com/currencies): a table of its own
 * for those without decimals, krónur in hundredths that must be whole, and dinars in thousandths that must end in zero.
 * What cannot be said exactly is refused: an amount is never rounded, for then another sum than the order's is charged.
 */
import { type Money, minorDigits } from "#kernel/money.ts";
import { fail, ok, type Result } from "#kernel/result.ts";

const withoutDecimals = new Set("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(" "));
const withThreeDecimals = new Set(["BHD", "JOD", "KWD", "OMR", "TND"]);

/**
 * Stripe's page lists the Ugandan shilling as without decimals and, among the special cases, as counted in hundredths.
 * Until that is tried with a real account, a guess could charge a hundred times the price.
 */
const undecided = new Set(["UGX"]);

function stripeDigits(currency: string): number {
  if (withoutDecimals.has(currency)) return 0;
  return withThreeDecimals.has(currency) ? 3 : 2;
}

/** The amount as Stripe's API wants it, or why it cannot be charged there. */
export function toStripeAmount(money: Money): Result<number, string> {
  const { amount, currency } = money;
  if (!/^[A-Z]{3}$/.test(currency)) return fail(`"${currency}" is no ISO 4217 code.`);
  if (!Number.isSafeInteger(amount) || amount <= 0)
    return fail("Only a positive whole number of minor units is charged.");
  if (undecided.has(currency)) return fail(`Charging ${currency} through Stripe is not supported.`);
  const converted = scale(amount, stripeDigits(currency) - minorDigits(currency));
  if (!Number.isSafeInteger(converted)) return fail(`Stripe cannot charge a fraction of this in ${currency}.`);
  const whole = currency === "ISK" ? 100 : withThreeDecimals.has(currency) ? 10 : 1;
  if (converted % whole !== 0) return fail(`Stripe takes amounts in ${currency} only in steps of ${whole}.`);
  return ok(converted);
}

/** What Stripe's books say, in our minor units. */
export function fromStripeAmount(amount: number, currency: string): Money {
  const code = currency.toUpperCase();
  // Stripe also has coins with longer codes; none of ours, so their count is passed on as it is.
  if (!/^[A-Z]{3}$/.test(code)) return { amount, currency: code };
  return { amount: Math.round(scale(amount, minorDigits(code) - stripeDigits(code))), currency: code };
}

function scale(amount: number, digits: number): number {
  // Dividing by a power of ten keeps a whole result whole; multiplying by a fraction such as 0.01 does not.
  return digits >= 0 ? amount * 10 ** digits : amount / 10 ** -digits;
}
