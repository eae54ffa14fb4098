/**
 * What a run has to go through, drawn from its dice. No run has every trouble: where everything fails, most orders end
 * early, and what only goes wrong late is never seen.
 */
import type { Dice } from "./dice.ts";

export type Plan = {
  readonly shops: number;
  readonly workers: number;
  readonly shoppers: number;
  /** What a card may do at the bank; tokens of the sandbox. */
  readonly cards: readonly string[];
  readonly callsPerSecond: number;
  /** How much longer than the sandbox the bank wants to be left alone when it is asked too often. */
  readonly pauseFactor: number;
  readonly hasBackup: boolean;
  /** Chances at every event of a shop or worker. */
  readonly crash: number;
  readonly stall: number;
  readonly clockJump: number;
  readonly databaseRestart: number;
  readonly databaseClockJump: number;
  readonly bankOutage: number;
  /** Chances at every message. */
  readonly databaseAnswerLost: number;
  readonly messageLost: number;
  readonly webhookLost: number;
  readonly webhookLate: number;
  readonly operator: boolean;
};

const badCards = [
  "declined",
  "insufficient_funds",
  "error",
  "slow:1500",
  "slow:25000",
  "action_required",
  "timeout_then_success",
  "timeout_then_nothing",
  "error_after_charge",
  "duplicate_webhook",
  "out_of_order_webhooks",
  "webhook_only",
  "rate_limited",
  "once_failed",
  "refund_pending",
];

export function drawPlan(dice: Dice): Plan {
  const perhaps = (share: number, chance: number): number => (dice.chance(share) ? chance : 0);
  return {
    shops: dice.whole(1, 2),
    workers: dice.whole(1, 3),
    shoppers: dice.whole(3, 9),
    // Challenges are where shoppers, workers and clocks meet, so most runs have them.
    cards: [...(dice.chance(0.8) ? ["ok"] : []), ...drawCards(dice)],
    callsPerSecond: dice.pick([1, 2, 20, 100]),
    pauseFactor: dice.pick([1, 1, 10, 40]),
    hasBackup: dice.chance(0.3),
    crash: perhaps(0.6, dice.pick([0.01, 0.03, 0.1])),
    stall: perhaps(0.3, dice.pick([0.01, 0.05])),
    clockJump: perhaps(0.2, 0.02),
    databaseRestart: perhaps(0.3, 0.01),
    databaseClockJump: perhaps(0.1, 0.01),
    bankOutage: perhaps(0.3, 0.02),
    databaseAnswerLost: perhaps(0.3, 0.02),
    messageLost: perhaps(0.3, dice.pick([0.03, 0.2, 0.4])),
    webhookLost: perhaps(0.4, dice.pick([0.2, 0.9])),
    webhookLate: perhaps(0.4, 0.2),
    operator: dice.chance(0.4),
  };
}

/** Of one or two, so that the rest of the run is about them, or of many. */
function drawCards(dice: Dice): string[] {
  const challenge = dice.chance(0.5) ? ["action_required"] : [];
  if (dice.chance(0.4)) return [...dice.some(badCards, 0.3), "slow:1500", ...challenge];
  return [dice.pick(badCards), dice.pick(badCards), ...challenge];
}
