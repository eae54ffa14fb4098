/** Runs the order intake's suite on Postgres, the one adapter there is. */

import { afterAll } from "bun:test";
import { SQL } from "bun";
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { createOrderIntake } from "#adapters/postgres/order-intake.ts";
import { createStockLedger } from "#adapters/postgres/stock-ledger.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { productDraft } from "../kit/drafts.ts";
import { testDatabase } from "../kit/postgres.ts";
import { emptyTables } from "../kit/shop.ts";
import { describeOrderIntake, type IntakeSubject } from "./order-intake.suite.ts";

const opened: SQL[] = [];
afterAll(async () => {
  for (const sql of opened) await sql.close();
});
const { sql, url } = await testDatabase();
const store = createCatalogueStore(sql, { defaultSettings });
const ledger = createStockLedger(sql);

const reading = async () => {
  const { revision, ...rows } = await store.read();
  return { reading: { revision, validFrom: 0, validUntil: Number.MAX_SAFE_INTEGER }, rows };
};

const subject: IntakeSubject = {
  async open() {
    const own = new SQL(url, { max: 1, idleTimeout: 0 });
    opened.push(own);
    return createOrderIntake(own);
  },

  async stock({ singles, bundles, codes }) {
    await emptyTables(sql);
    await store.importProducts([
      productDraft(
        "singles",
        singles.map(({ allowance, purchaseLimit }, place) => ({
          sku: `S${place}`,
          onHand: 0,
          purchaseLimit,
          policy: allowance === 0 ? { kind: "deny" } : { kind: "backorder", allowance },
        })),
      ),
      ...(bundles.length === 0
        ? []
        : [
            productDraft(
              "bundles",
              bundles.map(({ parts, purchaseLimit }, place) => ({
                sku: `B${place}`,
                purchaseLimit,
                components: parts.map(({ single, quantity }) => ({ sku: `S${single}`, quantity })),
              })),
            ),
          ]),
    ]);
    await store.importPromotions(
      codes.map((code, place) => ({
        code: `C${place}`,
        kind: "free_shipping",
        value: 0,
        minimumSubtotal: 0,
        startsAtMs: 0,
        endsAtMs: Number.MAX_SAFE_INTEGER,
        ...code,
      })),
    );
    for (const [single, { units, safetyPercent }] of singles.entries()) {
      for (const [place, onHand] of units.entries()) {
        const location = place === 0 ? "main" : `place-${place}`;
        await ledger.change({ kind: "set", sku: `S${single}`, location, onHand, reason: "test" });
      }
      if (safetyPercent > 0) await ledger.change({ kind: "policy", sku: `S${single}`, safetyPercent, reason: "test" });
    }
    const read = await reading();
    const ids = new Map(read.rows.products.flatMap(({ variants }) => variants.map(({ sku, id }) => [sku, id])));
    const promotions = new Map(read.rows.promotions.map(({ code, id }) => [code, id]));
    return {
      reading: read.reading,
      singles: singles.map((_, place) => ids.get(`S${place}`) as number),
      bundles: bundles.map((_, place) => ids.get(`B${place}`) as number),
      codes: codes.map((_, place) => promotions.get(`C${place}`) as number),
    };
  },

  async touch() {
    await store.writeSettings({ ...defaultSettings, name: "Another name" });
    return (await reading()).reading;
  },

  async books(stocked) {
    const levels = await ledger.levels(null);
    const uses = await sql.unsafe("select promotion_id as id, used from promotion_uses");
    const used = new Map((uses as { id: number; used: number }[]).map(({ id, used }) => [id, used]));
    const passes = await sql.unsafe("select room, epoch, seq from order_passes where is_once");
    const orders = await sql.unsafe(
      `select id, key,
         (select count(*)::int from order_lines l where l.order_id = o.id) as lines,
         (select count(*)::int from outbox t where t.order_id = o.id and t.topic = 'pay') as tasks
       from orders o`,
    );
    return {
      held: stocked.singles.map((id) => levels.filter(({ variantId }) => variantId === id).map(({ held }) => held)),
      passes: (passes as { room: string; epoch: number; seq: string }[]).map(
        ({ room, epoch, seq }) => `${room} ${epoch} ${seq}`,
      ),
      used: stocked.codes.map((id) => used.get(id) ?? 0),
      orders: new Map(
        (orders as { id: string; key: string; lines: number; tasks: number }[]).map(({ id, key, lines, tasks }) => [
          key,
          { id: Number(id), lines, tasks },
        ]),
      ),
    };
  },

  async textsOf(id) {
    const [row] = await sql.unsafe("select email, details from orders where id = $1", [id]);
    return row as { email: string; details: unknown };
  },

  async audit() {
    return (await createAuditor(sql).audit())
      .filter(({ breaches }) => breaches > 0)
      .map(({ name, examples }) => `${name}: ${examples.join("; ")}`);
  },
};

describeOrderIntake("Postgres", async () => subject);
