/** Which route answers an address: the plain before the patterned, decoded once, and never by half. */
import { describe, expect, test } from "bun:test";
import { createRouter, methodNotAllowed, type Route } from "./router.ts";

const route = (method: Route["method"], path: string): Route => ({ method, path, handler: () => new Response() });
const router = createRouter([
  route("GET", "/"),
  route("GET", "/orders/lookup"),
  route("POST", "/orders/lookup"),
  route("GET", "/orders/:number/:key"),
  route("POST", "/orders/:number/:key/cancel"),
  route("GET", "/products/:handle"),
  route("PUT", "/products/:handle"),
]);

const found = (method: string, path: string) => {
  const match = router.match(method, path);
  if (match === undefined) return "none";
  return "allow" in match ? `allow ${match.allow}` : [match.route.method, match.route.path, match.parameters];
};

describe("an address", () => {
  test("is answered by its own route before any pattern", () => {
    expect(found("GET", "/orders/lookup")).toEqual(["GET", "/orders/lookup", {}]);
    expect(found("GET", "/")).toEqual(["GET", "/", {}]);
  });

  test("gives its parts by name, decoded once", () => {
    expect(found("GET", "/orders/S1/abc")).toEqual(["GET", "/orders/:number/:key", { number: "S1", key: "abc" }]);
    expect(found("GET", "/products/a%20b%C3%A9")).toEqual(["GET", "/products/:handle", { handle: "a bé" }]);
    expect(found("GET", "/products/%2541")).toEqual(["GET", "/products/:handle", { handle: "%41" }]);
    expect(found("GET", "/products/a%2Fb")).toEqual(["GET", "/products/:handle", { handle: "a/b" }]);
    expect(found("GET", "/products/__proto__")).toEqual(["GET", "/products/:handle", { handle: "__proto__" }]);
  });

  for (const path of [
    "/products/",
    "/products",
    "/products/a/b",
    "/orders/S1",
    "//",
    "",
    "/products/%",
    "/products/%zz",
    "/products/%ff",
    "/products/%00",
    "/products/a%00",
    `/products/${"x".repeat(201)}`,
    "/Products/a",
  ]) {
    test(`"${path.slice(0, 30)}" is nobody's`, () => {
      expect(found("GET", path)).toBe("none");
    });
  }

  test("asked for its head is answered as when asked for", () => {
    expect(found("HEAD", "/products/a")).toEqual(["GET", "/products/:handle", { handle: "a" }]);
    expect(found("HEAD", "/orders/S1/x/cancel")).toBe("allow POST");
  });

  test("that does not take the method says which it takes", () => {
    expect(found("DELETE", "/products/a")).toBe("allow GET, PUT");
    expect(found("DELETE", "/orders/lookup")).toBe("allow GET, POST");
    expect(found("get", "/")).toBe("allow GET");
  });
});

test("a method that is not taken is a 405 with those that are", async () => {
  const response = methodNotAllowed("GET, POST");
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST"]);
  expect(await response.json()).toMatchObject({ code: "method_not_allowed", detail: "This address takes GET, POST." });
});
