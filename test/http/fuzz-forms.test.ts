/**
 * Pages and their forms, filled in by people who mean no harm and by some who do: whatever is typed, pasted, forged or sent
 * from elsewhere, the answer is a page that says what is wrong, nothing is ordered, and nobody meets a 5xx.
 */
import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { orderNumber } from "#kernel/order-number.ts";
import { orderRequest, testShop } from "../kit/shop.ts";
import { oddText, oddTexts } from "./hostile.ts";
import { Shopper } from "./shopper.ts";

const shop = await testShop();

let ada: Shopper;
/** Each form of the shop: where it is sent, and what a good one holds. */
let forms: Record<string, { readonly path: string; readonly fields: Readonly<Record<string, string>> }>;
let orderPath: string;

beforeEach(() => {
  ada = new Shopper(shop);
});

/** One order that waits for another card, one whose challenge is open, and a cart. */
async function prepare(): Promise<void> {
  const id = await shop.placed(orderRequest(["MUG"], { payment: { provider: "sandbox", token: "declined" } }));
  const challenged = await shop.placed(
    orderRequest(["MUG"], { payment: { provider: "sandbox", token: "action_required" } }),
  );
  await shop.work();
  await shop.bank.settled();
  orderPath = shop.linkOf(id);
  const reference = (await shop.parts.payments.open(challenged))?.reference ?? "";
  await ada.post("/cart/lines", { sku: "MUG", quantity: "1" });
  forms = {
    "add to the cart": { path: "/cart/lines", fields: { sku: "MUG", quantity: "1" } },
    "change the cart": { path: "/cart/lines/update", fields: { sku: "MUG", quantity: "1" } },
    "promotion code": { path: "/cart/promotion", fields: { code: "TEN" } },
    checkout: {
      path: "/checkout",
      fields: {
        action: "order",
        idempotencyKey: crypto.randomUUID(),
        expectedTotal: "1 EUR",
        promotionCode: "TEN",
        email: "ada@test.example",
        phone: "+47 22 22 22 22",
        name: "Ada Berg",
        line1: "Kirkeveien 12",
        line2: "B",
        city: "Oslo",
        region: "Oslo",
        postalCode: "0364",
        country: "NO",
        shippingMethod: "standard",
        paymentProvider: "sandbox",
        paymentToken: "ok",
      },
    },
    "find an order": { path: "/orders/lookup", fields: { orderNumber: orderNumber(id), email: "x@test.example" } },
    "another card": { path: `${orderPath}/payment`, fields: { paymentProvider: "stripe", paymentToken: "ok" } },
    "the bank's question": { path: `/sandbox/challenge/${reference}`, fields: { answer: "approve" } },
  };
}

const names = [
  "add to the cart",
  "change the cart",
  "promotion code",
  "checkout",
  "find an order",
  "another card",
  "the bank's question",
];

async function send(
  path: string,
  body: string | Uint8Array | ReadableStream,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await ada.fetch(path, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "sec-fetch-site": "same-origin",
      accept: "text/html",
      ...headers,
    },
    body,
    redirect: "manual",
  });
}

/** Carts are a shopper's own; everything else must stay as it is. */
const rows = async () => (await shop.rows()).replace(/carts \d+, /, "");

test("every form that stands in a page is tried here", async () => {
  await prepare();
  const found = new Set<string>();
  for (const path of [
    "/",
    "/products/mug",
    "/cart",
    "/checkout",
    "/orders/lookup",
    orderPath,
    "/search?q=x",
    "/help",
    "/nothing",
  ]) {
    const page = await ada.open(path);
    for (const form of page.forms) {
      if (form.method === "post") found.add(form.action.replace(orderPath, ""));
    }
  }
  const tried = Object.values(forms).map(({ path }) => path.replace(orderPath, ""));
  // Cancelling has no fields; it is tried where orders are.
  expect([...found].filter((action) => action !== "/cancel" && !tried.includes(action))).toEqual([]);
});

for (const name of names) {
  describe(`the form "${name}"`, () => {
    beforeEach(prepare);

    test("with odd texts in its fields answers with a page or a way on, and never stumbles", async () => {
      const { path, fields } = forms[name] as (typeof forms)[string];
      const before = await rows();
      let ordered = 0;
      for (const field of Object.keys(fields)) {
        for (const odd of oddTexts) {
          const response = await send(path, new URLSearchParams({ ...fields, [field]: odd.toWellFormed() }).toString());
          const text = await response.text();
          expect([field, odd.slice(0, 40), response.status < 500]).toEqual([field, odd.slice(0, 40), true]);
          if (response.headers.get("content-type")?.startsWith("text/html")) {
            expect(text).not.toContain("<script>alert(1)");
            expect(text).not.toContain("<img src=x");
            expect(text).not.toMatch(/undefined|\[object Object\]|NaN/);
          }
          if (response.headers.get("location")?.startsWith("/orders/") === true && path === "/checkout") ordered += 1;
          if (name === "the bank's question") break;
        }
      }
      // At another total than the one in the form nothing is ever ordered, and only the bank may end its question.
      expect(ordered).toBe(0);
      if (name !== "the bank's question") expect(await rows()).toBe(before);
    }, 30_000);

    test("with anything at all in place of its fields never stumbles", async () => {
      const { path, fields } = forms[name] as (typeof forms)[string];
      const before = await rows();
      const keys = [...Object.keys(fields), "x", "__proto__", ""];
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...keys), oddText), { maxLength: 12 }), async (pairs) => {
          const body = new URLSearchParams(pairs.map(([key, value]): [string, string] => [key, value.toWellFormed()]));
          const response = await send(path, body.toString());
          await response.text();
          expect(response.status).toBeLessThan(500);
        }),
        { numRuns: 40 },
      );
      if (name !== "the bank's question") expect(await rows()).toBe(before);
    }, 30_000);

    test("with a body that is no form is refused, and nothing is written", async () => {
      const { path, fields } = forms[name] as (typeof forms)[string];
      const before = await shop.rows();
      const good = new URLSearchParams(fields).toString();
      for (const type of ["application/json", "text/plain", "multipart/form-data; boundary=x", ""]) {
        const response = await send(path, good, { "content-type": type });
        expect([type, response.status]).toEqual([type, 415]);
      }
      expect((await send(path, new Uint8Array([0x61, 0x3d, 0xff, 0xfe]))).status).toBe(400);
      const large = `${good}&padding=${"x".repeat(20_000)}`;
      expect((await send(path, large, { "content-length": String(large.length) })).status).toBe(413);
      let sent = 0;
      const endless = new ReadableStream({
        pull(controller) {
          sent += 16_384;
          controller.enqueue(new Uint8Array(16_384).fill(0x61));
        },
      });
      expect((await send(path, endless)).status).toBe(413);
      expect(sent).toBeLessThan(1024 * 1024);
      expect(await shop.rows()).toBe(before);
    });

    const elsewhere: Readonly<Record<string, Record<string, string>>> = {
      "another site": { "sec-fetch-site": "cross-site" },
      "a sister site": { "sec-fetch-site": "same-site" },
      "another origin, told by an older browser": { "sec-fetch-site": "", origin: "https://evil.example" },
      "a page that hides its origin": { "sec-fetch-site": "", origin: "null" },
      "an origin that is none": { "sec-fetch-site": "", origin: "::" },
    };
    for (const [from, headers] of Object.entries(elsewhere)) {
      test(`sent from ${from} is refused, and nothing is written`, async () => {
        const { path, fields } = forms[name] as (typeof forms)[string];
        const before = await shop.rows();
        const sent = new Headers({
          "content-type": "application/x-www-form-urlencoded",
          host: "shop.test",
          ...headers,
        });
        if (sent.get("sec-fetch-site") === "") sent.delete("sec-fetch-site");
        const response = await ada.fetch(path, {
          method: "POST",
          headers: sent,
          body: new URLSearchParams(fields).toString(),
        });
        expect([response.status, await response.text()]).toEqual([
          403,
          expect.stringContaining("sent from another site"),
        ]);
        expect(await shop.rows()).toBe(before);
      });
    }
  });
}

describe("an order's own buttons", () => {
  beforeEach(prepare);

  test("pressed from another site do nothing", async () => {
    for (const action of ["cancel", "payment"]) {
      const response = await ada.fetch(`${orderPath}/${action}`, {
        method: "POST",
        headers: { "sec-fetch-site": "cross-site", "content-type": "application/x-www-form-urlencoded" },
        body: "paymentProvider=sandbox&paymentToken=ok",
      });
      expect(response.status).toBe(403);
    }
    expect((await shop.parts.orders.list({ limit: 5 })).map(({ status }) => status)).toEqual([
      "action_required",
      "action_required",
    ]);
  });

  test("without the order's key, or with another order's, lead nowhere", async () => {
    const [, , number, key = ""] = orderPath.split("/");
    const other = shop.linkOf((await shop.parts.orders.list({ limit: 1 }))[0]?.id ?? 0).split("/")[3] as string;
    const forged = [
      other,
      `${key}x`,
      key.slice(0, -1),
      key.toUpperCase(),
      "A".repeat(22),
      "%00",
      "%ff",
      "x".repeat(5000),
      "../../x",
    ];
    for (const wrong of forged.filter((candidate) => candidate !== key)) {
      for (const rest of ["", "/events", "/return"]) {
        const response = await ada.fetch(`/orders/${number}/${wrong}${rest}`);
        expect([wrong.slice(0, 30), rest, response.status]).toEqual([wrong.slice(0, 30), rest, 404]);
      }
      for (const rest of ["/cancel", "/payment"]) {
        const response = await send(`/orders/${number}/${wrong}${rest}`, "paymentProvider=sandbox&paymentToken=ok");
        expect([wrong.slice(0, 30), rest, response.status]).toEqual([wrong.slice(0, 30), rest, 404]);
      }
    }
    expect((await shop.parts.orders.list({ limit: 5 })).map(({ status }) => status)).toEqual([
      "action_required",
      "action_required",
    ]);
  });
});

describe("webhooks", () => {
  test("without a signature, with a wrong one, of a provider that is not here, or too large are refused", async () => {
    const before = await shop.rows();
    const body = JSON.stringify({ id: "evt", kind: "succeeded", key: "x", reference: "y", occurredAtMs: 1 });
    const post = async (path: string, text: string | Uint8Array, headers: Record<string, string> = {}) =>
      (await shop.fetch(path, { method: "POST", body: text, headers })).status;
    expect(await post("/webhooks/sandbox", body)).toBe(401);
    for (const signature of [
      "",
      "t=1,v1=00",
      "v1=",
      "t=,v1=",
      `t=${Date.now()},v1=${"0".repeat(64)}`,
      "x".repeat(9000),
      "t=1".repeat(500),
    ]) {
      expect(await post("/webhooks/sandbox", body, { "sandbox-signature": signature })).toBe(401);
    }
    expect(await post("/webhooks/sandbox", new Uint8Array([0xff, 0, 0xfe]), { "sandbox-signature": "t=1,v1=00" })).toBe(
      401,
    );
    expect(await post("/webhooks/stripe", body)).toBe(404);
    expect(await post("/webhooks/%00", body)).toBe(404);
    expect(await post("/webhooks/sandbox", new Uint8Array(600_000))).toBe(413);
    expect(await shop.rows()).toBe(before);
  });
});

describe("pages", () => {
  const paths = [
    "/products/%",
    "/products/%zz",
    "/products/%ff",
    "/products/%00",
    "/products/mug%00",
    "/products/../../etc/passwd",
    "/products/mug?variant=%00",
    `/products/mug?variant=${"x".repeat(5000)}`,
    `/products/${"x".repeat(9000)}`,
    "/collections/%00?page=-1",
    "/collections/all?page=-1",
    "/collections/all?page=1e9",
    "/collections/all?page=%00",
    "/collections/all?page=99999999999999999999",
    "/search?q=%00",
    "/search?q=%ff%fe",
    "/search?q=a%00b&page=2",
    "/search?q=(((%22",
    "/search?q=%27%3A*%20%26%20%7C%20!",
    "/search?q=-",
    "/search?q=%22unclosed",
    `/search?q=${"a".repeat(9000)}`,
    `/search?q=${encodeURIComponent("日本語のとても長い検索".repeat(20))}`,
    "/search?q=%25%5F%5C",
    "/search?q=x&page=-5",
    "/search?q=x&page=NaN",
    "/search?q=&q=a&q=b",
    "/search?%3Cscript%3Ealert(1)%3C/script%3E",
    "/cart?country=%00",
    "/cart?country=%3Cscript%3Ealert(1)%3C/script%3E",
    "/checkout?country=%00",
    "/orders/lookup?x=%00",
    "/images/%00",
    "/images/..%2f..%2fetc%2fpasswd",
    "/%00",
    "//",
    "/./",
    "/?%00",
    "/favicon.ico?%ff",
    "/sandbox/challenge/%00",
    `/sandbox/challenge/${"x".repeat(3000)}`,
    "/assets/../src/main.ts",
    "/.env",
    "/api",
  ];
  for (const path of paths) {
    test(`${path.slice(0, 50)} is a page, or a page that says that there is none`, async () => {
      const response = await ada.fetch(path, { headers: { accept: "text/html" }, redirect: "manual" });
      const text = await response.text();
      expect([response.status < 500, text.slice(0, 100)]).toEqual([true, expect.any(String)]);
      expect(text).not.toContain("<script>alert(1)");
    });
  }

  test("are the same whatever the query holds that they do not read, in a search to its last sign", async () => {
    const page = async (path: string) => (await ada.open(path)).html;
    const long = "x".repeat(400);
    expect(await page(`/search?utm=${long}&q=mug`)).toBe(await page("/search?q=mug"));
    expect(await page(`/search?utm=${long}&q=tee`)).toBe(await page("/search?q=tee"));
    expect(await page("/?gclid=1&utm_source=mail")).toBe(await page("/"));
    expect(await page("/products/tee?fbclid=1&variant=TEE-M")).toBe(await page("/products/tee?variant=TEE-M"));
    expect(await page("/products/tee?variant=TEE-M")).not.toBe(await page("/products/tee"));
    // Two long searches that begin alike are two searches.
    const beginning = encodeURIComponent("ж".repeat(60));
    const [one, other] = [`/search?q=${beginning}%D0%B0`, `/search?q=${beginning}%D0%B1`];
    expect(await page(one as string)).not.toBe(await page(other as string));
  });

  const cookies = [
    "spillway_cart=",
    "spillway_cart=x",
    "spillway_cart=%00",
    `spillway_cart=${"0".repeat(36)}.${"A".repeat(22)}`,
    "spillway_cart=00000000-0000-0000-0000-000000000000.AAAAAAAAAAAAAAAAAAAAAA",
    `spillway_cart=${"x".repeat(10_000)}`,
    "spillway_cart",
    "=;=;==;",
    ";;;;",
    `a=${"b".repeat(100)}; `.repeat(200),
    "cart_count=999; spillway_cart=\u00ff",
    "__proto__=x; constructor=y",
  ];
  for (const cookie of cookies) {
    test(`the cookie ${JSON.stringify(cookie.slice(0, 40))} is a shopper without a cart`, async () => {
      for (const [path, init] of [
        ["/cart", {}],
        ["/checkout", {}],
        ["/api/cart", {}],
        ["/", {}],
      ] as const) {
        const response = await shop.fetch(path, { ...init, headers: { cookie }, redirect: "manual" });
        const text = await response.text();
        expect([path, response.status]).toEqual([path, path === "/checkout" ? 303 : 200]);
        if (path === "/api/cart") expect(JSON.parse(text)).toMatchObject({ lines: [], itemCount: 0 });
        if (path === "/cart") expect(text).toContain("Your cart is empty");
      }
    });
  }
});
