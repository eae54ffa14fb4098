/** When the origin is gone: what a person and a program are told, and what is left as it is. */
import { describe, expect, test } from "bun:test";
import type { Exchange, Notes } from "../exchange.ts";
import { OriginError } from "../ports.ts";
import { createFallback, type FallbackDeps } from "./fallback.ts";
import type { SnapshotPage } from "./ports.ts";

const settings = { retryAfterSeconds: 15 };
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

function exchange(method: string, target: string, headers: Record<string, string> = {}, notes: Notes = {}): Exchange {
  return {
    method,
    scheme: "https",
    host: "shop.example",
    target,
    path: target.split("?")[0] ?? target,
    headers: new Headers({ accept: browser, ...headers }),
    request: null,
    address: "192.0.2.1",
    atMs: 0,
    route: { template: "/*", class: "browsing", challenge: false },
    notes,
  };
}

const page = (text: string): SnapshotPage => ({
  takenAtMs: Date.UTC(2026, 10, 27, 8),
  fields: [["content-type", "text/html; charset=utf-8"]],
  etag: '"snapshot-abc"',
  codings: ["br", "identity"],
  body: (coding) => new TextEncoder().encode(`${coding}:${text}`),
});

const gone =
  (sent = false) =>
  (): Promise<Response> =>
    Promise.reject(new OriginError(sent ? "reset" : "refused", sent, "The origin did not answer."));

async function ask(given: Exchange, next: () => Response | Promise<Response>, deps: Partial<FallbackDeps> = {}) {
  const { stage } = createFallback({ ...settings }, { random: () => 0.5, ...deps });
  const response = await stage(given, next);
  return { response, text: await response.text() };
}

describe("what a living origin says is passed on as it is", () => {
  test.each([200, 404, 500, 502, 503, 504])("%i with a page of its own", async (status) => {
    const own = new Response("ours", { status, headers: { "content-type": "text/html" } });
    const { response, text } = await ask(exchange("GET", "/"), () => own);
    expect(response).toBe(own);
    expect(text).toBe("ours");
  });

  test("an empty 500 and an empty 200 too", async () => {
    for (const status of [200, 500]) {
      const own = new Response(null, { status });
      expect((await ask(exchange("GET", "/"), () => own)).response).toBe(own);
    }
  });

  test("synchronously, when it comes so: the hot path makes no promise", () => {
    const { stage } = createFallback(settings, { random: () => 0 });
    const own = new Response("hit");
    expect(stage(exchange("GET", "/"), () => own)).toBe(own);
  });

  test("a mistake of ours is not called the origin's", () => {
    const { stage } = createFallback(settings, { random: () => 0 });
    const wrong = () => Promise.reject(new TypeError("ours"));
    expect(async () => await stage(exchange("GET", "/"), wrong)).toThrow("ours");
    expect(() =>
      stage(exchange("GET", "/"), () => {
        throw new TypeError("ours");
      }),
    ).toThrow("ours");
  });
});

describe("the page for people", () => {
  test("says what happened, when to come back, and comes back by itself, spread over time", async () => {
    const notes: Notes = {};
    const { response, text } = await ask(exchange("GET", "/products/lamp", {}, notes), gone());
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("15");
    expect(response.headers.get("refresh")).toBe("23");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(text).toContain("<title>We will be right back – shop.example</title>");
    expect(text).toContain("order number, that order is safe");
    expect(text).not.toContain("<script");
    expect(notes.answeredBy).toBe("fallback");
  });

  test("names the site as the settings do, and nobody can write markup into it by the Host field", async () => {
    const { stage } = createFallback({ ...settings, siteName: "Bread & <Butter>" }, { random: () => 0 });
    expect(await (await stage(exchange("GET", "/"), gone())).text()).toContain("Bread &#38; &#60;Butter&#62;");
    const hostile = { ...exchange("GET", "/"), host: '"><script>alert(1)</script>' };
    expect((await ask(hostile, gone())).text).not.toContain("<script");
  });

  test("a form that never left us did nothing; one that may have arrived is not called lost", async () => {
    const unsent = await ask(exchange("POST", "/checkout"), gone(false));
    expect(unsent.text).toContain("Nothing was ordered and nothing was charged");
    const unknown = await ask(exchange("POST", "/checkout"), gone(true));
    expect(unknown.text).toContain("we cannot tell whether it arrived");
    expect(unknown.text).not.toContain("Nothing was ordered");
    for (const { response } of [unsent, unknown]) {
      expect(response.status).toBe(503);
      // It would send the form, or lose it.
      expect(response.headers.get("refresh")).toBeNull();
    }
  });

  test("HEAD is told the same without a body", async () => {
    const { response, text } = await ask(exchange("HEAD", "/"), gone());
    expect(text).toBe("");
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("content-length"))).toBeGreaterThan(1000);
  });

  test("fits into the first flight of packets", async () => {
    expect((await ask(exchange("GET", "/"), gone())).text.length).toBeLessThan(6000);
  });
});

test("a program gets problem details (RFC 9457), a picture one line", async () => {
  const { response, text } = await ask(exchange("POST", "/api/orders", { accept: "application/json" }), gone(true));
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("retry-after")).toBe("15");
  expect(JSON.parse(text)).toMatchObject({
    status: 503,
    code: "origin_unavailable",
    type: "urn:spillway:error:origin_unavailable",
  });
  expect(JSON.parse(text).detail).toContain("may or may not have been done");
  const picture = await ask(exchange("GET", "/lamp.avif", { accept: "image/avif,image/*" }), gone());
  expect(picture.response.headers.get("content-type")).toStartWith("text/plain");
  expect(picture.text.split("\n")).toHaveLength(2);
});

describe("an answer with nothing in it is given words", () => {
  test.each([502, 503, 504])("%i", async (status) => {
    const { response, text } = await ask(exchange("GET", "/"), () => new Response(null, { status }));
    expect(response.status).toBe(status);
    expect(text).toContain("We will be right back");
  });

  test("when the edge itself turned the request away it says so, and keeps what was said of limits", async () => {
    const full = () =>
      new Response(null, { status: 503, headers: { "retry-after": "4", "spillway-pressure": "3", etag: '"x"' } });
    const { response, text } = await ask(exchange("GET", "/", {}, { refused: "queue full" }), full);
    expect(text).toContain("More people are here");
    expect(response.headers.get("retry-after")).toBe("4");
    expect(response.headers.get("refresh")).toBe("6");
    expect(response.headers.get("spillway-pressure")).toBe("3");
    expect(response.headers.get("etag")).toBeNull();
    const form = await ask(exchange("POST", "/checkout", {}, { refused: "queue full" }), full);
    expect(form.text).toContain("Nothing was ordered");
    expect(form.text).not.toContain("tries again by itself");
  });

  test("a Retry-After of 0 makes no page reload itself as fast as it can", async () => {
    const full = () => new Response(null, { status: 503, headers: { "retry-after": "0" } });
    const { response } = await ask(exchange("GET", "/"), full, { random: () => 0 });
    expect([response.headers.get("retry-after"), response.headers.get("refresh")]).toEqual(["0", "2"]);
  });

  test("a Retry-After that is a date stays, and no page is made to reload at a time it cannot count", async () => {
    const date = new Date(Date.UTC(2030, 0)).toUTCString();
    const full = () => new Response(null, { status: 503, headers: { "retry-after": date } });
    const { response } = await ask(exchange("GET", "/"), full);
    expect(response.headers.get("retry-after")).toBe(date);
    expect(response.headers.get("refresh")).toBeNull();
  });
});

describe("a published snapshot", () => {
  const snapshot = { find: (target: string) => (target === "/products/lamp" ? page("lamp") : undefined) };

  test("stands in for the page, marked with its time, in an encoding that is understood, kept by nobody", async () => {
    const { response, text } = await ask(exchange("GET", "/products/lamp", { "accept-encoding": "br" }), gone(), {
      snapshot,
    });
    expect(response.status).toBe(200);
    expect(text).toBe("br:lamp");
    expect(response.headers.get("content-encoding")).toBe("br");
    expect(response.headers.get("vary")).toBe("Accept-Encoding");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("spillway-snapshot")).toBe("Fri, 27 Nov 2026 08:00:00 GMT");
    expect(response.headers.get("etag")).toBe('"snapshot-abc-br"');
    const plain = await ask(exchange("GET", "/products/lamp"), gone(), { snapshot });
    expect(plain.text).toBe("identity:lamp");
    expect(plain.response.headers.get("content-encoding")).toBeNull();
  });

  test("is never an answer to a form, and not shown while the origin answers", async () => {
    expect((await ask(exchange("POST", "/products/lamp"), gone(), { snapshot })).response.status).toBe(503);
    const living = new Response("now");
    expect((await ask(exchange("GET", "/products/lamp"), () => living, { snapshot })).response).toBe(living);
  });

  test("is found in spite of parameters that change nothing, and not in spite of one that does", async () => {
    const deps = { snapshot, queryIgnored: ["utm_*", "gclid"] };
    const status = async (target: string) => (await ask(exchange("GET", target), gone(), deps)).response.status;
    expect(await status("/products/lamp?utm_source=mail&gclid=1")).toBe(200);
    expect(await status("/products/lamp?utm_source=mail&colour=red")).toBe(503);
    expect(await status("/products/lamp?utmost=1")).toBe(503);
  });

  test("is not sent again to whoever has it (If-None-Match, If-Modified-Since)", async () => {
    const status = async (headers: Record<string, string>) =>
      (await ask(exchange("GET", "/products/lamp", headers), gone(), { snapshot })).response.status;
    expect(await status({ "if-none-match": '"x", W/"snapshot-abc"' })).toBe(304);
    expect(await status({ "if-none-match": '"snapshot-abc-br"' })).toBe(200);
    expect(await status({ "if-none-match": '"snapshot-abc-br"', "accept-encoding": "br" })).toBe(304);
    expect(await status({ "if-modified-since": "Fri, 27 Nov 2026 08:00:00 GMT" })).toBe(304);
    expect(await status({ "if-modified-since": "Fri, 27 Nov 2026 07:59:59 GMT" })).toBe(200);
    expect(await status({ "if-none-match": '"x"', "if-modified-since": "Fri, 27 Nov 2026 08:00:00 GMT" })).toBe(200);
  });

  test("is shown to whoever is shed while looking around, not to whoever is at the cart", async () => {
    const shed = () => new Response("busy", { status: 503, headers: { "content-type": "text/html" } });
    const asked = async (change: Partial<Exchange>, target = "/products/lamp") => {
      const given = { ...exchange("GET", target, {}, { answeredBy: "shedding", refused: "queue full" }), ...change };
      return (await ask(given, shed, { snapshot })).text;
    };
    expect(await asked({})).toBe("identity:lamp");
    expect(await asked({}, "/unpublished")).toBe("busy");
    expect(await asked({ method: "POST" })).toBe("busy");
    expect(await asked({ route: { template: "/cart", class: "cart", challenge: false } })).toBe("busy");
    // An origin's own words are its own, however busy it is.
    expect(await asked({ notes: { answeredBy: "forward" } })).toBe("busy");
  });

  test("that can no longer be read is as good as none", async () => {
    const lost = { ...page("lamp"), body: () => Promise.resolve(undefined) };
    const { response, text } = await ask(exchange("GET", "/x"), gone(), { snapshot: { find: () => lost } });
    expect(response.status).toBe(503);
    expect(text).toContain("We will be right back");
  });

  test("has no body for HEAD, but its length", async () => {
    const { response, text } = await ask(exchange("HEAD", "/products/lamp"), gone(), { snapshot });
    expect([response.status, text, response.headers.get("content-length")]).toEqual([200, "", "13"]);
  });
});
