/** Money may change its notation on the way to Stripe, never its value. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatDecimal, minorDigits } from "#kernel/money.ts";
import { fromStripeAmount, toStripeAmount } from "./amount.ts";

const currency = fc.constantFrom(...Intl.supportedValuesOf("currency"));
const amount = fc.integer({ min: 1, max: 99_999_999 });

describe("amounts for Stripe", () => {
  test("the examples of Stripe's own page", () => {
    expect(toStripeAmount({ amount: 1000, currency: "USD" })).toEqual({ ok: true, value: 1000 });
    expect(toStripeAmount({ amount: 500, currency: "JPY" })).toEqual({ ok: true, value: 500 });
    expect(toStripeAmount({ amount: 5, currency: "ISK" })).toEqual({ ok: true, value: 500 });
    expect(toStripeAmount({ amount: 5120, currency: "KWD" })).toEqual({ ok: true, value: 5120 });
    expect(toStripeAmount({ amount: 5124, currency: "KWD" }).ok).toBe(false);
    expect(toStripeAmount({ amount: 1045, currency: "HUF" })).toEqual({ ok: true, value: 1045 });
  });

  test("what Stripe's page says two ways is not charged at all", () => {
    expect(toStripeAmount({ amount: 5, currency: "UGX" }).ok).toBe(false);
  });

  test("what is charged is worth exactly what was asked, or it is refused", () => {
    fc.assert(
      fc.property(currency, amount, (code, minor) => {
        const converted = toStripeAmount({ amount: minor, currency: code });
        if (converted.ok) {
          expect(Number.isSafeInteger(converted.value)).toBe(true);
          expect(fromStripeAmount(converted.value, code.toLowerCase())).toEqual({ amount: minor, currency: code });
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("whole units of every currency but the undecided one can be charged", () => {
    for (const code of Intl.supportedValuesOf("currency")) {
      const whole = { amount: 7 * 10 ** minorDigits(code), currency: code };
      expect([code, formatDecimal(whole.amount, code).startsWith("7"), toStripeAmount(whole).ok]).toEqual([
        code,
        true,
        code !== "UGX",
      ]);
    }
  });

  test("what is no amount or no currency is refused", () => {
    for (const minor of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(toStripeAmount({ amount: minor, currency: "EUR" }).ok).toBe(false);
    }
    for (const code of ["", "eur", "EURO", "E R", "constructor"]) {
      expect(toStripeAmount({ amount: 100, currency: code }).ok).toBe(false);
    }
    expect(fromStripeAmount(100, "usdc")).toEqual({ amount: 100, currency: "USDC" });
  });
});
