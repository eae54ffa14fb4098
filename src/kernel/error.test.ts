/** Every error that somebody meets has a code with a status and a title that say what it is. */
import { expect, test } from "bun:test";
import { type ErrorCode, errorCodes, SpillwayError } from "./error.ts";

test("each code has a status that HTTP knows and a title that people can read", () => {
  for (const [code, { status, title }] of Object.entries(errorCodes)) {
    expect([code, status >= 400 && status < 600, /^[A-Z].{6,}[^.]$/.test(title)]).toEqual([code, true, true]);
  }
});

test("an error carries its code's status, its sentence, its cause, and when to try again", () => {
  const cause = new Error("inside");
  const error = new SpillwayError("intake_full", "Please try again.", { cause, retryAfterSeconds: 2 });
  expect(error).toMatchObject({
    name: "SpillwayError",
    status: 503,
    message: "Please try again.",
    retryAfterSeconds: 2,
  });
  expect(error.cause).toBe(cause);
  expect(new SpillwayError("not_found", "x")).not.toHaveProperty("cause");
});

test("what asks to be tried again is a 503, and says so by its status", () => {
  const again: ErrorCode[] = ["intake_full", "database_unavailable"];
  for (const code of again) expect(errorCodes[code].status).toBe(503);
});
