/** The pool's own count, from real connections to the finder of bottlenecks. */
import { expect, test } from "bun:test";
import { openDatabase, poolWaiting, query } from "#adapters/postgres/database.ts";
import { inTransaction } from "#adapters/postgres/transaction.ts";
import { findBottleneck } from "#rehearse/verdict/bottleneck.ts";
import { testDatabase } from "../../kit/postgres.ts";
import { sampleResult } from "../sample-result.ts";

const fixture = await testDatabase();

test("queries that wait for a connection are counted, transactions once, and named as what gave in first", async () => {
  const { pool, orderPath, close } = openDatabase(fixture.url, { poolMax: 2 });
  const slow = () => query(pool, "select pg_sleep(0.3)");
  const inOne = () =>
    inTransaction(pool, "read only", async (transaction) => {
      await query(transaction, "select 1");
      await query(transaction, "select pg_sleep(0.3)");
    });
  expect(poolWaiting(pool)).toBe(0);
  const running = [slow(), slow()];
  expect(poolWaiting(pool)).toBe(0);
  running.push(slow(), slow());
  const transactions = [inOne()];
  expect(poolWaiting(pool)).toBe(3);
  expect(poolWaiting(orderPath)).toBe(0);
  const reading = { samples: [{ name: "spillway_pool_waiting", labels: {}, value: poolWaiting(pool) }] };
  await Promise.all([...running, ...transactions]);
  expect(poolWaiting(pool)).toBe(0);
  expect(await query(pool, "select 1 / 0").catch(() => "failed")).toBe("failed");
  expect(poolWaiting(pool)).toBe(0);
  await close();

  const { first } = findBottleneck(sampleResult(), [
    { atSecond: 2, ...reading },
    { atSecond: 4, ...reading },
  ]);
  expect(first).toMatchObject({ bottleneck: "pool", worst: "3 waiting", sinceSecond: 2 });
});
