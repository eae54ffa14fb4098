/**
 * One run: a shop's day in which everything may go wrong, from one seed.
 *
 * opening -> shoppers, troubles and workers, in an order that the dice choose -> every trouble ends -> what is left
 * undone is done -> at rest -> the invariants are asked -> everything is rolled back
 */
import { takeProviderEvents } from "#flows/take-provider-events.ts";
import { createBank } from "./bank.ts";
import type { SimulationDatabase } from "./database.ts";
import { createDice } from "./dice.ts";
import { checkEnd, noGivingUpBeforeTime } from "./invariants.ts";
import type { Mutation } from "./mutants.ts";
import { drawPlan, type Plan } from "./plan.ts";
import { holdSeconds } from "./shelves.ts";
import { type ShopProcess, startShop } from "./shop-process.ts";
import { operate, type Street, shop } from "./shopper.ts";
import { startWorker } from "./worker-process.ts";
import { broken, World } from "./world.ts";

export type Outcome = {
  readonly seed: number;
  readonly plan: Plan;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  /** Of the trace: the same seed gives the same. */
  readonly hash: string;
  readonly events: number;
  readonly befell: ReadonlySet<string>;
  /** Orders that the bank charged more than once; all but one charge went back. */
  readonly doubleCharges: readonly number[];
  readonly acknowledged: number;
  readonly statuses: Readonly<Record<string, number>>;
};

/** The shopping and the troubles end after this. */
const dayMs = 150_000;
/** At rest is who does nothing for two rounds of the workers and a lease. */
const restMs = 130_000;
const eventsMax = 40_000;
const worldMaxMs = 24 * 3600_000;

export async function simulate(
  database: SimulationDatabase,
  seed: number,
  mutation: Mutation = {},
  keepsDull = false,
): Promise<Outcome> {
  const dice = createDice(seed);
  const plan = drawPlan(dice);
  const world = new World(dice, plan, database, mutation);
  const { scheduler } = world;
  scheduler.keepsDull = keepsDull;
  const shops: ShopProcess[] = [];
  const running = () => {
    for (const gone of shops.filter(({ process }) => !process.isAlive)) shops.splice(shops.indexOf(gone), 1);
    return shops;
  };

  const banks = (plan.hasBackup ? ["sandbox", "sandbox2"] : ["sandbox"]).map((name) =>
    createBank(world, {
      name,
      deliver: async (provider, events) => {
        if (running().length === 0) throw broken("no shop runs");
        const to = dice.pick(shops);
        await world.request(world.nobody, to.process, async () => {
          await takeProviderEvents({ payments: to.payments, holdSeconds: () => holdSeconds }, provider, events);
        });
      },
      onCancel: (attemptKey) => void scheduler.outside(noGivingUpBeforeTime(world, attemptKey)),
    }),
  );
  const street: Street = { world, banks, shops: running, acknowledged: new Map() };

  await database.begin((await mutation.statements?.()) ?? "");
  try {
    for (let number = 1; number <= plan.shops; number++) {
      world.keepRunning(`shop-${number}`, async (process) => {
        shops.push(await startShop(world, process, banks));
      });
    }
    for (let number = 1; number <= plan.workers; number++) {
      world.keepRunning(`worker-${number}`, async (process) => await startWorker(world, process, banks));
    }
    let busy = 0;
    const send = (
      name: string,
      life: (street: Street, person: ReturnType<typeof scheduler.spawn>) => Promise<void>,
    ) => {
      busy += 1;
      life(street, scheduler.spawn(name, false))
        .catch((error: unknown) => world.unexpected(name, error))
        .finally(() => {
          busy -= 1;
        });
    };
    for (let number = 1; number <= plan.shoppers; number++) send(`shopper-${number}`, shop);
    if (plan.operator) send("operator", operate);
    scheduler.after(world.nobody, dayMs, () => world.heal());

    await scheduler.run(
      { nextTaskMs: async () => await world.nextTaskMs(), afterEvent: (process) => world.afterEvent(process) },
      async () => {
        if (scheduler.eventCount > eventsMax || scheduler.nowMs - (world.healedAtMs ?? scheduler.nowMs) > worldMaxMs) {
          world.violation("the world does not come to rest");
          return true;
        }
        if (busy > 0 || world.healedAtMs === undefined || !scheduler.isIdle) return false;
        const sinceMs = Math.max(world.healedAtMs, world.lastDeedMs);
        return scheduler.nowMs - sinceMs > restMs && (await world.nextTaskMs()) === undefined;
      },
    );
    await checkEnd(street);
    const rows = (await database.sql.unsafe(
      `select status::text, count(*)::int as count from orders group by status
       union all select 'attempt ' || state, count(*)::int from payment_attempts group by state order by 1`,
    )) as { status: string; count: number }[];
    return {
      seed,
      plan,
      violations: world.violations,
      trace: scheduler.trace,
      hash: scheduler.hash(),
      events: scheduler.eventCount,
      befell: world.befell,
      doubleCharges: world.doubleCharges,
      acknowledged: street.acknowledged.size,
      statuses: Object.fromEntries(rows.map(({ status, count }) => [status, count])),
    };
  } finally {
    await database.rollback();
  }
}
