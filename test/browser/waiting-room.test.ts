/**
 * The waiting room in real Chromium: every state of its panel is clean to axe in both schemes and narrow, in our own page and alone; and against real edges people wait, close
 * the tab, change the device, are called and go in, with a keyboard alone and without script.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { brotliCompressSync } from "node:zlib";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { PlaceView } from "#contract/waiting-room.ts";
import { roomFiles, roomScript } from "#roles/room-files.ts";
import { startRoomEdge } from "../edge/waiting-room/room-edge.ts";
import { type RunningShop, spillway, startShop } from "../kit/running-shop.ts";
import { chromiumIsThere, chromiumPath, launchOptions } from "./chromium.ts";
import { htmlComplaints } from "./html-complaints.ts";
import { pages, serveRoomSamples } from "./room-samples.ts";

if (!chromiumIsThere) {
  if (process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1")
    throw new Error(`${chromiumPath} is missing, and nothing may be skipped`);
  console.warn(`SKIPPED: the waiting room in a browser needs Chromium at ${chromiumPath} (apt-get install chromium)`);
}

test("script and sheet together are at most 9 kB, the script at most 6", async () => {
  const script = brotliCompressSync(await roomScript()).length;
  const sheet = (await roomFiles()).get("/.spillway/room.css")?.bodies.br.length ?? Number.NaN;
  expect(script).toBeLessThanOrEqual(6_000);
  expect(script + sheet).toBeLessThanOrEqual(9_000);
});

test("the room's own pages are well-formed and labelled", async () => {
  for (const [name, { html }] of Object.entries(pages())) {
    if (!name.startsWith("own-") && !name.startsWith("said-")) continue;
    // Its refresh stands in the panel, for pages that are not ours have no other place for it.
    const complaints = await htmlComplaints(
      html.replace(/^<!doctype html>\n<html lang="en" class="spw-own">/, '<!doctype html>\n<html lang="en">'),
    );
    expect([name, complaints]).toEqual([name, []]);
  }
});

describe.skipIf(!chromiumIsThere)("in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch(launchOptions);
  }, 30_000);
  afterAll(async () => await browser?.close());

  const axeSource = Bun.file(new URL(import.meta.resolve("axe-core/axe.min.js"))).text();
  const everyRule = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const seenRules = { type: "rule", values: ["color-contrast", "target-size"] };
  async function axe(page: Page, runOnly: unknown = everyRule): Promise<string[]> {
    await page.evaluate(await axeSource);
    const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
      `axe.run({ resultTypes: ["violations"], runOnly: ${JSON.stringify(runOnly)} })`,
    );
    return violations.flatMap(({ id, nodes }) => nodes.slice(0, 2).map((node) => `${id}: ${node.html.slice(0, 160)}`));
  }

  test("axe finds nothing in any state, wide in the light and narrow in the dark, and no policy refuses anything", async () => {
    const samples = await serveRoomSamples();
    // Alone in every state; in the shop's page, which has a test of its own, in those that differ most.
    const queue = samples.names.filter((name) => /^(own|said)-|^product-(near|turn|unlikely)$/.test(name));
    const found: string[] = [];
    const work = async (): Promise<void> => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() === "error" && !/404/.test(message.text()))
          found.push(`${page.url()} says: ${message.text()}`);
      });
      page.on("pageerror", (error) => found.push(`${page.url()} throws: ${error.message}`));
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        await page.goto(`${samples.origin}/${name}`);
        found.push(...(await axe(page)).map((one) => `${name}: ${one}`));
        await page.setViewportSize({ width: 320, height: 800 });
        await page.emulateMedia({ colorScheme: "dark" });
        found.push(...(await axe(page, seenRules)).map((one) => `${name}, dark: ${one}`));
        const width = await page.evaluate<number>("document.documentElement.scrollWidth");
        if (width > 320) found.push(`${name} is ${width} px wide`);
        await page.setViewportSize({ width: 1280, height: 900 });
        await page.emulateMedia({ colorScheme: "light" });
      }
      await context.close();
    };
    await Promise.all([work(), work()]);
    samples.stop();
    expect(found).toEqual([]);
  }, 120_000);

  test("on a phone the place and the expected time are in sight without scrolling, cover nothing, and lead to the panel; with script and without", async () => {
    const samples = await serveRoomSamples();
    const names = samples.names.filter((name) =>
      /^product-(before|near|turn|unlikely|moved)|^(foreign|unmarked)-/.test(name),
    );
    const found: string[] = [];
    for (const [width, height, javaScriptEnabled] of [
      [360, 640, false],
      [390, 844, true],
    ] as const) {
      const context = await browser.newContext({ viewport: { width, height }, javaScriptEnabled, isMobile: true });
      const page = await context.newPage();
      for (const name of names) {
        // Which words there are does not depend on script.
        if (javaScriptEnabled && !name.endsWith("near")) continue;
        await page.goto(`${samples.origin}/${name}`);
        const bar = page.locator("#spillway-bar > div");
        const head = await page.locator(".spw-head").boundingBox();
        const isHeadInSight = head !== null && head.y + head.height <= height;
        const box = await bar.boundingBox();
        if (!isHeadInSight && (box === null || box.y < 0 || box.y + box.height > height + 1))
          found.push(`${name} shows nothing of the place at ${width} × ${height}`);
        const [title = "", words = ""] = [await page.locator("#spw-title").textContent(), await bar.textContent()].map(
          (text) => text ?? "",
        );
        if (!javaScriptEnabled && !words.includes(title)) found.push(`${name}: ${words} does not say ${title}`);
        if (!javaScriptEnabled && box !== null) {
          await page.locator("footer > :last-child").last().scrollIntoViewIfNeeded();
          await page.mouse.wheel(0, 100_000);
          await page.waitForTimeout(50);
          const last = await page.locator("footer > :last-child").last().boundingBox();
          if (last === null || last.y + last.height > box.y + 1)
            found.push(`${name}: the bar covers the end of the page`);
        }
      }
      await page.goto(`${samples.origin}/foreign-near`);
      expect(await page.locator("#spillway-bar b").textContent()).toBe("12 people ahead of you");
      await page.locator("#spillway-bar a").focus();
      await page.keyboard.press("Enter");
      await page.waitForTimeout(100);
      expect((await page.locator(".spw-head").boundingBox())?.y).toBeLessThan(height / 2);
      expect(await page.locator("#spillway-bar > div").isVisible()).toBe(!javaScriptEnabled);
      await page.emulateMedia({ media: "print" });
      expect(await page.locator("#spillway-bar").isVisible()).toBe(false);
      await page.emulateMedia({ media: "screen" });
      await page.setViewportSize({ width: 1280, height: 900 });
      expect(await page.locator("#spillway-bar").isVisible()).toBe(false);
      await context.close();
    }
    samples.stop();
    expect(found).toEqual([]);
  }, 120_000);

  describe("before a page that is not ours", () => {
    let world: Awaited<ReturnType<typeof startRoomEdge>>;
    const room = {
      id: "drop",
      title: "The drop",
      match: { paths: ["/products/*"] },
      opensAt: "2026-01-01T00:00:00Z",
      outflowPerMinute: 600,
      claimSeconds: 20,
    };
    beforeAll(async () => {
      world = await startRoomEdge([room]);
    }, 60_000);
    afterAll(async () => await world?.stop(), 30_000);

    async function setPhase(phase: "paused" | null): Promise<void> {
      await world.admin("PATCH", "/edge/rooms/drop", { phase });
      for (;;) {
        const { body } = await world.admin("GET", "/edge/rooms/drop");
        if ((body as { now: { phase: string } }).now.phase === (phase ?? "open")) return;
        await Bun.sleep(50);
      }
    }

    async function open(options: Parameters<Browser["newContext"]>[0] = {}) {
      const context = await browser.newContext({
        viewport: { width: 390, height: 844 },
        baseURL: world.url,
        ...options,
      });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      const trouble: string[] = [];
      page.on("console", (message) => {
        // Waiting is no error, but a browser calls a 409 one.
        if (message.type() === "error" && !/favicon|Failed to load resource/.test(message.text()))
          trouble.push(message.text());
      });
      page.on("pageerror", (error) => trouble.push(error.message));
      return { context, page, trouble };
    }

    const numberOf = async (page: Page): Promise<number | null> =>
      await page.evaluate<number | null>(
        'fetch("/.spillway/rooms/drop/place", { headers: { accept: "application/json" } }).then((answer) => answer.json()).then((place) => place.number)',
      );
    const isIn = async (page: Page): Promise<void> => {
      await page.getByRole("button", { name: "Buy" }).waitFor();
      expect(await page.locator("#spillway-room").count()).toBe(0);
    };

    test("a place is kept when the tab is closed, and whoever is just here is let in by themselves", async () => {
      await setPhase("paused");
      const { context, page, trouble } = await open();
      const bound = page.waitForResponse((response) => response.url().endsWith("/bind"));
      await page.goto("/products/lamp");
      await page.getByText("All places stay as they are").waitFor();
      const number = await numberOf(page);
      // From then on a copied cookie is no place.
      await bound;
      await page.close();
      const again = await context.newPage();
      await again.goto("/products/lamp");
      expect(await numberOf(again)).toBe(number);
      const copied = await browser.newContext({ baseURL: world.url });
      await copied.addCookies(await context.cookies());
      const claimed = await copied.request.post("/.spillway/rooms/drop/claim", {
        headers: { accept: "application/json" },
      });
      expect(claimed.status()).toBe(403);
      await copied.close();
      await again.locator("h1").click();
      await setPhase(null);
      await isIn(again);
      expect(trouble).toEqual([]);
      await context.close();
    }, 60_000);

    test("with a keyboard alone: the turn waits for its person, its time can be made longer, and when it is over nothing is lost", async () => {
      await setPhase("paused");
      const { context, page, trouble } = await open({ reducedMotion: "reduce" });
      await page.clock.install();
      await page.goto("/products/lamp");
      await page.getByText("All places stay as they are").waitFor();
      await page.clock.runFor(5_000);
      // Nobody did anything for a while: the turn comes, and nothing happens by itself.
      await page.clock.runFor(60_000);
      await setPhase(null);
      for (
        let look = 0;
        look < 20 && (await page.getByRole("heading", { name: "It is your turn" }).count()) === 0;
        look++
      ) {
        await page.clock.runFor(3_000);
        await Bun.sleep(200);
      }
      await page.getByRole("heading", { name: "It is your turn" }).waitFor();
      expect(await page.title()).toStartWith("● It is your turn");
      expect(await page.locator("[data-said]").textContent()).toBe("It is your turn");
      const longer = page.getByRole("button", { name: "Keep my turn longer" });
      for (let times = 0; times < 12; times++) {
        await page.clock.runFor(15_000);
        await longer.focus();
        await page.keyboard.press("Enter");
        expect(await page.locator("[data-kept] span").textContent()).toContain("0:20");
      }
      await page.clock.runFor(30_000);
      await page.getByText("Nothing is lost: press, and you go in").waitFor();
      await page.locator("#spillway-room").getByRole("button", { name: "Go in" }).focus();
      await page.keyboard.press("Enter");
      await page.clock.resume();
      await isIn(page);
      expect(trouble).toEqual([]);
      await context.close();
    }, 90_000);

    test("without script: the page asks again by itself, and a button goes in", async () => {
      await setPhase("paused");
      const { context, page } = await open({ javaScriptEnabled: false });
      await page.goto("/products/lamp?colour=red");
      await page.getByText("All places stay as they are").waitFor();
      expect(await page.locator('meta[http-equiv="refresh"]').count()).toBe(1);
      await setPhase(null);
      await page.waitForTimeout(1500);
      await page.reload();
      await page.locator("#spillway-bar").getByRole("button", { name: "Go in" }).click();
      await isIn(page);
      expect(page.url()).toEndWith("/products/lamp?colour=red");
      await context.close();
    }, 60_000);

    test("another device takes the place over by its code, and the first says so", async () => {
      await setPhase("paused");
      const [phone, laptop] = [await open(), await open({ viewport: { width: 1280, height: 900 } })];
      const bound = phone.page.waitForResponse((response) => response.url().endsWith("/bind"));
      await phone.page.goto("/products/lamp");
      await bound;
      const number = await numberOf(phone.page);
      await phone.page.getByText("Go on with another device").click();
      await phone.page.getByRole("button", { name: "Show a code" }).click();
      const code = (await phone.page.locator(".spw-code b").textContent()) ?? "";
      expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
      const drawn = (await phone.page.locator(".spw-code svg path").last().boundingBox())?.width ?? 0;
      expect(drawn).toBeGreaterThan(80);
      await laptop.page.goto(`/.spillway/r/${code}`);
      expect(await axe(laptop.page)).toEqual([]);
      await laptop.page.getByRole("button", { name: "Go on here" }).click();
      await laptop.page.goto("/products/lamp");
      expect(await numberOf(laptop.page)).toBe(number);
      const old = await phone.context.request.get("/.spillway/rooms/drop/place", {
        headers: { accept: "application/json" },
      });
      expect(old.status()).toBe(409);
      // The page that showed the code looks again by itself, and keeps no figures that are not its own.
      await phone.page.getByRole("heading", { name: "Another device has your place" }).waitFor();
      expect(await phone.page.getByText("ahead of you").count()).toBe(0);
      await setPhase(null);
      await laptop.page.locator("h1").click();
      await isIn(laptop.page);
      await phone.context.close();
      await laptop.context.close();
    }, 60_000);

    test("a place never moves back, whatever an older document says, and nothing on the page jumps", async () => {
      await setPhase("paused");
      const { context, page, trouble } = await open();
      let cursor = 50;
      await page.route("**/.spillway/rooms/drop/now", async (route) => {
        const answer = await route.fetch();
        const document = (await answer.json()) as { now: Record<string, unknown> };
        await route.fulfill({
          json: { ...document, now: { ...document.now, cursor, next: 400, lookAgainSeconds: [[0, 1]] } },
        });
      });
      await page.route("**/products/ranked", async (route) => {
        const answer = await route.fetch();
        const text = (await answer.text())
          .replace(/&#34;rank&#34;:\d+/, "&#34;rank&#34;:100")
          .replace(/&#34;ahead&#34;:\d+/, "&#34;ahead&#34;:99");
        await route.fulfill({ response: answer, body: text });
      });
      await page.goto("/products/ranked");
      const ahead = async (): Promise<number> =>
        Number.parseInt((await page.locator("#spw-title").textContent()) ?? "", 10);
      await page.getByRole("heading", { name: "49 people ahead of you" }).waitFor();
      const top = async (): Promise<number | undefined> => (await page.locator(".spw-more").boundingBox())?.y;
      const before = await top();
      cursor = 60;
      await page.getByRole("heading", { name: "39 people ahead of you" }).waitFor();
      cursor = 20;
      await page.waitForTimeout(2500);
      expect(await ahead()).toBe(39);
      expect(await top()).toBe(before);
      expect(trouble).toEqual([]);
      await context.close();
    }, 60_000);
  });

  describe("before our own shop", () => {
    let shop: RunningShop;
    let token: string;
    beforeAll(async () => {
      const file = `${process.env.TMPDIR ?? "/tmp"}/spillway-room-shop-${process.pid}.json`;
      await Bun.write(
        file,
        JSON.stringify({
          waitingRooms: {
            rooms: [
              {
                id: "lamp",
                title: "Aurora lamp",
                match: { paths: ["/products/aurora-lamp", "/cart/lines", "/checkout/*", "/api/orders"] },
                opensAt: "2026-01-01T00:00:00Z",
                outflowPerMinute: 600,
                skus: ["AURORA-LAMP"],
              },
            ],
          },
        }),
      );
      shop = await startShop({ env: { SPILLWAY_EDGE_CONFIG: file } });
      token = (await spillway(shop.env, "token")).out.trim();
    }, 120_000);
    afterAll(async () => {
      const verified = await spillway(shop.env, "verify");
      await shop?.[Symbol.asyncDispose]();
      expect(verified.out).toContain("Every promise holds.");
    }, 60_000);

    const rooms = async (...words: string[]): Promise<string> => {
      const { code, out, err } = await spillway(shop.env, "rooms", ...words, "--ops", shop.opsUrl, "--token", token);
      expect([words, code, err]).toEqual([words, 0, ""]);
      return out;
    };

    const contextOf = async (): Promise<BrowserContext> =>
      await browser.newContext({ viewport: { width: 1280, height: 900 }, baseURL: shop.url, reducedMotion: "reduce" });

    test("the product page is the waiting page; the operator pauses and opens by hand; who is in buys, once", async () => {
      expect(await rooms("pause", "lamp")).toContain("paused");
      await Bun.sleep(1100);
      const context = await contextOf();
      const page = await context.newPage();
      const trouble: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error" && !/Failed to load resource/.test(message.text())) trouble.push(message.text());
      });
      page.on("pageerror", (error) => trouble.push(error.message));
      await page.goto("/products/aurora-lamp");
      await page.getByText("All places stay as they are").waitFor();
      expect(await page.locator("form.buy .bar").count()).toBe(0);
      expect(await page.locator("h1").count()).toBe(1);
      expect(await axe(page)).toEqual([]);
      await rooms("message", "lamp", "Two", "each");
      await page.getByText("Two each").waitFor();
      expect(await rooms("open", "lamp")).toContain("open");
      await page.locator("h1").click();
      await page.locator("form.buy .bar button.main").click();
      await page.locator('[data-said] a[href="/cart"]').waitFor();
      const order = async (): Promise<Response> => {
        const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
        return await fetch(`${shop.url}/api/orders`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            accept: "application/json",
            "idempotency-key": crypto.randomUUID(),
            cookie: cookies,
          },
          body: JSON.stringify(orderOf("AURORA-LAMP")),
        });
      };
      const first = await order();
      expect([first.status, first.headers.get("spillway-room")]).toEqual([202, null]);
      // The pass bought what it buys: it is worth nothing any more, at the edge already.
      expect((await order()).status).toBe(409);
      expect(trouble).toEqual([]);
      await context.close();
    }, 90_000);

    test("a program goes from 202 over a claim and a pass to an order", async () => {
      const json = { accept: "application/json", "content-type": "application/json" };
      await rooms("pause", "lamp");
      const joined = await fetch(`${shop.url}/api/orders`, { headers: json });
      expect(joined.status).toBe(202);
      let place = (await joined.json()) as PlaceView;
      await rooms("open", "lamp");
      const held = { ...json, "spillway-place": place.place ?? "" };
      for (let tries = 0; tries < 40 && place.state !== "admitted"; tries++) {
        await Bun.sleep(250);
        place = (await (await fetch(place.claimUrl, { method: "POST", headers: held })).json()) as PlaceView;
      }
      expect(place.state).toBe("admitted");
      const ordered = await fetch(`${shop.url}/api/orders`, {
        method: "POST",
        headers: { ...json, "spillway-pass": place.pass ?? "", "idempotency-key": crypto.randomUUID() },
        body: JSON.stringify(orderOf("AURORA-LAMP")),
      });
      expect(ordered.status).toBe(202);
    }, 60_000);
  });
});

const orderOf = (sku: string) => ({
  email: "ada@example.com",
  lines: [{ sku, quantity: 1 }],
  shippingAddress: { name: "Ada Lovelace", line1: "Street 12", city: "Oslo", postalCode: "0150", country: "NO" },
  shippingMethod: "standard",
  payment: { provider: "sandbox", token: "ok" },
});
