/** Nobody slips past a room by spelling, and nobody is kept out of what stays open. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Room } from "#contract/waiting-room.ts";
import { type ExchangeOptions, exchangeOf, settingsOf } from "../../../test/kit/exchange.ts";
import { createMatching } from "./matching.ts";

const room = (match: object, id = "drop") => settingsOf(Room, { id, match });
const asked = (path: string, options: ExchangeOptions = {}) => exchangeOf({ path, target: path, ...options });

describe("a room by paths", () => {
  const matching = createMatching([
    room({ paths: ["/products/drop", "/checkout/*"], except: ["/checkout/help"] }),
    room({ paths: ["/products/:handle"] }, "rest"),
  ]);
  const of = (path: string) => matching.roomOf(asked(path));

  test("is the first of the list that fits", () => {
    expect([of("/products/drop"), of("/products/lamp"), of("/help"), of("/")]).toEqual([0, 1, -1, -1]);
  });

  test("is met however the path is written", () => {
    for (const path of [
      "/checkout",
      "/Checkout/",
      "//checkout",
      "/%63heckout",
      "/%43HECKOUT/pay",
      "/x/../checkout",
      "/./checkout/pay",
      "/checkout;v=1",
      "/checkout/%2e%2e/checkout",
      "/\\checkout",
    ])
      expect([path, of(path)]).toEqual([path, 0]);
  });

  test("leaves open what it excepts, and nothing that only looks like it", () => {
    expect(of("/checkout/help")).toBe(-1);
    expect(of("/Checkout//help")).toBe(-1);
    expect(of("/checkout/help/../pay")).toBe(0);
    expect(of("/checkout/help/more")).toBe(0);
  });

  test("is the same for any upper case, escape or doubled slash", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("plain", "upper", "escaped"), { minLength: 14, maxLength: 14 }), (ways) => {
        const path = [..."/products/drop"]
          .map((sign, index) => {
            if (sign === "/") return ways[index] === "upper" ? "//" : "/";
            if (ways[index] === "upper") return sign.toUpperCase();
            return ways[index] === "escaped" ? `%${sign.charCodeAt(0).toString(16)}` : sign;
          })
          .join("");
        expect(of(path)).toBe(0);
      }),
    );
  });
});

test("a room may be of some hosts, and of requests with a field, alone", () => {
  const matching = createMatching([
    room({ hosts: ["Drop.example"] }),
    room({ header: { name: "x-app", value: "drop" } }, "app"),
  ]);
  expect(matching.roomOf(asked("/any", { host: "drop.example:8443" }))).toBe(0);
  expect(matching.roomOf(asked("/any", { host: "shop.example", headers: { "x-app": "drop" } }))).toBe(1);
  expect(matching.roomOf(asked("/any", { host: "shop.example", headers: { "x-app": "other" } }))).toBe(-1);
});

describe("a room by tags", () => {
  const matching = createMatching([
    room({ tags: ["collection-drop"], except: ["/about"] }),
    room({ paths: ["/a"] }, "a"),
  ]);

  test("learns from the answer which addresses are its own, and forgets what is no longer", () => {
    expect(matching.roomOf(asked("/a"))).toBe(1);
    expect(matching.isUnknown(asked("/a"))).toBe(true);
    matching.learn(asked("/a"), "stock collection-drop");
    expect(matching.isUnknown(asked("/a"))).toBe(false);
    expect(matching.roomOf(asked("/a"))).toBe(0);
    expect(matching.roomOf(asked("//A"))).toBe(0);
    expect(matching.roomOf(asked("/a", { host: "other.example" }))).toBe(1);
    matching.learn(asked("/a"), "stock");
    expect(matching.isUnknown(asked("/a"))).toBe(false);
    expect(matching.roomOf(asked("/a"))).toBe(1);
  });

  test("does not take what it excepts", () => {
    matching.learn(asked("/about"), "collection-drop");
    expect(matching.roomOf(asked("/about"))).toBe(-1);
  });

  test("remembers a bounded number of addresses, those that were learnt last", () => {
    for (let index = 0; index < 9000; index++) matching.learn(asked(`/p/${index}`), "collection-drop");
    expect(matching.roomOf(asked("/p/8999"))).toBe(0);
    expect(matching.roomOf(asked("/p/0"))).toBe(-1);
  });
});
