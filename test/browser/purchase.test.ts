/**
 * A purchase as a person makes it, in real Chromium against the whole running shop: with script and without, on a phone
 * and a desktop. No page may log an error or break its own content security policy.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { type RunningShop, spillway, startShop } from "../kit/running-shop.ts";
import { chromiumIsThere, chromiumPath, launchOptions } from "./chromium.ts";

if (!chromiumIsThere) {
  if (process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1")
    throw new Error(`${chromiumPath} is missing, and nothing may be skipped`);
  console.warn(`SKIPPED: the purchase in a browser needs Chromium at ${chromiumPath} (apt-get install chromium)`);
}

describe.skipIf(!chromiumIsThere)("a person buys", () => {
  let shop: RunningShop;
  let browser: Browser;
  beforeAll(async () => {
    shop = await startShop();
    browser = await chromium.launch(launchOptions);
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    const verified = await spillway(shop.env, "verify");
    await shop[Symbol.asyncDispose]();
    expect(verified.out).toContain("Every promise holds.");
    expect(verified.code).toBe(0);
  }, 60_000);

  const viewports = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };

  async function open(
    options: Parameters<Browser["newContext"]>[0],
  ): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
    const context = await browser.newContext({ baseURL: shop.url, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    return { context, page, complaints };
  }

  async function fillIn(page: Page, email: string): Promise<void> {
    await page.fill("[name=email]", email);
    await page.fill("[name=name]", "Ada Lovelace");
    await page.fill("[name=line1]", `${email} Street 12`);
    await page.fill("[name=city]", "Oslo");
    await page.fill("[name=postalCode]", "0150");
    await page.selectOption("[name=country]", "NO");
  }

  const heading = (page: Page) => page.locator("main h1").first();

  for (const [device, viewport] of Object.entries(viewports)) {
    for (const javaScriptEnabled of [true, false]) {
      test(`on a ${device} with script ${javaScriptEnabled ? "on" : "off"}, from the home page to a paid order`, async () => {
        const { context, page, complaints } = await open({ viewport, javaScriptEnabled });
        await page.goto("/");
        await page.locator('a[href^="/collections/"]:visible').first().click();
        await page
          .locator('main a[href="/products/fjell-table-lamp"], main a[href^="/products/"]:visible')
          .first()
          .click();
        await page.waitForURL(/\/products\//);
        await page
          .locator("form.buy button.main, form.buy button[type=submit], form.buy .action button")
          .first()
          .click();
        if (javaScriptEnabled) await page.locator('[data-said] a[href="/cart"]').click();
        await page.waitForURL(/\/cart$/);
        await page.locator('a[href^="/checkout"]').first().click();
        await page.waitForURL(/\/checkout/);
        await fillIn(page, `${device}-${javaScriptEnabled}@example.com`);
        if (!javaScriptEnabled) await page.locator("button[name=action][value=update]").click();
        await page.locator('button[value=order]:not([tabindex="-1"])').click();
        await page.waitForURL(/\/orders\/S/);
        // The page follows the order by itself, live or by refreshing; we look again rather than wait for its 20 s.
        for (let look = 0; look < 40 && (await heading(page).innerText()) !== "Thank you, it’s yours"; look++) {
          await page.waitForTimeout(250);
          if (!javaScriptEnabled) await page.reload();
        }
        expect(await heading(page).innerText()).toBe("Thank you, it’s yours");
        await page.goto("/cart");
        expect(await page.locator('a[href^="/checkout"]').count()).toBe(0);
        expect(complaints).toEqual([]);
        await context.close();
      }, 90_000);
    }
  }

  test("a declined card can be followed by another while the units stay held", async () => {
    const { context, page } = await open({ viewport: viewports.phone, javaScriptEnabled: false });
    await page.goto("/products/polar-candle");
    await page.locator("form.buy .action button").first().click();
    await page.goto("/checkout?country=NO");
    await fillIn(page, "declined@example.com");
    await page.check('[name=paymentToken][value="declined"]');
    await page.locator('button[value=order]:not([tabindex="-1"])').click();
    await page.waitForURL(/\/orders\/S/);
    for (let look = 0; look < 40 && (await page.locator('form[action$="/payment"]').count()) === 0; look++) {
      await page.waitForTimeout(250);
      await page.reload();
    }
    expect(await heading(page).innerText()).toBe("The payment did not go through");
    await page.check('form[action$="/payment"] [name=paymentToken][value="ok"]');
    await page.locator('form[action$="/payment"] button').click();
    for (let look = 0; look < 40 && (await heading(page).innerText()) !== "Thank you, it’s yours"; look++) {
      await page.waitForTimeout(250);
      await page.reload();
    }
    expect(await heading(page).innerText()).toBe("Thank you, it’s yours");
    await context.close();
  }, 90_000);

  test("the bank's challenge is approved at the bank and the order page shows it paid", async () => {
    const { context, page } = await open({ viewport: viewports.desktop });
    await page.goto("/products/polar-candle");
    await page.locator("form.buy .action button").first().click();
    await page.locator('[data-said] a[href="/cart"]').waitFor();
    await page.goto("/checkout?country=NO");
    await fillIn(page, "challenge@example.com");
    await page.check('[name=paymentToken][value="action_required"]');
    await page.locator('button[value=order]:not([tabindex="-1"])').click();
    await page.waitForURL(/\/orders\/S/);
    await page.locator('a[href*="/sandbox/challenge/"]').click();
    await page.locator("button[value=approve]").click();
    await page.waitForURL(/\/orders\/S/);
    for (let look = 0; look < 60 && (await heading(page).innerText()) !== "Thank you, it’s yours"; look++)
      await page.waitForTimeout(250);
    expect(await heading(page).innerText()).toBe("Thank you, it’s yours");
    await context.close();
  }, 90_000);
});
