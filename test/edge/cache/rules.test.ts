/** The rules that the public suite does not ask about, on a clock that the test moves. Sections are RFC 9111's unless named. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { OriginError } from "#edge/ports.ts";
import { held, settled, startClocked } from "./harness.ts";

const answers =
  (headers: Record<string, string>, body = "x") =>
  () =>
    new Response(body, { headers });

describe("Cache-Status (RFC 9211)", () => {
  test("says what became of each request", async () => {
    let validates = false;
    const shop = startClocked(({ headers, method }) =>
      method !== "GET"
        ? new Response("")
        : validates && headers.has("if-none-match")
          ? new Response(null, { status: 304, headers: { etag: '"1"', "cache-control": "max-age=10" } })
          : new Response("x", { headers: { etag: '"1"', "cache-control": "max-age=10", vary: "X-A" } }),
    );
    const said = async (init?: RequestInit) => (await shop.ask("/", init)).cacheStatus;
    expect(await said()).toBe("Spillway; fwd=uri-miss; fwd-status=200; stored");
    shop.clock.ms += 4000;
    expect(await said()).toBe("Spillway; hit; ttl=6");
    expect(await said({ headers: { "x-a": "1" } })).toBe("Spillway; fwd=vary-miss; fwd-status=200; stored");
    expect(await said({ headers: { "cache-control": "no-cache" } })).toBe(
      "Spillway; fwd=request; fwd-status=200; stored",
    );
    validates = true;
    shop.clock.ms += 20_000;
    expect(await said()).toBe("Spillway; fwd=stale; fwd-status=304");
    expect(await said({ headers: { "cache-control": "only-if-cached" } })).toBe("Spillway; hit; ttl=10");
    expect(await said({ method: "POST" })).toBe("Spillway; fwd=method");
    expect(await said({ headers: { "cache-control": "only-if-cached" } })).toBe("Spillway; detail=only-if-cached");
  });

  test("comes after what a cache nearer to the origin said", async () => {
    const shop = startClocked(answers({ "cache-control": "max-age=10", "cache-status": "Inner; hit" }));
    expect((await shop.ask("/")).cacheStatus).toBe("Inner; hit, Spillway; fwd=uri-miss; fwd-status=200; stored");
    expect((await shop.ask("/")).cacheStatus).toBe("Inner; hit, Spillway; hit; ttl=10");
  });
});

describe("targeted fields (RFC 9213)", () => {
  test("Spillway's own goes before the CDN's, and that before the common one", async () => {
    for (const [headers, seconds] of [
      [
        { "spillway-cache-control": "max-age=30", "cdn-cache-control": "max-age=20", "cache-control": "max-age=10" },
        30,
      ],
      [{ "spillway-cache-control": "max-age=", "cdn-cache-control": "max-age=20", "cache-control": "max-age=10" }, 20],
      [{ "cdn-cache-control": "", "cache-control": "max-age=10" }, 10],
      [{ "cdn-cache-control": "s-maxage=5, max-age=50", "cache-control": "no-store" }, 5],
      [{ "cdn-cache-control": "No-Store", "cache-control": "max-age=10" }, undefined],
      [{ "cdn-cache-control": "max-age=10;x=1, stale-if-error=1.5", "cache-control": "no-store" }, 10],
    ] as const) {
      const shop = startClocked(answers(headers));
      await shop.ask("/");
      const { cacheStatus } = await shop.ask("/");
      expect([headers, /ttl=(\d+)/.exec(cacheStatus)?.[1]]).toEqual([headers, seconds?.toString()]);
    }
  });

  test("Spillway's own is not passed on, but outlives a 304 that does not repeat it", async () => {
    const shop = startClocked(({ headers }) =>
      headers.has("if-none-match")
        ? new Response(null, { status: 304, headers: { etag: '"1"' } })
        : new Response("x", {
            headers: { etag: '"1"', "spillway-cache-control": "max-age=10", "cache-control": "no-store" },
          }),
    );
    expect((await shop.ask("/")).headers.has("spillway-cache-control")).toBe(false);
    shop.clock.ms += 11_000;
    await shop.ask("/");
    expect((await shop.ask("/")).cacheStatus).toBe("Spillway; hit; ttl=10");
  });
});

describe("stale answers", () => {
  test("while one is fetched in the background, as long as the origin allows, and longer under pressure", async () => {
    let factor = 1;
    const shop = startClocked(
      async () => {
        await settled();
        return new Response(String(shop.asked.length), {
          headers: { "cache-control": "max-age=10, stale-while-revalidate=10" },
        });
      },
      {},
      { staleFactor: () => factor },
    );
    const after = async (ms: number) => {
      shop.clock.ms += ms;
      const body = await (await shop.ask("/")).text();
      await settled();
      await settled();
      return body;
    };
    expect(await after(0)).toBe("1");
    expect(await after(15_000)).toBe("1");
    expect(await after(0)).toBe("2");
    // Beyond the window nobody is served the old one.
    expect(await after(25_000)).toBe("3");
    factor = 2;
    expect(await after(25_000)).toBe("3");
  });

  test("when the origin fails or answers with an error, as long as the origin allows", async () => {
    let failing: "no" | "dead" | 503 | 404 = "no";
    const shop = startClocked(() => {
      if (failing === "dead") throw new OriginError("refused", false, "no");
      if (failing !== "no") return new Response("oops", { status: failing });
      return new Response("lamp", { headers: { "cache-control": "max-age=10, stale-if-error=60" } });
    });
    await shop.ask("/");
    shop.clock.ms += 30_000;
    for (failing of ["dead", 503] as const) {
      const { text, notes } = await shop.ask("/");
      expect([await text(), notes.cache]).toEqual(["lamp", "stale"]);
    }
    failing = 404;
    expect((await shop.ask("/")).status).toBe(404);
    failing = "dead";
    expect(
      await shop.ask("/").then(
        () => "answered",
        () => "failed",
      ),
    ).toBe("failed");
  });

  test("never where the answer forbids them, not even by configuration or pressure", async () => {
    for (const control of ["max-age=1, must-revalidate", "max-age=1, proxy-revalidate", "s-maxage=1", "no-cache"]) {
      let isDead = false;
      const shop = startClocked(
        () => {
          if (isDead) throw new OriginError("reset", true, "no");
          return new Response("x", { headers: { "cache-control": control, etag: '"1"' } });
        },
        { staleIfErrorSeconds: 3600, staleWhileRevalidateSeconds: 3600 },
        { staleFactor: () => 5 },
      );
      await shop.ask("/");
      isDead = true;
      shop.clock.ms += 5000;
      const outcome = await shop.ask("/", { headers: { "cache-control": "max-stale" } }).then(
        () => "served",
        () => "failed",
      );
      expect([control, outcome]).toEqual([control, "failed"]);
    }
  });

  test("with s-maxage when the same answer grants them by name", async () => {
    const shop = startClocked(answers({ "cache-control": "s-maxage=1, stale-while-revalidate=60" }));
    await shop.ask("/");
    shop.clock.ms += 5000;
    expect((await shop.ask("/")).notes.cache).toBe("stale");
  });
});

describe("early refresh", () => {
  test("of what is hot, once, before it is stale, and of nothing else", async () => {
    const shop = startClocked(answers({ "cache-control": "max-age=100" }), { earlyRefreshPercent: 90 });
    for (const target of ["/hot", "/cold"]) await shop.ask(target);
    for (let hit = 0; hit < 20; hit++) await shop.ask("/hot");
    shop.clock.ms += 91_000;
    for (let hit = 0; hit < 20; hit++) expect((await shop.ask("/hot")).notes.cache).toBe("hit");
    await shop.ask("/cold");
    await settled();
    expect(shop.asked.map(({ target }) => target)).toEqual(["/hot", "/cold", "/hot"]);
    expect((await shop.ask("/hot")).cacheStatus).toBe("Spillway; hit; ttl=100");
  });

  test("that fails is not tried again at once, and what is kept is still served", async () => {
    let isDead = false;
    const shop = startClocked(() => {
      if (isDead) throw new OriginError("refused", false, "no");
      return new Response("x", { headers: { "cache-control": "max-age=100" } });
    });
    for (let hit = 0; hit < 10; hit++) await shop.ask("/");
    isDead = true;
    shop.clock.ms += 95_000;
    for (let hit = 0; hit < 50; hit++) {
      expect(await (await shop.ask("/")).text()).toBe("x");
      await Promise.resolve();
    }
    expect(shop.asked.length).toBe(2);
  });
});

describe("a client's own wishes", () => {
  test("for something fresher reach the origin in quiet times, and wait under pressure", async () => {
    let factor = 1;
    const shop = startClocked(answers({ "cache-control": "max-age=100" }), {}, { staleFactor: () => factor });
    await shop.ask("/");
    for (factor of [1, 2]) {
      for (const headers of [
        { "cache-control": "no-cache" },
        { "cache-control": "max-age=0" },
        { pragma: "no-cache" },
        { "cache-control": "no-store" },
      ]) {
        shop.clock.ms += 1000;
        await shop.ask("/", { headers });
      }
    }
    expect(shop.asked.length).toBe(5);
  });

  test("only-if-cached asks nobody", async () => {
    const shop = startClocked(answers({}));
    const { status, text } = await shop.ask("/", { headers: { "cache-control": "only-if-cached" } });
    expect([status, shop.asked.length, (await text()).length > 0]).toEqual([504, 0, true]);
  });
});

describe("HEAD", () => {
  test("is answered from what GET left, with its length, and asks nobody", async () => {
    const shop = startClocked(answers({ "cache-control": "max-age=100", "x-a": "1" }, "hello"));
    await shop.ask("/");
    const { headers, text } = await shop.ask("/", { method: "HEAD" });
    expect([await text(), headers.get("content-length"), headers.get("x-a"), shop.asked.length]).toEqual([
      "",
      "5",
      "1",
      1,
    ]);
  });

  test("that brings another validator outdates what is kept; the same one freshens it (4.3.5)", async () => {
    let etag = '"1"';
    const shop = startClocked(
      ({ method }) =>
        new Response(method === "HEAD" ? null : "x", { headers: { etag, "cache-control": "max-age=10", "x-n": etag } }),
    );
    await shop.ask("/");
    shop.clock.ms += 11_000;
    await shop.ask("/", { method: "HEAD" });
    expect((await shop.ask("/")).cacheStatus).toBe("Spillway; hit; ttl=10");
    etag = '"2"';
    await shop.ask("/", { method: "HEAD", headers: { "cache-control": "no-cache" } });
    await shop.ask("/");
    expect(shop.asked.at(-1)?.headers.get("if-none-match")).toBe('"1"');
  });
});

describe("a 304", () => {
  test("about another representation is not believed: the origin is asked again without conditions (4.3.4)", async () => {
    const shop = startClocked(({ headers }) =>
      headers.has("if-none-match")
        ? new Response(null, { status: 304, headers: { etag: '"2"' } })
        : new Response(`body ${shop.asked.length}`, { headers: { etag: '"1"', "cache-control": "max-age=10" } }),
    );
    await shop.ask("/");
    shop.clock.ms += 11_000;
    expect(await (await shop.ask("/")).text()).toBe("body 3");
  });

  test("that no longer lets it be kept is still good for the one who asked", async () => {
    const shop = startClocked(({ headers }) =>
      headers.has("if-none-match")
        ? new Response(null, { status: 304, headers: { etag: '"1"', "cache-control": "private" } })
        : new Response("x", { headers: { etag: '"1"', "cache-control": "max-age=10" } }),
    );
    await shop.ask("/");
    shop.clock.ms += 11_000;
    expect(await (await shop.ask("/")).text()).toBe("x");
    expect(shop.cache.stats().objects).toBe(0);
  });
});

describe("parts of a whole", () => {
  const body = Array.from({ length: 100 }, (_, at) => String.fromCharCode(33 + (at % 90))).join("");
  const shopOf = (headers: Record<string, string> = {}) =>
    startClocked(answers({ "cache-control": "max-age=100", "content-type": "text/x", etag: '"1"', ...headers }, body));

  test("are what the range says of the whole, whatever is asked", async () => {
    const shop = shopOf();
    await shop.ask("/");
    const position = fc.integer({ min: 0, max: 120 });
    const range = fc.oneof(
      fc.tuple(position, position).map(([first, last]) => `${first}-${last}`),
      position.map((first) => `${first}-`),
      position.map((length) => `-${length}`),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 4 }), async (ranges) => {
        const { status, headers, text } = await shop.ask("/", { headers: { range: `bytes=${ranges.join(",")}` } });
        const got = await text();
        if (status === 200) expect(got).toBe(body);
        else if (status === 416) expect(headers.get("content-range")).toBe("bytes */100");
        else {
          expect(status).toBe(206);
          const boundary = /boundary=(.*)/.exec(headers.get("content-type") ?? "")?.[1];
          const parts =
            boundary === undefined
              ? [{ range: headers.get("content-range") ?? "", bytes: got }]
              : got
                  .split(`\r\n--${boundary}`)
                  .slice(1, -1)
                  .map((part) => ({
                    range: /Content-Range: (.*)\r\n/.exec(part)?.[1] ?? "",
                    bytes: part.slice(part.indexOf("\r\n\r\n") + 4),
                  }));
          for (const part of parts) {
            const [, first = "", last = ""] = /^bytes (\d+)-(\d+)\/100$/.exec(part.range) ?? [];
            expect(part.bytes).toBe(body.slice(Number(first), Number(last) + 1));
            expect(part.bytes.length).toBe(Number(last) - Number(first) + 1);
          }
        }
      }),
    );
    expect(shop.asked.length).toBe(1);
  });

  test("are sent only of the representation that If-Range names", async () => {
    const shop = shopOf({ "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT" });
    await shop.ask("/");
    for (const [condition, status] of [
      ['"1"', 206],
      ['W/"1"', 200],
      ['"2"', 200],
      ["Mon, 01 Jan 2024 00:00:00 GMT", 206],
      ["Tue, 02 Jan 2024 00:00:00 GMT", 200],
    ] as const) {
      const answer = await shop.ask("/", { headers: { range: "bytes=0-1", "if-range": condition } });
      expect([condition, answer.status]).toEqual([condition, status]);
    }
  });

  test("of nothing that is kept come from the origin, and are not taken for the whole", async () => {
    const shop = startClocked(({ headers }) =>
      headers.has("range")
        ? new Response("ab", {
            status: 206,
            headers: { "content-range": "bytes 0-1/4", "cache-control": "max-age=100" },
          })
        : new Response("abcd", { headers: { "cache-control": "max-age=100" } }),
    );
    expect((await shop.ask("/", { headers: { range: "bytes=0-1" } })).status).toBe(206);
    expect(await (await shop.ask("/")).text()).toBe("abcd");
  });
});

describe("compressed forms", () => {
  const text = "lamp ".repeat(400);
  const compressed: string[] = [];
  const shopOf = (headers: Record<string, string> = {}, given: Parameters<typeof startClocked>[1] = {}) => {
    compressed.length = 0;
    return startClocked(
      answers({ "cache-control": "max-age=100", "content-type": "text/html", etag: '"1"', ...headers }, text),
      given,
      {
        compress: async (bytes, coding) => {
          compressed.push(coding);
          return new TextEncoder().encode(`${coding}:${bytes.length}`);
        },
      },
    );
  };
  /** Hot enough, and time to make them. */
  const warm = async (shop: ReturnType<typeof shopOf>, accept: string) => {
    for (let hit = 0; hit < 5; hit++) await shop.ask("/", { headers: { "accept-encoding": accept } });
    await settled();
    return await shop.ask("/", { headers: { "accept-encoding": accept } });
  };

  test("are made once, and sent to those who take them by their weights", async () => {
    const shop = shopOf();
    for (const [accept, coding] of [
      ["gzip, deflate, br, zstd", "br"],
      ["gzip, br;q=0.5", "gzip"],
      ["zstd;q=0.9, gzip;q=0.2", "zstd"],
      ["*", "br"],
      ["br;q=0, *;q=0.1", "zstd"],
      ["deflate", null],
      ["identity, gzip;q=0.5", null],
      ["gzip;q=0", null],
    ] as const) {
      const answer = await warm(shop, accept);
      expect([accept, answer.headers.get("content-encoding")]).toEqual([accept, coding]);
      expect(await answer.text()).toBe(coding === null ? text : `${coding}:2000`);
      // Weak: it is not the same bytes. And caches further on are told.
      expect(answer.headers.get("etag")).toBe(coding === null ? '"1"' : 'W/"1"');
      expect(answer.headers.get("vary")).toBe("Accept-Encoding");
    }
    expect([compressed.toSorted(), shop.asked.length]).toEqual([["br", "gzip", "zstd"], 1]);
    const known = await shop.ask("/", { headers: { "accept-encoding": "br", "if-none-match": 'W/"1"' } });
    expect(known.status).toBe(304);
    const part = await shop.ask("/", { headers: { "accept-encoding": "br", range: "bytes=0-3" } });
    expect([part.headers.get("content-encoding"), await part.text()]).toEqual([null, "lamp"]);
  });

  test("are not made of what is compressed, must not be changed, is no text, or when switched off", async () => {
    for (const [headers, given] of [
      [{ "content-encoding": "gzip" }, {}],
      [{ "cache-control": "max-age=100, no-transform" }, {}],
      [{ "content-type": "image/jpeg" }, {}],
      [{ "content-digest": "sha-256=:AA==:" }, {}],
      [{}, { compress: false }],
    ] as const) {
      const shop = shopOf(headers, given);
      await warm(shop, "br");
      expect([headers, compressed.length]).toEqual([headers, 0]);
    }
  });

  test("outlive a 304", async () => {
    const shop = shopOf();
    await warm(shop, "br");
    const revalidating = startClocked(
      ({ headers }) =>
        headers.has("if-none-match")
          ? new Response(null, { status: 304, headers: { etag: '"1"', "cache-control": "max-age=100" } })
          : new Response(text, {
              headers: { etag: '"1"', "cache-control": "max-age=100", "content-type": "text/html" },
            }),
      {},
      {
        compress: async (_bytes, coding) => {
          compressed.push(coding);
          return new TextEncoder().encode(coding);
        },
      },
    );
    compressed.length = 0;
    await warm(revalidating, "br");
    revalidating.clock.ms += 200_000;
    await revalidating.ask("/");
    expect(
      (await revalidating.ask("/", { headers: { "accept-encoding": "br" } })).headers.get("content-encoding"),
    ).toBe("br");
    expect(compressed).toEqual(["br"]);
  });
});

test("memory never exceeds its bound, whatever comes in which order and size", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          page: fc.integer({ min: 0, max: 60 }),
          size: fc.integer({ min: 0, max: 6000 }),
          tags: fc.integer({ min: 0, max: 20 }),
          purge: fc.boolean(),
        }),
        { minLength: 20, maxLength: 120 },
      ),
      async (steps) => {
        let step = steps[0];
        const shop = startClocked(
          () =>
            new Response("x".repeat(step?.size ?? 0), {
              headers: {
                "cache-control": "max-age=100",
                "surrogate-key": Array.from({ length: step?.tags ?? 0 }, (_, at) => `tag${at}`).join(" "),
              },
            }),
          { maxBytes: 60_000, objectMaxBytes: 5000 },
        );
        for (step of steps) {
          await shop.ask(`/${step.page}`);
          expect(shop.cache.stats().bytes).toBeLessThanOrEqual(60_000);
          if (step.purge) shop.cache.purge({ tags: [`tag${step.tags}`] });
        }
        shop.cache.purge({ all: true });
        expect([shop.cache.stats().bytes, shop.cache.stats().objects]).toEqual([0, 0]);
      },
    ),
    { numRuns: 40 },
  );
});

test("bodies on their way count as memory, and give it back", async () => {
  const end = held();
  const shop = startClocked(
    () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new Uint8Array(40_000));
            await end.promise;
            controller.close();
          },
        }),
        { headers: { "cache-control": "max-age=100" } },
      ),
    { maxBytes: 100_000, objectMaxBytes: 50_000 },
  );
  const coming = await Promise.all(Array.from({ length: 10 }, async (_, at) => await shop.ask(`/${at}`)));
  await settled();
  expect(shop.cache.stats().bytes).toBeLessThanOrEqual(50_000);
  end.keep();
  for (const { answer } of coming) expect((await answer.arrayBuffer()).byteLength).toBe(40_000);
  await settled();
  expect(shop.cache.stats().objects).toBe(1);
});
