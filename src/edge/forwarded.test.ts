import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addressOf, believed, parseForwarded } from "./forwarded.ts";

const proxies = new Set(["10.0.0.1", "10.0.0.2", "2001:db8::ffff"]);
const isTrusted = (address: string) => proxies.has(address);
const claim = (fields: Record<string, string>, peer = "10.0.0.1") => believed(new Headers(fields), peer, isTrusted);

describe("what proxies say of a client", () => {
  for (const [name, fields, address] of [
    ["nothing", {}, "10.0.0.1"],
    ["one client", { "x-forwarded-for": "203.0.113.9" }, "203.0.113.9"],
    ["a client, and a proxy that is trusted", { "x-forwarded-for": "203.0.113.9, 10.0.0.2" }, "203.0.113.9"],
    ["what the client itself made up before", { "x-forwarded-for": "127.0.0.1, 203.0.113.9, 10.0.0.2" }, "203.0.113.9"],
    ["that every one of them is a proxy", { "x-forwarded-for": "10.0.0.2, 10.0.0.1" }, "10.0.0.2"],
    ["something that is no address", { "x-forwarded-for": "203.0.113.9, unknown, 10.0.0.2" }, "10.0.0.2"],
    ["an address with its port", { "x-forwarded-for": "203.0.113.9:4711" }, "203.0.113.9"],
    ["IPv6 in another spelling", { "x-forwarded-for": "2001:DB8:0:0::9" }, "2001:db8::9"],
    ["IPv4 inside of IPv6", { "x-forwarded-for": "::ffff:203.0.113.9" }, "203.0.113.9"],
    ["an empty field", { "x-forwarded-for": "" }, "10.0.0.1"],
    ["one client by Forwarded", { forwarded: "for=203.0.113.9" }, "203.0.113.9"],
    [
      "a chain by Forwarded",
      { forwarded: 'for=127.0.0.1, For="203.0.113.9:4711";proto=https, for=10.0.0.2' },
      "203.0.113.9",
    ],
    ["IPv6 by Forwarded", { forwarded: 'for="[2001:db8:cafe::17]:4711"' }, "2001:db8:cafe::17"],
    ["a hidden name by Forwarded", { forwarded: "for=203.0.113.9, for=_hidden, for=10.0.0.2" }, "10.0.0.2"],
    ["a Forwarded that is malformed", { forwarded: "for=203.0.113.9, for=1;for=2" }, "10.0.0.1"],
    ["the same by both", { forwarded: "for=203.0.113.9", "x-forwarded-for": "203.0.113.9, 10.0.0.2" }, "203.0.113.9"],
  ] as const) {
    test(`${name}: it is ${address}`, () => {
      expect(claim(fields)?.address).toBe(address);
    });
  }

  test("two kinds of fields that name two clients are not believed, because one of them came from the client", () => {
    expect(claim({ forwarded: "for=198.51.100.1", "x-forwarded-for": "203.0.113.9" })).toBeUndefined();
  });

  test("scheme and host are those of the client's hop", () => {
    expect(
      claim({ forwarded: 'for=203.0.113.9;proto=https;host="Shop.Example:8443", for=10.0.0.2;proto=http' }),
    ).toEqual({
      address: "203.0.113.9",
      scheme: "https",
      host: "shop.example:8443",
    });
    expect(
      claim({
        "x-forwarded-for": "203.0.113.9, 10.0.0.2",
        "x-forwarded-proto": "https, http",
        "x-forwarded-host": "Shop.example",
      }),
    ).toEqual({ address: "203.0.113.9", scheme: "https", host: "shop.example" });
    expect(claim({ "x-forwarded-proto": "gopher" })?.scheme).toBeUndefined();
  });

  test("whatever stands further left, an untrusted hop is the client", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), fc.ipV4(), (before, client) => {
        fc.pre(!isTrusted(client));
        const list = [...before.map((text) => text.replace(/[^\x20-\x7e]|,/g, "")), client, "10.0.0.2"].join(", ");
        expect(claim({ "x-forwarded-for": list })?.address).toBe(client);
        const elements = [...before.map((text) => `for="${text.replace(/[^\x20-\x7e]|["\\]/g, "")}"`), `for=${client}`];
        expect(claim({ forwarded: elements.join(",") })?.address).toBe(client);
      }),
    );
  });
});

describe("RFC 7239", () => {
  test("its own examples", () => {
    const read = (field: string) => parseForwarded(field).map((element) => Object.fromEntries(element));
    expect(read('for="_gazonk"')).toEqual([{ for: "_gazonk" }]);
    expect(read('For="[2001:db8:cafe::17]:4711"')).toEqual([{ for: "[2001:db8:cafe::17]:4711" }]);
    expect(read("for=192.0.2.60;proto=http;by=203.0.113.43")).toEqual([
      { for: "192.0.2.60", proto: "http", by: "203.0.113.43" },
    ]);
    expect(read("for=192.0.2.43, for=198.51.100.17")).toEqual([{ for: "192.0.2.43" }, { for: "198.51.100.17" }]);
    expect(read('for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown')).toHaveLength(3);
    expect(read("for=_hidden, for=_SEVKISEK")).toEqual([{ for: "_hidden" }, { for: "_SEVKISEK" }]);
  });

  test("a comma and a semicolon in quotes are part of the value, and a backslash takes the next as it is", () => {
    expect(parseForwarded('for="a,b;c\\"d"').map((element) => element.get("for"))).toEqual(['a,b;c"d']);
  });

  test("no text makes it throw, hang, or find more elements than there are commas", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'for="\\;, ab1:[]\t_') }), (text) => {
        expect(parseForwarded(text).length).toBeLessThanOrEqual(text.split(",").length);
      }),
    );
  });

  test("an address comes back as itself, whatever port is behind it", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65_535), (address, port) => {
        expect(addressOf(address)).toBe(address);
        expect(addressOf(`${address}:${port}`)).toBe(address);
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.nat(65_535), (address, port) => {
        // Bun's URL knows not every way to mix both notations; no proxy writes them.
        fc.pre(!address.includes("."));
        const plain = addressOf(address);
        expect(plain).toBeDefined();
        expect(addressOf(`[${address}]:${port}`)).toBe(plain);
        expect(addressOf(plain ?? "")).toBe(plain);
      }),
    );
    for (const none of ["", "unknown", "_x", "256.0.0.1", "1.2.3", "1.2.3.4.5", "::g", "[::1", ":", "1.2.3.4:99999x"]) {
      expect(addressOf(none)).toBeUndefined();
    }
  });
});
