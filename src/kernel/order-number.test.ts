/** Order numbers are read out on the phone, typed from a parcel and told from each other: nothing of it may go wrong silently. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { orderId, orderNumber } from "./order-number.ts";

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const id = fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 2 ** 35 - 1 }));

test("a number leads back to its order, however it is typed", () => {
  fc.assert(
    fc.property(id, (value) => {
      const number = orderNumber(value);
      expect(number).toMatch(/^S[0-9A-HJKMNP-TV-Z]{8}$/);
      const typed = [
        number,
        number.toLowerCase(),
        ` ${number} `,
        number.replace(/(.{3})/g, "$1 "),
        number.replace(/(.{3})/g, "$1-"),
        number.replaceAll("0", "O").replaceAll("1", "I"),
        number.replaceAll("0", "o").replaceAll("1", "l"),
      ];
      for (const text of typed) expect([text, orderId(text)]).toEqual([text, value]);
    }),
    { numRuns: 500 },
  );
});

test("the first hundred thousand orders have a hundred thousand numbers, which do not count up", () => {
  const numbers = Array.from({ length: 100_000 }, (_, index) => orderNumber(1000 + index));
  expect(new Set(numbers).size).toBe(numbers.length);
  const rising = numbers.filter((number, index) => index > 0 && number > (numbers[index - 1] as string)).length;
  expect(rising / numbers.length).toBeGreaterThan(0.3);
  expect(rising / numbers.length).toBeLessThan(0.7);
});

test("the number of an order never changes from one version to the next", () => {
  expect([0, 1, 1000, 1001, 123_456, 2 ** 31, 2 ** 35 - 1].map(orderNumber)).toEqual([
    "S00000000",
    "SN4C2ZYXV",
    "SGSXPXT89",
    "S5Y9SXS5Y",
    "ST1HW4A0G",
    "ST000000N",
    "SAVKX013C",
  ]);
});

describe("a typing error is noticed", () => {
  test("when one sign is wrong, but for a pair of signs that differ by 31 and look nothing alike", () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 1, max: 8 }), fc.constantFrom(...alphabet), (value, place, sign) => {
        const number = orderNumber(value);
        const present = number[place] as string;
        if (present === sign) return;
        const differ = Math.abs(alphabet.indexOf(present) - alphabet.indexOf(sign));
        const wrong = number.slice(0, place) + sign + number.slice(place + 1);
        if (differ !== 31 || place === 8) expect([number, wrong, orderId(wrong)]).toEqual([number, wrong, undefined]);
      }),
      { numRuns: 2000 },
    );
  });

  test("when two neighbours are swapped", () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 1, max: 6 }), (value, place) => {
        const number = orderNumber(value);
        const [one, other] = [number[place] as string, number[place + 1] as string];
        if (one === other || Math.abs(alphabet.indexOf(one) - alphabet.indexOf(other)) === 31) return;
        const wrong = number.slice(0, place) + other + one + number.slice(place + 2);
        expect([number, wrong, orderId(wrong)]).toEqual([number, wrong, undefined]);
      }),
      { numRuns: 1000 },
    );
  });

  test("when it is too short, too long, or of other signs", () => {
    for (const text of [
      "",
      "S",
      "SGSXPXT8",
      "SGSXPXT899",
      "XGSXPXT89",
      "SGSXPXU89",
      "S GSXPX\0T89",
      "١٢٣",
      "SGSXPXT89;",
      "12345",
    ]) {
      expect([text, orderId(text)]).toEqual([text, undefined]);
    }
  });
});
