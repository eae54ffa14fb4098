/**
 * The storefront's pages as people meet them: every state clean to axe, within its bytes, usable without script, and
 * with it live. Needs Debian's Chromium; says so loudly where it is missing.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { vectors } from "#storefront/cross-site-vectors.fixture.ts";
import { inlineStyle } from "#storefront/layout.ts";
import { liveState } from "#storefront/live-state.ts";
import { sanitiseHtml } from "#storefront/sanitise-html.ts";
import { chromiumIsThere, chromiumPath, launchOptions } from "./chromium.ts";
import { autofillIsValid, htmlComplaints } from "./html-complaints.ts";
import { bundleScript, type SampleServer, serveSamples } from "./sample-server.ts";
import { orders, type Sample, samples, shell } from "./sample-shop.ts";

const all = samples();
const named = (name: string): Sample => {
  const found = all.find((sample) => sample.name === name);
  if (found === undefined) throw new Error(`No sample is called ${name}`);
  return found;
};
// What runs inside of the page stands here as text: its types are the browser's, not ours.
const lookAgain = 'document.dispatchEvent(new Event("visibilitychange"))';
const layoutShift = `new Promise((resolve) => {
  let shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      shifts.push([entry.value, ...entry.sources.map((source) => source.node?.outerHTML?.slice(0, 80))].join(" "));
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(shifts), 80);
})`;
const findTrouble = `(pieces) => {
  const bad = [];
  for (const piece of pieces) {
    const page = new DOMParser().parseFromString('<main><div id="in">' + piece + '</div><p id="after"></p></main>', "text/html");
    const inside = page.getElementById("in");
    if (inside.nextElementSibling?.id !== "after") bad.push("breaks out: " + piece);
    for (const element of inside.querySelectorAll("*")) {
      if (/^(script|style|iframe|object|embed|svg|math|link|meta|base|form|input)$/i.test(element.tagName)) bad.push(piece);
      for (const { name, value } of element.attributes) {
        if (/^on|^style$|^srcdoc$/.test(name)) bad.push(piece);
        if (/^(href|src)$/.test(name) && !/^(https?|mailto|tel|sms):/.test(new URL(value, location.href).protocol)) bad.push(piece);
      }
    }
  }
  return bad;
}`;
const gzip = (text: string) => gzipSync(text, { level: 6 }).length;
const brotli = (text: string) => brotliCompressSync(text).length;

describe("bytes", () => {
  /** Ten packets of the first flight, less what the response's headers take. */
  const firstFlight = 14_000;

  test("a product with twelve variants arrives in the first flight, sheet and all", () => {
    expect(shell.variants).toHaveLength(12);
    for (const sample of all.filter(({ name }) => name.startsWith("product"))) {
      expect(gzip(sample.html)).toBeLessThanOrEqual(firstFlight);
      expect(brotli(sample.html)).toBeLessThanOrEqual(firstFlight);
    }
  });

  test("no page of the shop is larger than that", () => {
    const large = all.filter(
      ({ name, html }) => !name.startsWith("mail") && !name.startsWith("console") && gzip(html) > firstFlight,
    );
    expect(large.map(({ name, html }) => `${name}: ${gzip(html)}`)).toEqual([]);
  });

  test("the sheet stays small enough to be put into the page", () => {
    expect(brotli(inlineStyle)).toBeLessThanOrEqual(5_500);
  });

  test("the script is at most 8 kB", async () => {
    expect(brotli(await bundleScript())).toBeLessThanOrEqual(8_000);
  });
});

describe("markup", () => {
  for (const sample of all) {
    test(`${sample.name} is well-formed, labelled and free of inline code`, async () => {
      expect(await htmlComplaints(sample.html, sample.name.startsWith("mail-") ? "mail" : "page")).toEqual([]);
    });
  }

  test("the judge of autofill tokens knows right from wrong", () => {
    for (const right of [
      "email",
      "tel",
      "shipping name",
      "shipping address-level2",
      "section-a billing postal-code",
      "home tel",
      "off",
    ])
      expect(autofillIsValid(right)).toBe(true);
    for (const wrong of ["phone", "locality", "shipping", "name shipping", "home name", "zip", ""])
      expect(autofillIsValid(wrong)).toBe(false);
  });

  test("pages that caches share say nothing about one shopper", () => {
    for (const { name, html } of all.filter(({ name }) =>
      /^(home|collection|search|product|help|returns|not-found)/.test(name),
    )) {
      expect({ name, personal: /marlow|10482|idempotencyKey|WELCOME10/i.test(html) }).toEqual({
        name,
        personal: false,
      });
    }
  });

  test("pages that hold an order's key keep it to themselves", () => {
    const { html } = named("order-paid");
    expect(html).toContain('<meta name="referrer" content="same-origin">');
    expect(html).toContain('<meta name="robots" content="noindex">');
  });

  test("an order refreshes itself without script only while something moves", () => {
    for (const name of ["received", "paying", "unknown", "action-required"])
      expect(named(`order-${name}`).html).toContain('<noscript><meta http-equiv="refresh"');
    for (const name of ["paid", "declined", "shipped", "cancelled", "expired"])
      expect(named(`order-${name}`).html).not.toContain("http-equiv");
  });
});

if (!chromiumIsThere) {
  console.warn(
    `\n*** SKIPPED: the browser tests of the storefront need Chromium, and ${chromiumPath} is not there. ***`,
  );
  console.warn("*** Install it (apt-get install chromium) or name another in SPILLWAY_CHROMIUM. ***\n");
}

describe.skipIf(!chromiumIsThere)("in Chromium", () => {
  let server: SampleServer;
  let browser: Browser;

  beforeAll(async () => {
    server = await serveSamples();
    browser = await chromium.launch(launchOptions);
  }, 20_000);
  afterAll(async () => {
    await browser?.close();
    server?.stop();
  });

  type Device = { readonly width: number; readonly scheme: "light" | "dark"; readonly script?: boolean };

  async function withPage(device: Device, use: (page: Page, context: BrowserContext) => Promise<void>): Promise<void> {
    const context = await browser.newContext({
      viewport: { width: device.width, height: 844 },
      colorScheme: device.scheme,
      reducedMotion: "reduce",
      javaScriptEnabled: device.script ?? true,
    });
    try {
      await use(await context.newPage(), context);
    } finally {
      server.intercept = null;
      await context.close();
    }
  }

  /** Opens every page in two tabs at once, and answers what was found on each that has something. */
  async function onEveryPage(
    device: Device,
    look: (page: Page, sample: Sample) => Promise<string[]>,
  ): Promise<string[]> {
    const found: string[] = [];
    const queue = [...all];
    const work = async () =>
      await withPage(device, async (page) => {
        page.on("console", (message) => {
          if (message.type() === "error" && !/404|EventSource|Failed to load resource/.test(message.text()))
            found.push(`${page.url()} says: ${message.text()}`);
        });
        page.on("pageerror", (error) => found.push(`${page.url()} throws: ${error.message}`));
        for (let sample = queue.shift(); sample !== undefined; sample = queue.shift()) {
          await page.goto(server.addressOf(sample), { waitUntil: "domcontentloaded" });
          found.push(...(await look(page, sample)).map((one) => `${sample?.name}: ${one}`));
        }
      });
    await Promise.all([work(), work()]);
    return found;
  }

  const axeSource = Bun.file(new URL(import.meta.resolve("axe-core/axe.min.js"))).text();

  /** Runs the rules in a page where axe is there already. */
  async function axe(page: Page, options: unknown): Promise<string[]> {
    const { violations } = await page.evaluate<{
      violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
    }>(`axe.run(${JSON.stringify({ resultTypes: ["violations"], iframes: false, ...(options as object) })})`);
    return violations.flatMap(({ id, help, nodes }) =>
      nodes
        .slice(0, 2)
        .map((node) => `${id} (${help}): ${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`),
    );
  }
  const everyRule = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
  const seenRules = { runOnly: { type: "rule", values: ["color-contrast", "target-size"] } };
  // A mail is no page: programs that show it bring landmarks of their own.
  const mailRules = { ...everyRule, rules: { "landmark-one-main": { enabled: false }, region: { enabled: false } } };

  test("axe finds nothing on any page or state, wide in the light and narrow in the dark, and the policy refuses nothing", async () => {
    const complaints = await onEveryPage({ width: 1280, scheme: "light" }, async (page, sample) => {
      const mail = sample.name.startsWith("mail-");
      await page.evaluate(await axeSource);
      const wide = await axe(page, mail ? mailRules : everyRule);
      await page.setViewportSize({ width: 320, height: 844 });
      await page.emulateMedia({ colorScheme: "dark" });
      const narrow = await axe(page, seenRules);
      const width = await page.evaluate<number>("document.documentElement.scrollWidth");
      await page.setViewportSize({ width: 1280, height: 844 });
      await page.emulateMedia({ colorScheme: "light" });
      return [...wide, ...narrow.map((one) => `dark: ${one}`), ...(width > 320 && !mail ? [`${width} px wide`] : [])];
    });
    expect(complaints).toEqual([]);
  }, 60_000);

  describe("without script", () => {
    const noScript: Device = { width: 390, scheme: "light", script: false };

    /** What the page's forms send, as "METHOD path?fields". */
    async function sent(page: Page, act: () => Promise<void>): Promise<string> {
      const posted = page.waitForRequest((request) => request.isNavigationRequest());
      await act();
      const request = await posted;
      return `${request.method()} ${new URL(request.url()).pathname}${new URL(request.url()).search} ${request.postData() ?? ""}`.trim();
    }

    test("a variant is chosen by a link and put into the cart by a form", async () => {
      await withPage(noScript, async (page) => {
        await page.goto(server.addressOf(named("product")));
        expect(await sent(page, async () => await page.getByRole("link", { name: "Fjord" }).click())).toBe(
          "GET /products/skur-rain-shell?variant=SKUR-FJORD-M",
        );
        await page.goto(server.addressOf(named("product")));
        await page.getByLabel("Quantity").selectOption("2");
        expect(await sent(page, async () => await page.getByRole("button", { name: "Add to cart" }).click())).toBe(
          "POST /cart/lines sku=SKUR-OCHRE-M&quantity=2",
        );
      });
    });

    test("the cart is changed by buttons", async () => {
      await withPage(noScript, async (page) => {
        const cases = [
          ["One more of Hearth Mug, Ink", "POST /cart/lines/update sku=HEARTH-INK&quantity=3"],
          ["One less of Hearth Mug, Ink", "POST /cart/lines/update sku=HEARTH-INK&quantity=1"],
          ["Remove Hearth Mug, Ink", "POST /cart/lines/update sku=HEARTH-INK&quantity=0"],
          ["Remove code WELCOME10", "POST /cart/promotion code="],
          ["Estimate", "GET /cart?country=IE"],
        ] as const;
        for (const [button, expected] of cases) {
          await page.goto(server.addressOf(named("cart")));
          expect(
            await sent(page, async () => await page.getByRole("button", { name: button, exact: true }).click()),
          ).toBe(expected);
        }
      });
    });

    test("checkout sends everything once, with its key and its total, and Enter places the order", async () => {
      await withPage(noScript, async (page) => {
        await page.goto(server.addressOf(named("checkout-filled")));
        const enter = await sent(page, async () => await page.getByLabel("City").press("Enter"));
        const fields = Object.fromEntries(new URLSearchParams(enter.replace("POST /checkout ", "")));
        expect(fields).toEqual({
          action: "order",
          idempotencyKey: "0199f2c4-5b1e-7c3a-9d40-2f6b8a1c7e55",
          expectedTotal: "27060 EUR",
          promotionCode: "WELCOME10",
          email: "ines.marlow@example.org",
          phone: "",
          name: "Inés Marlow",
          line1: "14 Lower Mount Street",
          line2: "",
          city: "Dublin",
          region: "",
          postalCode: "D02 X650",
          country: "IE",
          shippingMethod: "standard",
          paymentProvider: "sandbox",
          paymentToken: "ok",
        });
        await page.goto(server.addressOf(named("checkout")));
        expect(
          await sent(page, async () => await page.getByRole("button", { name: "Update delivery and total" }).click()),
        ).toContain("action=update");
      });
    });

    test("the summary of errors takes the focus and leads to the fields", async () => {
      await withPage(noScript, async (page) => {
        await page.goto(server.addressOf(named("checkout-errors")));
        await page.getByRole("region", { name: "Please check these fields" }).waitFor();
        expect(await page.evaluate("document.activeElement.className")).toBe("errors");
        await page.getByRole("link", { name: "Please give the postal code." }).click();
        expect(new URL(page.url()).hash).toBe("#postalCode");
        const field = page.getByLabel("Postal code");
        expect(await field.getAttribute("aria-invalid")).toBe("true");
        expect(await field.getAttribute("aria-describedby")).toBe("postalCode-error");
      });
    });

    test("an order is paid again, cancelled and found by forms", async () => {
      await withPage(noScript, async (page) => {
        const status = "/orders/10482/k7Qw2mZt9";
        await page.goto(server.addressOf(named("order-declined")));
        await page.getByLabel("Slow bank").check();
        expect(await sent(page, async () => await page.getByRole("button", { name: "Pay €270.60" }).click())).toBe(
          `POST ${status}/payment paymentProvider=sandbox&paymentToken=slow`,
        );
        await page.goto(server.addressOf(named("order-paid")));
        await page.getByText("Cancel this order").click();
        expect(await sent(page, async () => await page.getByRole("button", { name: "Cancel the order" }).click())).toBe(
          `POST ${status}/cancel`,
        );
        await page.goto(server.addressOf(named("order-lookup")));
        await page.getByLabel("Order number").fill("10482");
        await page.getByLabel("E-mail").fill("a@b.example");
        expect(await sent(page, async () => await page.getByRole("button", { name: "Show my order" }).click())).toBe(
          "POST /orders/lookup orderNumber=10482&email=a%40b.example",
        );
      });
    });
  });

  describe("with script", () => {
    const script: Device = { width: 390, scheme: "light" };

    test("adding answers without a reload, counts, and tells it", async () => {
      await withPage(script, async (page) => {
        const bodies: string[] = [];
        page.on("request", (request) => void (request.method() === "POST" && bodies.push(request.postData() ?? "")));
        await page.goto(server.addressOf(named("product")));
        await page.evaluate("window.stayed = true");
        await page.getByRole("button", { name: "Add to cart" }).click();
        await page.getByText("Added to your cart.").waitFor();
        expect(await page.getByRole("link", { name: /^Cart\s*3 items$/ }).count()).toBe(1);
        expect(bodies).toEqual(["sku=SKUR-OCHRE-M&quantity=1"]);
        expect(await page.evaluate("window.stayed")).toBe(true);
      });
    });

    test("a refusal is told in the shop's words", async () => {
      await withPage(script, async (page) => {
        server.intercept = (request) =>
          request.method === "POST"
            ? Response.json({ code: "sold_out", detail: "The last one has just gone." }, { status: 409 })
            : undefined;
        await page.goto(server.addressOf(named("product")));
        await page.getByRole("button", { name: "Add to cart" }).click();
        await page.getByText("The last one has just gone.").waitFor();
      });
    });

    test("the badge comes from the cookie alone", async () => {
      await withPage(script, async (page, context) => {
        await context.addCookies([{ name: "cart_count", value: "12", url: server.origin }]);
        await page.goto(server.addressOf(named("help")));
        expect(await page.locator("[data-cart-count]").textContent()).toBe("12 items");
      });
    });

    test("stock that moves is shown and told, and what did not change is left alone", async () => {
      await withPage(script, async (page) => {
        let left = 7;
        server.intercept = (_request, url) =>
          url.pathname === "/api/products/skur-rain-shell"
            ? Response.json({
                ...shell,
                variants: shell.variants.map((variant) =>
                  variant.sku !== "SKUR-OCHRE-M"
                    ? variant
                    : left > 0
                      ? { ...variant, left }
                      : { ...variant, left: 0, available: false, delivery: "sold_out" },
                ),
              })
            : undefined;
        const asked = page.waitForResponse(/api\/products/);
        await page.goto(server.addressOf(named("product")));
        await asked;
        const button = await page.getByRole("button", { name: "Add to cart" }).elementHandle();
        left = 0;
        await page.evaluate(lookAgain);
        await page.getByRole("button", { name: "Sold out" }).waitFor();
        expect(await page.getByRole("status").filter({ hasText: "Sold out" }).count()).toBe(1);
        expect(await button?.evaluate((element) => element.isConnected)).toBe(false);
        left = 7;
        await page.evaluate(lookAgain);
        await page.getByRole("button", { name: "Add to cart" }).waitFor();
        await page.getByLabel("Quantity").selectOption("2");
        const again = await page.getByLabel("Quantity").elementHandle();
        await Promise.all([page.waitForResponse(/api\/products/), page.evaluate(lookAgain)]);
        await page.waitForTimeout(50);
        expect(
          await again?.evaluate((element) => element.isConnected && (element as unknown as { value: string }).value),
        ).toBe("2");
      });
    });

    test("a variant is chosen in place, with address, picture and focus", async () => {
      await withPage(script, async (page) => {
        server.intercept = (_request, url) =>
          url.pathname.startsWith("/api/products/") ? Response.json(shell) : undefined;
        const asked = page.waitForResponse(/api\/products/);
        await page.goto(server.addressOf(named("product")));
        await (await asked).finished();
        await page.waitForTimeout(50);
        await page.evaluate("window.stayed = true");
        await page.getByRole("link", { name: "Fjord" }).click();
        expect(new URL(page.url()).search).toBe("?variant=SKUR-FJORD-M");
        expect(await page.evaluate("window.stayed")).toBe(true);
        expect(await page.locator("input[name=sku]").getAttribute("value")).toBe("SKUR-FJORD-M");
        expect(await page.getByRole("link", { name: "Fjord" }).getAttribute("aria-current")).toBe("true");
        expect(await page.evaluate("document.activeElement.textContent")).toBe("Fjord");
        expect(await page.locator(".gallery img").first().getAttribute("src")).toContain("fjord");
        expect(await page.locator("[data-part=stock]").textContent()).not.toContain("7 left");
      });
    });

    test("the cart changes in place and keeps the focus", async () => {
      await withPage(script, async (page) => {
        await page.goto(server.addressOf(named("cart")));
        server.intercept = (request) =>
          request.method === "POST"
            ? new Response(named("cart-troubled").html, { headers: { "content-type": "text/html" } })
            : undefined;
        await page.getByRole("button", { name: "One more of Hearth Mug, Ink" }).click();
        await page.getByText("Only 1 is left.").waitFor();
        expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(
          "One more of Hearth Mug, Ink",
        );
        expect(await page.locator("body > [role=status]").textContent()).toContain("3 items in the cart");
      });
    });

    test("another country updates checkout in place, and the order itself goes out once, the browser's own way", async () => {
      await withPage(script, async (page) => {
        const posts: string[] = [];
        server.intercept = (request) => {
          if (request.method !== "POST") return undefined;
          posts.push(request.headers.get("sec-fetch-mode") ?? "");
          if (posts.length > 1) return new Response(null, { status: 204 });
          return new Response(named("checkout-filled").html, { headers: { "content-type": "text/html" } });
        };
        await page.goto(server.addressOf(named("checkout-filled")));
        await page.getByLabel("Country").selectOption("DE");
        await page.getByText("Express").waitFor();
        expect(posts).toEqual(["cors"]);
        const button = page.getByRole("button", { name: /Place order ·/ });
        await button.dblclick();
        await page.waitForTimeout(100);
        expect(posts).toEqual(["cors", "navigate"]);
        expect(await page.locator("form#checkout").getAttribute("aria-busy")).toBe("true");
      });
    });

    test("an order's page follows its events", async () => {
      await withPage(script, async (page) => {
        let tell: (text: string) => void = () => undefined;
        server.intercept = (_request, url) => {
          if (!url.pathname.endsWith("/events")) return undefined;
          const body = new ReadableStream({
            start: (controller) => {
              tell = (text) => controller.enqueue(new TextEncoder().encode(text));
              tell(`event: order\ndata: ${JSON.stringify(orders.paying)}\n\n`);
            },
          });
          return new Response(body, { headers: { "content-type": "text/event-stream" } });
        };
        const opened = page.waitForResponse(/events$/);
        await page.goto(server.addressOf(named("order-paying")));
        await opened;
        expect(await page.locator("[data-live]").getAttribute("data-state")).toBe(
          liveState(orders.paying as (typeof orders)[string] & {}),
        );
        const events = server.intercept;
        server.intercept = (request, url) =>
          url.searchParams.has("paying")
            ? new Response(named("order-paid").html, { headers: { "content-type": "text/html" } })
            : events?.(request, url);
        tell(`event: order\ndata: ${JSON.stringify(orders.paid)}\n\n`);
        await page.getByRole("heading", { level: 1, name: "Thank you, it’s yours" }).waitFor();
        expect(await page.locator("body > [role=status]").textContent()).toBe("Thank you, it’s yours");
        expect(await page.title()).toContain("Thank you");
      });
    });

    test("nothing shifts while a page loads", async () => {
      await withPage(script, async (page, context) => {
        await context.addCookies([{ name: "cart_count", value: "3", url: server.origin }]);
        for (const name of ["home", "product", "collection", "cart", "order-paid"]) {
          await page.goto(server.addressOf(named(name)), { waitUntil: "load" });
          const shift = await page.evaluate(layoutShift);
          expect({ name, shift }).toEqual({ name, shift: [] });
        }
      });
    });
  });

  test("pages come back from the back/forward cache, live", async () => {
    // Playwright switches that cache off, so this needs a browser of its own.
    const cached = await chromium.launch({ ...launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] });
    try {
      const page = await cached.newPage();
      server.intercept = (_request, url) =>
        url.pathname.endsWith("/events")
          ? new Response(new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(":\n\n")) }), {
              headers: { "content-type": "text/event-stream" },
            })
          : undefined;
      for (const [name, again] of [
        ["order-paying", "/orders/10482/k7Qw2mZt9/events"],
        ["product", "/api/products/skur-rain-shell"],
        ["cart", "/cart"],
      ] as const) {
        await page.goto(server.addressOf(named(name)));
        await page.evaluate("addEventListener('pageshow', (event) => { window.restored = event.persisted; })");
        await page.goto(server.addressOf(named("help")));
        const refreshed = page.waitForRequest((request) => new URL(request.url()).pathname === again);
        await page.evaluate("history.back()").catch(() => undefined);
        await refreshed;
        expect({ name, restored: await page.evaluate("window.restored") }).toEqual({ name, restored: true });
      }
    } finally {
      server.intercept = null;
      await cached.close();
    }
  }, 15_000);

  test("a browser finds nothing to run in what the sanitiser lets through", async () => {
    await withPage({ width: 390, scheme: "light" }, async (page) => {
      await page.goto(server.addressOf(named("help")));
      const cleaned = vectors.flatMap((vector) =>
        vectors.slice(0, 12).map((other) => sanitiseHtml(`${vector}<p>between</p>${other}`)),
      );
      const found = await page.evaluate(`(${findTrouble})(${JSON.stringify(cleaned)})`);
      expect(found).toEqual([]);
    });
  });
});
