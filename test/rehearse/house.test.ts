/**
 * A sale of three minutes at a small scale, against a whole Spillway of separate processes: a spike to twenty times, the payment provider
 * down and Postgres killed inside it. The verdict comes from the shop's own books. What it is worth is told by broken-shop.test.ts.
 */
import { expect, test } from "bun:test";
import { rehearsed } from "./rehearsed.ts";

const spillway = `${import.meta.dir}/../../bin/spillway`;

test("a spike to twenty times, an outage of the provider and a killed Postgres end with go, and no promise is broken", async () => {
  const { exitCode, lastLine, result, output } = await rehearsed([
    ...[spillway, "rehearse", `${import.meta.dir}/three-minute-sale.ts`, "--house"],
  ]);
  expect(exitCode, output).toBe(0);
  expect(lastLine).toStartWith("GO: ");
  expect(result.verdict).toBe("held");
  expect(Math.round(result.seconds)).toBeGreaterThanOrEqual(180);
  expect(result.drills.map(({ file, status }) => [file, status])).toEqual([
    ["payment-down.json", "completed"],
    ["postgres-killed.json", "completed"],
  ]);
  const looked = result.promises.filter(({ looked: count }) => count > 0).map(({ promise }) => promise);
  for (const promise of ["oversold", "lost", "doubleCharge", "strayCharge", "stuck", "shed", "passedOver"])
    expect(looked).toContain(promise);
  expect(result.promises.filter(({ held }) => !held)).toEqual([]);
}, 420_000);
