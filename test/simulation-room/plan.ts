/** What a run has to go through, drawn from its dice. No run has every trouble, and some have none: those are where the rate must be met. */
import type { Dice } from "../simulation/dice.ts";

export type Plan = {
  readonly edges: number;
  readonly outflowPerMinute: number;
  readonly activeMax: number;
  readonly sessionSeconds: number;
  readonly renews: boolean;
  readonly preQueueSeconds: number;
  /** Of those who join, how many never come to their turn; and how many come late. */
  readonly ghosts: number;
  readonly late: number;
  /** Shows its ticket to several edges at once. */
  readonly copied: number;
  readonly arrivalsPerSecond: number;
  readonly latencyMs: readonly [least: number, most: number];
  /** What one of several edges has on top of it. */
  readonly farMs: number;
  readonly isQuiet: boolean;
  /** After the last trouble: long enough to see that it goes on, in some. */
  readonly healedSeconds: number;
  readonly requestLost: number;
  readonly replyLost: number;
  /** Chances per second of the world. */
  readonly partition: number;
  /** For each note in the claim book: whether the edge is cut off just then, with the admission in its hands. */
  readonly cutAtNote: number;
  readonly crash: number;
  readonly pause: number;
  readonly wallJump: number;
  readonly flush: number;
  readonly storeRestart: number;
  readonly outflowChange: number;
  readonly keepsFiles: number;
  /** Everything at once: the store is flushed and all edges are killed. */
  readonly isEverythingLost: boolean;
  readonly skewMs: number;
  readonly driftPpm: number;
};

export const troubleSeconds = 40;
export const quietSeconds = 110;

const latencies = [
  [1, 5],
  [1, 40],
  [5, 300],
] as const;

export const hasSlowWire = ({ latencyMs }: Pick<Plan, "latencyMs">): boolean => latencyMs[1] >= 300;

export function drawPlan(dice: Dice): Plan {
  const isQuiet = dice.chance(0.03);
  const perhaps = (share: number, chance: number): number => (!isQuiet && dice.chance(share) ? chance : 0);
  const outflowPerMinute = isQuiet ? dice.pick([30, 60]) : dice.pick([6, 12, 20, 30]);
  const ghosts = dice.pick([0, 0.3, 0.6, 0.6, 0.8]);
  const hasCap = !isQuiet && dice.chance(0.3);
  return {
    edges: isQuiet ? dice.whole(1, 3) : dice.pick([1, 2, 2, 3]),
    outflowPerMinute,
    activeMax: hasCap ? dice.whole(5, 2 * outflowPerMinute) : 0,
    sessionSeconds: hasCap ? dice.pick([30, 40]) : 900,
    renews: dice.chance(0.5),
    // A room that is begun when people come already begins as if it had been lost.
    preQueueSeconds: !isQuiet && dice.chance(0.3) ? 60 : 0,
    ghosts,
    late: dice.pick([0, 0.1, 0.3]),
    copied: dice.pick([0, 0.05, 0.4]),
    // Enough that somebody always waits, in most runs.
    arrivalsPerSecond: (outflowPerMinute / 60 / (1 - ghosts)) * (isQuiet ? 1.4 : dice.pick([0.5, 1.2])),
    latencyMs: dice.pick(isQuiet ? latencies.slice(0, 2) : latencies),
    farMs: dice.pick([0, 0, 0, 40]),
    isQuiet,
    healedSeconds: dice.pick([10, 10, 36]),
    requestLost: perhaps(0.4, dice.pick([0.01, 0.1])),
    replyLost: perhaps(0.4, dice.pick([0.01, 0.1])),
    partition: perhaps(0.4, 0.03),
    cutAtNote: perhaps(0.3, 0.1),
    crash: perhaps(0.4, 0.03),
    pause: perhaps(0.3, 0.03),
    wallJump: perhaps(0.3, 0.05),
    flush: perhaps(0.3, 0.02),
    storeRestart: perhaps(0.3, 0.02),
    outflowChange: perhaps(0.3, 0.03),
    keepsFiles: dice.pick([0, 1, 1, 0.5]),
    isEverythingLost: !isQuiet && dice.chance(0.05),
    skewMs: dice.pick([0, 1000, 120_000]),
    driftPpm: dice.pick([0, 50, 300]),
  };
}
