/** The sale that is rehearsed on a house: the demonstration shop's, with a spike to twenty times and two troubles at its peak. */

import { houseWare } from "#roles/house/house.ts";
import { planOfShop } from "#roles/rehearsal/flag-plan.ts";
import type { RehearsalPlanFile } from "#roles/rehearsal/plan-file.ts";

const basePerSecond = 1;
const peakPerSecond = 20;

export function saleOf(seconds: {
  readonly before: number;
  readonly rise: number;
  readonly hold: number;
  readonly after: number;
  readonly paymentOutageAt: number;
  readonly postgresKillAt: number;
}): RehearsalPlanFile {
  const flags = { rate: basePerSecond, seconds: 1, peak: undefined, users: undefined, paths: [] };
  return {
    ...planOfShop(flags, houseWare),
    arrivals: {
      shape: "spike",
      basePerSecond,
      peakPerSecond,
      beforeSeconds: seconds.before,
      riseSeconds: seconds.rise,
      holdSeconds: seconds.hold,
      fallSeconds: seconds.rise,
      afterSeconds: seconds.after,
    },
    // Crowd, shop and Postgres share two cores where this is tested; what is asked is whether the truth is told, not how fast.
    lateStartMs: 500,
    drills: [
      { file: "payment-down", atSeconds: seconds.paymentOutageAt },
      { file: "postgres-killed", atSeconds: seconds.postgresKillAt },
    ],
    thresholds: [
      { of: "errors.share", below: 0.1 },
      { of: "journeys.share", above: 0.8 },
    ],
  };
}
