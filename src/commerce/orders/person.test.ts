/** Who is one person, as far as a shop can tell: their spellings are many, and so are the people who merely look alike. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Address } from "./order-request.ts";
import { normaliseAddress, normaliseEmail, personTexts } from "./person.ts";

describe("a mailbox", () => {
  const same: readonly (readonly [string, string])[] = [
    ["Ada.Berg@Gmail.com", "adaberg@gmail.com"],
    ["a.d.a.berg+drop@googlemail.com", "adaberg@gmail.com"],
    [" ada@test.example ", "ada@test.example"],
    ["ADA@TEST.EXAMPLE", "ada@test.example"],
    ["ada+1@test.example", "ada@test.example"],
    ["ada+a+b@test.example", "ada@test.example"],
  ];
  for (const [written, meant] of same) {
    test(`${written} is ${meant}`, () => {
      expect(normaliseEmail(written)).toBe(meant);
    });
  }

  const different: readonly (readonly [string, string])[] = [
    ["ada.berg@test.example", "adaberg@test.example"],
    ["ada@test.example", "ada@test.example.org"],
    ["ada@gmail.com", "ada@gmail.co"],
    ["+ada@test.example", "@test.example"],
    ["ada@test.example", "ade@test.example"],
  ];
  for (const [one, other] of different) {
    test(`${one} is not ${other}`, () => {
      expect(normaliseEmail(one)).not.toBe(normaliseEmail(other));
    });
  }

  test("is the same however often it is put in order", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (email) => {
        expect(normaliseEmail(normaliseEmail(email))).toBe(normaliseEmail(email));
      }),
    );
  });
});

describe("a door", () => {
  const door: Address = {
    name: "Ada",
    line1: "Kirkeveien 12",
    line2: "Flat B",
    city: "Oslo",
    postalCode: "0364",
    country: "NO",
  };
  const same: readonly Partial<Address>[] = [
    { name: "Bo Dahl" },
    { city: "OSLO" },
    { region: "Oslo" },
    { line1: "KIRKEVEIEN 12" },
    { line1: "Kirkeveien, 12." },
    { line1: " Kirkeveien  12 " },
    { line1: "Kirkeveien 12 Flat B", line2: "" },
    { line1: "Kirkeveien", line2: "12, flat b" },
    { line1: "Ｋｉｒｋｅｖｅｉｅｎ １２" },
    { postalCode: "03 64" },
    { postalCode: "0364\u200b" },
  ];
  for (const part of same) {
    test(`${JSON.stringify(part)} is the same door`, () => {
      expect(normaliseAddress({ ...door, ...part })).toBe(normaliseAddress(door));
    });
  }

  const different: readonly Partial<Address>[] = [
    { line1: "Kirkeveien 13" },
    { line2: "Flat C" },
    { postalCode: "0365" },
    { country: "SE" },
    { line1: "Kirkegata 12" },
  ];
  for (const part of different) {
    test(`${JSON.stringify(part)} is another door`, () => {
      expect(normaliseAddress({ ...door, ...part })).not.toBe(normaliseAddress(door));
    });
  }

  test("in a script without capitals or Latin letters is told apart as well", () => {
    const tokyo = { ...door, line1: "東京都千代田区1-1", line2: "", country: "JP", postalCode: "100-0001" };
    expect(normaliseAddress({ ...tokyo, line1: "東京都千代田区 1−1" })).toBe(normaliseAddress(tokyo));
    expect(normaliseAddress({ ...tokyo, line1: "東京都千代田区1-2" })).not.toBe(normaliseAddress(tokyo));
  });
});

test("a person is their mailbox and their door, and their card when it has a print", () => {
  const address: Address = { name: "Ada", line1: "A 1", city: "Oslo", postalCode: "1", country: "NO" };
  const texts = personTexts({ email: "Ada@test.example", address, cardFingerprint: null });
  expect(texts).toEqual(["email ada@test.example", "address NO|1|a1"]);
  expect(personTexts({ email: "Ada@test.example", address, cardFingerprint: "fp" })).toEqual([...texts, "card fp"]);
});
