/** A limit's routes are the paths that people mean, however they are written. */
import { expect, test } from "bun:test";
import { pathPattern } from "./path-pattern.ts";

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
  ["/Lämpchen", "/l%C3%A4mpchen", true],
])("%s means %s: %p", (pattern, path, expected) => {
  expect(pathPattern(pattern)(path)).toBe(expected);
});
