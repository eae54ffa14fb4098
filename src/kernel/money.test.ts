/** Money is whole minor units, in and out, whatever the currency's digits; what is split adds up to the last of them. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { allocate, formatDecimal, formatMoney, minorDigits, parseMinor } from "./money.ts";

const currencies = ["EUR", "USD", "JPY", "KWD", "CLF", "VND"];

test("a currency has as many digits as ISO 4217 gives it", () => {
  expect(["EUR", "JPY", "KWD", "CLF"].map(minorDigits)).toEqual([2, 0, 3, 4]);
});

describe("a price that somebody typed", () => {
  const read: readonly (readonly [text: string, currency: string, minor: number | undefined])[] = [
    ["12.50", "EUR", 1250],
    ["12.5", "EUR", 1250],
    ["12", "EUR", 1200],
    [" 12 ", "EUR", 1200],
    ["0", "EUR", 0],
    ["0.01", "EUR", 1],
    ["0.10", "EUR", 10],
    ["1299.9000", "EUR", 129_990],
    ["007", "EUR", 700],
    ["999999999999.99", "EUR", 99_999_999_999_999],
    ["0.29", "EUR", 29],
    ["1.005", "KWD", 1005],
    ["500", "JPY", 500],
    ["500.00", "JPY", 500],
    ["500.5", "JPY", undefined],
    ["9.999", "EUR", undefined],
    ["12,50", "EUR", undefined],
    ["-5", "EUR", undefined],
    ["+5", "EUR", undefined],
    ["5.", "EUR", undefined],
    [".5", "EUR", undefined],
    ["", "EUR", undefined],
    ["1e3", "EUR", undefined],
    ["0x10", "EUR", undefined],
    ["1 000", "EUR", undefined],
    ["1.000.000", "EUR", undefined],
    ["€5", "EUR", undefined],
    ["٣", "EUR", undefined],
    ["NaN", "EUR", undefined],
    ["Infinity", "EUR", undefined],
    ["1234567890123", "EUR", undefined],
  ];
  for (const [text, currency, minor] of read) {
    test(`"${text}" in ${currency} is ${minor ?? "no price"}`, () => {
      expect(parseMinor(text, currency)).toBe(minor as number);
    });
  }

  test("written and read again is the same to the last unit", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 99_999_999_999_999 }),
        fc.constantFrom(...currencies),
        (amount, currency) => {
          const written = formatDecimal(amount, currency);
          expect(written).toMatch(minorDigits(currency) === 0 ? /^\d+$/ : /^\d+\.\d+$/);
          // Twelve digits before the point are read; no shop has more.
          if ((written.split(".")[0] ?? "").length > 12) return;
          expect([written, parseMinor(written, currency)]).toEqual([written, amount]);
        },
      ),
    );
  });
});

test("money is written for people with its currency's sign and digits", () => {
  expect(formatMoney(129_990, "EUR")).toBe("€1,299.90");
  expect(formatMoney(500, "JPY")).toBe("¥500");
  expect(formatMoney(1005, "KWD").replace(/\s/g, " ")).toBe("KWD 1.005");
  expect(formatMoney(-1, "EUR")).toBe("-€0.01");
  expect(formatMoney(129_990, "EUR", "de-DE").replace(/\s/g, " ")).toBe("1.299,90 €");
  expect(formatDecimal(-5, "EUR")).toBe("-0.05");
});

describe("what is split over lines", () => {
  const examples: readonly (readonly [amount: number, weights: readonly number[], parts: readonly number[]])[] = [
    [100, [1, 1, 1], [34, 33, 33]],
    [1, [1, 1], [1, 0]],
    [2, [1, 1, 1], [1, 1, 0]],
    [200, [999, 1000], [100, 100]],
    [10, [0, 5, 5], [0, 5, 5]],
    [7, [7], [7]],
    [0, [3, 4], [0, 0]],
    [0, [], []],
    [0, [0, 0], [0, 0]],
    [5, [1, 2, 3, 4], [1, 1, 1, 2]],
  ];
  for (const [amount, weights, parts] of examples) {
    test(`${amount} over ${JSON.stringify(weights)} is ${JSON.stringify(parts)}`, () => {
      expect(allocate(amount, weights)).toEqual([...parts]);
    });
  }

  const split = fc
    .array(fc.oneof(fc.nat({ max: 100_000 }), fc.nat({ max: 1_000_000_000_000 })), { minLength: 1, maxLength: 20 })
    .filter((weights) => weights.some((weight) => weight > 0))
    .chain((weights) => {
      const sum = weights.reduce((a, b) => a + b, 0);
      return fc.record({
        weights: fc.constant(weights),
        // All of it, a share of it, or anything: a code of a hundred percent takes each line whole.
        amount: fc.oneof(
          fc.constant(sum),
          fc.integer({ min: 0, max: 100 }).map((percent) => Math.floor((sum * percent) / 100)),
          fc.integer({ min: 0, max: sum }),
        ),
      });
    });

  test("adds up exactly, takes from no line more than it has, and is off by less than one from the exact share", () => {
    fc.assert(
      fc.property(split, ({ weights, amount }) => {
        const parts = allocate(amount, weights);
        expect(parts.reduce((a, b) => a + b, 0)).toBe(amount);
        const sum = BigInt(weights.reduce((a, b) => a + b, 0));
        for (const [index, part] of parts.entries()) {
          const weight = weights[index] as number;
          expect(Number.isSafeInteger(part) && part >= 0 && part <= weight).toBe(true);
          const off = BigInt(part) * sum - BigInt(amount) * BigInt(weight);
          expect(off < sum && off > -sum).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
