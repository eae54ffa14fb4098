/** What must hold when a run has come to rest: the auditor's promises, and what only the bank and the shoppers know. */
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createSandboxBooks } from "#adapters/postgres/sandbox-books.ts";
import { hash128 } from "#adapters/system/hash.ts";
import { orderId } from "#kernel/order-number.ts";
import type { Street } from "./shopper.ts";
import { brief, type World } from "./world.ts";

type OpenEnds = { orders: string[]; tasks: string[]; refunds: string[]; attempts: string[] };

const openEnds = `select
  array(select id || ' is ' || status from orders where status in ('received', 'paying', 'action_required', 'unknown') order by id) as orders,
  array(select format('%s of %s, %s tries, %s: %s', topic, order_id, attempts, run_at, last_error) from outbox where lane = 0 order by id) as tasks,
  array(select refund_key || ' is pending' from refunds where state = 'pending' order by id) as refunds,
  array(select attempt_key || ' is ' || state from payment_attempts where state in ('pending', 'action_required', 'unknown') order by id) as attempts`;

const noticesTwice = `select order_id || ' was told ' || count(*) || ' times that it is ' || (payload ->> 'template') as told
  from outbox where topic = 'notice' and payload ->> 'template' in ('paid', 'expired', 'cancelled')
  group by order_id, payload ->> 'template' having count(*) > 1`;

const noticesMissing = `select o.id || ' is ' || o.status || ' and nobody was told' as told from orders o
  where o.status in ('paid', 'expired', 'cancelled') and not exists (
    select from outbox n where n.order_id = o.id and n.topic = 'notice' and n.payload ->> 'template' = o.status::text)`;

/**
 * A challenge is the shopper's until the end of the hold, by the database's clock and no other. When that one is set back
 * between the look and the act, nobody could have known.
 */
export async function noGivingUpBeforeTime(world: World, attemptKey: string): Promise<void> {
  if (world.befell.has("database clock jump")) return;
  const rows = (await world.database.sql.unsafe(
    `select o.id, extract(epoch from o.hold_until - $2::text::timestamptz)::float8 as left from orders o join payment_attempts a on a.order_id = o.id
     where a.attempt_key = $1::text and a.state = 'action_required' and o.hold_until > $2::text::timestamptz`,
    [attemptKey, new Date(world.databaseNowMs).toISOString()],
  )) as { id: string; left: number }[];
  for (const { id, left } of rows)
    world.violation(`the challenge of ${id} is given up ${left} s before its shopper's time is over`);
}

/** Whoever is told that their order is cancelled is not asked to pay for it any more, and not charged first and paid back. */
export async function noChargeUnderWay(world: World, orderId: number): Promise<void> {
  const rows = (await world.database.sql.unsafe(
    `select attempt_key || ' is ' || state as attempt from payment_attempts a
     where order_id = $1::bigint and state in ('pending', 'action_required', 'unknown')
       and not exists (select from payment_attempts b where b.order_id = a.order_id and b.state = 'succeeded')`,
    [orderId],
  )) as { attempt: string }[];
  for (const { attempt } of rows) world.violation(`order ${orderId} is told to be cancelled while ${attempt}`);
}

export async function checkEnd(street: Street): Promise<void> {
  const { world, banks, acknowledged } = street;
  const { database, scheduler } = world;
  const { sql } = database;
  const ask = async <Row>(text: string, parameters: unknown[] = []): Promise<Row[]> =>
    await database.call(scheduler.nowMs, async () => (await sql.unsafe(text, parameters)) as Row[]);

  const [open] = (await ask<OpenEnds>(openEnds)) as [OpenEnds];
  for (const [kind, entries] of Object.entries(open)) {
    for (const entry of entries) world.violation(`left open (${kind}): ${brief(entry)}`);
  }
  for (const { told } of await ask<{ told: string }>(noticesTwice)) world.violation(told);
  for (const { told } of await ask<{ told: string }>(noticesMissing)) world.violation(told);

  for (const [key, id] of acknowledged) {
    const rows = await ask<{ id: string }>("select id from orders where key = $1::uuid", [hash128(`order ${key}`)]);
    if (rows.length !== 1 || Number(rows[0]?.id) !== id)
      world.violation(`the order ${id} of ${key} was acknowledged; its key has ${brief(rows)}`);
  }

  const successes = new Map<string, number>();
  const kept = new Map<string, number>();
  for (const bank of banks) {
    const books = createSandboxBooks(sql);
    for (const charge of await bank.charges()) {
      // For the auditor, who reads the bank's books in the database.
      if (
        bank === banks[0] ||
        !(await ask("select from sandbox_charges where attempt_key = $1::text", [charge.attemptKey])).length
      ) {
        await database.call(scheduler.nowMs, () => books.recordCharge(charge));
      }
      if (charge.state !== "succeeded") continue;
      successes.set(charge.orderNumber, (successes.get(charge.orderNumber) ?? 0) + 1);
      if (charge.refunded < charge.amount.amount) kept.set(charge.orderNumber, (kept.get(charge.orderNumber) ?? 0) + 1);
    }
  }
  for (const [number, count] of kept) {
    if (count > 1) world.violation(`order ${orderId(number)} was charged ${count} times, and nothing was given back`);
  }
  for (const [number, count] of successes) {
    if (count > 1) world.chargedTwice(orderId(number) ?? 0);
  }

  const reports = await database.call(scheduler.nowMs, async () => await createAuditor(sql).audit());
  for (const { name, breaches, examples } of reports) {
    if (breaches > 0) world.violation(`${name}: ${breaches} breaches: ${examples.join("; ")}`);
  }
}
