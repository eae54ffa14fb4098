/** A change is seen by everybody who asks after it: purges by tag, address, prefix and all, hard and soft, in any order with what is under way. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { held, settled, startClocked } from "./harness.ts";

const keep = { "cache-control": "max-age=600" };

function shopOfPages(given: Parameters<typeof startClocked>[1] = {}) {
  let price = 1;
  const shop = startClocked(
    ({ target }) =>
      new Response(`${target} ${price}`, {
        headers: { ...keep, "surrogate-key": `page price${target.length}`, "cache-tag": "all, shop,two words" },
      }),
    given,
  );
  return { ...shop, change: () => (price += 1) };
}

describe("a purge", () => {
  for (const [name, request, met] of [
    ["by surrogate key", { tags: ["page"] }, 3],
    ["by cache tag", { tags: ["two words"] }, 3],
    ["by several tags, each object once", { tags: ["page", "shop"] }, 3],
    ["by address", { url: "http://shop.example/a" }, 1],
    ["by address of another scheme", { url: "https://shop.example/a" }, 1],
    ["by path, whatever the host", { url: "/a" }, 1],
    ["by prefix", { prefix: "http://shop.example/b/" }, 2],
    ["of everything", { all: true }, 3],
    ["of what is not there", { tags: ["none"], url: "/none", prefix: "/none" }, 0],
  ] as const) {
    test(`${name} meets what it names`, async () => {
      const shop = shopOfPages();
      for (const target of ["/a", "/b/1", "/b/2"]) await shop.ask(target);
      shop.change();
      expect(shop.cache.purge(request)).toBe(met);
      const asked = shop.asked.length;
      for (const target of ["/a", "/b/1", "/b/2"]) await shop.ask(target);
      expect(shop.asked.length - asked).toBe(met);
    });
  }

  test("tags are not shown to clients", async () => {
    const shop = shopOfPages();
    for (let turn = 0; turn < 2; turn++) {
      const { headers } = await shop.ask("/a");
      expect([headers.get("surrogate-key"), headers.get("cache-tag")]).toEqual([null, null]);
    }
  });
});

describe("an answer that was asked for before a purge", () => {
  for (const [name, request] of [
    ["by tag", { tags: ["lamp"] }],
    ["by address", { url: "/lamp" }],
    ["by prefix", { prefix: "/la" }],
    ["of everything", { all: true }],
  ] as const) {
    test(`is not kept after it: ${name}`, async () => {
      const go = held();
      let price = "old";
      const shop = startClocked(async () => {
        const mine = price;
        if (mine === "old") await go.promise;
        return new Response(mine, { headers: { ...keep, "surrogate-key": "lamp" } });
      });
      const before = shop.ask("/lamp");
      await settled();
      price = "new";
      shop.cache.purge(request);
      // Nor is it joined: who asks now has the new price.
      expect(await (await shop.ask("/lamp")).text()).toBe("new");
      go.keep();
      expect(await (await before).text()).toBe("old");
      expect(await (await shop.ask("/lamp")).text()).toBe("new");
      expect(shop.asked.length).toBe(2);
    });
  }

  test("is not kept when the purge comes while its body does", async () => {
    const end = held();
    let count = 0;
    const shop = startClocked(() => {
      count += 1;
      const mine = `price ${count}`;
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode(mine));
            await end.promise;
            controller.close();
          },
        }),
        { headers: { ...keep, "cache-tag": "lamp" } },
      );
    });
    const first = await shop.ask("/lamp");
    shop.cache.purge({ tags: ["another"] });
    const joined = await shop.ask("/lamp");
    shop.cache.purge({ tags: ["lamp"] });
    const second = await shop.ask("/lamp");
    end.keep();
    expect([await first.text(), await joined.text(), await second.text()]).toEqual(["price 1", "price 1", "price 2"]);
    await settled();
    expect(await (await shop.ask("/lamp")).text()).toBe("price 2");
  });

  test("is kept, but not as fresh, after a soft purge", async () => {
    const go = held();
    const shop = startClocked(async () => {
      await go.promise;
      return new Response("lamp", { headers: { ...keep, etag: '"1"', "cache-tag": "lamp" } });
    });
    const before = shop.ask("/");
    await settled();
    shop.cache.purge({ tags: ["lamp"], soft: true });
    go.keep();
    await before;
    await shop.ask("/");
    expect(shop.asked.map(({ headers }) => headers.get("if-none-match"))).toEqual([null, '"1"']);
  });
});

describe("a soft purge in a storm", () => {
  test("serves what was there to everybody while one asks", async () => {
    const go = held();
    let price = 1;
    const shop = startClocked(async () => {
      const mine = price;
      if (mine > 1) await go.promise;
      return new Response(`price ${mine}`, {
        headers: { "cache-control": "max-age=60, stale-while-revalidate=60", "cache-tag": "lamp" },
      });
    });
    await shop.ask("/");
    price = 2;
    for (let turn = 0; turn < 5; turn++) {
      expect(shop.cache.purge({ tags: ["lamp"], soft: true })).toBe(1);
      const answers = await Promise.all(Array.from({ length: 100 }, async () => await (await shop.ask("/")).text()));
      expect(new Set(answers)).toEqual(new Set(["price 1"]));
    }
    // The first refresh began before the later purges: what it brings is outdated at once, and asked for again.
    expect(shop.asked.length).toBe(2);
    go.keep();
    await settled();
    shop.clock.ms += 2000;
    await shop.ask("/");
    await settled();
    expect(await (await shop.ask("/")).text()).toBe("price 2");
    expect(shop.asked.length).toBe(3);
  });

  test("without stale-while-revalidate everybody waits for the one who asks", async () => {
    let price = 1;
    const shop = startClocked(async () => {
      await settled();
      return new Response(`price ${price}`, { headers: { ...keep, "cache-tag": "lamp" } });
    });
    await shop.ask("/");
    price = 2;
    shop.cache.purge({ all: true, soft: true });
    const answers = await Promise.all(Array.from({ length: 100 }, async () => await (await shop.ask("/")).text()));
    expect([new Set(answers), shop.asked.length]).toEqual([new Set(["price 2"]), 2]);
  });
});

test("whatever is purged and asked in whatever order, nobody sees a price that was purged before they asked", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(
        fc.oneof(
          fc.record({ do: fc.constant("ask" as const), page: fc.integer({ min: 0, max: 2 }) }),
          fc.record({ do: fc.constant("change" as const), page: fc.integer({ min: 0, max: 2 }), soft: fc.boolean() }),
        ),
        { minLength: 1, maxLength: 25 },
      ),
      async (scheduler, steps) => {
        const prices = [0, 0, 0];
        const shop = startClocked(async ({ target }) => {
          const page = Number(target.slice(1));
          await scheduler.schedule(Promise.resolve(), `origin reads ${page}`);
          const price = prices[page];
          await scheduler.schedule(Promise.resolve(), `origin answers ${page}`);
          return new Response(String(price), { headers: { ...keep, "cache-tag": `page${page}` } });
        });
        const asking: Promise<void>[] = [];
        for (const step of steps) {
          void scheduler.schedule(Promise.resolve(), step.do).then(() => {
            if (step.do === "change") {
              prices[step.page] = (prices[step.page] ?? 0) + 1;
              shop.cache.purge({ tags: [`page${step.page}`], soft: step.soft });
              return;
            }
            const known = prices[step.page] ?? 0;
            asking.push(
              shop
                .ask(`/${step.page}`)
                .then(async ({ text }) => expect(Number(await text())).toBeGreaterThanOrEqual(known)),
            );
          });
        }
        await scheduler.waitIdle();
        await Promise.all(asking);
      },
    ),
    { numRuns: 150 },
  );
});

describe("an unsafe method", () => {
  test("makes its address, and those it names on the same host, forgotten; not when it failed", async () => {
    let status = 500;
    const shop = startClocked(({ method }) =>
      method === "GET"
        ? new Response("x", { headers: keep })
        : new Response("", {
            status,
            headers: { location: "/made", "content-location": "http://elsewhere.example/other" },
          }),
    );
    const read = async () => {
      const before = shop.asked.length;
      for (const target of ["/a", "/made", "/other"]) await shop.ask(target);
      return shop.asked.length - before;
    };
    await read();
    await shop.ask("/a", { method: "POST", body: "x" });
    expect(await read()).toBe(0);
    status = 201;
    await shop.ask("/a", { method: "M-SEARCH", body: "x" });
    expect(await read()).toBe(2);
  });

  test("forgets the groups it names, of its own origin only (RFC 9875)", async () => {
    const shop = startClocked(({ method }) =>
      method === "GET"
        ? new Response("x", { headers: { ...keep, "cache-groups": '"scripts", "all";x' } })
        : new Response("", { headers: { "cache-group-invalidation": '"scripts"' } }),
    );
    for (const host of ["shop.example", "other.example"]) await shop.ask("/a", { host });
    // A safe method cannot invalidate, whatever it says.
    await shop.ask("/b", { method: "PUT", body: "x" });
    for (const host of ["shop.example", "other.example"]) await shop.ask("/a", { host });
    expect(shop.asked.length).toBe(4);
  });
});
