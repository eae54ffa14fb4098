/** The whole of it in one process, as `bin/spillway up` runs it: the edge's gate, the shop's, and what they tell each other. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignedNow } from "#contract/waiting-room.ts";
import { type RunningShop, spillway, startShop } from "../kit/running-shop.ts";
import { orderRequest } from "../kit/shop.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway-gates-"));
const product = "/products/aurora-lamp";
let shop: RunningShop;
beforeAll(async () => {
  const file = join(folder, "edge.json");
  const room = { id: "drop", match: { paths: [product] }, skus: ["AURORA-LAMP"], outflowPerMinute: 600 };
  writeFileSync(file, JSON.stringify({ waitingRooms: { rooms: [room] } }));
  shop = await startShop({ env: { SPILLWAY_EDGE_CONFIG: file } });
}, 90_000);
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const order = async (cookie: string, key: string = crypto.randomUUID()) =>
  await fetch(`${shop.url}/api/orders`, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json", "idempotency-key": key, cookie },
    body: JSON.stringify(orderRequest(["AURORA-LAMP"], { shippingMethod: "standard" })),
  });
const stockTold = async () =>
  ((await (await fetch(`${shop.url}/.spillway/rooms/drop/now`)).json()) as SignedNow).now.stock;

/** A browser's visit to the product's page: what it is let in with. */
async function visit(): Promise<string> {
  const page = await fetch(`${shop.url}${product}`, { headers: { accept: "text/html" } });
  await page.text();
  return page.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0] ?? "")
    .join("; ");
}

test("who was let in buys once, whoever was not buys nothing, and those who wait are told what is left", async () => {
  // Around the edge's gate, since the room is in front of the product's page alone.
  const refused = await order("");
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({ code: "pass_required", page: expect.stringContaining(product) });

  const cookies = await visit();
  expect(cookies).toContain("spillway_pass_drop=");
  const orders = await Promise.all(Array.from({ length: 5 }, async () => await order(cookies)));
  expect(orders.map(({ status }) => status).filter((status) => status === 202)).toHaveLength(1);
  const codes = await Promise.all(
    orders
      .filter(({ status }) => status !== 202)
      .map(async (answer) => ((await answer.json()) as { code: string }).code),
  );
  // At the shop while the first is decided; at the edge once it knows that the turn was used, which passes nothing on.
  for (const code of codes) expect(["pass_used", "pass_required"]).toContain(code);
  const placed = orders.find(({ status }) => status === 202) as Response;
  // Said between the two, and to nobody else.
  expect(placed.headers.get("spillway-room")).toBeNull();
  expect(placed.headers.getSetCookie().join()).toContain("spillway_pass_drop=;");

  expect((await order(cookies)).status).toBe(403);
  const left = (await stockTold())?.remaining;
  expect((await order(await visit())).status).toBe(202);
  for (let tries = 0; tries < 100 && (await stockTold())?.remaining === left; tries++) await Bun.sleep(50);
  expect(await stockTold()).toMatchObject({ remaining: 498 });

  const verified = await spillway(shop.env, "verify");
  expect(verified.code, verified.out + verified.err).toBe(0);
}, 60_000);
