/** What forms carry in hidden fields comes back as it went. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { readTotal, writeTotal } from "./pages/checkout.ts";
import { paymentChoice, readPaymentChoice } from "./payment-choice.ts";

test("a total survives the form, and nothing else is read as one", () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom("EUR", "JPY", "KWD"), (amount, currency) => {
      expect(readTotal(writeTotal({ amount, currency }))).toEqual({ amount, currency });
    }),
  );
  for (const wrong of ["", "12", "12 eur", "-1 EUR", "1.5 EUR", "1e3 EUR", "12 EUR ", "9999999999999999 EUR"])
    expect(readTotal(wrong)).toBeNull();
});

test("a payment is read from one provider's form and from several", () => {
  const option = (provider: string, tokens: string[]) => ({
    provider,
    label: provider,
    description: "",
    test: true,
    tokens: tokens.map((token) => ({ token, label: token })),
  });
  const one = paymentChoice([option("sandbox", ["ok", "a:b"])], { provider: "sandbox", token: "a:b" }).toString();
  expect(one).toContain('name="paymentProvider" value="sandbox"');
  expect(one).toMatch(/value="a:b" checked/);
  expect(readPaymentChoice("sandbox", "a:b")).toEqual({ provider: "sandbox", token: "a:b" });

  const two = paymentChoice([option("sandbox", ["ok"]), option("stripe", ["pm_card_visa"])], null).toString();
  expect(two).not.toContain("paymentProvider");
  expect(two).toContain('value="stripe:pm_card_visa"');
  expect(readPaymentChoice(null, "stripe:pm:card")).toEqual({ provider: "stripe", token: "pm:card" });
  for (const wrong of [null, "", "ok", ":ok", "sandbox:"]) expect(readPaymentChoice(null, wrong)).toBeNull();
});
