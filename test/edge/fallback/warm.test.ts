/** Warming through a real socket: each page in each encoding, misses paced, hits for free, and a true account of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { warmTool } from "#roles/tools/warm.ts";
import { type SampleSite, serveSite } from "./sample-site.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway-warm-"));
let site: SampleSite;
let edge: ReturnType<typeof serveEdge>;
let said = "";
const hear = (text: unknown) => {
  said += String(text);
  return true;
};
const ears = [
  spyOn(process.stdout, "write").mockImplementation(hear),
  spyOn(process.stderr, "write").mockImplementation(hear),
];

/** A cache as warm sees one: keeps what it is asked for by address and encoding, and says so by RFC 9211. */
function serveEdge(origin: string) {
  const kept = new Map<string, Response>();
  const asked: { readonly path: string; readonly host: string | null; readonly encoding: string | null }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const url = new URL(request.url);
      const path = url.pathname + url.search;
      const encoding = request.headers.get("accept-encoding");
      asked.push({ path, host: request.headers.get("host"), encoding });
      const key = `${path} ${encoding}`;
      const known = kept.get(key);
      const answer = (known?.clone() as Response | undefined) ?? (await fetch(origin + path, { redirect: "manual" }));
      const mayKeep = answer.status === 200 && !/no-store|private/.test(answer.headers.get("cache-control") ?? "");
      if (known === undefined && mayKeep) kept.set(key, answer.clone() as Response);
      const headers = new Headers(answer.headers);
      const status =
        known === undefined ? `Spillway; fwd=uri-miss${mayKeep ? "; stored" : ""}` : "Spillway; hit; ttl=60";
      headers.set("cache-status", `"Behind, it; hit"; fwd=miss, ${status}`);
      return new Response(answer.body, { status: answer.status, headers });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, asked, kept, stop: () => server.stop(true) };
}

beforeAll(() => {
  site = serveSite();
  edge = serveEdge(site.url);
});
beforeEach(() => {
  edge.asked.length = 0;
  edge.kept.clear();
  said = "";
});
afterAll(async () => {
  for (const ear of ears) ear.mockRestore();
  await edge.stop();
  await site.stop();
  rmSync(folder, { recursive: true, force: true });
});

let lists = 0;
const listOf = (...lines: string[]): string => {
  lists += 1;
  const path = join(folder, `urls-${lists}.txt`);
  writeFileSync(path, lines.join("\n"));
  return path;
};
const warm = (...args: string[]) => warmTool([...args, "--edge", edge.url, "--rate", "5000"]);

describe("warm", () => {
  test("asks the edge for each page in each encoding, by the page's own name, and tells hits from misses", async () => {
    const list = listOf("https://shop.example/products/lamp", "https://shop.example/", "https://shop.example/no-store");
    expect(await warm("--urls", list)).toBe(0);
    expect(edge.asked).toHaveLength(6);
    expect(new Set(edge.asked.map(({ host }) => host))).toEqual(new Set(["shop.example"]));
    expect(new Set(edge.asked.map(({ encoding }) => encoding))).toEqual(new Set(["gzip, deflate, br, zstd", "gzip"]));
    expect(said).toMatch(/are in the cache now +4/);
    expect(said).toMatch(/not kept by the cache +2/);
    expect(said).toContain("https://shop.example/no-store");
    said = "";
    expect(await warm("--urls", list)).toBe(0);
    expect(said).toMatch(/in the cache already +4/);
  });

  test("reads a sitemap index through the edge, and the pages' own sheets and pictures when asked to", async () => {
    const args = ["--sitemap", `${site.url}/sitemap-index.xml`, "--encodings", "br"];
    expect(await warm(...args)).toBe(1);
    expect(said).toContain("elsewhere.example/sitemap.xml was not read");
    expect(edge.asked.map(({ path }) => path)).toContain("/sitemap-packed.xml.gz");
    expect(edge.asked.filter(({ path }) => path.startsWith("/style.css"))).toHaveLength(0);
    edge.asked.length = 0;
    await warm(...args, "--assets");
    const paths = edge.asked.map(({ path }) => path);
    for (const path of ["/style.css?v=1", "/more.css", "/font.woff2", "/img/lamp-2.png", "/app.js"])
      expect(paths.filter((asked) => asked === path)).toHaveLength(1);
  });

  test("lists what failed, asks for it no second time, and ends with 1", async () => {
    expect(await warm("--urls", listOf(`${site.url}/broken`, `${site.url}/nothing`, `${site.url}/plain.txt`))).toBe(1);
    expect(said).toContain("/broken: answered with 500");
    expect(said).toContain("Failed: 2");
    expect(edge.asked.filter(({ path }) => path === "/broken")).toHaveLength(1);
    expect(await warmTool(["--urls", listOf("/x"), "--edge", "http://127.0.0.1:1"])).toBe(1);
    expect(said).toContain("http://127.0.0.1:1/x: ");
  });

  test("reaches the origin no faster than it may; what is a hit does not count", async () => {
    const urls = listOf(...Array.from({ length: 15 }, (_value, index) => `${site.url}/many/${index}`));
    const timed = async () => {
      const startedMs = performance.now();
      expect(
        await warmTool(["--urls", urls, "--edge", edge.url, "--rate", "50", "--encodings", "br", "--concurrency", "1"]),
      ).toBe(0);
      return performance.now() - startedMs;
    };
    expect(await timed()).toBeGreaterThan(180);
    const asked = edge.asked.length;
    await timed();
    expect(edge.asked.length - asked).toBe(15);
    expect(said).toMatch(/in the cache already +15/);
  });

  test("a sitemap that unpacks to more than the protocol allows is refused, not unpacked", async () => {
    const bomb = Bun.gzipSync(new Uint8Array(60 * 1024 * 1024));
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(bomb) });
    try {
      expect(
        await warmTool([
          "--sitemap",
          `http://127.0.0.1:${server.port}/s.xml.gz`,
          "--edge",
          `http://127.0.0.1:${server.port}`,
        ]),
      ).toBe(1);
      expect(said).toContain("could not be read");
    } finally {
      await server.stop(true);
    }
  });
});
