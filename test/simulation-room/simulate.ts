/** One run by its seed: what befell, what was promised and broken, and how many were admitted of those who might have been. */
import { createDice } from "../simulation/dice.ts";
import type { Mutation } from "./mutants.ts";
import { drawPlan, hasSlowWire, type Plan, quietSeconds, troubleSeconds } from "./plan.ts";
import { beginningMs } from "./scheduler.ts";
import { comes, type Shopper } from "./shopper.ts";
import { World } from "./world.ts";

export type Outcome = {
  readonly plan: Plan;
  readonly violations: readonly string[];
  readonly story: readonly string[];
  readonly befell: ReadonlyMap<string, number>;
  readonly events: number;
  readonly admitted: number;
  /** Of a quiet run: admitted in its last minute, as a share of the outflow. */
  readonly throughput: number | undefined;
  /** Of a run in which edges were cut off: admitted while the troubles lasted, as a share of the outflow. */
  readonly throughputCutOff: number | undefined;
  readonly strandedShare: number | undefined;
  /** Seconds from the end of all troubles to the next admission; undefined where nobody waited for one. */
  readonly resumedSeconds: number | undefined;
  /** Places that were admitted by two edges, because one of them was cut off. */
  readonly twice: number;
  /** See `World.cutOffCounts`. */
  readonly cutOff: { readonly admitted: number; readonly usedTwice: number };
};

const shoppersMax = 900;
/** After the last trouble: what may pass until somebody is admitted, beside the pace itself. */
const resumesWithinMs = 20_000;
/** Where a message takes up to a third of a second each way: edges report too seldom for room time to keep up with time, so all takes longer. */
const resumesSlowlyWithinMs = 35_000;
/** Of the outflow, in one quiet minute, however many never come: what is booked late leaves a gap a minute later. On average it is more (simulation.test.ts). */
const throughputLeast = 0.9;

export async function simulate(seed: number, mutation: Mutation = {}, tellsAll = false): Promise<Outcome> {
  const dice = createDice(seed);
  const plan = drawPlan(dice);
  const world = new World(plan, dice, mutation, tellsAll);
  const { scheduler, observer } = world;
  const shoppers: Shopper[] = [];
  const healMs = beginningMs + (plan.isQuiet ? 0 : troubleSeconds * 1000);
  const endMs = healMs + (plan.isQuiet ? quietSeconds : plan.healedSeconds) * 1000;

  const arrive = (): void => {
    if (shoppers.length < shoppersMax) shoppers.push(comes(world, shoppers.length + 1));
    scheduler.after(world.outside, (-Math.log(1 - dice.next()) * 1000) / plan.arrivalsPerSecond, arrive);
  };
  // Some are there from the beginning.
  const crowd = Math.ceil(((plan.outflowPerMinute / 60) * 15) / (1 - plan.ghosts));
  for (let at = 0; at < crowd; at++)
    scheduler.after(world.outside, dice.whole(500, 3000), () => {
      if (shoppers.length < shoppersMax) shoppers.push(comes(world, shoppers.length + 1));
    });
  scheduler.after(world.outside, 3000, arrive);
  if (plan.isEverythingLost) {
    scheduler.after(world.outside, dice.whole(20_000, 35_000), () => world.loseEverything());
  }

  if (plan.isQuiet) world.isHealed = true;
  else {
    await scheduler.runUntil(healMs);
    world.heal();
    scheduler.note("world", "all troubles are over");
    const stayed = shoppers.filter(({ isLive, isLate, isIn, seq }) => isLive && !isLate && !isIn && seq !== undefined);
    const withinMs =
      (hasSlowWire(plan) ? resumesSlowlyWithinMs : resumesWithinMs) +
      (4.5 * 60_000) / Math.min(plan.outflowPerMinute, world.outflowNow());
    await scheduler.runUntil(Math.min(endMs, healMs + withinMs));
    if (
      healMs + withinMs <= endMs &&
      plan.activeMax === 0 &&
      !world.befell.has("outflow change") &&
      stayed.some(({ isIn }) => !isIn)
    ) {
      const count = observer.admittedMs.filter((ms) => ms > healMs).length;
      if (count === 0) observer.violation("all troubles are long over, somebody waits, and nobody is admitted");
    }
  }
  await scheduler.runUntil(endMs);

  const waiting = shoppers.filter(({ isLive, isIn, seq }) => isLive && !isIn && seq !== undefined);
  const minuteAgo = endMs - 60_000;
  const lastMinute = observer.admittedMs.filter((ms) => ms > minuteAgo).length;
  const throughput = plan.isQuiet ? lastMinute / plan.outflowPerMinute : undefined;
  if (
    throughput !== undefined &&
    lastMinute < Math.floor(throughputLeast * plan.outflowPerMinute) &&
    waiting.length > plan.outflowPerMinute / 6
  )
    observer.violation(
      `${lastMinute} were admitted in the last minute, ${plan.outflowPerMinute} might have been, and ${waiting.length} wait`,
    );
  const first = observer.admittedMs.find((ms) => ms > healMs);
  return {
    plan,
    violations: observer.violations,
    story: scheduler.story,
    befell: world.befell,
    events: scheduler.eventCount,
    admitted: observer.admittedMs.length,
    throughput: waiting.length > plan.outflowPerMinute / 6 ? throughput : undefined,
    throughputCutOff:
      world.befell.has("partition") || world.befell.has("cut off with an admission")
        ? observer.admittedMs.filter((ms) => ms <= healMs).length / ((plan.outflowPerMinute * troubleSeconds) / 60)
        : undefined,
    strandedShare: world.strandedShare(),
    resumedSeconds: first === undefined || plan.isQuiet ? undefined : (first - healMs) / 1000,
    twice: observer.twice,
    cutOff: world.cutOffCounts(),
  };
}
