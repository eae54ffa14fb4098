/** Small questions about where an order stands; the table of steps itself is held against the database in test/flows. */
import { expect, test } from "bun:test";
import { canStep, isOpen, orderStatuses, orderTransitions, priorities } from "./lifecycle.ts";

test("an order is open while its units are held and nothing is paid", () => {
  expect(orderStatuses.filter(isOpen)).toEqual(["received", "paying", "action_required", "unknown"]);
});

test("a step is one of the table's, and no order steps to where it stands", () => {
  for (const from of orderStatuses) {
    for (const to of orderStatuses) expect(canStep(from, to)).toBe(orderTransitions[from].includes(to));
    expect(canStep(from, from)).toBe(false);
  }
});

test("while its outcome is not known, an order can neither be cancelled nor charged again", () => {
  expect(canStep("unknown", "cancelled")).toBe(false);
  expect(canStep("unknown", "paying")).toBe(false);
});

test("a VIP goes first, express next", () => {
  expect([priorities.vip, priorities.express, priorities.standard]).toEqual([0, 1, 2]);
});
