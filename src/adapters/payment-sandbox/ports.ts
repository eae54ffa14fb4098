/**
 * What the pretend provider has truly charged. A process may be killed between any two calls, so each of these is one
 * atomic operation of its own, and the books are the only thing that several processes share.
 */
import type { Money } from "#kernel/money.ts";

/**
 * A charge begins `succeeded`, `declined` or as an open `challenge`. Only a challenge changes: it ends in one of the other
 * three. Until `settlesAtMs` the provider does not admit to any of it.
 */
export type SandboxCharge = {
  readonly attemptKey: string;
  readonly orderNumber: string;
  readonly amount: Money;
  /** The token it was made with, which also decides how refunds and webhooks go, whichever process is asked. */
  readonly token: string;
  /** Where the shopper goes after a challenge. */
  readonly returnUrl: string;
  readonly state: "succeeded" | "declined" | "challenge" | "cancelled";
  /** Minor units. */
  readonly refunded: number;
  readonly createdAtMs: number;
  readonly settlesAtMs: number;
};

export type SandboxRefund = {
  readonly refundKey: string;
  readonly attemptKey: string;
  /** Minor units of the charge's currency. */
  readonly amount: number;
  readonly createdAtMs: number;
};

export interface SandboxBooks {
  /** Records the charge unless one with its `attemptKey` is there; answers the one that is there now. */
  recordCharge(charge: SandboxCharge): Promise<{ readonly charge: SandboxCharge; readonly isNew: boolean }>;
  findCharge(attemptKey: string): Promise<SandboxCharge | null>;
  /**
   * Ends an open challenge so, with `atMs` as its new `settlesAtMs`; answers the charge as it is afterwards, whoever
   * ended it, or null when there is none.
   */
  endChallenge(
    attemptKey: string,
    state: "succeeded" | "declined" | "cancelled",
    atMs: number,
  ): Promise<SandboxCharge | null>;
  /**
   * Records the refund and adds it to its charge's `refunded`, unless one with its `refundKey` is there; answers the one
   * that is there now. Null, and nothing recorded, when the charge has not succeeded or less than that is left of it.
   */
  recordRefund(refund: SandboxRefund): Promise<SandboxRefund | null>;
  /** The charges after this place in the order of (`createdAtMs`, `attemptKey`), at most `limit`. */
  chargesAfter(
    place: { readonly createdAtMs: number; readonly attemptKey: string },
    limit: number,
  ): Promise<readonly SandboxCharge[]>;
}
