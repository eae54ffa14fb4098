/** The shop behind its own edge, as one process: what is kept is told when it is old, and what is a shopper's is never kept. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type RunningShop, spillway, startShop } from "../../kit/running-shop.ts";

let shop: RunningShop;
let token: string;
beforeAll(async () => {
  shop = await startShop();
  token = (await spillway(shop.env, "token")).out.trim();
}, 60_000);
afterAll(async () => {
  expect((await spillway(shop.env, "verify")).code).toBe(0);
  await shop?.[Symbol.asyncDispose]();
}, 60_000);

const sku = "AURORA-LAMP";
const pages = ["/", "/products/aurora-lamp", "/search?q=aurora", "/api/products/aurora-lamp"];

async function admin(path: string, body: unknown): Promise<Response> {
  return await fetch(`${shop.url}/api/admin${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

test("a price that changes is on every page within a second, whoever asks meanwhile", async () => {
  for (const [round, price] of [17_700, 16_600, 15_500].entries()) {
    // Everybody asks all the time, so every page is in the cache when the price changes.
    let isDone = false;
    const crowd = Array.from({ length: 4 }, async () => {
      while (!isDone) for (const page of pages) await (await fetch(shop.url + page)).text();
    });
    await Bun.sleep(300);
    const changed = await admin("/prices", { sku, price, at: new Date(Date.now() - 1000).toISOString() });
    expect([round, changed.status < 300]).toEqual([round, true]);
    await Bun.sleep(1000);
    for (const page of pages) {
      const text = await (await fetch(shop.url + page)).text();
      expect([page, text.includes(page.startsWith("/api") ? String(price) : String(price / 100))]).toEqual([
        page,
        true,
      ]);
    }
    isDone = true;
    await Promise.all(crowd);
  }
}, 60_000);

test("pages that are everybody's are kept, compressed or not, and answer from memory", async () => {
  for (let ask = 0; ask < 3; ask++) await (await fetch(`${shop.url}/products/aurora-lamp`)).text();
  const answer = await fetch(`${shop.url}/images/logo.svg`);
  await answer.text();
  const again = await fetch(`${shop.url}/images/logo.svg`);
  expect(again.headers.get("cache-status")).toContain("Spillway; hit");
  expect(again.headers.get("surrogate-key")).toBeNull();
  const page = await fetch(`${shop.url}/products/aurora-lamp`);
  expect(page.headers.get("spillway-cache-control")).toBeNull();
  expect(page.headers.get("set-cookie")).toBeNull();
});

test("a cart is its shopper's alone, and its page is never kept", async () => {
  const open = async (): Promise<string> => {
    const answer = await fetch(`${shop.url}/cart/lines`, {
      method: "POST",
      redirect: "manual",
      headers: { "content-type": "application/x-www-form-urlencoded", origin: shop.url },
      body: new URLSearchParams({ sku, quantity: "1" }),
    });
    expect(answer.status).toBe(303);
    return answer.headers
      .getSetCookie()
      .map((cookie) => cookie.split(";")[0])
      .join("; ");
  };
  const [ada, bob] = [await open(), await open()];
  expect(ada).not.toBe(bob);
  for (let ask = 0; ask < 3; ask++) {
    for (const cookie of [ada, bob, ""]) {
      const answer = await fetch(`${shop.url}/cart`, { headers: { cookie } });
      const text = await answer.text();
      expect(answer.headers.get("cache-status") ?? "").not.toContain("hit");
      expect(answer.headers.get("cache-control")).toContain("no-store");
      expect(text.includes("Your cart is empty")).toBe(cookie === "");
    }
  }
});

test("what is sold out is not on sale on any page a moment later", async () => {
  const gone = "TOVA-SOCKS-OAT";
  const levels = (await (
    await fetch(`${shop.url}/api/admin/stock`, { headers: { authorization: `Bearer ${token}` } })
  ).json()) as { levels: { sku: string }[] };
  const wanted = levels.levels.find((level) => level.sku.startsWith("TOVA"))?.sku ?? gone;
  const handle = "/api/products/tova-socks";
  const availability = async (): Promise<boolean | undefined> => {
    const product = (await (await fetch(shop.url + handle)).json()) as {
      variants: { sku: string; available: boolean }[];
    };
    return product.variants.find((variant) => variant.sku === wanted)?.available;
  };
  expect(await availability()).toBe(true);
  expect((await admin("/stock", { kind: "set", sku: wanted, onHand: 0, reason: "counted" })).status).toBeLessThan(300);
  await Bun.sleep(1000);
  expect(await availability()).toBe(false);
});
