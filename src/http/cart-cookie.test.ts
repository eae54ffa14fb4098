/** The cart's cookie: found among others, believed only with its signature, and set so that no script and no other site has it. */
import { describe, expect, test } from "bun:test";
import { createSigner } from "#adapters/system/signer.ts";
import { cartCookies, cartId, cookie } from "./cart-cookie.ts";

const signer = createSigner(new Uint8Array(32).fill(7));
const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
const request = (header?: string) =>
  new Request("http://shop.test/", header === undefined ? {} : { headers: { cookie: header } });
const signed = (origin = "http://shop.test") => cartCookies({ signer, origin }, id, 3);

describe("a cookie", () => {
  const read: readonly (readonly [header: string | undefined, value: string | undefined])[] = [
    ["a=1", "1"],
    ["b=2; a=1", "1"],
    ["a=1; a=2", "1"],
    [" a = 1 ;b=2", "1"],
    ["ba=1; ab=2", undefined],
    ["a", undefined],
    ["a=", ""],
    ["a=b=c", "b=c"],
    ["A=1", undefined],
    ["=a; ;;", undefined],
    [undefined, undefined],
  ];
  for (const [header, value] of read) {
    test(`in "${header}" is ${value === undefined ? "not there" : `"${value}"`}`, () => {
      expect(cookie(request(header), "a")).toBe(value as string);
    });
  }
});

describe("the cart", () => {
  const value = signed()[0]?.split(";")[0] as string;

  test("is known by the cookie that was set for it", () => {
    expect(cartId({ signer }, request(value))).toBe(id);
    expect(cartId({ signer }, request(`other=1; ${value}; cart_count=3`))).toBe(id);
  });

  test("is unknown by any other", () => {
    const [, signature] = value.split(".") as [string, string];
    for (const forged of [
      `spillway_cart=${id}`,
      `spillway_cart=${id}.`,
      `spillway_cart=${id}.${signature.slice(1)}A`,
      `spillway_cart=${id.replace("0", "1")}.${signature}`,
      `spillway_cart=${id.toUpperCase()}.${signature}`,
      `spillway_cart=${id}.${createSigner(new Uint8Array(32)).sign(`cart ${id}`)}`,
      `spillway_cart=${id}.${signer.sign(id)}`,
      `spillway_cart=${"-".repeat(36)}.${signature}`,
      "spillway_cart=undefined",
      `Spillway_Cart=${id}.${signature}`,
    ]) {
      expect([forged, cartId({ signer }, request(forged))]).toEqual([forged, undefined]);
    }
  });

  test("is set out of reach of scripts and other sites, beside a count that pages may read", () => {
    const [cart, count] = signed();
    expect(cart).toEndWith("; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax");
    expect(count).toBe("cart_count=3; Path=/; Max-Age=7776000; SameSite=Lax");
    for (const line of signed("https://shop.example")) expect(line).toEndWith("; Secure");
  });
});
