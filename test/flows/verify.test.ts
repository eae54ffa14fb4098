/** `spillway verify` says nothing of a sound database, and of one that was broken on purpose exactly what was broken. */
import { describe, expect, test } from "bun:test";
import type { SQL } from "bun";
import { createAuditor, invariants } from "#adapters/postgres/auditor.ts";
import { orderStatuses } from "#commerce/orders/lifecycle.ts";
import { orderNumber } from "#kernel/order-number.ts";
import { livedInShop } from "../kit/lived-in-shop.ts";
import { testDatabase } from "../kit/postgres.ts";

const fixture = await testDatabase();
const empty = await testDatabase();
const orders = await livedInShop(fixture.sql);

const brokenOf = async (sql: SQL) => (await createAuditor(sql).audit()).filter(({ breaches }) => breaches > 0);

test("an empty database holds every promise", async () => {
  expect(await brokenOf(empty.sql)).toEqual([]);
});

test("a shop in which everything has happened holds every promise, and every promise was put to the test", async () => {
  const statuses = await fixture.sql.unsafe("select distinct status::text as status from orders");
  expect(statuses.map(({ status }: { status: string }) => status).sort()).toEqual([...orderStatuses].sort());
  const done: string[] = [];
  const reports = await createAuditor(fixture.sql).audit((count, of) => done.push(`${count}/${of}`));
  expect(reports.filter(({ breaches, checked }) => breaches > 0 || checked === 0)).toEqual([]);
  expect(reports.map(({ name }) => name)).toEqual(invariants.map(({ name }) => name));
  expect(done.at(-1)).toBe(`${invariants.length}/${invariants.length}`);
});

/** The status trigger and the constraints are what this is the second look behind. */
const withoutSteps = (statement: string) =>
  `alter table orders disable trigger status_step; ${statement}; alter table orders enable trigger status_step`;

type Case = { readonly invariant: string; readonly how: string; readonly break: string; readonly says: string };

const firstLevel = (sku: string) =>
  `(select l.id from stock_levels l join variants v on v.id = l.variant_id where v.sku = '${sku}' order by l.id limit 1)`;
const attemptOf = (order: number) =>
  `(select attempt_key from payment_attempts where order_id = ${order} order by id limit 1)`;

const cases: Case[] = [
  {
    invariant: "never oversold",
    how: "units vanish from the building",
    break: `alter table stock_levels drop constraint stock_never_oversold;
      update stock_levels set on_hand = on_hand - 100 where id = ${firstLevel("SNEAKER")};
      insert into stock_entries (level_id, kind, on_hand_delta) values (${firstLevel("SNEAKER")}, 'adjust', -100)`,
    says: "SNEAKER at main: -80 on hand and 0 allowed beyond, for 1 held and 2 sold",
  },
  {
    invariant: "allowance counts once",
    how: "a level is allowed more than its variant",
    break: `update stock_levels set allowance = 7 where id = ${firstLevel("SNEAKER")}`,
    says: "SNEAKER may be sold 0 beyond its stock, its levels say 7",
  },
  {
    invariant: "ledger adds up",
    how: "a level is counted up without an entry",
    break: `update stock_levels set on_hand = on_hand + 1 where id = ${firstLevel("SNEAKER")}`,
    says: "(SNEAKER): 21 on hand, 1 held, 2 sold; its ledger comes to 20, 1, 2",
  },
  {
    invariant: "ledger adds up",
    how: "an entry is lost",
    break: `delete from stock_entries where ctid = (select ctid from stock_entries where kind = 'receive')`,
    says: "(TEE-M): 5 on hand",
  },
  {
    invariant: "a hold ends once",
    how: "a released hold is sold as well",
    break: `drop index stock_entries_end_once;
      insert into stock_entries (level_id, kind, held_delta, sold_delta, order_id, line_no)
        select level_id, 'sell', -1, 1, order_id, line_no from stock_entries where order_id = ${orders.expired} and kind = 'hold';
      update stock_levels set held = held - 1, sold = sold + 1 where id = ${firstLevel("TEE-S")}`,
    says: `order ${orderNumber(orders.expired)} (id ${orders.expired}), line 1, level 1: hold, expire, sell of 1 units`,
  },
  {
    invariant: "a hold ends once",
    how: "only a part of a hold is sold",
    break: `update stock_entries set held_delta = -1, sold_delta = 1 where order_id = ${orders.paid} and line_no = 2 and kind = 'sell';
      update stock_levels set held = held + 1, sold = sold - 1 where id = ${firstLevel("SNEAKER")}`,
    says: `order ${orderNumber(orders.paid)} (id ${orders.paid}), line 2`,
  },
  {
    invariant: "holds match orders",
    how: "an open order's units are released",
    break: `insert into stock_entries (level_id, kind, held_delta, order_id, line_no)
        select level_id, 'release', -held_delta, order_id, line_no from stock_entries where order_id = ${orders.challenged} and kind = 'hold';
      update stock_levels set held = held - 1 where id = ${firstLevel("TEE-S")}`,
    says: "is action_required, but of its 1 holds 1 are released",
  },
  {
    invariant: "holds match orders",
    how: "a shipped order's units never left",
    break: `delete from stock_entries where order_id = ${orders.shipped} and kind = 'ship';
      update stock_levels set on_hand = on_hand + 1, sold = sold + 1 where id = ${firstLevel("TEE-S")}`,
    says: "is shipped, but of its 1 holds 0 are released, 1 sold, 0 put back on sale, 0 shipped",
  },
  {
    invariant: "lines are held",
    how: "a line holds more than it has",
    break: `update stock_entries set held_delta = 2 where order_id = ${orders.received} and line_no = 1 and kind = 'hold';
      update stock_levels set held = held + 1 where id = ${firstLevel("TEE-S")}`,
    says: "line 1: 1 of TEE-S, held are 2",
  },
  {
    invariant: "lines are held",
    how: "a bundle holds a part of a part",
    break: `update stock_entries set held_delta = 3 where order_id = ${orders.paying} and kind = 'hold' and level_id = ${firstLevel("TEE-S")};
      update stock_levels set held = held - 1 where id = ${firstLevel("TEE-S")}`,
    says: "line 1: 2 of SET, held are 5",
  },
  {
    invariant: "lines are held",
    how: "a line holds nothing",
    break: `delete from stock_entries where order_id = ${orders.received} and line_no = 2;
      update stock_levels set held = held - 1 where id = ${firstLevel("SNEAKER")}`,
    says: "line 2: 1 of SNEAKER, held are 0",
  },
  {
    invariant: "totals add up",
    how: "a line's price changes after the order",
    break: `update order_lines set unit_price = unit_price + 1 where order_id = ${orders.packed}`,
    says: "subtotal 2000, discount 0, shipping 490, tax 400, total 2490; its 1 lines come to 2002, 0 and 400 tax",
  },
  {
    invariant: "one key, one order",
    how: "a key is used twice",
    break: `alter table orders drop constraint orders_key_key;
      update orders set key = (select key from orders where id = ${orders.paid}) where id = ${orders.packed}`,
    says: `orders ${orders.paid}, ${orders.packed} have the key`,
  },
  {
    invariant: "lifecycle followed",
    how: "an order skips a step",
    break: withoutSteps(`update orders set status = 'delivered' where id = ${orders.shipped}`),
    says: "is delivered, its last event is shipped",
  },
  {
    invariant: "lifecycle followed",
    how: "a step is told that there is not",
    break: `update order_events set status = 'packed' where order_id = ${orders.delivered} and status = 'shipped'`,
    says: "went from packed to delivered",
  },
  {
    invariant: "work waits",
    how: "an open order's task is lost",
    break: `delete from outbox where order_id = ${orders.received}`,
    says: "is received and nothing waits to go on with it",
  },
  {
    invariant: "work waits",
    how: "an open order's task is parked",
    break: `update outbox set run_at = 'infinity' where order_id = ${orders.challenged} and topic in ('pay', 'expire')`,
    says: "is action_required and nothing waits to go on with it",
  },
  {
    invariant: "work waits",
    how: "a refund's task is lost",
    break: `delete from outbox where topic = 'refund' and order_id = ${orders.cancelledOwed}`,
    says: "is pending and nothing waits to make it",
  },
  {
    invariant: "paid means charged",
    how: "a paid order's charge is of another amount",
    break: `update payment_attempts set amount = amount - 1 where order_id = ${orders.paid};
      update sandbox_charges set amount = amount - 1 where attempt_key = ${attemptOf(orders.paid)}`,
    says: "is paid, its total is 22290 EUR; charged are 22289 EUR",
  },
  {
    invariant: "charged once",
    how: "an order has two successful charges",
    break: `drop index payment_attempts_one_success;
      insert into payment_attempts (order_id, provider, attempt_key, token, amount, currency, state)
        select order_id, 'other', 'twice', token, amount, currency, 'succeeded' from payment_attempts where order_id = ${orders.paid}`,
    says: "has 2 successful charges and 0 open attempts",
  },
  {
    invariant: "charged once",
    how: "an order is charged by two attempts at once",
    break: `drop index payment_attempts_one_open;
      insert into payment_attempts (order_id, provider, attempt_key, token, amount, currency, state)
        select order_id, 'other', 'twice', token, amount, currency, 'pending' from payment_attempts where order_id = ${orders.paying}`,
    says: "has 0 successful charges and 2 open attempts",
  },
  {
    invariant: "no stray charge",
    how: "a cancelled order's refund fails",
    break: `update refunds set state = 'failed' where order_id = ${orders.cancelledOwed}`,
    says: `of the cancelled order ${orderNumber(orders.cancelledOwed)} (id ${orders.cancelledOwed}): 10390 were taken (succeeded), 0 go back`,
  },
  {
    invariant: "no stray charge",
    how: "a charge that came too late is kept",
    break: `delete from refunds where order_id = ${orders.surplus}`,
    says: "1490 were taken (surplus), 0 go back",
  },
  {
    invariant: "refunds within charges",
    how: "more goes back than was taken",
    break: `update refunds set amount = 1200 where order_id = ${orders.partRefunded} and state = 'pending'`,
    says: "1600 of a charge of 1490 go back",
  },
  {
    invariant: "refunds within charges",
    how: "money goes back to another order",
    break: `update refunds set order_id = ${orders.paid} where order_id = ${orders.partRefunded} and state = 'pending'`,
    says: "500 of a charge of 1490 go back",
  },
  {
    invariant: "refunded adds up",
    how: "an order forgets a refund",
    break: `update orders set refunded = refunded - 1 where id = ${orders.partRefunded}`,
    says: "(part_refunded) of 1490 says 399 went back; its refunds come to 400",
  },
  {
    invariant: "promotions within limits",
    how: "a use is not counted",
    break: "update promotion_uses set used = 0",
    says: "TEN: used 0 times by its count, 1 times by its orders, limit 5",
  },
  {
    invariant: "persons within limits",
    how: "a purchase is not counted",
    break: "update person_counts set quantity = 0 where quantity = 2",
    says: "SNEAKER: 0 by the count, 2 by the orders, limit 2",
  },
  {
    invariant: "persons within limits",
    how: "a person buys too many",
    break: `update order_persons set quantity = 3 where order_id = ${orders.paid};
      update person_counts set quantity = 3 where quantity = 2`,
    says: "SNEAKER: 3 by the count, 3 by the orders, limit 2",
  },
  {
    invariant: "one pass, one order",
    how: "a pass buys a second order",
    break: `drop index order_passes_once;
      update orders set details = details || '{"rooms": ["drop"]}' where id = ${orders.packed};
      insert into order_passes select ${orders.packed}, room, epoch, seq, is_once from order_passes where order_id = ${orders.received}`,
    says: `the pass of place 1 in drop (epoch 1) bought orders ${orders.received}, ${orders.packed}`,
  },
  {
    invariant: "guarded goods have passes",
    how: "an order loses its pass",
    break: `delete from order_passes where order_id = ${orders.received}`,
    says: "holds goods of drop and has no pass",
  },
  {
    invariant: "guarded goods have passes",
    how: "a pass is used up by an order without goods of its room",
    break: `insert into order_passes values (${orders.packed}, 'drop', 1, 2, true)`,
    says: "has a pass of drop and none of its goods",
  },
  {
    invariant: "nothing dangles",
    how: "a task is for no order",
    break:
      "insert into outbox (lane, priority, run_at, topic, order_id, created_at) values (1, 2, now(), 'notice', 77, now())",
    says: `a task (notice) for the missing order ${orderNumber(77)} (id 77)`,
  },
  {
    invariant: "nothing dangles",
    how: "an entry is of no level",
    break: "insert into stock_entries (level_id, kind) values (4711, 'set')",
    says: "a ledger entry (set) of the missing level 4711",
  },
  {
    invariant: "one attempt, one charge",
    how: "the bank charges an attempt twice",
    break: `alter table sandbox_charges drop constraint sandbox_charges_pkey;
      insert into sandbox_charges select * from sandbox_charges where attempt_key = ${attemptOf(orders.paid)}`,
    says: "was charged 2 times",
  },
  {
    invariant: "one order, one charge",
    how: "the bank charges an order by two attempts",
    break: `insert into payment_attempts (order_id, provider, attempt_key, token, amount, currency, state)
        select order_id, provider, attempt_key || '-again', token, amount, currency, 'pending' from payment_attempts where order_id = ${orders.paid};
      insert into sandbox_charges select (jsonb_populate_record(c, jsonb_build_object('attempt_key', attempt_key || '-again'))).*
        from sandbox_charges c where attempt_key = ${attemptOf(orders.paid)}`,
    says: `order number ${orderNumber(orders.paid)} was charged by`,
  },
  {
    invariant: "the books agree",
    how: "the bank charges what the shop knows nothing of",
    break: `insert into sandbox_charges
        select (jsonb_populate_record(c, '{"attempt_key": "ghost", "order_number": "S00000000"}')).* from sandbox_charges c limit 1`,
    says: "ghost: charged",
  },
  {
    invariant: "the books agree",
    how: "the shop believes in a charge that never was",
    break: `delete from sandbox_charges where attempt_key = ${attemptOf(orders.paid)}`,
    says: "the shop calls it succeeded, and nothing was charged",
  },
  {
    invariant: "the books agree",
    how: "the shop believes that a charge failed",
    break: `update payment_attempts set state = 'declined' where order_id = ${orders.surplus}; delete from refunds where order_id = ${orders.surplus}`,
    says: "charged 1490 EUR, and the shop calls it declined",
  },
  {
    invariant: "the books agree",
    how: "the bank gave nothing back",
    break: `update sandbox_charges set refunded = 0 where attempt_key = ${attemptOf(orders.partRefunded)}`,
    says: "the shop says that 400 went back, the provider gave back 0",
  },
];

describe("verify finds exactly what is broken when", () => {
  for (const { invariant, how, break: statements, says } of cases) {
    test(`${how} (${invariant})`, async () => {
      await using copy = await fixture.copy();
      await copy.sql.unsafe(statements).simple();
      const broken = await brokenOf(copy.sql);
      expect(broken.map(({ name, breaches }) => [name, breaches])).toEqual([[invariant, 1]]);
      expect(broken[0]?.examples).toHaveLength(1);
      expect(broken[0]?.examples[0]).toContain(says);
    });
  }

  test("any of its promises is: each has a case above", () => {
    expect([...new Set(cases.map(({ invariant }) => invariant))].sort()).toEqual(
      invariants.map(({ name }) => name).sort(),
    );
  });

  test("many rows are broken in one way: it counts all and shows five", async () => {
    await using copy = await fixture.copy();
    await copy.sql.unsafe("delete from sandbox_charges where refunded = 0").simple();
    const [report] = await brokenOf(copy.sql);
    expect(report?.name).toBe("the books agree");
    expect(report?.breaches).toBeGreaterThan(5);
    expect(report?.examples).toHaveLength(5);
  });
});
