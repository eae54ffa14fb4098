/** The API as a program meets it: every answer as /api/openapi.json describes it, every refusal with what a program needs to go on. */
import { describe, expect, test } from "bun:test";
import { orderNumber } from "#kernel/order-number.ts";
import { orderRequest, type ShopProcess, testShop } from "../kit/shop.ts";
import { describedApi } from "./described-api.ts";
import { Shopper } from "./shopper.ts";

const shop = await testShop({ processes: 2 });
const [here, there] = shop.processes as [ShopProcess, ShopProcess];
const api = await describedApi(shop);

type Problem = { code: string; detail: string; left?: unknown; errors?: unknown };

/** Sends it, holds the answer to its description, and gives it back. */
async function call<Body = Problem>(
  name: string,
  init: { path?: string; body?: unknown; headers?: Record<string, string>; by?: { fetch: ShopProcess["fetch"] } } = {},
) {
  const [method = "", path = ""] = name.split(" ");
  const response = await (init.by ?? here).fetch(init.path ?? path, {
    method,
    headers: { accept: "application/json", "content-type": "application/json", ...init.headers },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
  });
  const body = (await response.json()) as Body;
  expect(api.complaints(name, response, body)).toEqual([]);
  return { status: response.status, body, headers: response.headers };
}

const place = async (body: unknown, key: string = crypto.randomUUID(), by: ShopProcess = here) =>
  await call<Problem & { orderNumber: string; status: string; statusUrl: string }>("POST /api/orders", {
    body,
    headers: { "idempotency-key": key },
    by,
  });

describe("the description", () => {
  test("is OpenAPI 3.1, names each operation once, and says of each what it is", () => {
    expect(api.document).toMatchObject({ openapi: "3.1.0", info: { title: expect.any(String) } });
    expect(api.operations.length).toBeGreaterThan(15);
    for (const { path, responses } of api.operations) {
      expect([path, Object.keys(responses).length > 0]).toEqual([path, true]);
    }
    const admin = api.operations.filter(({ path }) => path.startsWith("/api/admin/"));
    expect(admin.filter(({ isAdmin }) => !isAdmin)).toEqual([]);
    expect(api.operations.filter(({ isAdmin, path }) => isAdmin && !path.startsWith("/api/admin/"))).toEqual([]);
  });

  test("may be read from anywhere and is no secret", async () => {
    const response = await shop.fetch("/api/openapi.json");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("set-cookie")).toBeNull();
  });
});

describe("placing an order", () => {
  test("answers 202 with its number and the address that is the key to it", async () => {
    const { status, body, headers } = await place(orderRequest(["MUG"]));
    expect(status).toBe(202);
    const [order] = await shop.parts.orders.list({ limit: 1 });
    expect<unknown>(body).toEqual({
      orderNumber: orderNumber(order?.id ?? 0),
      status: "received",
      statusUrl: shop.linkOf(order?.id ?? 0),
    });
    expect(headers.get("location")).toBe(body.statusUrl);
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("sent ten times at once to two processes answers ten times the same", async () => {
    const body = orderRequest(["MUG"]);
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => await place(body, "the-same-key", index % 2 === 0 ? here : there)),
    );
    expect(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size).toBe(1);
    expect(await shop.parts.orders.list({ limit: 10 })).toHaveLength(1);
  });

  test("sent again later answers with where the order stands by then", async () => {
    const body = orderRequest(["MUG"]);
    await place(body, "key-1");
    await here.work();
    expect((await place(body, "key-1", there)).body.status).toBe("paid");
  });

  test("sent again with its fields in another order is the same order", async () => {
    const body = orderRequest(["MUG"]);
    const first = await place(body, "key-1");
    const shuffled = Object.fromEntries(Object.entries(body).toReversed());
    expect((await place(shuffled, "key-1")).body).toEqual(first.body);
  });

  test("under a key that came with another body is 409, and the key still finds the first", async () => {
    const body = orderRequest(["MUG"]);
    const first = await place(body, "key-1");
    const other = await place({ ...body, lines: [{ sku: "MUG", quantity: 2 }] }, "key-1", there);
    expect([other.status, other.body.code]).toEqual([409, "idempotency_key_reused"]);
    expect((await place(body, "key-1")).body).toEqual(first.body);
  });

  test("keys are told apart to their last sign, upper case from lower", async () => {
    const key = "k".repeat(254);
    await place(orderRequest(["MUG"]), `${key}a`);
    await place(orderRequest(["MUG"]), `${key}A`);
    await place(orderRequest(["MUG"]), `${key}b`);
    expect(await shop.parts.orders.list({ limit: 10 })).toHaveLength(3);
  });

  test("of what is sold out is 409 with what is left of each", async () => {
    await shop.stock("MUG", 2);
    const { status, body } = await place(orderRequest([["MUG", 3], "TEE-S"]));
    expect([status, body.code, body.left]).toEqual([409, "sold_out", [{ sku: "MUG", left: 2 }]]);
  });

  test("over a limit, with a used-up code, or at another total is 409 and says which", async () => {
    expect((await place(orderRequest([["PRINT", 3]]))).body).toMatchObject({ code: "purchase_limit" });
    await shop.sql.unsafe(
      "update promotion_uses set used = 5 where promotion_id = (select id from promotions where code = 'FIVE-TIMES')",
    );
    expect((await place(orderRequest(["MUG"], { promotionCode: "FIVE-TIMES" }))).body).toMatchObject({
      code: "promotion_used_up",
    });
    await shop.sql.unsafe("update promotion_uses set used = 0");
    const changed = await place(orderRequest(["MUG"], { expectedTotal: { amount: 1, currency: "EUR" } }));
    expect([changed.status, changed.body.code]).toEqual([409, "price_changed"]);
    expect(changed.body.detail).toContain("€24.90");
    expect(await shop.parts.orders.list({ limit: 1 })).toEqual([]);
  });

  test("that costs more than can be counted is refused by its lines", async () => {
    await shop.parts.catalogueStore.schedulePrice("MUG", {
      atMs: Date.now() - 1000,
      price: 9_000_000_000_000_000,
      compareAt: null,
    });
    await shop.stock("MUG", 1_000_000);
    for (const { parts } of shop.processes) await parts.catalogue.refresh();
    const { status, body } = await place(
      orderRequest([
        ["MUG", 1000],
        ["MUG", 1000],
      ]),
    );
    expect([status, body.errors]).toEqual([422, [{ pointer: "/lines", message: expect.any(String) }]]);
  });

  test("of a hundred lines is placed, of a hundred and one refused", async () => {
    await shop.stock("MUG", 1000);
    expect((await place(orderRequest(Array(100).fill("MUG")))).status).toBe(202);
    expect((await place(orderRequest(Array(101).fill("MUG")))).body.errors).toEqual([
      { pointer: "/lines", message: "must have at most 100" },
    ]);
  });

  test("keeps every name as it was written, in every script", async () => {
    const name = 'Åsa "Ö" \\ d\'Arc, {x} 李小龍 👩‍🚀 e\u0301 \u202eabc';
    const { body } = await place(
      orderRequest(["MUG"], {
        shippingAddress: { name, line1: "NULL", city: "{}", postalCode: "0364", country: "NO", region: "" },
      }),
    );
    const order = await call<{ shippingAddress: unknown }>("GET /orders/{number}/{key}", { path: body.statusUrl });
    expect(order.body.shippingAddress).toEqual({
      name,
      line1: "NULL",
      city: "{}",
      postalCode: "0364",
      country: "NO",
      region: "",
    });
  });

  test("is answered with 'try again' and a time while the queue is full, and then goes through", async () => {
    const full = new Proxy(here.parts.intake, {
      get: (intake, name) =>
        name === "place" ? async () => await new Promise<never>(() => undefined) : Reflect.get(intake, name),
    });
    const { PlaceOrder } = await import("#flows/place-order.ts");
    const { hash128 } = await import("#adapters/system/hash.ts");
    const flow = new PlaceOrder({
      intake: full,
      snapshot: () => here.parts.catalogue.snapshot(),
      refresh: async () => undefined,
      hash: hash128,
      clock: here.parts.clock,
      providers: new Map([["sandbox", { fingerprintOf: () => null }]]),
      batchMax: 1,
      queueMax: 2,
    });
    // One is in flight for ever, two wait; the fourth is told to come again.
    for (let waiting = 0; waiting < 3; waiting++) {
      flow.place(orderRequest(["MUG"]), crypto.randomUUID()).catch(() => undefined);
      await Bun.sleep(1);
    }
    const refused = await flow.place(orderRequest(["MUG"]), "x").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "intake_full", status: 503, retryAfterSeconds: 1 });
  });
});

describe("products", () => {
  test("are listed page by page, each once, and one by one", async () => {
    type List = { products: { handle: string; variants: { sku: string }[] }[]; next: string | null };
    const { body } = await call<List>("GET /api/products");
    expect(body.products.map(({ handle }) => handle)).toEqual([
      "mug",
      "tee",
      "print",
      "lamp",
      "console",
      "set",
      "card",
    ]);
    expect(body.next).toBeNull();
    for (const { handle } of body.products) {
      await call("GET /api/products/{handle}", { path: `/api/products/${handle}` });
    }
    const gone = await call("GET /api/products", { path: "/api/products?after=gone" });
    expect([gone.status, gone.body.errors]).toEqual([422, [{ pointer: "/after", message: expect.any(String) }]]);
    const later = await call<List>("GET /api/products", { path: "/api/products?after=lamp" });
    expect(later.body.products.map(({ handle }) => handle)).toEqual(["console", "set", "card"]);
  });

  test("that are drafts, or not there, are 404", async () => {
    for (const handle of ["draft", "nothing"]) {
      const { status, body } = await call("GET /api/products/{handle}", { path: `/api/products/${handle}` });
      expect([status, body.code]).toEqual([404, "not_found"]);
    }
    expect((await call("GET /api/products", { path: "/api/products?collection=nothing" })).status).toBe(404);
  });

  test("tell what is left as far as it may be told, and of a bundle by its scarcest part", async () => {
    await shop.stock("TEE-S", 5);
    const of = async (handle: string) =>
      (
        await call<{ variants: { sku: string; left: number | null; delivery: string }[] }>(
          "GET /api/products/{handle}",
          {
            path: `/api/products/${handle}`,
          },
        )
      ).body.variants[0];
    expect(await of("mug")).toMatchObject({ left: null, delivery: "in_stock" });
    expect(await of("set")).toMatchObject({ left: 2, delivery: "in_stock" });
    expect(await of("lamp")).toMatchObject({ left: 8, delivery: "in_stock" });
    expect(await of("console")).toMatchObject({ left: 6, delivery: "preorder" });
    await shop.placed(orderRequest([["LAMP", 4]]));
    shop.forget();
    expect(await of("lamp")).toMatchObject({ left: 4, delivery: "backorder" });
    await shop.placed(orderRequest([["LAMP", 4]]));
    shop.forget();
    expect(await of("lamp")).toMatchObject({ left: 0, delivery: "sold_out" });
  });
});

describe("the cart", () => {
  type Cart = {
    lines: { sku: string; quantity: number; problem: string | null }[];
    itemCount: number;
    promotionCode: string | null;
    totals: { total: { amount: number } };
  };
  const cartOf = async (by: Shopper) => (await call<Cart>("GET /api/cart", { by })).body;
  const set = async (by: Shopper, sku: string, quantity: number) =>
    await call<Cart & Problem>("PUT /api/cart/lines", { by, body: { sku, quantity } });

  test("keeps what was put in, on every process, and forgets what was taken out", async () => {
    const ada = new Shopper(here);
    await set(ada, "MUG", 2);
    await set(ada, "TEE-M", 1);
    const elsewhere = new Shopper(there);
    for (const [name, value] of ada.cookies) elsewhere.cookies.set(name, value);
    expect((await cartOf(elsewhere)).lines.map(({ sku, quantity }) => [sku, quantity])).toEqual([
      ["MUG", 2],
      ["TEE-M", 1],
    ]);
    await set(elsewhere, "MUG", 0);
    expect(await cartOf(ada)).toMatchObject({ itemCount: 1, totals: { total: { amount: 3000 } } });
  });

  test("loses nothing when two tabs put in something at once", async () => {
    const ada = new Shopper(here);
    await set(ada, "MUG", 1);
    const tabs = ["TEE-S", "TEE-M", "PRINT", "LAMP", "CARD"].map((sku, index) => {
      const tab = new Shopper(index % 2 === 0 ? here : there);
      for (const [name, value] of ada.cookies) tab.cookies.set(name, value);
      return set(tab, sku, 1);
    });
    await Promise.all(tabs);
    expect((await cartOf(ada)).itemCount).toBe(6);
  });

  test("takes no product that there is not, and no more than a thousand", async () => {
    const ada = new Shopper(here);
    for (const [sku, quantity, pointer] of [
      ["NOPE", 1, "/sku"],
      ["DRAFT", 1, "/sku"],
      ["MUG", 1001, "/quantity"],
      ["MUG", -1, "/quantity"],
      ["MUG", 0.5, "/quantity"],
    ] as const) {
      const { status, body } = await set(ada, sku, quantity);
      expect([sku, status, body.errors]).toEqual([sku, 422, [{ pointer, message: expect.any(String) }]]);
    }
    expect(ada.cookies.size).toBe(0);
    // Taking out what is not there is no mistake.
    expect((await set(ada, "NOPE", 0)).status).toBe(200);
  });

  test("holds a hundred different things, and says so to whoever wants one more", async () => {
    const ada = new Shopper(here);
    const skus = Array.from({ length: 101 }, (_, index) => `MANY-${index}`);
    await shop.parts.catalogueStore.importProducts([
      {
        ...(await import("../kit/drafts.ts")).productDraft(
          "many",
          skus.map((sku) => ({ sku, onHand: 5 })),
        ),
      },
    ]);
    for (const { parts } of shop.processes) await parts.catalogue.refresh();
    for (const sku of skus.slice(0, 100)) await set(ada, sku, 1);
    const refused = await set(ada, skus[100] as string, 1);
    expect([refused.status, (await cartOf(ada)).lines.length]).toEqual([422, 100]);
    expect(refused.body.errors).toEqual([{ pointer: "/sku", message: expect.stringContaining("100") }]);
    expect((await set(ada, skus[0] as string, 7)).body.itemCount).toBe(106);
  });

  test("takes a promotion code and gives it back", async () => {
    const ada = new Shopper(here);
    await set(ada, "MUG", 1);
    const put = async (code: string | null) =>
      (await call<Cart>("PUT /api/cart/promotion", { by: ada, body: { code } })).body;
    expect(await put(" ten ")).toMatchObject({ promotionCode: "TEN", totals: { total: { amount: 1800 } } });
    expect(await put(null)).toMatchObject({ promotionCode: null, totals: { total: { amount: 2000 } } });
    expect(await put("nothing")).toMatchObject({ promotionProblem: "We do not know this code." });
  });
});
