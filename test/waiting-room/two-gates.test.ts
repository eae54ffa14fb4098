/** The whole of it in one process, as `bin/spillway up` runs it: the edge's gate, the shop's, and what they tell each other. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignedNow } from "#contract/waiting-room.ts";
import { createTokens } from "#edge/waiting-room/token.ts";
import { roomKeysOf } from "#roles/room-keys.ts";
import { type RunningShop, spillway, startShop } from "../kit/running-shop.ts";
import { orderRequest } from "../kit/shop.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway-gates-"));
const product = "/products/aurora-lamp";
const file = join(folder, "edge.json");
let shop: RunningShop;
beforeAll(async () => {
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
  expect((await order(await visit())).status).toBe(202);
  for (let tries = 0; tries < 200 && (await stockTold())?.remaining !== 498; tries++) await Bun.sleep(50);
  expect(await stockTold()).toMatchObject({ remaining: 498 });

  const verified = await spillway(shop.env, "verify");
  expect(verified.code, verified.out + verified.err).toBe(0);
}, 60_000);

test("a place that two edges admitted while they could not tell each other buys once", async () => {
  const secret = "what the edges share";
  const env = { SPILLWAY_EDGE_CONFIG: file, SPILLWAY_EDGE_SECRET: secret };
  await using behind = await startShop({ word: "shop", env });
  const passes = createTokens(roomKeysOf(createHash("sha256").update(secret).digest()), {
    kind: "pass",
    room: "drop",
    epoch: 1,
  });
  /** `fromMs`: of a pass its end by the wall clock, which the shop goes by. */
  const passOf = (fromMs: number): string =>
    passes.issue({ seq: 7, fromMs, untilMs: 900_000, generation: 0, thumbprint: null });
  /** As an edge sends it on: the shop knows nothing of what edges know. */
  const buy = async (pass: string): Promise<{ readonly status: number; readonly code?: string }> => {
    const answer = await fetch(`${behind.url}/api/orders`, {
      method: "POST",
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        "idempotency-key": crypto.randomUUID(),
        "spillway-pass": pass,
      },
      body: JSON.stringify(orderRequest(["AURORA-LAMP"], { shippingMethod: "standard" })),
    });
    return { status: answer.status, code: ((await answer.json()) as { code?: string }).code ?? "" };
  };
  const [first, second] = [600_000, 607_000].map((ms) => passOf(Date.now() + ms)) as [string, string];
  expect(first).not.toBe(second);
  const atOnce = await Promise.all([first, second, first, second].map(buy));
  expect(atOnce.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
  expect(await buy(second)).toEqual({ status: 409, code: "pass_used" });
  expect(await buy(first)).toEqual({ status: 409, code: "pass_used" });
  const verified = await spillway(behind.env, "verify");
  expect(verified.code, verified.out + verified.err).toBe(0);
}, 90_000);
