/**
 * The page that checks receipts, in Chromium: it says of honest and of bent receipts what the command line says, word for word, though it is written
 * a second time. On a phone and a desk, light and dark, clean to axe, by keyboard. Says so loudly where Chromium is missing.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Receipt } from "#contract/receipt.ts";
import { createDraw } from "#edge/waiting-room/draw.ts";
import { verifyReceipt } from "#edge/waiting-room/receipt.ts";
import { verifyPage, verifyPolicy } from "#edge/waiting-room/verify-page.ts";
import { verifyScript } from "#edge/waiting-room/verify-script.ts";
import { chromiumIsThere, chromiumPath, launchOptions } from "../../browser/chromium.ts";
import { drawnRoom } from "../../kit/drawn-room.ts";
import { sha256 } from "../../kit/sha256.ts";

const room = drawnRoom();
/** The origin of the published keys can be taken away. */
let keysAreThere = true;

test("names no other host, and its policy lets it ask for nothing but its script and the keys", () => {
  expect(verifyPage).not.toMatch(/https?:|@import|url\(|\bon\w+=/);
  expect(verifyScript.match(/fetch\(/g)).toHaveLength(1);
  expect(verifyPolicy).toContain("connect-src 'self'");
  expect(verifyScript).not.toMatch(/innerHTML|eval|document\.write/);
});

if (!chromiumIsThere && process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1")
  throw new Error(`${chromiumPath} is missing, and nothing may be skipped`);
if (!chromiumIsThere)
  console.warn(
    `\n*** ${chromiumPath} is not there: the page that checks receipts was NOT looked at in a browser ***\n`,
  );

if (!chromiumIsThere) console.warn(`SKIPPED: the page that checks receipts needs Chromium at ${chromiumPath}.`);
describe.skipIf(!chromiumIsThere)("in Chromium", () => {
  let browser: Browser;
  let server: ReturnType<typeof Bun.serve>;
  let axe = "";
  beforeAll(async () => {
    server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/.spillway/verify.js")
          return new Response(verifyScript, { headers: { "content-type": "text/javascript" } });
        if (pathname === "/.spillway/keys")
          return keysAreThere ? Response.json({ keys: room.keys }) : new Response("", { status: 503 });
        return new Response(verifyPage, {
          headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": verifyPolicy },
        });
      },
    });
    browser = await chromium.launch(launchOptions);
    axe = await Bun.file(Bun.resolveSync("axe-core/axe.min.js", import.meta.dir)).text();
  }, 30_000);
  afterAll(async () => {
    await browser?.close();
    await server?.stop(true);
  });
  const opened = async (options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> => {
    const page = await (await browser.newContext({ bypassCSP: false, ...options })).newPage();
    await page.goto(`http://127.0.0.1:${server.port}/.spillway/verify`);
    return page;
  };
  const checked = async (page: Page, text: string): Promise<string> => {
    await page.getByLabel("Your receipt").fill(text);
    await page.getByRole("button", { name: "Check it" }).click();
    await page.locator("#verdict:focus").waitFor();
    return (await page.locator("#verdict").textContent()) ?? "";
  };

  test("says what the command line says of honest receipts and of every kind of cheat", async () => {
    const page = await opened();
    const entrant = await room.receipt(17);
    const late = await room.receipt(60);
    const now = structuredClone(entrant.document.now);
    const seed = "cd".repeat(32);
    const draw = { ...(now.draw as NonNullable<typeof now.draw>), seed };
    const rank = createDraw({ seed, root: draw.root as string, entrants: 40 }, sha256).rankOf(17);
    const commitment = sha256(Uint8Array.fromHex(seed)).toHex();
    const stranger = drawnRoom();
    const receipts: readonly Receipt[] = [
      entrant,
      late,
      await room.receipt(1),
      await room.receipt(40),
      await room.receipt(41),
      await room.receipt(100),
      await room.receipt(5, room.before),
      { ...entrant, rank: room.rankOf(18) },
      { ...entrant, rank: null },
      { ...entrant, number: 18 },
      { ...late, rank: 61 },
      { ...entrant, growth: [] },
      { ...entrant, growth: entrant.growth.toReversed() },
      { ...entrant, inclusion: { ...entrant.inclusion, proof: entrant.inclusion.proof.slice(1) } },
      { ...entrant, inclusion: { ...entrant.inclusion, size: 41 } },
      { ...entrant, join: { ...entrant.join, nonce: "00".repeat(16) } },
      { ...entrant, document: room.signed({ ...now, draw }), rank },
      { ...entrant, document: room.signed({ ...now, draw: { ...draw, commitment } }), rank },
      { ...entrant, document: { ...entrant.document, now: { ...now, cursor: 6 } } },
      { ...entrant, document: { ...entrant.document, keyId: 9 } },
      { ...entrant, document: { ...entrant.document, signature: "nonsense" } },
      { ...entrant, document: stranger.signed(now) },
      { ...entrant, earlier: stranger.before },
      { ...entrant, earlier: room.signed({ ...room.before.now, cursor: 9 }) },
      { ...entrant, earlier: room.signed({ ...room.before.now, room: "chairs" }) },
      { ...entrant, earlier: room.signed({ ...room.before.now, log: { size: 12, root: "ab".repeat(32) } }) },
      { ...entrant, earlier: room.signed({ ...room.before.now, log: { size: 0, root: "ab".repeat(32) } }) },
      { ...entrant, since: { size: 3, growth: [] } },
      { ...late, document: room.signed({ ...now, holes: [[58, 61]] }) },
      {
        ...entrant,
        rank: 1,
        document: room.signed({
          ...now,
          draw: {
            ...draw,
            commitment,
            entrants: 38,
            holes: [
              [3, 3],
              [9, 9],
            ],
          },
        }),
      },
    ];
    let broken = 0;
    for (const keys of [room.keys, undefined]) {
      for (const receipt of receipts) {
        const expected = await verifyReceipt(receipt, sha256, keys);
        const found = await page.evaluate(
          ([given, published]) =>
            (
              globalThis as unknown as { checkReceipt: (given: unknown, published: unknown) => Promise<unknown> }
            ).checkReceipt(given, published),
          [receipt, keys ?? null] as const,
        );
        expect(found).toEqual(expected);
        broken += expected.filter(({ result }) => result === "broken").length;
      }
    }
    expect(broken).toBeGreaterThan(30);
  }, 30_000);

  test("computes the ranks of a big draw as the command line does", async () => {
    const page = await opened();
    const entrants = 1_234_567;
    const seed = "12".repeat(32);
    const base = await room.receipt(17);
    const { root } = base.document.now.log;
    const draw = { commitment: sha256(Uint8Array.fromHex(seed)).toHex(), entrants, root, seed };
    const { rankOf } = createDraw({ entrants, root, seed }, sha256);
    for (const number of [1, 2, 999_999, 1_234_567]) {
      const receipt = { ...base, number, rank: rankOf(number), document: room.signed({ ...base.document.now, draw }) };
      const found = (await page.evaluate(
        (given) =>
          (globalThis as unknown as { checkReceipt: (given: unknown) => Promise<unknown> }).checkReceipt(given),
        receipt,
      )) as { id: string; result: string }[];
      expect(found.find(({ id }) => id === "rank")?.result).toBe("holds");
    }
  }, 30_000);

  test("takes a pasted receipt or a file, and says in words what is wrong with anything else", async () => {
    const page = await opened();
    expect(await checked(page, JSON.stringify(await room.receipt(17)))).toBe("Everything holds");
    expect(await page.locator("#checks li").count()).toBe(6);
    expect(await page.locator("#checks").textContent()).toContain("the key that the shop publishes");
    expect(
      await checked(page, JSON.stringify({ ...(await room.receipt(17)), rank: room.rankOf(18), growth: [] })),
    ).toBe("2 checks are broken");
    expect(await checked(page, JSON.stringify(await room.receipt(5, room.before)))).toBe("Nothing is broken");
    expect(await checked(page, "my receipt")).toBe("This is no receipt");
    expect(await page.locator("#lead").textContent()).toContain("it is not JSON");
    expect(await checked(page, '{"receipt":"spillway receipt 1","number":0}')).toBe("This is no receipt");
    await page.locator("#file").setInputFiles({
      name: "receipt.json",
      mimeType: "application/json",
      buffer: Buffer.from(JSON.stringify(await room.receipt(60))),
    });
    await page.locator("#verdict", { hasText: /^Everything holds$/ }).waitFor();
    expect(await page.locator("#lead").textContent()).toBe("Room lamps, number 60, rank 60.");
  }, 30_000);

  test("says whose key it was where the shop's cannot be had", async () => {
    keysAreThere = false;
    try {
      const page = await opened();
      await checked(page, JSON.stringify(await room.receipt(17)));
      expect(await page.locator("#checks").textContent()).toContain("the key that the receipt brings itself");
    } finally {
      keysAreThere = true;
    }
  }, 30_000);

  const views = [
    { width: 320, height: 568, colorScheme: "light" },
    { width: 390, height: 844, colorScheme: "dark" },
    { width: 1280, height: 800, colorScheme: "light" },
    { width: 1280, height: 800, colorScheme: "dark" },
  ] as const;
  test.each(views)(
    "clean to axe and never wider than the screen at %j",
    async ({ width, height, colorScheme }) => {
      const page = await opened({ viewport: { width, height }, colorScheme, bypassCSP: true });
      const { rank: _rank, ...rest } = await room.receipt(17);
      await checked(page, JSON.stringify({ ...rest, rank: room.rankOf(18), since: { size: 3, growth: [] } }));
      await page.evaluate(axe);
      const found = (await page.evaluate(
        `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`,
      )) as string[];
      expect(found).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    },
    30_000,
  );

  test("works by keyboard alone", async () => {
    const page = await opened();
    await page.keyboard.press("Tab");
    await page.keyboard.insertText(JSON.stringify(await room.receipt(17)));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator("#verdict:focus").waitFor();
    expect(await page.locator("#verdict").textContent()).toBe("Everything holds");
  }, 30_000);

  test("without script it names the command that does the same", async () => {
    const page = await opened({ javaScriptEnabled: false });
    expect(await page.locator("noscript").isVisible()).toBe(true);
    expect(await page.getByRole("button", { name: "Check it" }).isVisible()).toBe(false);
  }, 30_000);
});
