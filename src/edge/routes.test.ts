/** Which route a request is of: the same as a slow and plain reading of the patterns, whatever spelling the path comes in. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { defaultRoutes } from "#contract/edge-config.ts";
import { covers, createRoutes, noRoute, type RouteSettings } from "./routes.ts";

const word = fc.constantFrom("a", "b", "cart", "checkout", "products", "x.y", "é");
const part = fc.oneof({ weight: 3, arbitrary: word }, { weight: 1, arbitrary: word.map((name) => `:${name}`) });
const pattern = fc
  .tuple(fc.array(part, { maxLength: 3 }), fc.constantFrom("", "/*", "/ca*", "/a*"))
  .map(([parts, rest]) => parts.map((one) => `/${one}`).join("") + rest || "/");
const route: fc.Arbitrary<RouteSettings> = fc.record(
  {
    pattern,
    class: fc.constantFrom("paying" as const, "cart" as const, "browsing" as const),
    methods: fc.uniqueArray(fc.constantFrom("GET", "POST", "HEAD"), { minLength: 1 }),
    challenge: fc.boolean(),
  },
  { requiredKeys: ["pattern", "class"] },
);
const path = fc
  .tuple(fc.array(fc.oneof(word, fc.constantFrom("cats", "zz")), { maxLength: 4 }), fc.boolean())
  .map(([parts, slash]) => parts.map((one) => `/${one}`).join("") + (slash || parts.length === 0 ? "/" : ""));

/** As one would say it: a regular expression for each pattern, tried in order. */
function oracle(routes: readonly RouteSettings[], method: string, given: string): RouteSettings | undefined {
  const plain = given.toLowerCase();
  return routes.find((candidate) => {
    const methods = candidate.methods ?? [method];
    if (!methods.includes(method) && !(method === "HEAD" && methods.includes("GET"))) return false;
    const source = candidate.pattern
      .replace(/[.]/g, "\\.")
      .replace(/\/:[^/]+/g, "/[^/]+")
      .replace(/\*$/, ".*");
    return new RegExp(`^${source}${candidate.pattern.endsWith("*") ? "" : "/?"}$`, "i").test(plain);
  });
}

describe("a path finds its route", () => {
  test("the first that fits, as a plain reading of the patterns has it, asked once or again", () => {
    fc.assert(
      fc.property(
        fc.array(route, { maxLength: 6 }),
        fc.array(fc.tuple(fc.constantFrom("GET", "HEAD", "POST", "PURGE"), path), { minLength: 1, maxLength: 20 }),
        (routes, asked) => {
          const match = createRoutes(routes);
          for (const [method, given] of [...asked, ...asked]) {
            const expected = oracle(routes, method, given);
            const found = match(method, given);
            expect(found.template).toBe(expected?.pattern ?? noRoute.template);
            expect(found.class).toBe(expected?.class ?? noRoute.class);
            expect(found.challenge).toBe(expected?.challenge ?? false);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("any other spelling of a path is of the same route", () => {
    const match = createRoutes(defaultRoutes);
    const spelt = (given: string, dice: readonly number[]): string =>
      [...given]
        .map((sign, index) => {
          const die = dice[index % dice.length] ?? 0;
          if (sign === "/") return die === 0 ? "//" : die === 1 ? "/./" : die === 2 && index > 0 ? "/x/../" : "/";
          if (die === 0) return sign.toUpperCase();
          return die === 1 ? `%${sign.charCodeAt(0).toString(16)}` : sign;
        })
        .join("");
    fc.assert(
      fc.property(
        fc.constantFrom("/checkout", "/checkout/pay", "/cart", "/api/orders", "/products/lamp", "/about"),
        fc.array(fc.nat({ max: 4 }), { minLength: 5, maxLength: 30 }),
        (given, dice) => {
          expect(match("GET", spelt(given, dice))).toBe(match("GET", given));
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    ["/Checkout", "/checkout"],
    ["//checkout", "/checkout"],
    ["/CHECKOUT/", "/checkout/*"],
    ["/%63heckout", "/checkout"],
    ["/x/%2e%2E/checkout", "/checkout"],
    ["/x\\..\\checkout", "/checkout"],
    ["/checkout%2Fpay", "/checkout/*"],
    ["/checkout;v=1", "/checkout"],
    ["/x/..;/checkout", "/checkout"],
    ["/;/Checkout;a/pay;b/", "/checkout/*"],
    ["/%2563heckout", "/*"],
    ["/products/", "/*"],
    ["/products/lamp/", "/products/:handle"],
    ["/%ff%zz%", "/*"],
    ["/", "/*"],
    ["*", "none"],
    ["", "none"],
  ])("%s is of %s", (given, template) => {
    expect(createRoutes(defaultRoutes)("GET", given).template).toBe(template);
  });

  test("a route for POST alone leaves GET to the next", () => {
    const match = createRoutes([
      { pattern: "/checkout", methods: ["POST"], class: "paying" },
      { pattern: "/checkout", methods: ["GET"], class: "cart" },
      { pattern: "/*", class: "browsing" },
    ]);
    const classes = ["POST", "GET", "HEAD", "DELETE"].map((method) => match(method, "/checkout").class);
    expect(classes).toEqual(["paying", "cart", "cart", "browsing"]);
  });

  test("a hundred thousand paths and methods find their route, and the first is still right", () => {
    const match = createRoutes([{ pattern: "/p/:id", methods: ["GET"], class: "product" }, ...defaultRoutes]);
    const first = match("GET", "/p/1");
    for (let index = 0; index < 100_000; index++) match(index % 3 === 0 ? `M${index}` : "GET", `/p/${index}`);
    expect(match("GET", "/p/1")).toBe(first);
    expect(match("BREW", "/p/1").template).toBe("/*");
  });
});

describe("a route that is never reached", () => {
  test("a route is called covered only if the earlier one takes all that it fits", () => {
    fc.assert(
      fc.property(
        route,
        route,
        fc.array(fc.tuple(fc.constantFrom("GET", "HEAD", "POST", "PUT"), path)),
        (a, b, asked) => {
          fc.pre(covers(a, b));
          for (const [method, given] of asked)
            if (oracle([b], method, given) !== undefined) expect(oracle([a], method, given)).toBe(a);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a route that is itself, or stands behind a wider one, is covered", () => {
    const of = (given: string, methods?: string[]): RouteSettings => ({
      pattern: given,
      class: "browsing",
      ...(methods === undefined ? {} : { methods }),
    });
    expect(covers(of("/*"), of("/cart"))).toBe(true);
    expect(covers(of("/products/:handle"), of("/products/lamp"))).toBe(true);
    expect(covers(of("/A"), of("/a", ["GET"]))).toBe(true);
    expect(covers(of("/a", ["GET"]), of("/a", ["HEAD"]))).toBe(true);
    expect(covers(of("/a", ["GET"]), of("/a"))).toBe(false);
    expect(covers(of("/a/:b"), of("/a/*"))).toBe(false);
    expect(covers(of("/a/*"), of("/a"))).toBe(false);
  });
});
