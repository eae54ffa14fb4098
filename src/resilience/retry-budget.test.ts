/** Retries stay a share of requests, in every stretch of time. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { RetryBudget } from "./retry-budget.ts";

test("twenty in a hundred, once what was saved is spent", () => {
  const budget = new RetryBudget(20, 3);
  expect([budget.withdraw(), budget.withdraw(), budget.withdraw(), budget.withdraw()]).toEqual([
    true,
    true,
    true,
    false,
  ]);
  let made = 0;
  for (let request = 0; request < 1000; request++) {
    budget.deposit();
    if (budget.withdraw()) made += 1;
  }
  expect(made).toBe(200);
});

test("none at all with a budget of nothing", () => {
  const budget = new RetryBudget(0, 100);
  for (let request = 0; request < 1000; request++) budget.deposit();
  expect(budget.withdraw()).toBe(false);
});

test("between any two moments never more than what may be saved and the share of the requests between", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.boolean(), { maxLength: 300 }),
      (percent, savedMax, steps) => {
        const budget = new RetryBudget(percent, savedMax);
        const after: { requests: number; retries: number }[] = [{ requests: 0, retries: 0 }];
        for (const isRequest of steps) {
          const last = after.at(-1) as { requests: number; retries: number };
          if (isRequest) budget.deposit();
          after.push({
            requests: last.requests + (isRequest ? 1 : 0),
            retries: last.retries + (!isRequest && budget.withdraw() ? 1 : 0),
          });
        }
        for (const [index, from] of after.entries()) {
          for (const to of after.slice(index))
            expect(to.retries - from.retries).toBeLessThanOrEqual(
              savedMax + ((to.requests - from.requests) * percent) / 100 + 1e-6,
            );
        }
      },
    ),
    { numRuns: 30 },
  );
});
