/** Money may change its notation on the way to Adyen, never its value. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { toAdyenAmount } from "./amount.ts";

describe("amounts for Adyen", () => {
  test("the examples and exceptions of Adyen's own page", () => {
    const of = (amount: number, currency: string) => toAdyenAmount({ amount, currency });
    expect(of(1000, "GBP")).toEqual({ ok: true, value: { value: 1000, currency: "GBP" } });
    expect(of(10, "JPY")).toEqual({ ok: true, value: { value: 10, currency: "JPY" } });
    expect(of(10_000, "BHD")).toEqual({ ok: true, value: { value: 10_000, currency: "BHD" } });
    expect(of(10, "ISK")).toEqual({ ok: true, value: { value: 1000, currency: "ISK" } });
    expect(of(10, "CLP")).toEqual({ ok: true, value: { value: 1000, currency: "CLP" } });
    expect(of(1000, "IDR")).toEqual({ ok: true, value: { value: 10, currency: "IDR" } });
    expect(of(1000, "CVE")).toEqual({ ok: true, value: { value: 10, currency: "CVE" } });
    expect(of(1050, "IDR").ok).toBe(false);
  });

  test("every amount is a whole number worth what was asked, or refused", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Intl.supportedValuesOf("currency")),
        fc.integer({ min: 1, max: 1e9 }),
        (code, minor) => {
          const converted = toAdyenAmount({ amount: minor, currency: code });
          if (!converted.ok) return;
          const factor = code === "ISK" || code === "CLP" ? 100 : code === "IDR" || code === "CVE" ? 0.01 : 1;
          expect(converted.value.value).toBe(Math.round(minor * factor));
          expect(converted.value.currency).toBe(code);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("what is no amount or no currency is refused", () => {
    for (const minor of [0, -1, 1.5, Number.NaN, 2 ** 53])
      expect(toAdyenAmount({ amount: minor, currency: "EUR" }).ok).toBe(false);
    for (const code of ["", "eur", "EURO"]) expect(toAdyenAmount({ amount: 1, currency: code }).ok).toBe(false);
  });
});
