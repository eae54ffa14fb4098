/**
 * The real schema and the real SQL for a simulated run, all of it in one transaction that is rolled back at the end: so
 * a run costs milliseconds, and the next one finds the shop as it was. Every call of an adapter is a savepoint, so it
 * happens wholly or not at all, and the database's clock is the simulation's (`spillway.now`, see shop_now()).
 */
import { SQL } from "bun";

export type SimulationDatabase = {
  /** For the adapters; only to be used within `call`. */
  readonly sql: SQL;
  /** Runs statements as the beginning of a run. */
  begin(statements: string): Promise<void>;
  /** One call of an adapter, at this moment of the simulation. */
  call<Answer>(nowMs: number, work: () => Promise<Answer>): Promise<Answer>;
  rollback(): Promise<void>;
  close(): Promise<void>;
};

/** Numbers that are given out in a run begin anew in the next, though sequences are never rolled back. */
const countersAnew = `select setval('order_ids', 1000, false), setval(pg_get_serial_sequence('outbox', 'id'), 1, false),
  setval(pg_get_serial_sequence('payment_attempts', 'id'), 1, false), setval(pg_get_serial_sequence('refunds', 'id'), 1, false),
  setval(pg_get_serial_sequence('order_events', 'seq'), 1, false), setval(pg_get_serial_sequence('mailbox', 'id'), 1, false)`;

/** What a run wrote stays behind as dead rows; so often they are cleared away. */
const runsBetweenCleanings = 50;
const tables =
  "orders, order_lines, order_events, order_persons, person_counts, outbox, payment_attempts, refunds, provider_events, stock_entries, stock_levels, promotion_uses, sandbox_charges, sandbox_refunds, price_changes, shop_state";

export async function openSimulationDatabase(url: string): Promise<SimulationDatabase> {
  const connection = new SQL(url, { max: 1, connectionTimeout: 10, idleTimeout: 0 });
  await connection.unsafe("set jit = off; set synchronous_commit = off").simple();
  let runs = 0;

  const sql = {
    unsafe: (text: string, parameters?: unknown[]) => connection.unsafe(text, parameters),
    // Within a call everything is one transaction already.
    begin: async (_mode: unknown, work: unknown) => await (work as (sql: unknown) => Promise<unknown>)(sql),
    listen: () => {
      throw new Error("In a simulation nobody listens to the database itself.");
    },
  };

  return {
    sql: sql as unknown as SQL,
    async begin(statements) {
      if (runs++ % runsBetweenCleanings === 0) await connection.unsafe(`vacuum ${tables}`).simple();
      await connection.unsafe(`${countersAnew}; begin; ${statements}; savepoint call`).simple();
    },
    async call(nowMs, work) {
      // Sent together with the first statement of the work: one round trip less.
      const before = connection
        .unsafe(`release savepoint call; savepoint call; set local spillway.now = '${new Date(nowMs).toISOString()}'`)
        .simple()
        .execute();
      try {
        const [, answer] = await Promise.all([before, work()]);
        return answer;
      } catch (error) {
        await connection.unsafe("rollback to savepoint call").simple();
        throw error;
      }
    },
    async rollback() {
      await connection.unsafe("rollback").simple();
    },
    async close() {
      await connection.close();
    },
  };
}
