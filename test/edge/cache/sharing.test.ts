/** Nobody is ever shown what is another's, however requests are mixed and keys are forged. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { settled, startClocked } from "./harness.ts";

const keep = { "cache-control": "max-age=600" };

test("two logged-in shoppers are never mixed, whatever the shop says of its pages", async () => {
  const pages: Record<string, (person: string) => Record<string, string>> = {
    private: () => ({ "cache-control": "private, max-age=60" }),
    "private in a targeted field": () => ({ "cache-control": "max-age=60", "cdn-cache-control": "private" }),
    "no-store": () => ({ "cache-control": "no-store" }),
    "a cookie beside max-age": (person) => ({ "cache-control": "max-age=60", "set-cookie": `session=${person}` }),
    "a cookie beside s-maxage": (person) => ({ "cache-control": "s-maxage=60", "set-cookie": `session=${person}` }),
    "Vary: Cookie": () => ({ "cache-control": "max-age=60", vary: "Accept-Encoding, Cookie" }),
    "Vary: *": () => ({ "cache-control": "max-age=60", vary: "*" }),
    "nothing but a tag": (person) => ({ etag: `"${person}"` }),
    "nothing but a date": () => ({ "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT" }),
    "no-cache": (person) => ({ "cache-control": "no-cache", etag: `"${person}"` }),
    "max-age=0": (person) => ({ "cache-control": "max-age=0", etag: `"${person}"` }),
    "an unquoted no-cache of its cookie": (person) => ({
      "cache-control": "max-age=60, no-cache=x",
      "set-cookie": `a=${person}`,
    }),
  };
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.constantFrom(...Object.keys(pages)),
      fc.constantFrom("cookie", "authorization"),
      fc.array(fc.constantFrom("ada", "bob", "cyd"), { minLength: 2, maxLength: 12 }),
      async (scheduler, page, field, persons) => {
        const shop = startClocked(async ({ headers }) => {
          await scheduler.schedule(Promise.resolve());
          const person = headers.get(field) ?? "nobody";
          const fields = pages[page]?.(person) ?? {};
          if (fields.etag !== undefined && headers.get("if-none-match") === fields.etag) {
            return new Response(null, { status: 304, headers: fields });
          }
          return new Response(`of ${person}`, { headers: fields });
        });
        const asking = persons.map(async (person) => {
          await scheduler.schedule(Promise.resolve());
          const { headers, text } = await shop.ask("/account", { headers: { [field]: person } });
          expect(await text()).toBe(`of ${person}`);
          expect([null, `session=${person}`, `a=${person}`]).toContain(headers.get("set-cookie"));
        });
        await scheduler.waitIdle();
        await Promise.all(asking);
      },
    ),
    { numRuns: 400 },
  );
});

test("an answer to one with credentials is for everybody only when the origin says so", async () => {
  for (const [control, isShared] of [
    ["max-age=60", false],
    ["max-age=60, public", true],
    ["max-age=60, must-revalidate", true],
    ["s-maxage=60", true],
  ] as const) {
    const shop = startClocked(() => new Response("x", { headers: { "cache-control": control } }));
    await shop.ask("/", { headers: { authorization: "Bearer a" } });
    await shop.ask("/", { headers: { authorization: "Bearer b" } });
    await shop.ask("/");
    expect([control, shop.asked.length]).toEqual([control, isShared ? 1 : 3]);
  }
});

describe("cookies that an answer sets", () => {
  test("are kept with `public`, and by the RFC's letter when that is configured", async () => {
    for (const [control, setCookie, isKept] of [
      ["max-age=60", "public", false],
      ["public, max-age=60", "public", true],
      ["max-age=60", "explicit", true],
    ] as const) {
      const shop = startClocked(
        () => new Response("x", { headers: { "cache-control": control, "set-cookie": "a=1" } }),
        { setCookie },
      );
      await shop.ask("/");
      expect((await shop.ask("/")).headers.getSetCookie()).toEqual(["a=1"]);
      expect([control, shop.asked.length]).toEqual([control, isKept ? 1 : 2]);
    }
  });

  test("that are named in no-cache or private go to the one who asked, and the rest is kept", async () => {
    for (const control of ['max-age=60, no-cache="Set-Cookie"', 'max-age=60, private="set-cookie, X-Name"']) {
      const shop = startClocked(
        () =>
          new Response("x", {
            headers: { "cache-control": control, "set-cookie": "a=1", "x-name": "Ada", "x-other": "1" },
          }),
      );
      expect((await shop.ask("/")).headers.get("set-cookie")).toBe("a=1");
      const second = await shop.ask("/");
      expect([second.headers.get("set-cookie"), second.headers.get("x-other"), shop.asked.length]).toEqual([
        null,
        "1",
        1,
      ]);
    }
  });
});

describe("what is told apart", () => {
  const echo = () =>
    startClocked(
      ({ scheme, host, target, headers }) =>
        new Response(`${scheme}://${host}${target} ${headers.get("x-forwarded-host") ?? ""}`, { headers: keep }),
    );

  test("scheme, host, port, path and query, in any combination", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            scheme: fc.constantFrom("http" as const, "https" as const),
            host: fc.constantFrom("a", "a:80", "ab", "a.b", "s:a", "p:a"),
            target: fc.constantFrom("/", "//", "/b", "/b/", "/?b", "/b?", "/b?c=1", "/b?c=1&d", "/B", "/%62", "/a/b"),
          }),
          { maxLength: 30 },
        ),
        async (requests) => {
          const shop = echo();
          for (const { scheme, host, target } of requests) {
            const { text } = await shop.ask("/", { scheme, host: "x", exchange: { host, target } });
            expect(await text()).toBe(`${scheme}://${host}${target} `);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test("a GET with a body is neither answered from what is kept, nor kept", async () => {
    const shop = startClocked(
      ({ headers }) => new Response(headers.get("content-length") ?? "none", { headers: keep }),
    );
    await shop.ask("/", { headers: { "content-length": "5" } });
    expect(await (await shop.ask("/")).text()).toBe("none");
    expect(await (await shop.ask("/", { headers: { "content-length": "5" } })).text()).toBe("5");
    expect(shop.cache.stats().objects).toBe(1);
  });

  test("parameters that change nothing are neither in the key nor forwarded", async () => {
    const shop = startClocked(({ target }) => new Response(target, { headers: keep }), {
      queryIgnored: ["utm_*", "fbclid"],
    });
    for (const target of ["/a?utm_source=x&size=2", "/a?size=2&fbclid=1", "/a?size=2"]) {
      expect(await (await shop.ask(target)).text()).toBe("/a?size=2");
    }
    expect(await (await shop.ask("/a?utm_campaign=y")).text()).toBe("/a");
    expect(await (await shop.ask("/a?xutm_=1&fbclid2=2")).text()).toBe("/a?xutm_=1&fbclid2=2");
    expect(shop.asked.length).toBe(3);
  });
});

describe("Vary", () => {
  test("on a field with a thousand values keeps as many variants as configured, and answers all of them", async () => {
    const shop = startClocked(
      ({ headers }) => new Response(headers.get("user-agent"), { headers: { ...keep, vary: "User-Agent" } }),
      { variantsMax: 16 },
    );
    for (let agent = 0; agent < 1000; agent++) {
      expect(await (await shop.ask("/", { headers: { "user-agent": `agent ${agent}` } })).text()).toBe(
        `agent ${agent}`,
      );
    }
    expect(shop.cache.stats().objects).toBe(16);
  });

  test("that changes with each answer does not grow without bound", async () => {
    let count = 0;
    const shop = startClocked(() => new Response("", { headers: { ...keep, vary: `x-${count++}` } }), {
      variantsMax: 8,
    });
    for (let turn = 0; turn < 100; turn++) await shop.ask("/", { headers: { [`x-${turn}`]: "a" } });
    expect(shop.cache.stats().objects).toBeLessThanOrEqual(8);
  });

  test("an absent field differs from an empty one", async () => {
    const shop = startClocked(
      ({ headers }) => new Response(headers.has("x-a") ? "empty" : "absent", { headers: { ...keep, vary: "X-A" } }),
    );
    expect(await (await shop.ask("/")).text()).toBe("absent");
    expect(await (await shop.ask("/", { headers: { "x-a": "" } })).text()).toBe("empty");
  });
});

test("what a later stage writes into an answer is not in the next one", async () => {
  const shop = startClocked(() => new Response("x", { headers: keep }));
  await shop.ask("/");
  (await shop.ask("/")).headers.set("x-visitor", "ada");
  expect((await shop.ask("/")).headers.get("x-visitor")).toBeNull();
  await settled();
});
