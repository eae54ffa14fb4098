/**
 * The proof of work in real Chromium, by plain http on a host that is not localhost, where `crypto.subtle` does not exist:
 * the page must solve it by itself, within its own content security policy, and let the person in. And the cookies must
 * be ones that a browser keeps.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Browser, chromium } from "playwright-core";
import { createSigner } from "#adapters/system/signer.ts";
import { Limits as LimitsSettings } from "#contract/edge-config.ts";
import { createLimits } from "#edge/limits/limits.ts";
import { chromiumIsThere, chromiumPath, launchOptions } from "../../browser/chromium.ts";
import { countingMeter, exchangeOf, settingsOf } from "../../kit/exchange.ts";

if (!chromiumIsThere) {
  if (process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1")
    throw new Error(`${chromiumPath} is missing, and nothing may be skipped`);
  console.warn(`SKIPPED: the proof of work in a browser needs Chromium at ${chromiumPath} (apt-get install chromium)`);
}

/** The stage alone on a socket; "/drop" wants a proof of work. */
function serve(maxNumber: number): { url: string; stop: () => Promise<void>; passed: () => number } {
  const limits = createLimits(settingsOf(LimitsSettings, { challenge: { maxNumber } }), {
    signer: createSigner(new Uint8Array(32).fill(3)),
    newId: () => crypto.randomUUID(),
    seed: [1, 2],
    meter: countingMeter(),
  });
  const page =
    '<!doctype html><html lang="en"><title>The drop</title><link rel="icon" href="data:,"><h1>Inside</h1></html>';
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      const exchange = exchangeOf({
        method: request.method,
        scheme: "http",
        path: pathname,
        headers: request.headers.toJSON(),
        request,
        atMs: Date.now(),
        route: { challenge: pathname === "/drop" },
      });
      return limits.stage(exchange, () => new Response(page, { headers: { "content-type": "text/html" } }));
    },
  });
  return {
    // A name that Chromium is told to look up here: to it this is a host like any other on plain http.
    url: `http://shop.example:${server.port}`,
    stop: async () => await server.stop(true),
    passed: () => limits.stats().challenge.passed ?? 0,
  };
}

describe.skipIf(!chromiumIsThere)("a person who comes to a route with a proof of work", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      ...launchOptions,
      args: [...launchOptions.args, "--host-resolver-rules=MAP shop.example 127.0.0.1"],
    });
  }, 60_000);
  afterAll(async () => await browser?.close());

  test("gets in without doing anything, and is not asked again", async () => {
    const edge = serve(20_000);
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        // The first answer is a 403, and Chromium writes that down too.
        if (message.type() === "error" && !message.text().includes("403")) complaints.push(message.text());
      });
      await page.goto(`${edge.url}/drop`);
      await page.getByRole("heading", { name: "Inside" }).waitFor({ timeout: 20_000 });
      await page.reload();
      await page.getByRole("heading", { name: "Inside" }).waitFor({ timeout: 5000 });
      expect(complaints).toEqual([]);
      expect(edge.passed()).toBe(1);
      await page.close();
    } finally {
      await edge.stop();
    }
  }, 60_000);

  test("without script reads what to do", async () => {
    const edge = serve(20_000);
    try {
      const page = await browser.newPage({ javaScriptEnabled: false });
      await page.goto(`${edge.url}/drop`);
      expect(await page.locator("noscript").innerText()).toContain("Please allow it for this page and reload it.");
      await page.close();
    } finally {
      await edge.stop();
    }
  }, 60_000);
});
