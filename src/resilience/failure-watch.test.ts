/** What puts an upstream out of use: silence, errors in a row, or more errors than its siblings have. */
import { expect, test } from "bun:test";
import { FailureWatch } from "./failure-watch.ts";

const options = { noAnswersInRow: 3, errorsInRow: 5, windowMs: 10_000, requestsMin: 20, errorShare: 0.5 };
const well = () => 0;

test("three requests in a row without an answer", () => {
  const watch = new FailureWatch(options);
  expect([1, 2].map(() => watch.record(0, "no-answer", well))).toEqual([undefined, undefined]);
  watch.record(0, "answered", well);
  expect([1, 2, 3].map(() => watch.record(0, "no-answer", well))).toEqual([undefined, undefined, "no-answer"]);
});

test("five errors in a row, unless the others have them too", () => {
  const watch = new FailureWatch(options);
  for (let error = 0; error < 4; error++) expect(watch.record(0, "server-error", well)).toBeUndefined();
  expect(watch.record(0, "server-error", () => 0.9)).toBeUndefined();
  expect(watch.record(0, "server-error", well)).toBe("errors");
});

test("every second request of twenty an error", () => {
  const watch = new FailureWatch(options);
  const verdicts = Array.from({ length: 20 }, (_, index) =>
    watch.record(0, index % 2 ? "server-error" : "answered", well),
  );
  expect([verdicts.slice(0, 19).every((verdict) => verdict === undefined), verdicts[19]]).toEqual([true, "errors"]);
  expect([watch.requests, watch.errors]).toEqual([20, 10]);
});

test("what was in another window is forgotten", () => {
  const watch = new FailureWatch(options);
  for (let index = 0; index < 19; index++) watch.record(0, index % 2 ? "answered" : "server-error", well);
  expect(watch.record(10_000, "server-error", well)).toBeUndefined();
  expect([watch.requests, watch.errors]).toEqual([1, 1]);
});
