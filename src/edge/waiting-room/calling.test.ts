/** How many are called: enough for the admissions of the next seconds, and no pause where nobody stands ready. */
import { expect, test } from "bun:test";
import { callsOf } from "./calling.ts";

const fiveOfTenCome = { rate: 0.5, delayMs: 2000, expected: 0 };
const inputs = {
  perMs: 0.5 / 1000,
  roomInside: Number.POSITIVE_INFINITY,
  atTheDoor: 0,
  idle: 0,
  showing: fiveOfTenCome,
};

test("two are called for each admission where half of those called come", () => {
  // Two admissions in four seconds, and twice their root.
  expect(callsOf(inputs)).toBe(Math.ceil((2 + 2 * Math.sqrt(2)) / 0.5));
});

test("where admissions are idle and nobody stands at a door, more are called, though some are still expected", () => {
  const expected = { ...inputs, showing: { ...fiveOfTenCome, expected: 5 } };
  expect(callsOf(expected)).toBe(0);
  expect(callsOf({ ...expected, idle: 3 })).toBeGreaterThan(0);
  expect(callsOf({ ...inputs, idle: 3 })).toBe(Math.ceil((5 + 2 * Math.sqrt(2)) / 0.5));
});

test("nobody is called for idle admissions that those at the doors will use, or that there is no room for", () => {
  expect(callsOf({ ...inputs, atTheDoor: 3, idle: 3 })).toBe(callsOf({ ...inputs, atTheDoor: 3 }));
  expect(callsOf({ ...inputs, roomInside: 0, idle: 3 })).toBe(0);
});
