/** Which provider an attempt goes to: the shopper's own while it works, the backup while it does not, and back again. */
import { expect, test } from "bun:test";
import type { ChargeOutcome, ChargeRequest, PaymentGateway } from "#commerce/payments/ports.ts";
import { PaymentDesk } from "./payment-desk.ts";

const first = { provider: "first", token: "a", backup: { provider: "second", token: "b" } };

function desk(answer: () => ChargeOutcome) {
  let nowMs = 0;
  const gateway = (name: string): PaymentGateway =>
    ({ name, requestsPerSecond: 1000, charge: async () => answer() }) as unknown as PaymentGateway;
  const made = new PaymentDesk([gateway("first"), gateway("second")], {
    now: () => nowMs,
    // No call here takes long enough for its deadline to come.
    sleep: async () => await new Promise<void>(() => undefined),
  });
  return {
    choose: () => made.choose(first, []).provider,
    charge: async () => await made.charge("first", {} as ChargeRequest, nowMs),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test("a provider that fails again and again gives way to the backup, and has its turn again when it works", async () => {
  let outcome: ChargeOutcome = { kind: "failed", reason: "down for repair" };
  const { choose, charge, pass } = desk(() => outcome);
  expect(choose()).toBe("first");
  for (let call = 0; call < 10; call++) await charge();
  expect(choose()).toBe("second");
  pass(60_000);
  outcome = { kind: "declined", reason: "no funds" } as ChargeOutcome;
  for (let probe = 0; probe < 10; probe++) {
    if (choose() === "first") await charge();
    pass(1000);
  }
  expect(choose()).toBe("first");
});

test("a card that is declined says nothing of the provider's health", async () => {
  const { choose, charge } = desk(() => ({ kind: "declined", reason: "no funds" }) as ChargeOutcome);
  for (let call = 0; call < 20; call++) await charge();
  expect(choose()).toBe("first");
});
