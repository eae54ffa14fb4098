/** Addresses are read as everybody reads them, or not at all. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { contains, limitKey, parseNetworks } from "./addresses.ts";

describe("a list of networks", () => {
  test.each([
    ["192.0.2.7", "192.0.2.7", true],
    ["192.0.2.7", "192.0.2.8", false],
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.99/24", "192.0.2.1", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["10.0.0.0/8", "10.255.255.255", true],
    ["128.0.0.0/1", "255.255.255.255", true],
    ["128.0.0.0/1", "127.255.255.255", false],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "2001:db8::1", true],
    ["::/0", "8.8.8.8", false],
    ["::1", "::1", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["2001:db8::/32", "2001:DB8:ffff::", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["fe80::/10", "febf::1%eth0", true],
    ["2001:db8::/127", "2001:db8::1", true],
    ["2001:db8::/127", "2001:db8::2", false],
    ["192.0.2.0/24", "::ffff:192.0.2.9", true],
    ["192.0.2.0/24", "::ffff:c000:209", true],
    ["::ffff:192.0.2.0/120", "192.0.2.9", true],
    ["192.0.2.0/24", "::192.0.2.9", false],
    ["192.0.2.0/24", "", false],
    ["192.0.2.0/24", "unknown", false],
  ])("%s and %s: %p", (network, address, expected) => {
    expect(contains(parseNetworks(["203.0.113.200", network]), address)).toBe(expected);
  });

  test("names everything in it that is no network", () => {
    const wrong = [
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4/33",
      "1.2.3.4/",
      "1.2.3.4/-1",
      "1..2.3",
      " 1.2.3.4",
      "",
      ":",
      ":::",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3",
      "12345::",
      "g::",
      "::1/129",
      "1:2:3:4:5:6:7::8",
      "::1.2.3",
      "shop.example",
    ];
    expect(() => parseNetworks(["10.0.0.0/8", ...wrong, "::1"])).toThrow(
      `${wrong.map((entry) => `"${entry}"`).join(", ")} are neither an IP address nor a network`,
    );
  });

  test("agrees with arithmetic on any IPv4 network", () => {
    const ip = fc.nat(0xffffffff);
    const text = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join(".");
    fc.assert(
      fc.property(ip, ip, fc.integer({ min: 0, max: 32 }), (network, other, length) => {
        const networks = parseNetworks([`${text(network)}/${length}`]);
        const near = (network ^ (other >>> length)) >>> 0;
        for (const address of [other, near]) {
          const expected = BigInt(address) >> BigInt(32 - length) === BigInt(network) >> BigInt(32 - length);
          expect(contains(networks, text(address))).toBe(expected);
          expect(contains(networks, `::ffff:${text(address)}`)).toBe(expected);
        }
      }),
    );
  });

  test("agrees with arithmetic on any IPv6 network, however its addresses are shortened", () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
    const value = (list: readonly number[]) => list.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n);
    const full = (list: readonly number[]) => list.map((part) => part.toString(16).padStart(4, "0")).join(":");
    // The standard's own shortening, as the URL parser does it.
    const short = (list: readonly number[]) => new URL(`http://[${full(list)}]/`).hostname.slice(1, -1);
    fc.assert(
      fc.property(groups, groups, fc.integer({ min: 0, max: 128 }), fc.nat(8), (network, other, length, same) => {
        const address = [...network.slice(0, same), ...other.slice(same)];
        fc.pre(value(network) >> 32n !== 0xffffn && value(address) >> 32n !== 0xffffn);
        const expected = value(address) >> BigInt(128 - length) === value(network) >> BigInt(128 - length);
        const networks = parseNetworks([`${short(network)}/${length}`]);
        expect(contains(networks, full(address))).toBe(expected);
        expect(contains(networks, short(address))).toBe(expected);
      }),
    );
  });
});

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::FFFF:c000:207", "192.0.2.7"],
  ["2001:db8:1:2::", limitKey("2001:0db8:0001:0002:ffff:ffff:ffff:ffff%en0")],
  ["::1", limitKey("0:0:0:0:8000::")],
  ["not an address", "not an address"],
])("a limit counts %s as %s", (address, key) => {
  expect(limitKey(address)).toBe(key);
});

test("a limit counts two /64 of one provider apart", () => {
  expect(limitKey("2001:db8:1:2::1")).not.toBe(limitKey("2001:db8:1:3::1"));
});
