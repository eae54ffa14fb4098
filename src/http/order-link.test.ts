/** The address of an order opens it, and nothing that only looks like it does. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createSigner } from "#adapters/system/signer.ts";
import { orderNumber } from "#kernel/order-number.ts";
import { openOrderLink, orderPath, orderPathOf } from "./order-link.ts";

const signer = createSigner(new Uint8Array(32).fill(7));
const partsOf = (path: string) => path.split("/").slice(2) as [string, string];

test("a link leads back to its order, however its number is written", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 35 - 1 }), (id) => {
      const path = orderPath(signer, id);
      expect(path).toMatch(/^\/orders\/S[0-9A-Z]{8}\/[\w-]{22}$/);
      expect(orderPathOf(signer, orderNumber(id))).toBe(path);
      const [number, key] = partsOf(path);
      for (const written of [number, number.toLowerCase(), number.replaceAll("0", "O")]) {
        expect(openOrderLink(signer, written, key)).toBe(id);
      }
    }),
    { numRuns: 100 },
  );
});

describe("is closed", () => {
  const [number, key] = partsOf(orderPath(signer, 1000));
  const forged: readonly (readonly [string, string, string])[] = [
    ["to another order's key", number, partsOf(orderPath(signer, 1001))[1]],
    [
      "to the same number under another shop's secret",
      number,
      partsOf(orderPath(createSigner(new Uint8Array(32)), 1000))[1],
    ],
    ["to a key that is too short", number, key.slice(1)],
    ["to a key with something behind it", number, `${key}=`],
    ["to a key in capitals", number, key.toUpperCase()],
    ["to no key", number, ""],
    ["to a number that is none", "S00000001", key],
    ["to no number", "", key],
    ["to the signature of the id itself", number, signer.sign("order 1000")],
    ["to a signature of something else", number, signer.sign(`cart ${number}`)],
  ];
  for (const [what, givenNumber, givenKey] of forged) {
    test(what, () => {
      expect(openOrderLink(signer, givenNumber, givenKey)).toBeUndefined();
    });
  }
});
