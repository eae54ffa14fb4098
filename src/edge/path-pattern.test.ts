/** A pattern is for the paths that people mean, however they are written. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { defaultRoutes } from "#contract/edge-config.ts";
import { guardPattern, pathPattern, patternComplaint, plainPath } from "./path-pattern.ts";

test.each([
  ["/", "/", true],
  ["/", "//", true],
  ["/", "/a", false],
  ["/*", "/", true],
  ["/*", "/a/b", true],
  ["/api/*", "/api/", true],
  ["/api/*", "/api/orders/7", true],
  ["/api/*", "/api", true],
  ["/api/*", "/apis/x", false],
  ["/checkout", "/checkout", true],
  ["/checkout", "/checkout/", true],
  ["/checkout", "/checkout/x", false],
  ["/checkout", "/checkou", false],
  ["/checkout", "/CheckOut", true],
  ["/checkout", "/%63heckout", true],
  ["/checkout", "/%43heckout", true],
  ["/checkout", "///checkout//", true],
  ["/checkout", "/checkout%", false],
  ["/products/:handle", "/products/lamp", true],
  ["/products/:handle", "/products/", false],
  ["/products/:handle", "/products", false],
  ["/products/:handle", "/products/lamp/reviews", false],
  ["/products/:handle/reviews", "/products/l%C3%A4mpchen/reviews", true],
  ["/checkout", "/x/../checkout", true],
  ["/checkout", "/checkout;v=1", true],
  ["/checkout/*", "/checkout/../cart", true],
  ["/img-*", "/img-1/a", true],
  ["/img-*", "/img", false],
  ["/checkout/", "/checkout", true],
  ["/caf%C3%A9", "/café", true],
  ["/Lämpchen", "/l%C3%A4mpchen", true],
])("a guard of %s is one of %s: %p", (pattern, path, expected) => {
  expect(guardPattern(pattern).mayBe(path)).toBe(expected);
});

test("what is left open is open only where any origin would read it so", () => {
  const help = guardPattern("/checkout/help");
  expect([help.mustBe("/Checkout//help/"), help.mustBe("/checkout/x/../help")]).toEqual([true, false]);
  expect([help.mayBe("/checkout/x/../help"), help.mayBe("/checkout/help/../pay")]).toEqual([true, false]);
});

test("a route leaves the path without its rest to another route, a guard does not", () => {
  const asked = ["/cart", "/cart/", "/cart/add", "/carts"];
  expect(asked.map(pathPattern("/cart/*"))).toEqual([false, true, true, false]);
  expect(asked.map(guardPattern("/cart/*").mayBe)).toEqual([true, true, true, false]);
});

describe("a path made plain", () => {
  test("is plain: made plain again it does not change, unless a sign was encoded twice", () => {
    const messy = fc
      .array(fc.constantFrom("/", "//", "a", "B", "..", ".", "%41", "%2f", "\\", "é", ";v"))
      .map((all) => `/${all.join("")}`);
    fc.assert(
      fc.property(messy, (given) => {
        const plain = plainPath(given);
        expect(plainPath(plain)).toBe(plain);
        expect(plain.startsWith("/")).toBe(true);
        expect(plain).not.toMatch(/\/\/|\\|\/\.{1,2}(\/|$)|[A-Z]/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("patterns that cannot be meant", () => {
  test.each([
    "products",
    "/a?b",
    "/a;b",
    "/a b",
    "/*/a",
    "/a*b",
    "/:name*",
    "/:",
    "//a",
    "/a/../b",
    "/cart/",
    "/caf%C3%A9",
  ])("%s is complained of", (given) => {
    expect(patternComplaint(given)).toBeString();
  });

  test("of those in use nothing is said", () => {
    expect(defaultRoutes.flatMap(({ pattern: given }) => patternComplaint(given) ?? [])).toEqual([]);
    expect(["/", "/*", "/caf\u00e9", "/img-*", "/a/:b/c/*"].flatMap((given) => patternComplaint(given) ?? [])).toEqual(
      [],
    );
  });
});
