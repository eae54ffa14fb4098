/**
 * A trouble of the pretend bank that can be switched on and off while a shop runs: a share of all charges that would go
 * well meets it instead. Cards that a shopper chose for their trouble keep it.
 */
import type { Random } from "#kernel/clock.ts";

export type LiveFault = {
  /** A token of faults.ts, such as "slow:5000"; null ends it. */
  set(fault: { readonly token: string; readonly share: number } | null): void;
  /** The token that is played instead of this one. */
  apply(token: string): string;
};

export function createLiveFault(random: Random): LiveFault {
  let current: { readonly token: string; readonly share: number } | null = null;
  return {
    set(fault) {
      current = fault;
    },
    apply: (token) => (current !== null && token === "ok" && random() < current.share ? current.token : token),
  };
}
