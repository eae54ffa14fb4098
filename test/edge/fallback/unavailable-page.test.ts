/**
 * The 503 page as people meet it in Chromium: on a phone and a desk, light and dark, large type and no motion, clean to
 * axe. Says so loudly where Chromium is missing.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Browser, chromium } from "playwright-core";
import type { Exchange } from "#edge/exchange.ts";
import { createFallback } from "#edge/fallback/fallback.ts";
import { type Occasion, unavailablePage } from "#edge/fallback/unavailable-page.ts";
import { OriginError } from "#edge/ports.ts";
import { chromiumIsThere, chromiumPath, launchOptions } from "../../browser/chromium.ts";

const exchangeOf = (request: Request): Exchange => ({
  method: request.method,
  scheme: "http",
  host: request.headers.get("host") ?? "",
  target: "/products/lamp",
  path: "/products/lamp",
  headers: request.headers,
  request,
  address: "127.0.0.1",
  atMs: Date.now(),
  route: { template: "/*", class: "browsing", challenge: false },
  notes: {},
});

const shapes: readonly (readonly [Occasion, boolean])[] = [
  ["read", false],
  ["unsent", true],
  ["unknown", true],
  ["crowded", false],
  ["crowded", true],
];
const name = "Nordlys Home & Light, the lamps and the long evenings";

test("needs no file, no script and no other host, and each shape says that known orders are safe", () => {
  for (const [occasion, form] of shapes) {
    const page = unavailablePage(occasion, form, name);
    expect(page).not.toMatch(/<script|\bon\w+=|https?:|@import|url\((?!#)/);
    expect(page).toContain("If you were given an order number, that order is safe.");
    expect(page).toContain("Nordlys Home &#38; Light");
    expect(page.includes("tries again by itself")).toBe(!form);
  }
});

if (!chromiumIsThere && process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1")
  throw new Error(`${chromiumPath} is missing, and nothing may be skipped`);
if (!chromiumIsThere)
  console.warn(`\n*** ${chromiumPath} is not there: the 503 page was NOT looked at in a browser ***\n`);

if (!chromiumIsThere) console.warn(`SKIPPED: the page of an origin that is gone needs Chromium at ${chromiumPath}.`);
describe.skipIf(!chromiumIsThere)("in Chromium", () => {
  let browser: Browser;
  let axe = "";
  beforeAll(async () => {
    browser = await chromium.launch(launchOptions);
    axe = await Bun.file(Bun.resolveSync("axe-core/axe.min.js", import.meta.dir)).text();
  }, 30_000);
  afterAll(async () => {
    await browser?.close();
  });

  const views = [
    { width: 320, height: 568, colorScheme: "light" },
    { width: 390, height: 844, colorScheme: "dark" },
    { width: 1280, height: 800, colorScheme: "light" },
    { width: 1280, height: 800, colorScheme: "dark" },
  ] as const;

  test.each(views)(
    "clean to axe and never wider than the screen at %j",
    async ({ width, height, colorScheme }) => {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      for (const [occasion, form] of shapes) {
        await page.setContent(unavailablePage(occasion, form, name));
        await page.evaluate(axe);
        const found = (await page.evaluate(
          `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`,
        )) as string[];
        expect(found).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      }
      await context.close();
    },
    60_000,
  );

  test("as it is served, without script, it finds back to the shop by itself", async () => {
    let gone = true;
    const { stage } = createFallback({ retryAfterSeconds: 1, siteName: name }, { random: () => 0 });
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) =>
        stage(exchangeOf(request), () => {
          if (gone) throw new OriginError("refused", false, "Nobody listens.");
          return new Response("<!doctype html><title>The shop</title>", { headers: { "content-type": "text/html" } });
        }),
    });
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    try {
      const answer = await page.goto(`http://127.0.0.1:${server.port}/products/lamp`);
      expect(answer?.status()).toBe(503);
      expect(await page.title()).toStartWith("We will be right back");
      // The sheet is there in spite of the strict content policy.
      expect(
        await page
          .locator("main a")
          .evaluate((link) => link.ownerDocument.defaultView.getComputedStyle(link).fontWeight),
      ).toBe("500");
      gone = false;
      await page.waitForFunction("document.title === 'The shop'", undefined, { timeout: 15_000 });
      expect(complaints.filter((text) => !text.includes("503"))).toEqual([]);
    } finally {
      await context.close();
      await server.stop(true);
    }
  }, 30_000);

  test("whoever wants no motion sees none, and for all others it ends within five seconds (WCAG 2.2.2)", async () => {
    const running = `document.getAnimations().map(({ effect }) => effect.getComputedTiming().endTime)`;
    for (const reducedMotion of ["reduce", "no-preference"] as const) {
      const context = await browser.newContext({ reducedMotion });
      const page = await context.newPage();
      await page.setContent(unavailablePage("read", false, name));
      const ends = (await page.evaluate(running)) as number[];
      if (reducedMotion === "reduce") expect(ends).toEqual([]);
      else expect(ends.length).toBeGreaterThan(0);
      for (const end of ends) expect(end).toBeLessThanOrEqual(5000);
      await context.close();
    }
  }, 30_000);
});
