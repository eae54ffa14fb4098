import { describe, expect, test } from "bun:test";
import type { Exchange } from "./exchange.ts";
import type { Door } from "./ports.ts";
import { createReceiver, type ReceptionDeps, type ReceptionSettings } from "./received.ts";

const door = (address: string, scheme: Door["scheme"] = "http"): Door => ({
  scheme,
  addressOf: () => address,
  tunnel: async () => undefined,
});

type Given = { exchange: Exchange | undefined; status: number; reasons: string[]; routed: string[] };

/** What becomes of a request by these settings. */
async function receive(
  url: string,
  init: RequestInit & { headers: Record<string, string> },
  over: { settings?: Partial<ReceptionSettings>; deps?: Partial<ReceptionDeps>; door?: Door } = {},
): Promise<Given> {
  const given: Given = { exchange: undefined, status: 0, reasons: [], routed: [] };
  const receiver = createReceiver(
    { hosts: [], targetMaxBytes: 100, ...over.settings },
    {
      isTrusted: undefined,
      routeOf: (method, path) => {
        given.routed.push(`${method} ${path}`);
        return { template: "/*", class: "browsing", challenge: false };
      },
      now: () => 42,
      handle: (exchange) => {
        given.exchange = exchange;
        return new Response();
      },
      onRefused: (_status, reason) => given.reasons.push(reason),
      ...over.deps,
    },
  );
  given.status = (await receiver(new Request(url, init), over.door ?? door("203.0.113.9"))).status;
  return given;
}

describe("a request", () => {
  test("becomes an exchange with everything that the stages go by", async () => {
    const { exchange, routed } = await receive("http://shop.example:8000/products/lamp?colour=red", {
      headers: { host: "Shop.Example:8000" },
    });
    expect(exchange).toMatchObject({
      method: "GET",
      scheme: "http",
      host: "shop.example:8000",
      target: "/products/lamp?colour=red",
      path: "/products/lamp",
      address: "203.0.113.9",
      atMs: 42,
    });
    expect(exchange?.tunnel).toBeUndefined();
    expect(routed).toEqual(["GET /products/lamp"]);
  });

  test("whose URL names another host than Host is refused, in whatever way they differ", async () => {
    for (const url of [
      "http://evil.example/a",
      "https://shop.example/a",
      "http://shop.example.evil/a",
      "http://shop.example:81/a",
    ]) {
      const { status, exchange } = await receive(url, { headers: { host: "shop.example" } });
      expect([url, status, exchange]).toEqual([url, 400, undefined]);
    }
  });

  test("for a host that is not served is told so, with whatever port", async () => {
    const settings = { hosts: ["Shop.example"] };
    expect((await receive("http://other.example/", { headers: { host: "other.example" } }, { settings })).status).toBe(
      421,
    );
    expect(
      (await receive("http://shop.example:81/", { headers: { host: "SHOP.example:81" } }, { settings })).status,
    ).toBe(200);
  });

  test("is refused with a reason that a person understands, and that the log gets", async () => {
    const { status, reasons } = await receive(`http://a/${"x".repeat(100)}`, { headers: { host: "a" } });
    expect(status).toBe(414);
    expect(reasons).toEqual(["Path and query may have 100 bytes."]);
  });

  test("of a thousand made-up hosts leaves nothing behind that the next one could feel", async () => {
    let count = 0;
    const receiver = createReceiver(
      { hosts: [], targetMaxBytes: 100 },
      {
        isTrusted: undefined,
        routeOf: () => ({ template: "/*", class: "browsing", challenge: false }),
        now: () => 0,
        handle: ({ host }) => new Response(`${host} ${count++}`),
      },
    );
    for (let at = 0; at < 3000; at++) {
      const request = new Request(`http://h${at}.example/`, { headers: { host: `h${at}.example` } });
      expect((await receiver(request, door("192.0.2.1"))).status).toBe(200);
    }
  });

  test("for a WebSocket has a way through; without Connection it has none", async () => {
    const fields = { host: "a", upgrade: "websocket" };
    expect(
      (await receive("http://a/", { headers: { ...fields, connection: "keep-alive, Upgrade" } })).exchange?.tunnel,
    ).toBeDefined();
    expect((await receive("http://a/", { headers: fields })).exchange?.tunnel).toBeUndefined();
  });
});

describe("a request by way of a trusted proxy", () => {
  const deps = { isTrusted: (address: string) => address === "10.0.0.1" };
  const fields = {
    host: "internal:8000",
    "x-forwarded-for": "198.51.100.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "Shop.example",
  };

  test("is the client's: address, scheme and host", async () => {
    const { exchange } = await receive("http://internal:8000/", { headers: fields }, { deps, door: door("10.0.0.1") });
    expect(exchange).toMatchObject({ address: "198.51.100.1", scheme: "https", host: "shop.example" });
  });

  test("that is none is the peer's own, whatever it says", async () => {
    const { exchange } = await receive(
      "http://internal:8000/",
      { headers: fields },
      { deps, door: door("203.0.113.9") },
    );
    expect(exchange).toMatchObject({ address: "203.0.113.9", scheme: "http", host: "internal:8000" });
  });

  test("which says what is no host, or a host that is not served, is refused", async () => {
    const over = { deps, door: door("10.0.0.1") };
    const with_ = (host: string) => ({ headers: { ...fields, "x-forwarded-host": host } });
    expect((await receive("http://internal:8000/", with_("a b"), over)).status).toBe(400);
    const settings = { hosts: ["shop.example", "internal"] };
    expect((await receive("http://internal:8000/", with_("other.example"), { ...over, settings })).status).toBe(421);
    expect((await receive("http://internal:8000/", with_("shop.example"), { ...over, settings })).status).toBe(200);
  });

  test("which contradicts itself is refused", async () => {
    const { status } = await receive(
      "http://internal:8000/",
      { headers: { ...fields, forwarded: "for=198.51.100.2" } },
      { deps, door: door("10.0.0.1") },
    );
    expect(status).toBe(400);
  });
});
