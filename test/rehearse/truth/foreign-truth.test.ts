/**
 * Vendure's and Medusa's books, in tables that have the columns which the adapters read: what a shop of theirs did wrong in
 * the measured peers (units sold twice, live orders without payment) is found here, and a sound sale is not blamed.
 * `bin/spillway bench peers` holds the same adapters against the real shops.
 */
import { describe, expect, test } from "bun:test";
import type { SQL } from "bun";
import { createMedusaTruth } from "#adapters/truth-medusa/truth.ts";
import { createVendureTruth } from "#adapters/truth-vendure/truth.ts";
import type { Outcomes, Truth } from "#rehearse/ports.ts";
import { testDatabase } from "../../kit/postgres.ts";
import { sampleResult } from "../sample-result.ts";

const { url: baseUrl, sql: admin } = await testDatabase();

/** Tables of a foreign shop, in a schema of their own. */
async function shopWith(schema: string, tables: string): Promise<{ url: string; sql: SQL }> {
  await admin.unsafe(`create schema ${schema}; set search_path to ${schema}; ${tables}; reset search_path`);
  const url = new URL(baseUrl);
  url.searchParams.set("options", `-c search_path=${schema}`);
  return { url: url.href, sql: admin };
}

const told = (...numbers: string[]): Outcomes => ({
  acknowledged: numbers.map((orderNumber) => ({ journey: "buy", step: "order", atSecond: 1, orderNumber })),
  acknowledgedCount: numbers.length,
  result: sampleResult(),
});

/** Runs a sale between the two looks into the books. */
async function judged(truth: Truth, sale: () => Promise<unknown>, outcomes: Outcomes) {
  try {
    await truth.before();
    await sale();
    return new Map((await truth.after(outcomes)).map((result) => [result.promise, result]));
  } finally {
    await truth.close();
  }
}

const vendureTables = `
  create table product_variant (id int, sku text, "deletedAt" timestamp, "trackInventory" text);
  create table stock_level ("productVariantId" int, "stockOnHand" int, "stockAllocated" int);
  create table "order" (id int, code text, state text, "orderPlacedAt" timestamp, "customerId" int);
  create table order_line (id int, "orderId" int, "productVariantId" int, quantity int);
  create table customer (id int, "emailAddress" text);
  create table payment (id int, "orderId" int, state text);
  create table stock_movement ("orderLineId" int, quantity int, type text);
  insert into product_variant values (1, 'LAMP', null, 'TRUE');
  insert into stock_level values (1, 2, 1);
  insert into customer values (1, 'a@example.com'), (2, 'b@example.com'), (3, 'c@example.com');
  insert into "order" values (1, 'OLD', 'PaymentAuthorized', now(), 1);
  insert into order_line values (1, 1, 1, 1);
  insert into payment values (1, 1, 'Authorized')`;

const vendureOrder = (id: number, code: string, customer: number) => `
  insert into "order" values (${id}, '${code}', 'PaymentAuthorized', now(), ${customer});
  insert into order_line values (${id}, ${id}, 1, 1);
  insert into payment values (${id}, ${id}, 'Authorized');
  insert into stock_movement values (${id}, 1, 'ALLOCATION')`;

describe("Vendure's books", () => {
  test("of a sound sale keep every promise", async () => {
    const { url, sql } = await shopWith("vendure_sound", vendureTables);
    const sale = async () =>
      await sql.unsafe(
        `set search_path to vendure_sound; ${vendureOrder(2, "NEW", 2)}; update stock_level set "stockAllocated" = 2; reset search_path`,
      );
    const results = await judged(createVendureTruth({ databaseUrl: url, oneOrderPerEmail: true }), sale, told("NEW"));
    expect([...results.values()].filter(({ held }) => !held)).toEqual([]);
    expect(results.get("oversold")).toMatchObject({ looked: 1, broken: 0 });
    expect(results.get("lost")).toMatchObject({ looked: 1 });
    expect(results.get("counter")).toMatchObject({ looked: 1 });
  });

  test("of a race show each unit beyond the stock, the counter that lost an update, and what was charged for nothing", async () => {
    const { url, sql } = await shopWith("vendure_race", vendureTables);
    const sale = async () =>
      await sql.unsafe(`set search_path to vendure_race;
        ${vendureOrder(2, "B", 2)}; ${vendureOrder(3, "C", 3)}; ${vendureOrder(4, "D", 3)};
        insert into payment values (9, 4, 'Settled'), (10, 77, 'Authorized');
        update stock_level set "stockAllocated" = 2; reset search_path`);
    const results = await judged(
      createVendureTruth({ databaseUrl: url, oneOrderPerEmail: true }),
      sale,
      told("B", "C", "GONE"),
    );
    expect(results.get("oversold")).toMatchObject({ held: false, looked: 3, broken: 2, detail: "LAMP: 3 sold of 1" });
    expect(results.get("counter")).toMatchObject({ held: false, detail: "LAMP: 3 sold, counted as 1" });
    expect(results.get("lost")).toMatchObject({ held: false, broken: 1, detail: "GONE" });
    expect(results.get("doubleCharge")).toMatchObject({ held: false, broken: 1, detail: "D" });
    expect(results.get("strayCharge")).toMatchObject({ held: false, broken: 1 });
    expect(results.get("duplicate")).toMatchObject({ held: false, broken: 1, detail: "c@example.com: 2" });
    expect(results.get("phantom")).toMatchObject({ held: true });
  });
});

const medusaTables = `
  create table product_variant (id text, sku text);
  create table inventory_item (id text, sku text, deleted_at timestamptz);
  create table inventory_level (inventory_item_id text, stocked_quantity numeric, reserved_quantity numeric, deleted_at timestamptz);
  create table "order" (id text, display_id int, email text, status text, version int default 1, deleted_at timestamptz);
  create table order_item (id text, order_id text, item_id text, quantity numeric, version int default 1, deleted_at timestamptz);
  create table order_line_item (id text, variant_id text);
  create table order_payment_collection (order_id text, payment_collection_id text);
  create table cart_payment_collection (cart_id text, payment_collection_id text);
  create table order_cart (order_id text, cart_id text);
  create table payment (payment_collection_id text, canceled_at timestamptz, deleted_at timestamptz);
  create table reservation_item (line_item_id text, quantity numeric, deleted_at timestamptz);
  insert into product_variant values ('v', 'LAMP');
  insert into inventory_item values ('i', 'LAMP', null);
  insert into inventory_level values ('i', 2, 0, null)`;

describe("Medusa's books", () => {
  test("show a live order that has neither a payment nor its units", async () => {
    const { url, sql } = await shopWith("medusa_race", medusaTables);
    const sale = async () =>
      await sql.unsafe(`set search_path to medusa_race;
        insert into "order" values ('order_1', 1, 'a@example.com', 'pending'), ('order_2', 2, 'b@example.com', 'pending'), ('order_3', 3, 'c@example.com', 'canceled');
        insert into order_item values ('oi1', 'order_1', 'l1', 1), ('oi2', 'order_2', 'l2', 1), ('oi3', 'order_3', 'l3', 1);
        insert into order_line_item values ('l1', 'v'), ('l2', 'v'), ('l3', 'v');
        insert into order_payment_collection values ('order_1', 'pc1');
        insert into cart_payment_collection values ('cart_1', 'pc1'), ('cart_9', 'pc9');
        insert into order_cart values ('order_1', 'cart_1');
        insert into payment values ('pc1', null, null), ('pc9', null, null);
        insert into reservation_item values ('l1', 1, null);
        update inventory_level set reserved_quantity = 1; reset search_path`);
    const results = await judged(
      createMedusaTruth({ databaseUrl: url, oneOrderPerEmail: false }),
      sale,
      told("order_1"),
    );
    expect(results.get("phantom")).toMatchObject({
      held: false,
      looked: 2,
      broken: 1,
      detail: "1 live orders without a payment, 1 without their units",
    });
    expect(results.get("strayCharge")).toMatchObject({ held: false, broken: 1 });
    expect(results.get("oversold")).toMatchObject({ held: true, looked: 2 });
    expect(results.get("lost")).toMatchObject({ held: true, looked: 1 });
    expect(results.get("duplicate")).toMatchObject({ held: true, looked: 0 });
  });
});

test("a database that is no such shop's is refused in a sentence before the run", async () => {
  const truth = createVendureTruth({ databaseUrl: baseUrl, oneOrderPerEmail: false });
  expect(String(await truth.before().catch((error) => error))).toContain("Vendure's books cannot be read");
  await truth.close();
});
