/** Books that last as long as their process: for tests and simulations, which keep theirs outside of what they kill. */
import type { SandboxBooks, SandboxCharge, SandboxRefund } from "./ports.ts";

export function createMemoryBooks(): SandboxBooks {
  const charges = new Map<string, SandboxCharge>();
  const refunds = new Map<string, SandboxRefund>();

  return {
    async recordCharge(charge) {
      const existing = charges.get(charge.attemptKey);
      if (existing !== undefined) return { charge: existing, isNew: false };
      charges.set(charge.attemptKey, charge);
      return { charge, isNew: true };
    },

    async findCharge(attemptKey) {
      return charges.get(attemptKey) ?? null;
    },

    async endChallenge(attemptKey, state, atMs) {
      const charge = charges.get(attemptKey);
      if (charge === undefined) return null;
      if (charge.state !== "challenge") return charge;
      const ended = { ...charge, state, settlesAtMs: atMs };
      charges.set(attemptKey, ended);
      return ended;
    },

    async recordRefund(refund) {
      const existing = refunds.get(refund.refundKey);
      if (existing !== undefined) return existing;
      const charge = charges.get(refund.attemptKey);
      if (charge?.state !== "succeeded" || charge.refunded + refund.amount > charge.amount.amount) return null;
      refunds.set(refund.refundKey, refund);
      charges.set(refund.attemptKey, { ...charge, refunded: charge.refunded + refund.amount });
      return refund;
    },

    async chargesAfter(place, limit) {
      return [...charges.values()]
        .filter((charge) => inOrder(place, charge) < 0)
        .sort(inOrder)
        .slice(0, limit);
    },
  };
}

type Place = { readonly createdAtMs: number; readonly attemptKey: string };

function inOrder(a: Place, b: Place): number {
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  return a.attemptKey < b.attemptKey ? -1 : a.attemptKey > b.attemptKey ? 1 : 0;
}
