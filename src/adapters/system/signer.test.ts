/** What is signed and believed while one key is taken over by another. */
import { expect, test } from "bun:test";
import { createSigner } from "./signer.ts";

const [old, fresh] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];

test("what an older key signed is believed until the key is taken away, and the newest signs", () => {
  const [before, meanwhile, after] = [createSigner(old), createSigner(fresh, old), createSigner(fresh)];
  const signed = before.sign("visitor 7");
  expect(meanwhile.verify("visitor 7", signed)).toBe(true);
  expect(meanwhile.verify("visitor 8", signed)).toBe(false);
  expect(meanwhile.sign("visitor 7")).toBe(after.sign("visitor 7"));
  expect(after.verify("visitor 7", signed)).toBe(false);
});
