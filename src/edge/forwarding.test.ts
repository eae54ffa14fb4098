import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Exchange } from "./exchange.ts";
import { cleanAnswer, fieldsForOrigin } from "./forwarding.ts";

const exchangeWith = (fields: Record<string, string>, over: Partial<Exchange> = {}): Exchange => ({
  method: "GET",
  scheme: "https",
  host: "shop.example:8443",
  target: "/a",
  path: "/a",
  headers: new Headers(fields),
  request: null,
  address: "203.0.113.9",
  atMs: 0,
  route: { template: "/*", class: "browsing", challenge: false },
  notes: {},
  ...over,
});
const settings = { hostHeader: "client", via: "spillway" } as const;
const sent = (fields: Record<string, string>, over?: Partial<Exchange>) =>
  Object.fromEntries(fieldsForOrigin(exchangeWith(fields, over), settings, "10.0.0.7:8080") ?? []);

describe("what goes to the origin", () => {
  test("says who asked by what the edge believes, and nothing of what was claimed", () => {
    expect(
      sent({
        host: "shop.example:8443",
        cookie: "a=b",
        forwarded: "for=127.0.0.1",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": "admin.internal",
        "x-real-ip": "127.0.0.1",
        "x-original-url": "/admin",
      }),
    ).toEqual({
      host: "shop.example:8443",
      cookie: "a=b",
      via: "1.1 spillway",
      "x-forwarded-for": "203.0.113.9",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "shop.example:8443",
      forwarded: 'for=203.0.113.9;host="shop.example:8443";proto=https',
    });
  });

  test("names an IPv6 client as RFC 7239 wants it, and as everybody expects it in X-Forwarded-For", () => {
    const { forwarded, "x-forwarded-for": list } = sent({}, { address: "2001:db8::9" });
    expect(forwarded).toBe('for="[2001:db8::9]";host="shop.example:8443";proto=https');
    expect(list).toBe("2001:db8::9");
  });

  test("has the upstream's own Host where the configuration says so", () => {
    const headers = fieldsForOrigin(exchangeWith({}), { ...settings, hostHeader: "upstream" }, "10.0.0.7:8080");
    expect(headers?.get("host")).toBe("10.0.0.7:8080");
    expect(headers?.get("x-forwarded-host")).toBe("shop.example:8443");
  });

  test("has no field of the client's connection, by whatever name", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), { maxLength: 5 }), (names) => {
        const own = names.filter((name) => !/^(host|via|forwarded|x-forwarded-|keep-me)/.test(name));
        const fields = Object.fromEntries(own.map((name) => [name, "1"]));
        const out = sent({
          ...fields,
          "keep-me": "1",
          connection: [...own, "close", "  ", "b@d"].join(", "),
          "keep-alive": "timeout=5",
          te: "trailers",
          trailer: "x",
          "transfer-encoding": "chunked",
          upgrade: "h2c",
          "proxy-authorization": "Basic x",
          "proxy-connection": "close",
          expect: "100-continue",
        });
        expect(Object.keys(out).sort()).toEqual(
          ["host", "via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "keep-me"].sort(),
        );
      }),
    );
  });

  test("does not write to what was received", () => {
    const exchange = exchangeWith({ connection: "close", "x-forwarded-for": "127.0.0.1" });
    const before = [...exchange.headers];
    fieldsForOrigin(exchange, settings, "10.0.0.7:8080");
    expect([...exchange.headers]).toEqual(before);
  });

  test("says a length only of a body that there is, and as a plain number", () => {
    const body = (method: string, text: string | null) => ({
      method,
      request: new Request("http://shop.example/", { method, body: text }),
    });
    expect(sent({ "content-length": "005" }, body("POST", "hello"))["content-length"]).toBe("5");
    expect(sent({ "content-length": "0" }, body("POST", null))["content-length"]).toBe("0");
    expect(sent({ "content-length": "0" }, body("GET", null))["content-length"]).toBeUndefined();
    expect(sent({ "content-length": "7" })["content-length"]).toBeUndefined();
  });

  test("adds itself to Via, and what has been here before goes nowhere", () => {
    expect(sent({ via: "1.1 cdn, 2 other" }).via).toBe("1.1 cdn, 2 other, 1.1 spillway");
    expect(fieldsForOrigin(exchangeWith({ via: "1.1 cdn, 1.1 spillway (a)" }), settings, "o")).toBeUndefined();
    expect(fieldsForOrigin(exchangeWith({ via: "1.1 spillway-2" }), settings, "o")).toBeDefined();
  });
});

test("an answer loses what belongs to the origin's connection, and keeps every cookie", () => {
  const headers = new Headers({
    connection: "keep-alive, X-Hop",
    "keep-alive": "timeout=5",
    "x-hop": "1",
    "transfer-encoding": "chunked",
    "alt-svc": 'h3=":443"',
    "content-type": "text/html",
    "content-length": "7",
  });
  headers.append("set-cookie", "a=1");
  headers.append("set-cookie", "b=2");
  expect([...cleanAnswer(headers)].sort()).toEqual([
    ["content-length", "7"],
    ["content-type", "text/html"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
});
