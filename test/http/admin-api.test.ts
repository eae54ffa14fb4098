/** The operator's side over HTTP: what `bin/spillway` does, behind a token that everything asks for. */
import { describe, expect, test } from "bun:test";
import { orderNumber } from "#kernel/order-number.ts";
import { adminToken, orderRequest, type ShopProcess, testShop } from "../kit/shop.ts";
import { describedApi, refusalComplaints } from "./described-api.ts";

const shop = await testShop({ processes: 2 });
const [here, there] = shop.processes as [ShopProcess, ShopProcess];
const api = await describedApi(shop);
const adminOperations = api.operations.filter(({ isAdmin }) => isAdmin);

async function call<Body = Record<string, unknown>>(
  name: string,
  more: { number?: string; query?: string; body?: unknown; by?: ShopProcess } = {},
) {
  const [method = "", path = ""] = name.split(" ");
  const response = await (more.by ?? here).fetch(`${path.replace("{number}", more.number ?? "")}${more.query ?? ""}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
  });
  const body = (await response.json()) as Body & { code?: string; detail?: string };
  expect(api.complaints(name, response, body)).toEqual([]);
  if (response.ok) answered.add(name);
  return { status: response.status, body };
}

/** Operations that have answered here as they are described. */
const answered = new Set<string>();

type Order = {
  orderNumber: string;
  status: string;
  refunded: { amount: number };
  tracking: unknown;
  delay: string | null;
};

const paid = async (request = orderRequest(["MUG"])) => {
  const id = await here.placed(request);
  await here.work();
  await here.bank.settled();
  return { id, number: orderNumber(id) };
};

describe("the token", () => {
  const wrong: Readonly<Record<string, string | undefined>> = {
    none: undefined,
    "an empty one": "Bearer ",
    "another one": "Bearer another-token-of-this-length",
    "one sign less": `Bearer ${adminToken.slice(0, -1)}`,
    "one sign more": `Bearer ${adminToken}x`,
    "in capitals": `Bearer ${adminToken.toUpperCase()}`,
    "by the wrong name": `Basic ${btoa(`admin:${adminToken}`)}`,
    bare: adminToken,
    twice: `Bearer ${adminToken}, Bearer ${adminToken}`,
    "very long": `Bearer ${"x".repeat(20_000)}`,
  };
  for (const [what, authorization] of Object.entries(wrong)) {
    test(`${what}: every operation is refused, and nothing is written`, async () => {
      const { number } = await paid();
      const before = await shop.rows();
      for (const { method, path } of adminOperations) {
        const response = await shop.fetch(path.replace("{number}", number), {
          method,
          headers: { ...(authorization === undefined ? {} : { authorization }), "content-type": "application/json" },
          ...(method === "POST" ? { body: JSON.stringify({ status: "shipped", key: "k", amount: 1 }) } : {}),
        });
        expect([method, path, response.status]).toEqual([method, path, 401]);
        expect(response.headers.get("www-authenticate")).toStartWith("Bearer");
        expect(refusalComplaints(response, await response.text())).toEqual([]);
      }
      expect(await shop.rows()).toBe(before);
    });
  }

  test("in the address or in a cookie is worth nothing", async () => {
    for (const [path, headers] of [
      [`/api/admin/orders?token=${adminToken}`, {}],
      [`/api/admin/orders?access_token=${adminToken}`, {}],
      ["/api/admin/orders", { cookie: `token=${adminToken}` }],
    ] as const) {
      expect((await shop.fetch(path, { headers })).status).toBe(401);
    }
  });

  test("is asked for before a body is read, and before it is told whether an order is there", async () => {
    let isRead = false;
    const body = new ReadableStream(
      {
        pull(controller) {
          isRead = true;
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const response = await shop.fetch("/api/admin/catalogue", { method: "POST", body });
    expect([response.status, isRead]).toEqual([401, false]);
  });
});

describe("orders", () => {
  test("are listed newest first, by status, by e-mail, and page by page, each once", async () => {
    const emails = ["ada@test.example", "bo@test.example"];
    const numbers: string[] = [];
    for (let index = 0; index < 53; index++) {
      numbers.unshift(orderNumber(await here.placed(orderRequest(["MUG"], { email: emails[index % 2] as string }))));
    }
    type List = { orders: Order[]; next: string | null };
    const first = await call<List>("GET /api/admin/orders");
    expect(first.body.orders.map(({ orderNumber: number }) => number)).toEqual(numbers.slice(0, 50));
    const second = await call<List>("GET /api/admin/orders", {
      query: new URL(first.body.next ?? "", "http://x").search,
    });
    expect(second.body.orders.map(({ orderNumber: number }) => number)).toEqual(numbers.slice(50));
    expect(second.body.next).toBeNull();
    const ada = await call<List>("GET /api/admin/orders", { query: "?email=ADA@test.example" });
    expect(ada.body.orders).toHaveLength(27);
    await here.parts.orders.cancel((await here.parts.orders.list({ limit: 1 }))[0]?.id ?? 0, "no");
    const cancelled = await call<List>("GET /api/admin/orders", { query: "?status=cancelled" });
    expect(cancelled.body.orders.map(({ orderNumber: number }) => number)).toEqual(numbers.slice(0, 1));
    for (const query of ["?status=lost", "?before=nothing"]) {
      expect((await call("GET /api/admin/orders", { query })).status).toBe(422);
    }
  });

  test("that are many of one e-mail address are all found, page by page", async () => {
    await here.placed(orderRequest(["MUG"], { email: "bo@test.example" }));
    for (let index = 0; index < 52; index++) await here.placed(orderRequest(["MUG"], { email: "ada@test.example" }));
    type List = { orders: { email: string }[]; next: string | null };
    const found: string[] = [];
    let query: string | undefined = "?email=ada@test.example";
    while (query !== undefined) {
      const { body }: { body: List } = await call<List>("GET /api/admin/orders", { query });
      found.push(...body.orders.map(({ email }) => email));
      query = body.next === null ? undefined : new URL(body.next, "http://x").search;
    }
    expect(found).toEqual(Array(52).fill("ada@test.example"));
  });

  test("are shown one by one, by a number however it is typed, and 404 where there is none", async () => {
    const { number } = await paid();
    for (const typed of [number, number.toLowerCase(), ` ${number} `.replaceAll(" ", "%20")]) {
      expect((await call<Order>("GET /api/admin/orders/{number}", { number: typed })).body.orderNumber).toBe(number);
    }
    for (const typed of ["NOTHING", orderNumber(999_999), "%20", "1"]) {
      expect((await call("GET /api/admin/orders/{number}", { number: typed })).status).toBe(404);
    }
  });

  test("go their way: packed, delayed, shipped, delivered, refunded in part", async () => {
    const { number } = await paid();
    const step = async (name: string, body: unknown) =>
      (await call<Order>(`POST /api/admin/orders/{number}/${name}`, { number, body, by: there })).body;
    expect((await step("fulfil", { status: "packed" })).status).toBe("packed");
    expect((await step("delay", { text: "A week later." })).delay).toBe("A week later.");
    const tracking = { carrier: "Posten", number: "1", url: "https://track.example/1" };
    expect(await step("fulfil", { status: "shipped", tracking })).toMatchObject({
      status: "shipped",
      tracking,
      delay: null,
    });
    expect(await step("fulfil", { status: "shipped", tracking })).toMatchObject({ status: "shipped" });
    expect((await step("fulfil", { status: "delivered" })).status).toBe("delivered");
    await step("refund", { amount: 500, key: "stain", reason: "a stain" });
    await step("refund", { amount: 500, key: "stain", reason: "a stain" });
    await here.work();
    expect((await call<Order>("GET /api/admin/orders/{number}", { number })).body).toMatchObject({
      status: "part_refunded",
      refunded: { amount: 500 },
    });
    await step("refund", { key: "rest" });
    await here.work();
    expect((await call<Order>("GET /api/admin/orders/{number}", { number })).body.status).toBe("refunded");
  });

  test("are given up, whether paid or not, and what their state does not allow is 409", async () => {
    const waiting = orderNumber(await here.placed(orderRequest(["MUG"])));
    const post = async (number: string, name: string, body: unknown) =>
      await call<Order>(`POST /api/admin/orders/{number}/${name}`, { number, body });
    expect((await post(waiting, "refund", { key: "a" })).status).toBe(409);
    expect((await post(waiting, "fulfil", { status: "shipped" })).status).toBe(409);
    expect((await post(waiting, "cancel", {})).body.status).toBe("cancelled");
    expect((await post(waiting, "cancel", { reason: "again" })).body.status).toBe("cancelled");
    const { number } = await paid();
    const tooMuch = await post(number, "refund", { amount: 2491, key: "a" });
    expect([tooMuch.status, tooMuch.body.code]).toEqual([409, "order_state"]);
    expect((await post(number, "cancel", {})).body.status).toBe("cancelled");
    await here.work();
    expect((await post(number, "cancel", {})).status).toBe(409);
    const unknown = await call("POST /api/admin/orders/{number}/cancel", { number: orderNumber(999_999), body: {} });
    expect([unknown.status, unknown.body.code]).toEqual([404, "not_found"]);
  });

  test("whose payment is under way are not given up at that moment", async () => {
    const id = await here.placed(orderRequest(["MUG"], { payment: { provider: "sandbox", token: "action_required" } }));
    await here.work();
    const { status, body } = await call("POST /api/admin/orders/{number}/cancel", {
      number: orderNumber(id),
      body: {},
    });
    expect([status, body.code]).toEqual([409, "order_state"]);
  });
});

describe("stock", () => {
  test("is counted, received, corrected and withheld, and the next order knows it in every process", async () => {
    const change = async (body: unknown) =>
      await call<{ onHand: number; available: number }>("POST /api/admin/stock", { body });
    expect((await change({ kind: "set", sku: "MUG", onHand: 10, reason: "count" })).body).toMatchObject({ onHand: 10 });
    expect((await change({ kind: "receive", sku: "MUG", quantity: 5, reason: "delivery" })).body).toMatchObject({
      onHand: 15,
    });
    expect((await change({ kind: "adjust", sku: "MUG", delta: -2, reason: "broken" })).body).toMatchObject({
      onHand: 13,
    });
    const policy = { kind: "policy", sku: "MUG", safetyPercent: 50, lowStockAt: 3, reason: "careful" };
    expect((await change(policy)).body).toMatchObject({ available: 6, lowStockAt: 3 });
    expect((await there.place(orderRequest([["MUG", 7]]))).kind).toBe("sold_out");
    expect((await there.place(orderRequest([["MUG", 6]]))).kind).toBe("placed");
    const refused = await change({ kind: "set", sku: "MUG", onHand: 5, reason: "count" });
    expect([refused.status, refused.body]).toMatchObject([409, { code: "stock_conflict" }]);
    expect(
      (await call("POST /api/admin/stock", { body: { kind: "receive", sku: "NOPE", quantity: 1, reason: "x" } }))
        .status,
    ).toBe(404);
    expect((await change({ kind: "set", sku: "SET", onHand: 5, reason: "count" })).status).toBe(409);
    const levels = await call<{ levels: { sku: string }[] }>("GET /api/admin/stock", {
      query: "?sku=MUG&sku=TEE-S&sku=NOPE",
    });
    expect(levels.body.levels.map(({ sku }) => sku)).toEqual(["MUG", "TEE-S"]);
    expect((await call<{ levels: unknown[] }>("GET /api/admin/stock")).body.levels).toHaveLength(8);
  });

  test("that comes in frees what was sold out, at once in the process that took it in", async () => {
    await shop.stock("MUG", 0);
    expect((await here.place(orderRequest(["MUG"]))).kind).toBe("sold_out");
    await call("POST /api/admin/stock", { body: { kind: "receive", sku: "MUG", quantity: 1, reason: "delivery" } });
    expect((await here.place(orderRequest(["MUG"]))).kind).toBe("placed");
  });
});

describe("the catalogue", () => {
  test("takes a price for a set second and a product off its shelf, in every process", async () => {
    const at = new Date(Date.now() - 1000).toISOString();
    await call("POST /api/admin/prices", { body: { sku: "MUG", at, price: 1234, compareAt: 2000 } });
    const id = await there.placed(orderRequest(["MUG"]));
    expect((await there.parts.orders.get(id))?.subtotal).toBe(1234);
    await call("POST /api/admin/publication", { body: { handle: "mug", at: null } });
    expect((await there.place(orderRequest(["MUG"]))).kind).not.toBe("placed");
    await call("POST /api/admin/publication", { body: { handle: "mug", at: "2026-01-01T00:00:00+02:00" } });
    await here.parts.catalogue.refresh();
    expect((await here.place(orderRequest(["MUG"]))).kind).toBe("placed");
    expect((await call("POST /api/admin/prices", { body: { sku: "NOPE", at, price: 1 } })).status).toBe(404);
    expect((await call("POST /api/admin/publication", { body: { handle: "nope", at: null } })).status).toBe(404);
  });

  test("is exported as a file that can be imported again and changes nothing", async () => {
    const headers = { authorization: `Bearer ${adminToken}`, "content-type": "text/csv" };
    const csv = await (await shop.fetch("/api/admin/catalogue", { headers })).text();
    expect(csv.split("\n")[0]).toContain("Handle,Title");
    const before = await shop.rows();
    const response = await shop.fetch("/api/admin/catalogue", { method: "POST", headers, body: csv });
    expect(await response.json()).toMatchObject({ created: 0, updated: 8, complaints: [] });
    expect(await shop.rows()).toBe(before);
    expect(await (await shop.fetch("/api/admin/catalogue", { headers })).text()).toBe(csv);
  });

  test("takes in what is good of a file and names every complaint by its line", async () => {
    const body = await Bun.file(`${import.meta.dir}/../fixtures/broken-catalogue.csv`).text();
    const response = await shop.fetch("/api/admin/catalogue", {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "text/csv; charset=utf-8" },
      body,
    });
    const report = (await response.json()) as { created: number; complaints: { line: number; message: string }[] };
    expect(api.complaints("POST /api/admin/catalogue", response, report)).toEqual([]);
    expect(report.created).toBeGreaterThan(3);
    expect(report.complaints.length).toBeGreaterThan(20);
    expect(report.complaints.every(({ line }) => line >= 1)).toBe(true);
    for (const { parts } of shop.processes) await parts.catalogue.refresh();
    expect((await there.place(orderRequest(["GM-BLUE"]))).kind).toBe("placed");
  });
});

test("the promises are audited over HTTP, each with how much was looked at", async () => {
  await paid();
  const { body } = await call<{ invariants: { name: string; checked: number; breaches: number }[] }>(
    "GET /api/admin/verify",
  );
  expect(body.invariants.length).toBeGreaterThan(15);
  expect(body.invariants.filter(({ breaches }) => breaches > 0)).toEqual([]);
  expect(body.invariants.find(({ name }) => name === "paid means charged")?.checked).toBe(1);
});

test("every operation of the admin API that answers in JSON was tried here", () => {
  const files = ["GET /api/admin/catalogue", "POST /api/admin/catalogue"];
  expect([...answered, ...files].sort()).toEqual(adminOperations.map(({ method, path }) => `${method} ${path}`).sort());
});
