/**
 * The tools and the fallback through the real program: an edge in its own process, a shop that dies behind it, pages
 * published and warmed by the command line, and what people and Prometheus see of it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SampleSite, serveSite } from "./sample-site.ts";

const root = join(import.meta.dir, "../../..");
const folder = mkdtempSync(join(tmpdir(), "spillway-real-edge-"));
const snapshot = join(folder, "snapshot");
const list = join(folder, "pages.txt");
let site: SampleSite;
let edge: { readonly url: string; readonly ops: string; logged(): string; stop(): Promise<number> };

const program = [process.execPath, join(root, "src/main.ts")];
const env = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env.PATH ?? "",
  HOME: process.env.HOME ?? folder,
  ...more,
});

async function startEdge(origin: string) {
  const config = join(folder, "spillway.config.json");
  const settings = {
    listen: { port: 0 },
    opsPort: 0,
    upstreams: [{ url: origin }],
    cache: { enabled: true },
    fallback: { snapshotDir: snapshot, siteName: "The lamp shop", retryAfterSeconds: 7 },
    log: { accessSample: 1 },
  };
  writeFileSync(config, JSON.stringify(settings));
  const child = Bun.spawn([...program, "edge", "--config", config], {
    cwd: folder,
    env: env(),
    stdout: "pipe",
    stderr: "ignore",
  });
  let out = "";
  const reading = (async () => {
    for await (const piece of child.stdout) out += new TextDecoder().decode(piece);
  })();
  const giveUpAt = Date.now() + 20_000;
  while (!/operations \S+\n/.test(out) && child.exitCode === null && Date.now() < giveUpAt) await Bun.sleep(20);
  const place = (word: string) => (new RegExp(`${word} (\\S+)`).exec(out)?.[1] ?? "").replace("localhost", "127.0.0.1");
  return {
    url: place("ready"),
    ops: place("operations"),
    logged: () => out,
    stop: async () => {
      child.kill("SIGTERM");
      const code = await child.exited;
      await reading;
      return code;
    },
  };
}

async function tool(...args: string[]): Promise<{ code: number; said: string }> {
  const child = Bun.spawn([...program, ...args], { cwd: folder, env: env(), stdout: "pipe", stderr: "pipe" });
  const [out, trouble] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, said: out + trouble };
}

beforeAll(async () => {
  site = serveSite();
  writeFileSync(list, [`${site.url}/`, `${site.url}/products/lamp`, ""].join("\n"));
  edge = await startEdge(site.url);
}, 30_000);
afterAll(async () => {
  await edge?.stop();
  await site?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a shop dies behind its edge, and its published pages stay up", async () => {
  const warmed = await tool("warm", "--urls", list, "--edge", edge.url, "--rate", "1000");
  expect(warmed.said).toMatch(/Asked \S+ for 2 addresses/);
  expect(warmed.code).toBe(0);
  expect(warmed.said).not.toContain("without Cache-Status");

  const published = await tool("publish", "--urls", list, "--out", snapshot, "--rate", "1000");
  expect(published.said).toContain("Published 2 pages and 8 assets");
  expect(published.code).toBe(0);
  const living = await fetch(`${edge.url}/products/lamp`);
  expect([living.status, living.headers.get("spillway-snapshot")]).toEqual([200, null]);
  const own = await fetch(`${edge.url}/broken`);
  expect([own.status, await own.text()]).toEqual([500, "no"]);

  await site.stop();
  const asked = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(edge.url + path, { ...init, headers: { accept: "text/html", ...init.headers } });
    return { response, text: await response.text() };
  };
  // The store looks for a new snapshot once a second.
  const giveUpAt = Date.now() + 10_000;
  let page = await asked("/products/lamp");
  while (page.response.status !== 200 && Date.now() < giveUpAt) {
    await Bun.sleep(100);
    page = await asked("/products/lamp");
  }
  expect(page.text).toContain("<title>lamp</title>");
  expect(page.response.headers.get("spillway-snapshot")).toBeString();
  expect(page.response.headers.get("content-encoding")).toBeString();
  expect(page.response.headers.get("cache-control")).toBe("no-store");
  expect((await asked("/app.js")).text).toContain("console.log");

  const missing = await asked("/products/unpublished");
  expect(missing.response.status).toBe(503);
  expect(missing.response.headers.get("retry-after")).toBe("7");
  expect(missing.text).toContain("We will be right back – The lamp shop");
  const form = await asked("/checkout", { method: "POST", body: "a=1" });
  expect(form.text).toContain("Nothing was ordered");
  const program = await asked("/api/orders", { method: "POST", body: "{}", headers: { accept: "application/json" } });
  expect(program.response.headers.get("content-type")).toBe("application/problem+json");
  expect(JSON.parse(program.text)).toMatchObject({ status: 503, code: "origin_unavailable" });

  const metrics = await (await fetch(`${edge.ops}/metrics`)).text();
  const line = (labels: string) => new RegExp(`^spillway_edge_requests_total\\{${labels}\\} [1-9]`, "m");
  expect(metrics).toMatch(line('route="/products/:handle",method="GET",status="200",answered_by="fallback"'));
  expect(metrics).toMatch(line('route="/checkout",method="POST",status="503",answered_by="fallback"'));
  expect(metrics).toMatch(/^spillway_edge_request_seconds_count\{route="\/products\/:handle"\} [1-9]/m);
  expect(metrics).not.toContain("unpublished");

  expect(await edge.stop()).toBe(0);
  const entries = edge
    .logged()
    .split("\n")
    .filter((text) => text.startsWith("{"))
    .map((text) => JSON.parse(text));
  expect(entries.find(({ path }) => path === "/checkout")).toMatchObject({
    status: 503,
    answeredBy: "fallback",
    method: "POST",
    route: "/checkout",
  });
}, 60_000);

test("a wrong config is told by the command line in one go, with exit code 2", async () => {
  writeFileSync(
    join(folder, "wrong.json"),
    JSON.stringify({ cash: {}, upstreams: [{ url: "x" }], listen: { http3: true } }),
  );
  const { code, said } = await tool("edge", "--config", "wrong.json");
  expect(code).toBe(2);
  for (const words of ['did you mean "cache"', "/upstreams/0/url", "/listen/http3 needs listen.tls"])
    expect(said).toContain(words);
}, 30_000);
