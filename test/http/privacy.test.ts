/**
 * What is one shopper's own is shown to nobody else: not by a cache, not by a forged or a borrowed cookie, not by a guessed
 * address. And what is everybody's is the same for everybody, so that any cache may keep it.
 */
import { beforeEach, describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { orderRequest, type ShopProcess, testShop } from "../kit/shop.ts";
import { Shopper } from "./shopper.ts";

const shop = await testShop({ processes: 2 });
const [here, there] = shop.processes as [ShopProcess, ShopProcess];

const sharedPaths = [
  "/",
  "/products/mug",
  "/products/tee?variant=TEE-M",
  "/collections/all",
  "/search?q=mug",
  "/help",
  "/returns",
  "/nothing-here",
  "/api/products",
  "/api/products/mug",
  "/api/openapi.json",
  "/robots.txt",
  "/favicon.ico",
];

let ada: Shopper;
let bo: Shopper;
beforeEach(async () => {
  ada = new Shopper(here);
  bo = new Shopper(there);
  await ada.post("/cart/lines", { sku: "MUG", quantity: "3" });
  await bo.post("/cart/lines", { sku: "TEE-S", quantity: "1" });
});

describe("a page that is everybody's", () => {
  for (const path of sharedPaths) {
    test(`${path} is the same to the byte whoever asks, sets no cookie, and may be kept`, async () => {
      const ask = async (headers: Record<string, string>) => {
        const response = await here.fetch(path, { headers, redirect: "manual" });
        const { status } = response;
        return { status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
      };
      const plain = await ask({});
      expect(plain.headers.get("set-cookie")).toBeNull();
      expect(plain.headers.get("cache-control")).toContain("public");
      expect((plain.headers.get("vary") ?? "").toLowerCase()).not.toContain("cookie");
      const cookie = [...ada.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      for (const headers of [
        { cookie },
        { cookie: "spillway_cart=forged.AAAAAAAAAAAAAAAAAAAAAA; cart_count=99; session=1" },
        { authorization: "Bearer x" },
        { "x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-original-url": "/cart" },
        { "accept-language": "nb", "user-agent": "x" },
        { referer: "https://evil.example/" },
      ] as Record<string, string>[]) {
        const asked = await ask(headers);
        expect([asked.status, asked.body.equals(plain.body), asked.headers.get("set-cookie")]).toEqual([
          plain.status,
          true,
          null,
        ]);
        expect(asked.headers.get("etag")).toBe(plain.headers.get("etag"));
      }
      expect(plain.body.toString()).not.toContain("evil.example");
    });
  }

  test("is the same in both processes, and zipped for whoever takes it so", async () => {
    for (const path of ["/", "/products/mug", "/collections/all"]) {
      const [one, other] = await Promise.all(
        [here, there].map(async (process) => await (await process.fetch(path)).text()),
      );
      expect(other).toBe(one as string);
      const zipped = await here.fetch(path, { headers: { "accept-encoding": "br, gzip" } });
      expect(zipped.headers.get("content-encoding")).toBe("gzip");
      expect(zipped.headers.get("vary")).toContain("accept-encoding");
      expect(gunzipSync(new Uint8Array(await zipped.arrayBuffer())).toString()).toBe(one as string);
    }
  });

  test("that a browser has already is not sent again until stock or catalogue have changed", async () => {
    const etag = (await here.fetch("/products/mug")).headers.get("etag") ?? "";
    const again = async () => (await here.fetch("/products/mug", { headers: { "if-none-match": etag } })).status;
    expect(await again()).toBe(304);
    await shop.stock("MUG", 4);
    expect(await again()).toBe(200);
  });

  test("that there is not asks no cache to keep it for long", async () => {
    const response = await here.fetch("/nothing-here");
    expect([response.status, response.headers.get("cache-control")]).toEqual([404, "public, max-age=0, s-maxage=1"]);
  });
});

describe("a page that is one shopper's own", () => {
  test("is kept by no cache, whatever it shows", async () => {
    const id = await here.placed(orderRequest(["MUG"]));
    for (const path of ["/cart", "/checkout", "/api/cart", "/orders/lookup", shop.linkOf(id)]) {
      for (const accept of ["text/html", "application/json"]) {
        const response = await ada.fetch(path, { headers: { accept } });
        await response.text();
        expect([path, response.headers.get("cache-control") ?? ""]).toEqual([
          path,
          expect.stringContaining("no-store"),
        ]);
      }
    }
  });

  test("shows each of two shoppers their own cart, however their requests cross", async () => {
    const looks = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const who = index % 2 === 0 ? ada : bo;
        const { body } = await who.json<{ lines: { sku: string }[] }>("GET", "/api/cart");
        return [index % 2, body.lines.map(({ sku }) => sku).join()];
      }),
    );
    expect(new Set(looks.map(String))).toEqual(new Set(["0,MUG", "1,TEE-S"]));
    expect((await ada.open("/cart")).text).not.toContain("Plain Tee");
    expect((await bo.open("/checkout")).text).not.toContain("Stone Mug");
  });

  test("cannot be had by another's cart id without its signature, nor by one's own signature with another's id", async () => {
    const [adaId = "", adaSignature = ""] = (ada.cookies.get("spillway_cart") ?? "").split(".");
    const [boId = "", boSignature = ""] = (bo.cookies.get("spillway_cart") ?? "").split(".");
    expect(adaId).not.toBe(boId);
    const order = shop.linkOf(1).split("/")[3];
    for (const forged of [
      adaId,
      `${adaId}.`,
      `${adaId}.${boSignature}`,
      `${boId}.${adaSignature}`,
      `${adaId}.${adaSignature.slice(0, -1)}`,
      `${adaId}.${adaSignature}x`,
      `${adaId}.${adaSignature.toLowerCase()}`,
      `${adaId.toUpperCase()}.${adaSignature}`,
      `${adaId}.${order}`,
      ` ${adaId} . ${adaSignature}`,
    ]) {
      const response = await shop.fetch("/api/cart", { headers: { cookie: `spillway_cart=${forged}` } });
      expect(((await response.json()) as { itemCount: number }).itemCount).toBe(0);
    }
  });

  test("is reached by a cookie that no script can read, bound to this site", async () => {
    const response = await here.fetch("/cart/lines", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" },
      body: "sku=MUG&quantity=1",
    });
    const [cart = "", count = ""] = response.headers.getSetCookie();
    expect(cart).toMatch(/^spillway_cart=[0-9a-f-]{36}\.[\w-]{22}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    expect(count).toMatch(/^cart_count=1; Path=\/; Max-Age=\d+; SameSite=Lax$/);
  });

  test("is another cart after every order, so that nobody meets the old one again", async () => {
    const before = ada.cookies.get("spillway_cart");
    await ada.send(await ada.open("/checkout"), "/checkout", {
      email: "ada@test.example",
      name: "Ada",
      line1: "Street 1",
      postalCode: "0364",
      city: "Oslo",
      country: "NO",
      paymentToken: "ok",
      action: "order",
    });
    expect(ada.cookies.get("spillway_cart")).not.toBe(before as string);
  });
});

describe("an order", () => {
  test("is shown to whoever holds its link, and by its number alone to nobody", async () => {
    const id = await here.placed(orderRequest(["MUG"], { email: "ada@test.example" }));
    const link = shop.linkOf(id);
    const [, , number] = link.split("/");
    expect((await bo.fetch(link)).status).toBe(200);
    for (const path of [
      `/orders/${number}`,
      `/orders/${number}/`,
      `/orders/${number}/x`,
      `/orders/${number}/${"A".repeat(22)}`,
    ]) {
      const response = await bo.fetch(path);
      expect([path, response.status, (await response.text()).includes("ada@test.example")]).toEqual([path, 404, false]);
    }
  });

  test("has a key of its own: those of two orders, and of a cart, cannot be swapped", async () => {
    const [one = "", two = ""] = [
      await here.placed(orderRequest(["MUG"])),
      await here.placed(orderRequest(["MUG"])),
    ].map((id) => shop.linkOf(id));
    const [, , number] = one.split("/");
    const cartSignature = (ada.cookies.get("spillway_cart") ?? "").split(".")[1];
    for (const key of [two.split("/")[3], cartSignature])
      expect((await bo.fetch(`/orders/${number}/${key}`)).status).toBe(404);
  });

  test("that is looked up tells nobody which orders there are", async () => {
    const id = await here.placed(orderRequest(["MUG"], { email: "ada@test.example" }));
    const number = shop.linkOf(id).split("/")[2] as string;
    const look = async (orderNumber: string) => {
      const page = await bo.post("/orders/lookup", { orderNumber, email: "bo@test.example" });
      return [page.status, page.html.replaceAll(orderNumber, "NUMBER")];
    };
    const unplaced = shop.linkOf(id + 1000).split("/")[2] as string;
    expect(await look(number)).toEqual(await look(unplaced));
  });

  test("keeps its address out of the referrer and its page out of frames", async () => {
    const response = await bo.fetch(shop.linkOf(await here.placed(orderRequest(["MUG"]))));
    expect(response.headers.get("referrer-policy")).toBe("strict-origin-when-cross-origin");
    expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("placed by a key is found again by that key alone, also in the checkout form", async () => {
    const key = crypto.randomUUID();
    const id = await here.placed(orderRequest(["MUG"]), key);
    const stranger = new Shopper(here);
    expect((await stranger.post("/checkout", { idempotencyKey: key })).path).toBe(shop.linkOf(id));
    expect((await stranger.post("/checkout", { idempotencyKey: crypto.randomUUID() })).path).toBe("/cart");
  });
});
