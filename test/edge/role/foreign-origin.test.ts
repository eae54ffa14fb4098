/** The edge in front of a site that knows nothing of it: plain nginx with files, seen by a person in Chromium. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { chromiumIsThere, chromiumPath, launchOptions } from "../../browser/chromium.ts";
import { freePort, type RunningShop, startShop } from "../../kit/running-shop.ts";

const nginxPath = Bun.which("nginx", { PATH: `${process.env.PATH}:/usr/sbin` });
if (process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1") {
  if (nginxPath === null) throw new Error("nginx is missing, and nothing may be skipped");
  if (!chromiumIsThere) throw new Error(`${chromiumPath} is missing, and nothing may be skipped`);
}

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title><link rel="stylesheet" href="/site.css"></head><body><h1>${title}</h1>${body}</body></html>`;

if (nginxPath === null || !chromiumIsThere)
  console.warn("SKIPPED: a foreign origin behind the edge needs nginx and Chromium (apt-get install nginx chromium).");
describe.skipIf(nginxPath === null || !chromiumIsThere)("a plain nginx site behind the edge", () => {
  const folder = mkdtempSync(join(tmpdir(), "spillway foreign origin "));
  let nginx: Bun.Subprocess;
  let edge: RunningShop;
  let browser: Browser;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    const site = join(folder, "site");
    mkdirSync(join(site, "products"), { recursive: true });
    writeFileSync(
      join(site, "index.html"),
      page("A shop of files", '<p><a href="/products/lamp.html">The lamp</a></p>'),
    );
    writeFileSync(
      join(site, "products/lamp.html"),
      page("The lamp", '<img src="/lamp.svg" alt="A lamp" width="40" height="40">'),
    );
    writeFileSync(join(site, "site.css"), "h1 { color: rgb(13, 61, 60) }");
    writeFileSync(
      join(site, "lamp.svg"),
      '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="18"/></svg>',
    );
    const port = await freePort();
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; master_process off; pid "${folder}/nginx.pid"; error_log stderr crit;
events { worker_connections 256; }
http {
  access_log off; client_body_temp_path "${folder}/t1"; proxy_temp_path "${folder}/t2"; fastcgi_temp_path "${folder}/t3"; uwsgi_temp_path "${folder}/t4"; scgi_temp_path "${folder}/t5";
  types { text/html html; text/css css; image/svg+xml svg; }
  server { listen 127.0.0.1:${port}; root "${site}"; expires 60s; }
}
`,
    );
    nginx = Bun.spawn([nginxPath as string, "-c", join(folder, "nginx.conf"), "-p", folder, "-e", "stderr"], {
      stdout: "ignore",
      stderr: "inherit",
    });
    edge = await startShop({
      word: "edge",
      env: { SPILLWAY_ORIGINS: `http://127.0.0.1:${port}`, SPILLWAY_SITE_NAME: "A shop of files" },
    });
    browser = await chromium.launch(launchOptions);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await edge?.[Symbol.asyncDispose]();
    nginx?.kill("SIGKILL");
    await nginx?.exited;
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test("is browsed as if the edge were not there; its files come from memory; and when it dies a person is told", async () => {
    const visitor = await browser.newPage();
    await visitor.goto(edge.url);
    expect(await visitor.title()).toBe("A shop of files");
    await visitor.click("text=The lamp");
    await visitor.waitForURL("**/products/lamp.html");
    const seen = async (expression: string): Promise<unknown> => await visitor.evaluate(expression);
    expect(await seen("getComputedStyle(document.querySelector('h1')).color")).toBe("rgb(13, 61, 60)");
    expect(await seen("document.querySelector('img').naturalWidth")).toBe(40);

    const kept = await fetch(`${edge.url}/site.css`);
    expect(kept.headers.get("cache-status")).toContain("hit");
    expect(await kept.text()).toContain("rgb(13, 61, 60)");
    const part = await fetch(`${edge.url}/site.css`, { headers: { range: "bytes=0-1" } });
    expect([part.status, await part.text()]).toEqual([206, "h1"]);

    nginx.kill("SIGKILL");
    await nginx.exited;
    // What is still fresh is still there; for the rest there is a page that says what happened.
    expect((await visitor.goto(`${edge.url}/products/lamp.html`))?.status()).toBe(200);
    expect((await visitor.goto(`${edge.url}/never-seen.html`))?.status()).toBe(503);
    expect(await visitor.locator("h1").textContent()).toBe("We will be right back");
  }, 60_000);
});
