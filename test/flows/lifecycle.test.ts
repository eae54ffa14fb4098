/** The life of an order is one table, written twice: the rules' and the database's are the same, and no other step is taken. */
import { afterAll, describe, expect, test } from "bun:test";
import type { ReservedSQL } from "bun";
import { canStep, type OrderStatus, orderStatuses, orderTransitions } from "#commerce/orders/lifecycle.ts";
import { testDatabase } from "../kit/postgres.ts";

let one: ReservedSQL;
// Before the database's own hook, which waits for every connection to be given back.
afterAll(() => one.release());
const { sql } = await testDatabase();
/** One connection, so that a refused step can be rolled back to where it stood. */
one = await sql.reserve();

test("the database knows the statuses that the rules know, in the same order", async () => {
  const rows = await sql.unsafe("select unnest(enum_range(null::order_status))::text as status");
  expect((rows as { status: string }[]).map(({ status }) => status)).toEqual([...orderStatuses]);
});

test("the database's table of steps is the rules' table of steps", async () => {
  const rows = await sql.unsafe(
    "select from_status::text as from, to_status::text as to from order_transitions order by from_status, to_status",
  );
  const ours = orderStatuses.flatMap((from) =>
    orderStatuses.filter((to) => orderTransitions[from].includes(to)).map((to) => ({ from, to })),
  );
  expect([...rows]).toEqual(ours);
});

describe("a step", () => {
  let next = 1;
  const tryStep = async (from: OrderStatus, to: OrderStatus): Promise<string> => {
    const id = next++;
    await one.unsafe("begin");
    try {
      await one.unsafe(
        `insert into orders (id, key, request, status, priority, email, details, currency, tax_included, subtotal, discount, shipping, tax, total)
         values ($1, gen_random_uuid(), gen_random_uuid(), $2::text::order_status, 2, '', '{}', 'EUR', true, 0, 0, 0, 0, 0)`,
        [id, from],
      );
      await one.unsafe("update orders set status = $2::text::order_status where id = $1", [id, to]);
      const [row] = await one.unsafe("select status::text as status from order_events where order_id = $1", [id]);
      return (row as { status: string } | undefined)?.status ?? "no event";
    } catch (error) {
      return String((error as { errno?: unknown }).errno);
    } finally {
      await one.unsafe("rollback");
    }
  };

  for (const from of orderStatuses) {
    test(`from ${from} goes only where the table says, and each one that is taken is noted`, async () => {
      for (const to of orderStatuses) {
        const expected = from === to ? "no event" : canStep(from, to) ? to : "SW002";
        expect([from, to, await tryStep(from, to)]).toEqual([from, to, expected]);
      }
    });
  }
});

describe("the table", () => {
  const reached = (from: OrderStatus): Set<OrderStatus> => {
    const found = new Set<OrderStatus>([from]);
    for (const status of found) for (const to of orderTransitions[status]) found.add(to);
    return found;
  };

  test("leads from received to every other status", () => {
    expect([...reached("received")].sort()).toEqual([...orderStatuses].sort());
  });

  test("never leads from an order that was given up back to one that keeps units", () => {
    for (const status of ["cancelled", "expired", "refunded"] as const) {
      for (const to of reached(status)) expect(["cancelled", "expired", "refunded"]).toContain(to);
    }
  });

  test("never leads from a paid order back to one that can be charged", () => {
    for (const status of ["paid", "packed", "shipped", "delivered", "part_refunded"] as const) {
      for (const to of reached(status)) {
        expect(["received", "paying", "action_required", "unknown", "expired"]).not.toContain(to);
      }
    }
  });
});
