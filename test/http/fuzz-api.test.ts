/**
 * Whatever is sent to the API, it answers with a clear no and writes nothing, or does what was asked: never a 5xx, never
 * half of it. Every operation of /api/openapi.json is tried, so that a new one cannot be forgotten.
 */
import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { orderNumber } from "#kernel/order-number.ts";
import { adminToken, orderRequest, testShop } from "../kit/shop.ts";
import { describedApi, refusalComplaints } from "./described-api.ts";
import { broken, brokenBodies, oddText, oddTexts } from "./hostile.ts";

const shop = await testShop();
const api = await describedApi(shop);

/** For each operation with a body: one that is good. */
const goodBodies: Readonly<Record<string, unknown>> = {
  "POST /api/orders": {
    ...orderRequest(
      [
        ["MUG", 1],
        ["TEE-S", 2],
      ],
      { phone: "+47 22 22 22 22", promotionCode: "TEN" },
    ),
    payment: { provider: "sandbox", token: "ok", backup: { provider: "sandbox", token: "ok" } },
    expectedTotal: { amount: 7690, currency: "EUR" },
  },
  "PUT /api/cart/lines": { sku: "MUG", quantity: 2 },
  "PUT /api/cart/promotion": { code: "TEN" },
  "POST /api/admin/orders/{number}/cancel": { reason: "asked by phone" },
  "POST /api/admin/orders/{number}/refund": { amount: 100, reason: "a stain", key: "stain-1" },
  "POST /api/admin/orders/{number}/fulfil": {
    status: "packed",
    tracking: { carrier: "Posten", number: "370123", url: "https://track.example/370123" },
  },
  "POST /api/admin/orders/{number}/delay": { text: "It arrives a week later." },
  "POST /api/admin/stock": { kind: "receive", sku: "MUG", location: "main", quantity: 3, reason: "delivery" },
  "POST /api/admin/prices": { sku: "MUG", at: "2099-01-01T00:00:00Z", price: 1500, compareAt: 2000 },
  "POST /api/admin/publication": { handle: "mug", at: "2026-01-01T00:00:00Z" },
};

const withBody = api.operations.filter(({ body }) => body !== undefined);
let number: string;
let stalled = 0;

beforeEach(async () => {
  number = orderNumber(await shop.placed(orderRequest(["MUG"])));
  await shop.work();
  await shop.bank.settled();
  await shop.stock("TEE-S", 1_000_000);
  await shop.stock("MUG", 1_000_000);
});

const send = async (
  name: string,
  body: string | Uint8Array | ReadableStream | null,
  headers: Record<string, string> = {},
) => {
  const [method = "", path = ""] = name.split(" ");
  return await shop.fetch(path.replace("{number}", number), {
    method,
    headers: {
      authorization: `Bearer ${adminToken}`,
      "idempotency-key": crypto.randomUUID(),
      "content-type": "application/json",
      ...headers,
    },
    body,
  });
};

/** Refused clearly with nothing written, or taken as described. */
async function expectClear(name: string, response: Response, before: string): Promise<number> {
  const text = await response.text();
  if (response.status < 400) {
    expect(api.complaints(name, response, JSON.parse(text))).toEqual([]);
  } else {
    expect(refusalComplaints(response, text)).toEqual([]);
    expect(await shop.rows()).toBe(before);
    stalled += 1;
  }
  return response.status;
}

test("every operation that takes a body is tried here", () => {
  expect(Object.keys(goodBodies).sort()).toEqual(withBody.map(({ method, path }) => `${method} ${path}`).sort());
});

for (const [name, good] of Object.entries(goodBodies)) {
  describe(name, () => {
    test("takes what is good", async () => {
      const response = await send(name, JSON.stringify(good));
      const body = await response.json();
      expect([response.status < 300, api.complaints(name, response, body)]).toEqual([true, []]);
    });

    test("refuses bodies that are not what they say, and writes nothing", async () => {
      const before = await shop.rows();
      for (const [what, body] of brokenBodies(JSON.stringify(good))) {
        const response = await send(name, body);
        const text = await response.text();
        expect([what, ...refusalComplaints(response, text)]).toEqual([what]);
      }
      expect(await shop.rows()).toBe(before);
    });

    test("answers each field that is wrong or odd with a clear no, or takes it", async () => {
      await fc.assert(
        fc.asyncProperty(broken(good), async (value) => {
          const body = JSON.stringify(value) ?? "undefined";
          const before = await shop.rows();
          await expectClear(name, await send(name, body), before);
        }),
        { numRuns: 80 },
      );
    }, 30_000);

    test("takes or refuses every odd text in every field that holds one", async () => {
      const fields = Object.entries(good as Record<string, unknown>).filter(([, value]) => typeof value === "string");
      for (const [field] of fields) {
        for (const odd of oddTexts) {
          const before = await shop.rows();
          const response = await send(name, JSON.stringify({ ...(good as object), [field]: odd }));
          await expectClear(name, response, before).catch((error: unknown) => {
            throw new Error(`${field} is ${JSON.stringify(odd).slice(0, 60)}: ${String(error)}`);
          });
        }
      }
    }, 30_000);

    test("refuses a body of another type, a larger one, and one whose size nobody told", async () => {
      const before = await shop.rows();
      const text = JSON.stringify(good);
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "x",
      ]) {
        const response = await send(name, text, { "content-type": type });
        expect([response.status, ...refusalComplaints(response, await response.text())]).toEqual([415]);
      }
      const large = JSON.stringify({ ...(good as object), padding: "x".repeat(70_000) });
      const declared = await send(name, large, { "content-length": String(large.length) });
      expect([declared.status, ...refusalComplaints(declared, await declared.text())]).toEqual([413]);
      let sent = 0;
      const endless = new ReadableStream({
        pull(controller) {
          sent += 16_384;
          controller.enqueue(new Uint8Array(16_384).fill(0x20));
        },
      });
      const streamed = await send(name, endless);
      expect([streamed.status, ...refusalComplaints(streamed, await streamed.text())]).toEqual([413]);
      expect(sent).toBeLessThan(1024 * 1024);
      expect(await shop.rows()).toBe(before);
    });

    test("takes a good body that comes in pieces, without its size", async () => {
      const bytes = new TextEncoder().encode(JSON.stringify(good));
      let at = 0;
      const pieces = new ReadableStream({
        pull(controller) {
          if (at >= bytes.length) return controller.close();
          controller.enqueue(bytes.slice(at, at + 7));
          at += 7;
        },
      });
      const response = await send(name, pieces);
      expect([response.status < 300, await response.text()]).toEqual([true, expect.any(String)]);
    });
  });
}

describe("every field's complaint", () => {
  test("comes at once, each with its pointer and in plain words", async () => {
    const response = await send(
      "POST /api/orders",
      JSON.stringify({
        lines: [
          { sku: "", quantity: 0 },
          { sku: "MUG", quantity: 1.5, colour: "red" },
        ],
        email: "nobody",
        phone: "call me",
        shippingAddress: { name: "", line1: "x\u0000", city: "Oslo", postalCode: "1", country: "Norway" },
        shippingMethod: 1,
        payment: { provider: "sandbox" },
        expectedTotal: { amount: "24.90", currency: "eur" },
        "surprise/~": true,
      }),
    );
    const { errors } = (await response.json()) as { errors: { pointer: string; message: string }[] };
    const pointers = new Set(errors.map(({ pointer }) => pointer));
    for (const pointer of [
      "/lines/0/sku",
      "/lines/0/quantity",
      "/lines/1/quantity",
      "/lines/1/colour",
      "/email",
      "/phone",
      "/shippingAddress/name",
      "/shippingAddress/line1",
      "/shippingAddress/country",
      "/shippingMethod",
      "/payment/token",
      "/expectedTotal/amount",
      "/expectedTotal/currency",
      "/surprise~1~0",
    ]) {
      expect(pointers).toContain(pointer);
    }
    expect(errors.map(({ message }) => message).join(" ")).not.toMatch(/schema|undefined|\[object/i);
  });

  test("of a stock change names what is wrong with it, not with every other kind of change", async () => {
    const response = await send(
      "POST /api/admin/stock",
      JSON.stringify({ kind: "set", sku: "MUG", onHand: "many", reason: "count" }),
    );
    const { errors } = (await response.json()) as { errors: { pointer: string; message: string }[] };
    expect(errors).toEqual([{ pointer: "/onHand", message: "must be an integer" }]);
    const unknown = await send(
      "POST /api/admin/stock",
      JSON.stringify({ kind: "steal", sku: "MUG", onHand: 1, reason: "x" }),
    );
    const body = (await unknown.json()) as { errors: { pointer: string; message: string }[] };
    expect(body.errors).toEqual([{ pointer: "/kind", message: "must be one of: set, receive, adjust, policy" }]);
  });

  for (const at of [
    "1",
    "Tue",
    "-271821-04-20T00:00:00Z",
    "+275760-09-13T00:00:00Z",
    "2026-02-31",
    "2026-13-01T00:00:00Z",
    "2026-11-27 00:00:00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999+14:00",
  ]) {
    test(`the time ${at} is taken as it is meant, or refused by its name`, async () => {
      for (const name of ["POST /api/admin/prices", "POST /api/admin/publication"]) {
        const response = await send(name, JSON.stringify({ ...(goodBodies[name] as object), at }));
        const { errors } = (await response.json()) as { errors?: unknown };
        if (response.status >= 300)
          expect(errors).toEqual([{ pointer: "/at", message: expect.stringContaining("must be a time") }]);
      }
    });
  }

  test("of products and methods that there are not names them, in order", async () => {
    const body = orderRequest(["MUG", "NO-1", "DRAFT"], {
      shippingMethod: "pigeon",
      promotionCode: "NONE",
      payment: { provider: "stripe", token: "x" },
    });
    const response = await send("POST /api/orders", JSON.stringify(body));
    const { errors } = (await response.json()) as { errors: { pointer: string; message: string }[] };
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual([
      "/lines/1/sku",
      "/lines/2/sku",
      "/payment/provider",
      "/promotionCode",
      "/shippingMethod",
    ]);
  });
});

describe("addresses, queries and keys", () => {
  const gets = api.operations.filter(({ method }) => method === "GET");

  test("every operation that is asked for with odd parameters and queries answers clearly", async () => {
    const before = await shop.rows();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...gets),
        oddText,
        fc.dictionary(
          fc.constantFrom("after", "collection", "status", "before", "email", "sku", "q", "page", "x"),
          oddText,
          { maxKeys: 4 },
        ),
        async (operation, odd, query) => {
          const wellFormed = (text: string) => encodeURIComponent(text.toWellFormed()) || "x";
          const path = operation.path.replace(/\{\w+\}/g, () => wellFormed(odd).slice(0, 900).replace(/%.?$/, ""));
          const search = new URLSearchParams(query).toString();
          const response = await shop.fetch(`${path}?${search}`, {
            headers: { authorization: `Bearer ${adminToken}`, accept: "application/json" },
          });
          await response.text();
          expect([path, search, response.status < 500]).toEqual([path, search, true]);
        },
      ),
      { numRuns: 250 },
    );
    expect(await shop.rows()).toBe(before);
  }, 30_000);

  const paths = [
    "/api/products/%",
    "/api/products/%zz",
    "/api/products/%ff%fe",
    "/api/products/%00",
    "/api/products/a%2Fb",
    "/api/products/..%2f..%2fetc",
    `/api/products/${"a".repeat(8000)}`,
    `/api/products?after=${"%F0%9F%92%A9".repeat(500)}`,
    "/api/products?collection=%00",
    "/api/products?collection=%ff",
    "/api/products?&&&=&=&a=b=c",
    "/api//products",
    "/api/",
    "/api/nothing",
    "/api/admin/orders/%00",
    "/api/admin/orders/NOTANORDER",
    "/api/admin/orders?email=%00",
    "/api/admin/orders?email=%ff%00a",
    "/api/admin/orders?status=%00",
    "/api/admin/orders?before=%00",
    "/api/admin/stock?sku=%00",
    "/api/admin/stock?sku=%00&sku=MUG",
    `/api/admin/stock?${"sku=a&".repeat(2000)}`,
    "/orders/%00/%00",
    "/orders/SAAAAAAAA/%ff",
  ];
  for (const path of paths) {
    test(`${path.slice(0, 60)} is answered without a stumble`, async () => {
      const response = await shop.fetch(path, {
        headers: { authorization: `Bearer ${adminToken}`, accept: "application/json" },
      });
      const text = await response.text();
      expect([response.status < 500, text.slice(0, 200)]).toEqual([true, expect.any(String)]);
      if (response.status >= 400) expect(refusalComplaints(response, text)).toEqual([]);
    });
  }

  test("a method that an address does not take is refused with those that it takes", async () => {
    for (const operation of api.operations) {
      const path = operation.path.replace(/\{\w+\}/g, "x");
      for (const method of ["DELETE", "PATCH", "OPTIONS"]) {
        const response = await shop.fetch(path, { method, headers: { accept: "application/json" } });
        expect([response.status, ...refusalComplaints(response, await response.text())]).toEqual([405]);
        expect(response.headers.get("allow")).toContain(operation.method);
      }
    }
  });

  const keys = ["", " ", "a b", "ключ", "a\tb", "x".repeat(256), "a,b c"];
  for (const key of keys) {
    test(`the idempotency key ${JSON.stringify(key.slice(0, 20))} is refused before anything else`, async () => {
      const before = await shop.rows();
      let response: Response;
      try {
        response = await send("POST /api/orders", JSON.stringify(goodBodies["POST /api/orders"]), {
          "idempotency-key": key,
        });
      } catch (error) {
        // The runtime itself sends no such header.
        expect(error).toBeInstanceOf(TypeError);
        return;
      }
      expect([response.status, ...refusalComplaints(response, await response.text())]).toEqual([400]);
      expect(await shop.rows()).toBe(before);
    });
  }

  test("without an idempotency key no order is placed", async () => {
    const response = await shop.fetch("/api/orders", {
      method: "POST",
      body: JSON.stringify(goodBodies["POST /api/orders"]),
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      400,
      "idempotency_key_missing",
    ]);
  });
});

describe("an import", () => {
  const upload = async (body: string | Uint8Array, type = "text/csv") =>
    await shop.fetch("/api/admin/catalogue", {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": type },
      body,
    });

  const bodies: Readonly<Record<string, string | Uint8Array>> = {
    nothing: "",
    "a picture": new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0xff, 0xfe]),
    "bytes that are no UTF-8": new Uint8Array([0x48, 0xff, 0x2c, 0xfe]),
    NUL: "Handle,Title\n\0,\0\n",
    JSON: '{"products":[]}',
    "only a heading": "Handle,Title,Variant SKU,Variant Price\n",
    "an open quote": 'Handle,Title\n"a,b\n',
    "NUL in a name": "Handle,Title,Variant SKU,Variant Price\nx,a\0b,X-1,5\n",
    "a price beyond all prices": `Handle,Title,Variant SKU,Variant Price\nx,X,X-1,${"9".repeat(30)}\n`,
    "stock beyond all stock": "Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty\nx,X,X-1,5,99999999999\n",
    "weight beyond all weight": "Handle,Title,Variant SKU,Variant Price,Variant Grams\nx,X,X-1,5,99999999999\n",
    "thirty thousand commas": `Handle,Title\n${",".repeat(30_000)}\n`,
    "odd texts": `Handle,Title,Variant SKU,Variant Price\n${oddTexts.map((text, index) => `h${index},"${text.toWellFormed().replaceAll('"', '""')}",S-${index},5`).join("\n")}\n`,
  };
  for (const [what, body] of Object.entries(bodies)) {
    test(`of ${what} is answered with a report, or a clear no`, async () => {
      const response = await upload(body);
      const text = await response.text();
      if (response.status >= 300) expect(refusalComplaints(response, text)).toEqual([]);
      else expect(api.complaints("POST /api/admin/catalogue", response, JSON.parse(text))).toEqual([]);
    });
  }

  test("of something that is no CSV by its own word is refused", async () => {
    for (const type of ["application/json", "image/png", "application/x-www-form-urlencoded"]) {
      expect((await upload("Handle,Title\n", type)).status).toBe(415);
    }
  });
});

test("most of what was sent here was refused", () => {
  expect(stalled).toBeGreaterThan(400);
});
