/** Who may ask how often, and what everybody is told about it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createSigner } from "#adapters/system/signer.ts";
import { Limits as LimitsSettings } from "#contract/edge-config.ts";
import { countingMeter, type ExchangeOptions, exchangeOf, settingsOf } from "../../../test/kit/exchange.ts";
import type { Next } from "../exchange.ts";
import { createLimits, type Limits, withFields } from "./limits.ts";

const signer = createSigner(new Uint8Array(32).fill(7));
let ids = 0;

function limitsOf(given: unknown): Limits & { ask: (options?: ExchangeOptions, next?: Next) => Promise<Response> } {
  const limits = createLimits(settingsOf(LimitsSettings, given), {
    signer,
    newId: () => `id-${String(++ids).padStart(20, "0")}`,
    seed: [123, 456],
    meter: countingMeter(),
  });
  const ok: Next = () => new Response("ok");
  return Object.assign(limits, {
    ask: async (options?: ExchangeOptions, next: Next = ok) => await limits.stage(exchangeOf(options), next),
  });
}

const policy = (more: object) => ({ name: "one", by: "address", perSecond: 1, burst: 2, ...more });
const at = (ms: number): number => 1_795_000_000_000 + ms;
const statuses = async (answers: readonly Promise<Response>[]): Promise<number[]> =>
  (await Promise.all(answers)).map(({ status }) => status);

describe("a limit by address", () => {
  test("lets the burst through, refuses the next one, and lets it in when it said", async () => {
    const { ask } = limitsOf({ policies: [policy({})] });
    expect(await statuses([ask(), ask(), ask()])).toEqual([200, 200, 429]);
    const refused = await ask({ headers: { accept: "application/json" } });
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await statuses([ask({ atMs: at(999) }), ask({ atMs: at(1000) }), ask({ atMs: at(1001) })])).toEqual([
      429, 200, 429,
    ]);
  });

  test("counts other addresses apart, and all addresses of an IPv6 /64 as one", async () => {
    const { ask } = limitsOf({ policies: [policy({ burst: 1 })] });
    const of = (address: string) => ask({ address });
    expect(
      await statuses([
        of("192.0.2.1"),
        of("192.0.2.2"),
        of("::ffff:192.0.2.1"),
        of("2001:db8::1"),
        of("2001:db8::2"),
        of("2001:db8:0:1::1"),
      ]),
    ).toEqual([200, 200, 429, 200, 429, 200]);
  });

  test("is itself again soon after the clock was set back by an hour", async () => {
    const { ask } = limitsOf({ policies: [policy({})] });
    await ask({ atMs: at(3_600_000) });
    const every = await statuses(Array.from({ length: 5 }, (_, i) => ask({ atMs: at(i * 1000) })));
    expect(every).toEqual([429, 200, 200, 200, 200]);
  });

  test("leaves the answer as it is: the very same object, found without waiting for anything", () => {
    const limits = limitsOf({});
    const prepared = new Response("kept");
    expect(limits.stage(exchangeOf(), () => prepared)).toBe(prepared);
    expect([...prepared.headers.keys()]).toEqual([]);
  });
});

describe("several limits", () => {
  const policies = [
    policy({ name: "many", perSecond: 10, burst: 10 }),
    policy({ name: "few", by: "route", perSecond: 1, burst: 1, routes: ["/checkout"], methods: ["POST"] }),
  ];

  test("must all let a request pass, and one that is refused takes from none of them", async () => {
    const { ask } = limitsOf({ policies });
    const order = { path: "/checkout", method: "POST", route: { template: "/checkout" } };
    expect(await statuses([ask(order), ask(order), ask(order), ask(order)])).toEqual([200, 429, 429, 429]);
    // One of ten is gone and not four.
    expect(await statuses(Array.from({ length: 10 }, () => ask()))).toEqual([...Array<number>(9).fill(200), 429]);
  });

  test("apply only to the routes and methods they name, however the path is written", async () => {
    for (const path of ["/checkout", "/Checkout", "/%63heckout", "//checkout", "/checkout/"]) {
      const { ask } = limitsOf({ policies });
      const order = { path: "/checkout", method: "POST" };
      expect(
        await statuses([
          ask(order),
          ask({ path, method: "POST" }),
          ask({ path }),
          ask({ path: "/checkouts", method: "POST" }),
        ]),
      ).toEqual([200, 429, 200, 200]);
    }
  });

  test("decide for any mix of requests as separate counts by plain maps would", () => {
    const rules = [
      { name: "a", by: "address", perSecond: 5, burst: 3 },
      { name: "t", by: "token", perSecond: 2, burst: 2 },
      { name: "r", by: "route", perSecond: 20, burst: 6 },
    ] as const;
    const request = fc.record({
      address: fc.nat(3),
      token: fc.option(fc.nat(2)),
      route: fc.nat(1),
      gapMs: fc.nat(300),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 200 }), (requests) => {
        const limits = limitsOf({ policies: rules });
        const tokens = new Map<string, { level: number; atMs: number }>();
        let now = 0;
        for (const { address, token, route, gapMs } of requests) {
          now += gapMs;
          const keys = rules.flatMap((rule) => {
            if (rule.by === "token" && token === null) return [];
            const key = `${rule.name} ${rule.by === "address" ? address : rule.by === "token" ? token : route}`;
            const { level, atMs } = tokens.get(key) ?? { level: rule.burst * 1000, atMs: now };
            const filled = Math.min(rule.burst * 1000, level + (now - atMs) * rule.perSecond);
            return [{ key, level: filled }];
          });
          const passes = keys.every(({ level }) => level >= 1000);
          for (const { key, level } of keys) tokens.set(key, { level: passes ? level - 1000 : level, atMs: now });
          const answer = limits.stage(
            exchangeOf({
              address: `192.0.2.${address}`,
              atMs: at(now),
              headers: token === null ? {} : { authorization: `Bearer ${token}` },
              route: { template: `/${route}` },
            }),
            () => new Response(),
          );
          expect((answer as Response).status).toBe(passes ? 200 : 429);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("what a client is told", () => {
  const policies = [
    policy({ name: "burst", perSecond: 2, burst: 4 }),
    policy({ name: "api", by: "token", perSecond: 50, burst: 200 }),
  ];
  const headers = { authorization: "Bearer secret" };

  test("a program with a token reads on every answer what is left to it", async () => {
    const { ask } = limitsOf({ policies });
    const answer = await ask({ headers });
    expect(answer.headers.get("ratelimit-policy")).toBe('"burst";q=4;w=2, "api";q=200;w=4');
    expect(answer.headers.get("ratelimit")).toBe('"burst";r=3;t=1, "api";r=199;t=1');
    expect(await answer.text()).toBe("ok");
  });

  test("a refused program reads problem details that name the limit", async () => {
    const { ask } = limitsOf({ policies });
    for (let i = 0; i < 4; i++) await ask({ headers });
    const refused = await ask({ headers: { ...headers, accept: "application/json" } });
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(refused.headers.get("cache-control")).toBe("no-store");
    expect(refused.headers.get("ratelimit")).toBe('"burst";r=0;t=1, "api";r=196;t=1');
    expect(await refused.json()).toEqual({
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      title: "Too many requests",
      status: 429,
      detail: "More requests came from you than can be answered. Please wait a second and try again.",
      "violated-policies": ["burst"],
    });
  });

  test("a refused person reads a page, with a link only where following it repeats the request", async () => {
    const { ask } = limitsOf({ policies: [policy({ burst: 1, perSecond: 0.1 })] });
    const browser = { headers: { accept: "text/html,*/*;q=0.8" } };
    await ask(browser);
    const page = await ask(browser);
    expect(page.status).toBe(429);
    expect(page.headers.get("retry-after")).toBe("10");
    const text = await page.text();
    expect(text).toContain("wait 10 seconds");
    expect(text).toContain('<a href="">Try again</a>');
    expect(await (await ask({ ...browser, method: "POST" })).text()).not.toContain("<a ");
  });

  test("the log learns which limit it was", () => {
    const limits = limitsOf({ policies: [policy({ burst: 1 })] });
    const exchange = exchangeOf();
    void limits.stage(exchange, () => new Response());
    void limits.stage(exchange, () => new Response());
    expect(exchange.notes).toEqual({ answeredBy: "limits", refused: "one" });
    expect(limits.stats().refused).toEqual({ one: 1 });
  });
});

describe("a limit by visitor", () => {
  const policies = [policy({ by: "visitor", burst: 2 })];
  const personal: Next = () => new Response("mine", { headers: { "cache-control": "private" } });
  const cookieOf = (answer: Response): string => answer.headers.get("set-cookie")?.split(";")[0] ?? "";

  test("counts people behind one address apart once they have a cookie", async () => {
    const { ask } = limitsOf({ policies });
    const first = await ask({}, personal);
    expect(first.headers.get("set-cookie")).toMatch(
      /^spillway_visitor=id-\d{20}\.[\w-]{22}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure$/,
    );
    const second = await ask({}, personal);
    const [one, two] = [
      { headers: { cookie: cookieOf(first) } },
      { headers: { cookie: `a=b; ${cookieOf(second)}; c=d` } },
    ];
    expect(await statuses([ask(one), ask(two), ask(one), ask(two), ask(one), ask(two), ask()])).toEqual([
      200, 200, 200, 200, 429, 429, 429,
    ]);
  });

  test("sets the cookie only where no shared cache may keep the answer, and never twice", async () => {
    for (const [control, isSet] of [
      [undefined, false],
      ["public, max-age=60", false],
      ["max-age=60", false],
      ["no-store", true],
      ["private, max-age=60", true],
      ["Private", true],
    ] as const) {
      const { ask } = limitsOf({ policies });
      const answer = await ask(
        {},
        async () => new Response("", control === undefined ? {} : { headers: { "cache-control": control } }),
      );
      expect(answer.headers.has("set-cookie")).toBe(isSet);
      if (!isSet) continue;
      const again = await ask({ headers: { cookie: cookieOf(answer) } }, personal);
      expect(again.headers.has("set-cookie")).toBe(false);
    }
  });

  test("a cookie that was forged, altered or cut counts as none, under its address", async () => {
    const { ask } = limitsOf({ policies });
    const good = cookieOf(await ask({}, personal));
    const forged = [
      "spillway_visitor=",
      "spillway_visitor=x.y",
      `${good}x`,
      good.slice(0, -1),
      good.replace("id-", "id_"),
      `x${good}`,
    ];
    await ask();
    for (const cookie of forged) expect((await ask({ headers: { cookie } })).status).toBe(429);
    expect((await ask({ headers: { cookie: good } })).status).toBe(200);
  });

  test("on plain http the cookie says nothing of https", async () => {
    const { ask } = limitsOf({ policies });
    expect((await ask({ scheme: "http" }, personal)).headers.get("set-cookie")).not.toContain("Secure");
  });
});

describe("lists", () => {
  test("denied addresses get 403 and nothing else, allowed ones are not counted, and deny goes first", async () => {
    const { ask, stats } = limitsOf({
      policies: [policy({ burst: 1 })],
      allow: ["10.0.0.0/8"],
      deny: ["10.6.6.0/24", "2001:db8:bad::/48"],
    });
    expect((await ask({ address: "10.6.6.6" })).status).toBe(403);
    expect((await ask({ address: "2001:db8:bad:1::5" })).status).toBe(403);
    expect(
      await statuses([ask({ address: "10.1.1.1" }), ask({ address: "10.1.1.1" }), ask({ address: "10.1.1.1" })]),
    ).toEqual([200, 200, 200]);
    expect(stats().denied).toBe(2);
    expect(stats().keys).toBe(0);
  });

  test("nobody's request for a challenge reaches the shop, and allowed addresses need none", async () => {
    const { ask } = limitsOf({ allow: ["10.0.0.0/8"] });
    for (const address of ["10.1.1.1", "192.0.2.1"]) {
      const issued = await ask({ address, path: "/.spillway/challenge" });
      expect(await issued.json()).toMatchObject({ algorithm: "SHA-256" });
    }
    const route = { challenge: true };
    expect(await statuses([ask({ address: "10.1.1.1", route }), ask({ address: "192.0.2.1", route })])).toEqual([
      200, 403,
    ]);
  });

  test("a wrong entry is named, and the settings in force stay", async () => {
    const { ask, configure } = limitsOf({ policies: [policy({ burst: 1 })] });
    expect(() => configure(settingsOf(LimitsSettings, { deny: ["10.0.0.0/33", "shop.example"] }))).toThrow(
      '"10.0.0.0/33", "shop.example" are neither an IP address nor a network',
    );
    expect(await statuses([ask(), ask()])).toEqual([200, 429]);
  });
});

describe("other settings while running", () => {
  test("keep what was counted under the same name", async () => {
    const { ask, configure } = limitsOf({ policies: [policy({ burst: 2 })] });
    await ask();
    configure(
      settingsOf(LimitsSettings, { policies: [policy({ burst: 2 }), policy({ name: "new", by: "route", burst: 50 })] }),
    );
    expect(await statuses([ask(), ask()])).toEqual([200, 429]);
  });

  test("two limits of one name are refused", () => {
    expect(() => limitsOf({ policies: [policy({}), policy({})] })).toThrow('Two limits are named "one"');
  });
});

test("tokens stand nowhere in memory as they are: only their keyed hash is kept", async () => {
  const { ask, stats } = limitsOf({ policies: [policy({ by: "token", burst: 1 })] });
  const of = (headers: Record<string, string>) => ask({ headers });
  expect(
    await statuses([
      of({ authorization: "Bearer a" }),
      of({ authorization: "Bearer a" }),
      of({ "x-api-key": "b" }),
      of({}),
    ]),
  ).toEqual([200, 429, 200, 200]);
  expect(stats().keys).toBe(2);
});

test("a million addresses are counted within the bound", () => {
  const limits = limitsOf({ keysMax: 100_000, policies: [policy({ perSecond: 0.001, burst: 1 })] });
  const next: Next = () => new Response();
  for (let i = 0; i < 1_000_000; i++) {
    void limits.stage({ ...shared, address: `${i >> 16}.${(i >> 8) & 255}.${i & 255}.9` }, next);
  }
  expect(limits.stats().keys).toBeLessThanOrEqual(100_000);
  expect(limits.stats().keyBytes).toBeLessThan(5_000_000);
  expect(limits.stats().keysForgotten).toBeGreaterThan(800_000);
});
const shared = exchangeOf();

test("fields are written onto an answer, and onto a copy where they cannot be", async () => {
  const plain = new Response("x", { status: 201 });
  expect(withFields(plain, [["a", "1"]])).toBe(plain);
  expect(
    withFields(plain, [
      ["server-timing", "a"],
      ["server-timing", "b"],
    ]).headers.get("server-timing"),
  ).toBe("a, b");
  const locked = new Response("y", { status: 201 });
  Object.defineProperty(locked.headers, "set", {
    value: () => {
      throw new TypeError("immutable");
    },
  });
  const copy = withFields(locked, [["a", "1"]]);
  expect([copy === locked, copy.status, copy.headers.get("a"), await copy.text()]).toEqual([false, 201, "1", "y"]);
});
