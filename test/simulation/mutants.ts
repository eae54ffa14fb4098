/**
 * Programs that are wrong on purpose, each in one rule: if the simulation did not find them, its silence about ours
 * would say nothing. A mutation of SQL names the text that it replaces, so it cannot outlive the rule it breaks.
 */
import type { SQL } from "bun";
import type { OrderIntake } from "#commerce/orders/ports.ts";
import type { Outbox } from "#commerce/outbox/ports.ts";
import type { ChargeRequest, PaymentBook } from "#commerce/payments/ports.ts";

export type Mutation = {
  /** Statements at the beginning of the run. */
  readonly statements?: () => Promise<string>;
  readonly payments?: (book: PaymentBook) => PaymentBook;
  readonly intake?: (intake: OrderIntake, sql: SQL) => OrderIntake;
  readonly outbox?: (outbox: Outbox) => Outbox;
  readonly charge?: (request: ChargeRequest) => ChargeRequest;
};

const functions = `${import.meta.dir}/../../src/adapters/postgres/functions`;

/** One function of the database with a line of it replaced. */
const withoutRule =
  (file: string, name: string, rule: string, instead = "") =>
  async (): Promise<string> => {
    const text = await Bun.file(`${functions}/${file}`).text();
    const from = text.indexOf(`create or replace function ${name}(`);
    const to = text.indexOf("end $$;", from) + "end $$;".length;
    const definition = text.slice(from, to);
    if (from < 0 || !definition.includes(rule)) throw new Error(`${name} in ${file} no longer says: ${rule}`);
    return definition.replace(rule, instead);
  };

/** Each made anew for a run: what it counts is its own. */
export const mutants: Readonly<Record<string, () => Mutation>> = {
  "the same success told twice counts twice": () => ({
    statements: withoutRule(
      "attempts.sql",
      "settle_attempt",
      "if attempt.state in ('succeeded', 'surplus') then return the_order.status; end if;",
    ),
  }),
  "old news changes what is settled": () => ({
    statements: withoutRule("attempts.sql", "settle_attempt", "if not is_open then return the_order.status; end if;"),
  }),
  "an order is given up while its shopper's challenge is open": () => ({
    statements: withoutRule(
      "order-steps.sql",
      "cancel_order",
      "if exists (select 1 from payment_attempts where order_id = p_order and state in ('pending', 'action_required', 'unknown')) then return 'busy'; end if;",
    ),
  }),
  "an order expires whatever its status": () => ({
    statements: withoutRule(
      "order-steps.sql",
      "expire_order",
      "and status = 'action_required' and hold_until <= shop_now()",
    ),
  }),
  "a sale takes the units and leaves them held": () => ({
    statements: withoutRule("holds.sql", "end_holds", "set held = l.held - d.quantity,", "set"),
  }),
  "money goes back again when the news of it is heard again": () => ({
    statements: withoutRule(
      "order-steps.sql",
      "settle_refund",
      "if refund.state <> 'pending' then return true; end if;",
    ),
  }),
  "no answer is taken for no charge": () => ({
    payments: (book) => ({
      ...book,
      settle: async (key, settlement) =>
        await book.settle(
          key,
          settlement.outcome === "unknown" ? { ...settlement, outcome: "failed", call: null } : settlement,
        ),
    }),
  }),
  "an order is acknowledged before it is written": () => {
    let calls = 0;
    return {
      intake: (intake, sql) => ({
        ...intake,
        async place(batch) {
          const verdicts = await intake.place(batch);
          calls += 1;
          if (calls % 20 === 1) await sql.unsafe("rollback to savepoint call").simple();
          return verdicts;
        },
      }),
    };
  },
  "a task is gone as soon as it is taken": () => ({
    outbox: (outbox) => ({
      ...outbox,
      async take(lane, limit, leaseSeconds) {
        const tasks = await outbox.take(lane, limit, leaseSeconds);
        for (const task of tasks) await outbox.done(task);
        return tasks;
      },
    }),
  }),
  "every try to charge has a key of its own": () => {
    let calls = 0;
    return { charge: (request) => ({ ...request, attemptKey: `${request.attemptKey}.${++calls}` }) };
  },
};
