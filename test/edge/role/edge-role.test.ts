/** The edge as its operator meets it: a process of its own, its file, its signals, its admin API, while people go on asking. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningShop, startShop } from "../../kit/running-shop.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway edge role "));
const file = join(folder, "spillway.config.json");
const token = "a-token-of-the-operator";

/** Counts what reaches it. Everything under /kept may be kept for a minute and has two tags. */
function serveOrigin(name: string) {
  const seen: string[] = [];
  const server = Bun.serve({
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      seen.push(pathname);
      return new Response(pathname.endsWith("/large") ? "x".repeat(51_200) : `${name} ${pathname} ${seen.length}`, {
        headers: pathname.startsWith("/kept")
          ? { "cache-control": "max-age=60", "surrogate-key": `all page-${pathname.slice(5)}` }
          : { "cache-control": "no-store" },
      });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, seen, stop: async () => await server.stop(true) };
}

let first: ReturnType<typeof serveOrigin>;
let second: ReturnType<typeof serveOrigin>;
let edge: RunningShop;

const settings = (more: object = {}) => ({
  upstreams: [{ name: "first", url: first.url }],
  adminToken: token,
  limits: { policies: [{ name: "address", by: "address", perSecond: 100_000, burst: 100_000 }], allow: [] },
  ...more,
});
const write = (config: unknown): void => writeFileSync(file, JSON.stringify(config));

async function admin(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${edge.opsUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
}
const get = async (path: string): Promise<string> => await (await fetch(edge.url + path)).text();

beforeAll(async () => {
  first = serveOrigin("first");
  second = serveOrigin("second");
  write(settings());
  edge = await startShop({ word: "edge", env: { SPILLWAY_EDGE_CONFIG: file } });
}, 60_000);
afterAll(async () => {
  await edge?.[Symbol.asyncDispose]();
  await Promise.all([first?.stop(), second?.stop()]);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);
beforeEach(async () => {
  write(settings());
  expect((await admin("POST", "/edge/reload")).status).toBe(204);
  await admin("POST", "/edge/purge", { all: true });
});

describe("the admin API", () => {
  test("is closed to whoever has no token, or another one", async () => {
    for (const authorization of ["", "Bearer", "Bearer wrong", `Basic ${token}`]) {
      const answer = await fetch(`${edge.opsUrl}/edge/statistics`, { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    }
  });

  test("purges by tag, by URL, by prefix and all, and the next one who asks has it new", async () => {
    const before = await get("/kept/a");
    expect(await get("/kept/a")).toBe(before);
    for (const what of [
      { tags: ["page-/a"] },
      { urls: [`${edge.url}/kept/a`] },
      { prefix: `${edge.url}/kept` },
      { all: true },
    ]) {
      const old = await get("/kept/a");
      expect(await admin("POST", "/edge/purge", what)).toEqual({ status: 200, body: { purged: 1 } });
      expect(await get("/kept/a")).not.toBe(old);
    }
  });

  test("takes what is wrong for what it is: every field is named and nothing happens", async () => {
    const wrong = [
      ["POST", "/edge/purge", {}],
      ["POST", "/edge/purge", { tags: [] }],
      ["POST", "/edge/purge", { all: false }],
      ["PUT", "/edge/pressure", { level: 4 }],
      ["PUT", "/edge/limits", { policies: [{ name: "A", by: "mood", perSecond: -1, burst: 0 }] }],
      ["POST", "/edge/upstreams", { url: "ftp://x" }],
    ] as const;
    for (const [method, path, body] of wrong) {
      const answer = await admin(method, path, body);
      expect(answer.status).toBe(422);
      expect((answer.body as { errors: unknown[] }).errors.length).toBeGreaterThan(0);
    }
    expect((await admin("DELETE", "/edge/upstreams/nobody")).status).toBe(404);
    expect((await admin("GET", "/edge/purge")).status).toBe(405);
    expect((await admin("GET", "/edge/nowhere")).status).toBe(404);
  });

  test("adds an upstream, drains another, and every request has its answer meanwhile", async () => {
    expect((await admin("POST", "/edge/upstreams", { name: "second", url: second.url })).status).toBe(201);
    expect((await admin("POST", "/edge/upstreams", { name: "second", url: second.url })).status).toBe(422);
    expect((await admin("POST", "/edge/upstreams/first/drain")).status).toBe(204);
    const seen = first.seen.length;
    for (let ask = 0; ask < 20; ask++) expect(await get("/fresh")).toStartWith("second ");
    expect(first.seen.length).toBe(seen);
    const { body } = await admin("GET", "/edge/upstreams");
    const states = (body as { upstreams: { name: string; state: string }[] }).upstreams;
    expect(states.map(({ name, state }) => [name, state])).toContainEqual(["second", "ready"]);
    expect(states.find(({ name }) => name === "first")?.state).toStartWith("drain");
    expect((await admin("PUT", "/edge/upstreams/second", { weight: 7 })).status).toBe(200);
    expect((await admin("POST", "/edge/upstreams/first/resume")).status).toBe(204);
    const again = await admin("GET", "/edge/upstreams");
    expect((again.body as { upstreams: typeof states }).upstreams.map(({ state }) => state)).toEqual([
      "ready",
      "ready",
    ]);
    expect((await admin("POST", "/edge/upstreams/nobody/resume")).status).toBe(404);
    await admin("DELETE", "/edge/upstreams/first");
    expect(await get("/fresh")).toStartWith("second ");
  });

  test("replaces the limits, until the configuration is read again", async () => {
    const policies = [{ name: "tight", by: "address", perSecond: 0.01, burst: 2 }];
    expect(await admin("PUT", "/edge/limits", { policies })).toEqual({ status: 200, body: { policies } });
    const statuses: number[] = [];
    for (let ask = 0; ask < 4; ask++) {
      const answer = await fetch(`${edge.url}/fresh`);
      statuses.push(answer.status);
      if (answer.status === 429) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(statuses).toEqual([200, 200, 429, 429]);
    await admin("POST", "/edge/reload");
    expect((await fetch(`${edge.url}/fresh`)).status).toBe(200);
  });

  test("holds the pressure at a level, and pages are told", async () => {
    expect(await admin("PUT", "/edge/pressure", { level: 2 })).toEqual({
      status: 200,
      body: { level: 2, override: 2 },
    });
    expect((await fetch(`${edge.url}/fresh`)).headers.get("spillway-pressure")).toBe("2");
    expect((await admin("PUT", "/edge/pressure", { level: null })).body).toMatchObject({ override: null });
  });

  test("tells what each stage has done", async () => {
    await get("/kept/statistics");
    await get("/kept/statistics");
    const { body } = await admin("GET", "/edge/statistics");
    expect((body as { cache: { hits: number } }).cache.hits).toBeGreaterThan(0);
    expect(Object.keys(body as object).sort()).toEqual([
      "cache",
      "limits",
      "pressure",
      "shedding",
      "underWay",
      "upstreams",
      "waitingRooms",
    ]);
  });
});

test("an answer says how long it is, whether it was fetched or kept, and however large", async () => {
  const lengths: unknown[] = [];
  for (const path of ["/kept/large", "/kept/large", "/kept/small", "/kept/small"]) {
    const answer = await fetch(edge.url + path, { headers: { "accept-encoding": "identity" } });
    const { length } = await answer.text();
    lengths.push([answer.headers.get("transfer-encoding"), answer.headers.get("content-length") === String(length)]);
  }
  expect(lengths).toEqual([1, 2, 3, 4].map(() => [null, true]));
});

describe("the configuration", () => {
  test("is read again by signal while people ask, and none of them notices", async () => {
    let isDone = false;
    const failures: string[] = [];
    let asked = 0;
    const people = Array.from({ length: 8 }, async (_, person) => {
      while (!isDone) {
        const answer = await fetch(`${edge.url}/${asked % 3 === 0 ? "kept/" : "fresh/"}${person}`).catch(String);
        if (typeof answer === "string" || answer.status !== 200) failures.push(String(answer));
        else await answer.text();
        asked += 1;
      }
    });
    for (let round = 0; round < 10; round++) {
      const origin = round % 2 === 0 ? second : first;
      write(
        settings({ upstreams: [{ name: `upstream-${round}`, url: origin.url }], cache: { collapseMs: 1000 + round } }),
      );
      const seen = origin.seen.length;
      process.kill(edge.pid, "SIGHUP");
      for (let look = 0; look < 200 && origin.seen.length === seen; look++) await Bun.sleep(20);
      expect(origin.seen.length).toBeGreaterThan(seen);
    }
    isDone = true;
    await Promise.all(people);
    expect(failures).toEqual([]);
    expect(asked).toBeGreaterThan(50);
  }, 30_000);

  test("that is wrong changes nothing, and says what is wrong with it", async () => {
    const old = await get("/kept/stays");
    write({ upstreams: [{ url: "not an address" }], cash: true });
    const answer = await admin("POST", "/edge/reload");
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).toContain("cash");
    process.kill(edge.pid, "SIGHUP");
    for (let look = 0; look < 200 && !edge.output().includes("the configuration in force stays"); look++)
      await Bun.sleep(20);
    expect(edge.output()).toContain("the configuration in force stays");
    expect(await get("/kept/stays")).toBe(old);
    expect(await get("/fresh")).toStartWith("first ");
  });

  test("keeps what is cached and counted when other things in it change", async () => {
    const old = await get("/kept/survivor");
    write(settings({ fallback: { retryAfterSeconds: 99 } }));
    await admin("POST", "/edge/reload");
    expect(await get("/kept/survivor")).toBe(old);
  });

  test("is described by a JSON schema that the program prints", async () => {
    const printed = Bun.spawnSync([
      process.execPath,
      join(import.meta.dir, "../../../src/main.ts"),
      "edge",
      "--schema",
    ]);
    const schema = JSON.parse(printed.stdout.toString()) as { properties: object };
    expect(Object.keys(schema.properties)).toContain("upstreams");
  });
});
