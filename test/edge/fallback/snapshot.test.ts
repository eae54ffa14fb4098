/**
 * Published pages from end to end: fetched from a real shop, kept as files, swapped in whole, and answered over a real
 * socket after the shop has died. Also with the publisher killed in the middle.
 */
import { afterAll, afterEach, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { openSnapshotFiles } from "#adapters/system/snapshot-files.ts";
import type { Exchange } from "#edge/exchange.ts";
import { createFallback } from "#edge/fallback/fallback.ts";
import type { SnapshotStore } from "#edge/fallback/ports.ts";
import { OriginError } from "#edge/ports.ts";
import { publishTool } from "#roles/tools/publish.ts";
import { type SampleSite, serveSite } from "./sample-site.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway-snapshot-"));
let site: SampleSite;
let said = "";
const hear = (text: unknown) => {
  said += String(text);
  return true;
};
const ears = [
  spyOn(process.stdout, "write").mockImplementation(hear),
  spyOn(process.stderr, "write").mockImplementation(hear),
];
beforeAll(() => {
  site = serveSite();
});
afterEach(() => {
  site.words = "first words";
  site.troubled = {};
  site.delayMs = 0;
});
afterAll(async () => {
  for (const ear of ears) ear.mockRestore();
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
const newDir = (): string => mkdtempSync(join(folder, "out-"));
async function publish(dir: string, ...args: string[]): Promise<{ code: number; said: string }> {
  said = "";
  const code = await publishTool([...args, "--out", dir, "--rate", "5000"]);
  return { code, said };
}
const text = async (store: SnapshotStore, target: string): Promise<string | undefined> => {
  const body = await store.find(target)?.body("identity");
  return body === undefined ? undefined : new TextDecoder().decode(body);
};

/** The stage behind a real server, in front of an origin that is gone. */
function serveGone(snapshot: SnapshotStore) {
  const { stage } = createFallback({ retryAfterSeconds: 15 }, { random: () => 0, snapshot });
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const url = new URL(request.url);
      const exchange: Exchange = {
        method: request.method,
        scheme: "http",
        host: request.headers.get("host") ?? "",
        target: url.pathname + url.search,
        path: url.pathname,
        headers: request.headers,
        request,
        address: "127.0.0.1",
        atMs: Date.now(),
        route: { template: "/*", class: "browsing", challenge: false },
        notes: {},
      };
      return stage(exchange, () => Promise.reject(new OriginError("refused", false, "Nobody listens.")));
    },
  });
}

describe("publish", () => {
  test("keeps the pages of a list and what they name of the same host, each once, and follows no link", async () => {
    const dir = newDir();
    const before = site.asked.length;
    const list = listOf(
      "# the event",
      `${site.url}/`,
      "",
      `${site.url}/products/lamp`,
      `${site.url}/products/lamp#reviews`,
    );
    const { code, said: words } = await publish(dir, "--urls", list);
    expect(words).toContain("Published 2 pages");
    expect(code).toBe(0);
    const store = await openSnapshotFiles({ dir });
    expect(await text(store, "/products/lamp")).toContain("<title>lamp</title>");
    const asked = site.asked.slice(before).map(({ path }) => path);
    expect(asked.toSorted()).toEqual(
      [
        "/",
        "/products/lamp",
        "/app.js",
        "/font.woff2",
        "/img/back.png",
        "/img/lamp-2.png",
        "/img/lamp.png",
        "/more.css",
        "/products/img/lamp.png",
        "/style.css?v=1",
      ].toSorted(),
    );
    for (const path of asked) expect(store.find(path)).toBeDefined();
    expect(store.find("/never-followed")).toBeUndefined();
    expect(store.state()).toMatchObject({ pages: asked.length, site: site.host });
    // Only what is true of the page itself is said again.
    expect(store.find("/")?.fields).toEqual([
      ["content-type", "text/html; charset=utf-8"],
      ["content-security-policy", "default-src 'self'"],
    ]);
  });

  test("reads sitemaps: an index, packed ones, entities and CDATA, none of another host, none twice", async () => {
    const dir = newDir();
    const { code, said: words } = await publish(dir, "--sitemap", `${site.url}/sitemap-index.xml`, "--no-assets");
    expect(words).toContain("Published 4 pages");
    expect(words).toContain("https://elsewhere.example/sitemap.xml was not read");
    expect(code).toBe(1);
    const store = await openSnapshotFiles({ dir });
    expect(await text(store, "/products/lamp?colour=red")).toContain("red lamp");
    expect(store.find("/plain.txt")?.codings).toEqual(["identity"]);
  });

  test("refuses what may be of one person or is no page, lists each, and keeps the others", async () => {
    const dir = newDir();
    const paths = ["/products/lamp", "/cookie", "/private", "/no-store", "/moved", "/broken", "/nothing"];
    const list = listOf(...paths.map((path) => site.url + path), "https://elsewhere.example/", "not an address");
    const { code, said: words } = await publish(dir, "--urls", list, "--no-assets");
    expect(code).toBe(1);
    for (const complaint of [
      "/cookie: sets a cookie",
      "/private: is private",
      "/no-store: may not be kept",
      "/moved: answered with 301, and sends to /",
      "/broken: answered with 500",
      "/nothing: answered with 404",
      "elsewhere.example/: a snapshot is of one site",
      "line 9: not an address is no address",
    ])
      expect(words).toContain(complaint);
    const store = await openSnapshotFiles({ dir });
    expect(paths.filter((path) => store.find(path) !== undefined)).toEqual(["/products/lamp"]);
  });

  test("connects to --origin and still asks by the site's own name", async () => {
    const dir = newDir();
    const { code } = await publish(
      dir,
      "--urls",
      listOf("https://shop.example/products/lamp"),
      "--origin",
      site.url,
      "--no-assets",
    );
    expect(code).toBe(0);
    expect(site.asked.at(-1)).toMatchObject({ path: "/products/lamp", host: "shop.example" });
    const relative = await publish(dir, "--urls", listOf("/products/lamp"), "--origin", site.url, "--no-assets");
    expect(relative.code).toBe(0);
  });

  test("takes the place of the snapshot before as a whole, and only that one is left beside it", async () => {
    const dir = newDir();
    const list = listOf(`${site.url}/products/lamp`);
    await publish(dir, "--urls", list, "--no-assets");
    const store = await openSnapshotFiles({ dir });
    const old = store.find("/products/lamp");
    site.words = "second words";
    await publish(dir, "--urls", list, "--no-assets");
    await store.refresh();
    expect(await text(store, "/products/lamp")).toContain("second words");
    // Somebody may still be reading the old one.
    expect(new TextDecoder().decode(await old?.body("identity"))).toContain("first words");
    for (let round = 0; round < 3; round++) await publish(dir, "--urls", list, "--no-assets");
    expect(readdirSync(dir).filter((name) => name.startsWith("snapshot-"))).toHaveLength(2);
    expect(readdirSync(dir).filter((name) => /^(draft|link)-/.test(name))).toEqual([]);
  });

  test("a page that the shop cannot answer just now keeps its older copy, one that is gone does not", async () => {
    const dir = newDir();
    const list = listOf(`${site.url}/many/1`, `${site.url}/many/2`, `${site.url}/many/3`);
    await publish(dir, "--urls", list, "--no-assets");
    const store = await openSnapshotFiles({ dir });
    const takenAtMs = store.find("/many/1")?.takenAtMs;
    site.words = "second words";
    site.troubled = { "/many/1": 503, "/many/2": 404 };
    const { code, said: words } = await publish(dir, "--urls", list, "--no-assets");
    expect(code).toBe(1);
    expect(words).toMatch(/many\/1: answered with 503; its copy of \S+ stays/);
    expect(words).toContain("1 of the snapshot before stay");
    await store.refresh();
    expect(await text(store, "/many/1")).toContain("first words");
    expect(store.find("/many/1")?.takenAtMs).toBe(takenAtMs);
    expect(store.find("/many/2")).toBeUndefined();
    expect(await text(store, "/many/3")).toContain("second words");
    // Its first snapshot is swept away, and it is still there: the two shared the file.
    await publish(dir, "--urls", list, "--no-assets");
    await publish(dir, "--urls", list, "--no-assets");
    const later = await openSnapshotFiles({ dir });
    expect(await text(later, "/many/1")).toContain("first words");
    const packed = await later.find("/many/1")?.body("br");
    expect(brotliDecompressSync(packed ?? new Uint8Array()).toString()).toContain("first words");
  });

  test("leaves the snapshot in force when no page could be kept", async () => {
    const dir = newDir();
    await publish(dir, "--urls", listOf(`${site.url}/products/lamp`), "--no-assets");
    const before = readlinkSync(join(dir, "current"));
    const { code, said: words } = await publish(dir, "--urls", listOf(`${site.url}/broken`, "http://127.0.0.1:1/"));
    expect(code).toBe(1);
    expect(words).toContain("the snapshot before stays in force");
    expect(readlinkSync(join(dir, "current"))).toBe(before);
    expect(readdirSync(dir).toSorted()).toEqual(["current", before]);
  });

  test("asks no faster than it may", async () => {
    const before = site.asked.length;
    said = "";
    const urls = Array.from({ length: 15 }, (_value, index) => `${site.url}/many/${index}`);
    await publishTool(["--urls", listOf(...urls), "--out", newDir(), "--rate", "50", "--no-assets"]);
    const times = site.asked.slice(before).map(({ at }) => at);
    expect(times).toHaveLength(15);
    // A burst of 5, then one each 20 ms: never faster, how slow the machine may be.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(100);
  });

  test.each([
    [[]],
    [["--urls", "x", "--sitemap", "http://x"]],
    [["--urls", "/nowhere"]],
    [["--urls", "-", "--rate", "fast"]],
    [["--sitemap", "x"]],
    [["--wrong"]],
  ])("a wrong command line %j is said to be one", async (args) => {
    expect(publishTool(args)).rejects.toMatchObject({ code: "bad_usage" });
  });
});

test("a publisher that is killed at any moment leaves the old snapshot, whole", async () => {
  const dir = newDir();
  const urls = Array.from({ length: 40 }, (_value, index) => `${site.url}/many/${index}`);
  const list = listOf(...urls);
  await publish(dir, "--urls", list, "--no-assets");
  const root = join(import.meta.dir, "../../..");
  const script = `import { publishTool } from "#roles/tools/publish.ts"; process.exit(await publishTool(process.argv.slice(1)));`;
  for (const after of [0, 5, 20, 39]) {
    site.words = `words ${after}`;
    site.delayMs = 2;
    const before = site.asked.length;
    const child = Bun.spawn(
      [
        process.execPath,
        "-e",
        script,
        "--",
        "--urls",
        list,
        "--out",
        dir,
        "--rate",
        "5000",
        "--concurrency",
        "2",
        "--no-assets",
      ],
      {
        cwd: root,
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    while (site.asked.length - before < after && child.exitCode === null) await Bun.sleep(1);
    expect(site.asked.length - before).toBeGreaterThanOrEqual(after);
    child.kill("SIGKILL");
    await child.exited;
    const store = await openSnapshotFiles({ dir });
    const texts = await Promise.all(urls.map((url) => text(store, new URL(url).pathname)));
    const versions = new Set(texts.map((page) => /<p>(first words|words \d+)<\/p>/.exec(page ?? "")?.[1]));
    expect(versions.size).toBe(1);
  }
  site.delayMs = 0;
  site.words = "after all";
  expect((await publish(dir, "--urls", list, "--no-assets")).code).toBe(0);
  expect(await text(await openSnapshotFiles({ dir }), "/many/7")).toContain("after all");
}, 30_000);

describe("the store", () => {
  test("is empty where nothing is published, and finds what is published later by itself", async () => {
    const dir = newDir();
    const store = await openSnapshotFiles({ dir });
    expect([store.find("/products/lamp"), store.state()]).toEqual([undefined, null]);
    await publish(dir, "--urls", listOf(`${site.url}/products/lamp`), "--no-assets");
    const giveUpAt = Date.now() + 10_000;
    while (store.find("/products/lamp") === undefined && Date.now() < giveUpAt) await Bun.sleep(50);
    expect(await text(store, "/products/lamp")).toContain("lamp");
  }, 15_000);

  test("keeps the snapshot in force when a new one is damaged, and says so once", async () => {
    const dir = newDir();
    const list = listOf(`${site.url}/products/lamp`);
    await publish(dir, "--urls", list, "--no-assets");
    const reports: string[] = [];
    const store = await openSnapshotFiles({ dir, report: (sentence) => reports.push(sentence) });
    await publish(dir, "--urls", list, "--no-assets");
    writeFileSync(join(dir, "current", "manifest.json"), '{"version":1,"pages":{"/":{"sha256":"../../etc/passwd"}}}');
    await store.refresh();
    await store.refresh();
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain("the one before stays in force");
    expect(await text(store, "/products/lamp")).toContain("lamp");
  });

  test("never hands out half a file", async () => {
    const dir = newDir();
    await publish(dir, "--urls", listOf(`${site.url}/products/lamp`), "--no-assets");
    const reports: string[] = [];
    const store = await openSnapshotFiles({ dir, report: (sentence) => reports.push(sentence) });
    const manifest = JSON.parse(readFileSync(join(dir, "current/manifest.json"), "utf8"));
    const { sha256 } = manifest.pages["/products/lamp"];
    truncateSync(join(dir, "current", sha256.slice(0, 2), `${sha256.slice(2)}.bin`), 10);
    expect(await text(store, "/products/lamp")).toBeUndefined();
    expect(reports[0]).toContain("10 bytes instead of");
  });

  test("keeps no more bodies in memory than it may, and reads a body once for all who ask at the same time", async () => {
    const dir = newDir();
    const urls = Array.from({ length: 20 }, (_value, index) => `${site.url}/many/${index}`);
    await publish(dir, "--urls", listOf(...urls), "--no-assets");
    const store = await openSnapshotFiles({ dir, memoryMaxBytes: 6000 });
    const first = store.find("/many/0")?.body("identity");
    expect(store.find("/many/0")?.body("identity")).toBe(first);
    await first;
    expect(store.find("/many/0")?.body("identity")).toBeInstanceOf(Uint8Array);
    for (const url of urls) await store.find(new URL(url).pathname)?.body("identity");
    expect(store.find("/many/0")?.body("identity")).toBeInstanceOf(Promise);
    expect(store.find("/many/19")?.body("identity")).toBeInstanceOf(Uint8Array);
  });
});

describe("over a real socket, with the shop dead", () => {
  const raw = (port: number | undefined, message: string): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const pieces: Buffer[] = [];
      const socket = connect(port ?? 0, "127.0.0.1", () => socket.write(message));
      socket.on("data", (piece: Buffer) => pieces.push(piece));
      socket.on("end", () => resolve(Buffer.concat(pieces)));
      socket.on("error", reject);
    });
  const split = (answer: Buffer) => {
    const at = answer.indexOf("\r\n\r\n");
    return { head: answer.subarray(0, at).toString().toLowerCase(), body: answer.subarray(at + 4) };
  };
  const get = (method: string, path: string, fields = "") =>
    `${method} ${path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n${fields}\r\n`;

  test("each encoding unpacks to the page, HEAD has its length and no body, and 304 has neither", async () => {
    const dir = newDir();
    await publish(dir, "--urls", listOf(`${site.url}/products/lamp`), "--no-assets");
    const server = serveGone(await openSnapshotFiles({ dir }));
    try {
      const whole = split(await raw(server.port, get("GET", "/products/lamp")));
      expect(whole.head).toStartWith("http/1.1 200");
      expect(whole.head).toMatch(/spillway-snapshot: \w{3}, \d\d \w{3} \d{4} /);
      for (const [coding, unpack] of [
        ["br", brotliDecompressSync],
        ["gzip", gunzipSync],
      ] as const) {
        const { head, body } = split(
          await raw(server.port, get("GET", "/products/lamp", `Accept-Encoding: ${coding}\r\n`)),
        );
        expect(head).toContain(`content-encoding: ${coding}`);
        expect(body.byteLength).toBeLessThan(whole.body.byteLength / 2);
        expect(unpack(body).equals(whole.body)).toBe(true);
      }
      const head = split(await raw(server.port, get("HEAD", "/products/lamp")));
      expect(head.head).toContain(`content-length: ${whole.body.byteLength}`);
      expect(head.body.byteLength).toBe(0);
      const etag = /etag: (\S+)/.exec(whole.head)?.[1];
      const known = split(await raw(server.port, get("GET", "/products/lamp", `If-None-Match: ${etag}\r\n`)));
      expect(known.head).toStartWith("http/1.1 304");
      expect(known.body.byteLength).toBe(0);
    } finally {
      await server.stop(true);
    }
  });

  test("a page that was not published, and a form, get the 503 page; HEAD gets its head alone", async () => {
    const server = serveGone({ find: () => undefined });
    try {
      const page = split(await raw(server.port, get("GET", "/x", "Accept: text/html\r\n")));
      expect(page.head).toStartWith("http/1.1 503");
      expect(page.head).toContain("retry-after: 15");
      expect(page.body.toString()).toContain("We will be right back");
      const head = split(await raw(server.port, get("HEAD", "/x", "Accept: text/html\r\n")));
      expect(head.head).toContain(`content-length: ${page.body.byteLength}`);
      expect(head.body.byteLength).toBe(0);
      const form = split(await raw(server.port, get("POST", "/checkout", "Content-Length: 0\r\n")));
      expect(form.body.toString()).toContain("Nothing was ordered");
    } finally {
      await server.stop(true);
    }
  });
});
