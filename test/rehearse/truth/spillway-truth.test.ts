/** Spillway's own books: sound ones keep every promise, and each kind of harm is found under its own name. */
import { describe, expect, test } from "bun:test";
import type { SQL } from "bun";
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createSpillwayTruth } from "#adapters/truth-spillway/truth.ts";
import { orderNumber } from "#kernel/order-number.ts";
import type { Outcomes } from "#rehearse/ports.ts";
import type { PromiseResult } from "#rehearse/result.ts";
import { livedInShop } from "../../kit/lived-in-shop.ts";
import { testDatabase } from "../../kit/postgres.ts";
import { sampleResult } from "../sample-result.ts";

const fixture = await testDatabase();
const orders = await livedInShop(fixture.sql);

const outcomes = (numbers: readonly string[], acknowledgedCount = numbers.length): Outcomes => ({
  acknowledged: numbers.map((number) => ({ journey: "buy", step: "order", atSecond: 1, orderNumber: number })),
  acknowledgedCount,
  result: sampleResult(),
});

async function judge(sql: SQL, told: Outcomes, metricsUrl?: string): Promise<Map<string, PromiseResult>> {
  const truth = createSpillwayTruth({
    open: async () => ({ sql, auditor: createAuditor(sql), close: async () => undefined }),
    settleSeconds: 0,
    ...(metricsUrl === undefined ? {} : { metricsUrl }),
  });
  await truth.before();
  const results = await truth.after(told);
  await truth.close();
  return new Map(results.map((result) => [result.promise, result]));
}

const paid = orderNumber(orders.paid);

describe("Spillway's own books", () => {
  test("keep every promise they were asked about, each with what was looked at", async () => {
    const results = await judge(fixture.sql, outcomes([paid]));
    for (const name of [
      "oversold",
      "doubleCharge",
      "strayCharge",
      "phantom",
      "duplicate",
      "counter",
      "books",
      "lost",
    ]) {
      expect(results.get(name)).toMatchObject({ held: true, broken: 0 });
      expect(results.get(name)?.looked).toBeGreaterThan(0);
    }
    for (const name of ["admission", "fairness", "shed", "passedOver"])
      expect(results.get(name)).toMatchObject({
        held: true,
        looked: 0,
        detail: expect.stringContaining("not looked at"),
      });
  });

  test("show a confirmed order that is not in them", async () => {
    const results = await judge(fixture.sql, outcomes([paid, orderNumber(9_999_999), "S0000000X"]));
    expect(results.get("lost")).toMatchObject({ held: false, looked: 3, broken: 2 });
    expect((await judge(fixture.sql, { ...outcomes([]), acknowledgedCount: 5 })).get("lost")).toMatchObject({
      looked: 0,
    });
  });

  test("that cannot be reached are complained about before the run", async () => {
    const truth = createSpillwayTruth({
      open: async () => ({ sql: fixture.sql, auditor: createAuditor(fixture.sql), close: async () => undefined }),
      settleSeconds: 0,
      metricsUrl: "http://127.0.0.1:1/metrics",
    });
    expect(String(await truth.before().catch((error) => error))).toContain("cannot be read");
  });

  test("show units sold that were never there, a second charge, and an order that nobody goes on with", async () => {
    await using copy = await fixture.copy();
    await copy.sql.unsafe(`alter table stock_levels drop constraint stock_never_oversold;
      update stock_levels set on_hand = on_hand - 100 where id = (select min(id) from stock_levels where sold > 0)`);
    await copy.sql.unsafe(`drop index payment_attempts_one_success;
      insert into payment_attempts (order_id, provider, attempt_key, token, amount, currency, state)
      select order_id, provider, attempt_key || '-again', token, amount, currency, state from payment_attempts where order_id = ${orders.paid} and state = 'succeeded'`);
    await copy.sql.unsafe("update outbox set run_at = 'infinity' where topic = 'pay'");
    const results = await judge(copy.sql, outcomes([paid]));
    for (const name of ["oversold", "doubleCharge", "stuck"]) expect(results.get(name)).toMatchObject({ held: false });
    expect(results.get("oversold")?.detail).toContain("never oversold");
  });

  test("are asked together with the edge's counts: who was shed, who was passed over, and whom nobody could have served", async () => {
    let asked = 0;
    const edge = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => {
        asked += 1;
        const refused = (why: string, count: number) =>
          `spillway_edge_paying_refused_total{why="${why}"} ${asked * count}`;
        return new Response(
          `${[
            "# HELP x y",
            `spillway_edge_requests_total{route="/",status="200"} ${1000 + asked * 300}`,
            'spillway_edge_shed_total{class="browsing",reason="queue full"} 7',
            refused("shed", 3),
            refused("nothing answered", 5),
            refused("upstream", 11),
            `spillway_edge_shed_paying_first_total ${asked}`,
          ].join("\n")}\n`,
        );
      },
    });
    try {
      const url = `http://127.0.0.1:${edge.port}/metrics`;
      await using copy = await fixture.copy();
      const results = await judge(copy.sql, outcomes([]), url);
      expect(results.get("passedOver")).toMatchObject({ held: false, looked: 300, broken: 1 });
      expect(results.get("shed")).toMatchObject({
        held: false,
        looked: 300,
        broken: 3,
        detail:
          "of requests of somebody paying, 3 were shed; 5 were refused while nothing behind the edge answered, and 11 by the shop itself; those of the crowd are errors of their steps",
      });
    } finally {
      await edge.stop(true);
    }
  });
});
