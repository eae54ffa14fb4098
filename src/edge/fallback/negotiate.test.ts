/** What a client would rather have: the cases of RFC 9110, 12.5, and what real browsers and programs send. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { chooseCoding, chooseForm } from "./negotiate.ts";
import type { Coding } from "./ports.ts";

const all: readonly Coding[] = ["br", "gzip", "identity"];

describe("the encoding", () => {
  test.each([
    ["gzip, deflate, br, zstd", "br"],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["br;q=0.2, gzip;q=0.9", "gzip"],
    ["BR;Q=1.0", "br"],
    ["*", "br"],
    ["*;q=0.5, br;q=0", "gzip"],
    ["identity", "identity"],
    ["", "identity"],
    ["compress", "identity"],
    ["br;q=0, gzip;q=0", "identity"],
    ["gzip;q=0.001", "gzip"],
    ["identity;q=0, gzip", "gzip"],
    [null, "identity"],
  ] as const)("%p is answered with %s", (given, expected) => {
    expect(chooseCoding(given, all)).toBe(expected);
  });

  test("none when the client refuses all that there is", () => {
    expect(chooseCoding("identity;q=0", ["identity"])).toBeUndefined();
    expect(chooseCoding("*;q=0", all)).toBeUndefined();
  });

  test("never one that was refused, whatever is sent", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom("br", "gzip", "identity", "zstd")), fc.string(), (refused, noise) => {
        const field = [...refused.map((name) => `${name};q=0`), noise.replace(/br|gzip|identity|zstd|\*/gi, "")].join(
          ",",
        );
        const chosen = chooseCoding(field, all);
        if (chosen !== undefined) expect(refused).not.toContain(chosen);
      }),
    );
  });
});

describe("the form of an error", () => {
  test.each([
    ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "html"],
    ["application/json", "json"],
    ["application/problem+json", "json"],
    ["application/json, text/plain, */*", "json"],
    ["application/json;q=0.5, text/html", "html"],
    ["text/html;q=0.5, application/problem+json;q=0.6", "json"],
    ["text/html;q=0, */*", "json"],
    ["text/*, application/json;q=0.9", "html"],
    ["application/json, */*;q=1", "json"],
    ["text/html, */*;q=1", "html"],
    ["image/avif,image/webp,image/png", "text"],
    ["text/css", "text"],
    ["*/*", "html"],
    [null, "html"],
  ] as const)("Accept %p gets %s", (accept, expected) => {
    expect(chooseForm(new Headers(accept === null ? {} : { accept }), "/products/lamp")).toBe(expected);
  });

  test("a script's fetch and one that sent JSON read JSON, a picture gets no page", () => {
    const anything = (more: Record<string, string>) => chooseForm(new Headers({ accept: "*/*", ...more }), "/");
    expect(anything({ "sec-fetch-dest": "empty" })).toBe("json");
    expect(anything({ "content-type": "application/vnd.api+json; charset=utf-8" })).toBe("json");
    expect(anything({ "sec-fetch-dest": "image" })).toBe("text");
    expect(anything({ "sec-fetch-dest": "document" })).toBe("html");
    expect(chooseForm(new Headers({ accept: "*/*" }), "/api/orders")).toBe("json");
    expect(chooseForm(new Headers({ accept: "text/html" }), "/api/orders")).toBe("html");
  });
});
