/**
 * `spillway rehearse` on a house whose shop is broken on purpose, before its doors open: if the rehearsal did not find that, its
 * "go" would say nothing. The product has no switch for this; what is broken is the house's own database, by its owner.
 *
 *   bin/bun test/rehearse/broken-house.ts racy-stock PLAN --house …
 */
import { join } from "node:path";
import { openDatabase } from "#adapters/postgres/database.ts";
import { type House, openHouse } from "#roles/house/house.ts";
import { createMember } from "#roles/house/member.ts";
import { rehearseTool } from "#roles/tools/rehearse.ts";
import { freePort } from "../kit/running-shop.ts";

const functions = `${import.meta.dir}/../../src/adapters/postgres/functions`;

/** The statement that decides, with one rule of it replaced. It names the text, so that it cannot outlive the rule. */
async function placeOrdersWith(rule: string, instead: string): Promise<string> {
  const text = await Bun.file(`${functions}/place-orders.sql`).text();
  if (!text.includes(rule)) throw new Error(`place-orders.sql no longer says: ${rule}`);
  return text.replace(rule, instead);
}

/** Of what most come for. */
const scarceSku = "AURORA-LAMP";
const scarceUnits = 60;

const faults: Readonly<Record<string, (house: House) => Promise<() => Promise<void>>>> = {
  /**
   * What is free is read without a lock, and written a second later. Two things guard beside that statement, and have to go
   * as well: the table's own check would turn a unit sold twice into an error, and a single shop sends one batch after the other,
   * so that nothing races. So the check is dropped, and a second shop stands behind the edge, which is told to leave neither alone
   * for the errors that both have while there is no database.
   */
  "racy-stock": async (house) => {
    await change(
      house,
      await placeOrdersWith(
        "order by variant_id, location_id for update) locked;",
        "order by variant_id, location_id) looked_at;\n  perform pg_sleep(1);",
      ),
      "alter table stock_levels drop constraint stock_never_oversold",
      `select change_stock('${scarceSku}', null, 'set', ${scarceUnits}, null, null, null)`,
    );
    return await secondShop(house);
  },
  /** One batch in five is acknowledged and never written. */
  "lost-orders": async (house) => {
    await change(
      house,
      await placeOrdersWith("if placed = 0 then return;", "if placed = 0 or random() < 0.2 then return;"),
    );
    return async () => undefined;
  },
};

async function change(house: House, ...statements: readonly string[]): Promise<void> {
  const database = openDatabase(house.databaseUrl);
  try {
    for (const statement of statements) await database.pool.unsafe(statement).simple();
  } finally {
    await database.close();
  }
}

async function secondShop(house: House): Promise<() => Promise<void>> {
  const port = await freePort();
  const shop = createMember({
    name: "second shop",
    words: ["shop"],
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "/",
      SPILLWAY_ADMIN_TOKEN: house.adminToken,
      SPILLWAY_DATA: join(house.folder, "second-shop"),
      SPILLWAY_ORIGIN: house.doorUrl,
      DATABASE_URL: house.databaseUrl,
      PORT: String(port),
      SPILLWAY_OPS_PORT: String(await freePort()),
    },
  });
  await shop.start();
  const tell = async (path: string, body?: unknown): Promise<void> => {
    const answer = await fetch(`${house.opsUrls.edge}/edge/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${house.adminToken}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`The edge refused ${path}: ${answer.status} ${await answer.text()}`);
  };
  const config = Bun.file(join(house.folder, "edge.json"));
  await config.write(
    JSON.stringify({ ...(await config.json()), balancing: { ejectMaxPercent: 0, slowStartSeconds: 0 } }),
  );
  await tell("reload");
  await tell("upstreams", { url: `http://127.0.0.1:${port}` });
  return async () => await shop.stop();
}

const [name = "", ...words] = process.argv.slice(2);
const fault = faults[name];
if (fault === undefined) throw new Error(`There is no fault "${name}"; there are ${Object.keys(faults).join(", ")}.`);

const exitCode = await rehearseTool(words, process.env, async (options) => {
  const house = await openHouse(options);
  try {
    const undo = await fault(house);
    options.log(`the house is broken: ${name}`);
    const close = async () => {
      await undo();
      await house.close();
    };
    return { ...house, close };
  } catch (error) {
    await house.close();
    throw error;
  }
});
process.exit(exitCode);
