/** No value breaks out of where it stands: text, attribute, address, data block. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { constantElement, escapeHtml, Html, html, jsonData, raw, safeAddress } from "./html.ts";
import { sanitiseHtml } from "./sanitise-html.ts";

/** Every element that another tokenizer (lol-html, in Bun) finds, with its attributes as written. */
async function elements(markup: string): Promise<{ name: string; attributes: [string, string][] }[]> {
  const found: { name: string; attributes: [string, string][] }[] = [];
  await new HTMLRewriter()
    .on("*", {
      element(element) {
        found.push({ name: element.tagName, attributes: [...element.attributes] as [string, string][] });
      },
    })
    .transform(new Response(markup))
    .text();
  return found;
}

const unescapeHtml = (text: string) =>
  text
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, "&");

/** Strings that lean towards trouble. */
const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        '"',
        "'",
        "<",
        ">",
        "&",
        "/",
        "=",
        " ",
        "\n",
        "`",
        "-->",
        "<!--",
        "</p>",
        "</script>",
        "<script>",
        "onerror",
        "javascript:",
        "]]>",
        "&lt;",
        "a",
        "\u0000",
      ),
      { maxLength: 12 },
    )
    .map((pieces) => pieces.join("")),
);

describe("the html tag", () => {
  test("keeps every value inside its text", async () => {
    await fc.assert(
      fc.asyncProperty(nasty, nasty, async (first, second) => {
        const written = html`<p>${first}<b>${second}</b></p>`.toString();
        expect((await elements(written)).map((element) => element.name)).toEqual(["p", "b"]);
        expect(unescapeHtml(/^<p>([\s\S]*)<b>([\s\S]*)<\/b><\/p>$/.exec(written)?.[1] ?? "")).toBe(first);
      }),
      { numRuns: 300 },
    );
  });

  test("keeps every value inside its attribute, quoted or managed", async () => {
    await fc.assert(
      fc.asyncProperty(nasty, async (value) => {
        const written = html`<p class="a ${value}" title=${value} data-x='${value}'>x</p>`.toString();
        const found = await elements(written);
        expect(found).toHaveLength(1);
        expect(found[0]?.attributes.map(([name]) => name)).toEqual(["class", "title", "data-x"]);
        expect(found[0]?.attributes.map(([, text]) => unescapeHtml(text))).toEqual([`a ${value}`, value, value]);
      }),
      { numRuns: 300 },
    );
  });

  test("lets no address run anything", () => {
    for (const address of [
      "javascript:alert(1)",
      "JaVaScRiPt:alert(1)",
      " javascript:alert(1)",
      "java\nscript:alert(1)",
      "java\tscript:alert(1)",
      "\u0001javascript:alert(1)",
      "data:text/html,<script>alert(1)</script>",
      "vbscript:x",
      "blob:https://x/1",
      "filesystem:x",
      "view-source:x",
    ]) {
      expect(html`<a href="${address}">x</a>`.toString()).toBe('<a href="about:invalid">x</a>');
      expect(html`<form action=${address}></form>`.toString()).toBe('<form action="about:invalid"></form>');
    }
    for (const address of [
      "/a?b=c#d",
      "?q=a:b",
      "#x",
      "https://a.example/",
      "mailto:a@b.example",
      "tel:+3531",
      "//cdn.example/x",
      "a/b:c",
    ]) {
      expect(safeAddress(address)).toBe(address);
    }
  });

  test("agrees with the URL parser on what an address would run", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          nasty,
          nasty.map((tail) => `javascript:${tail}`),
          nasty.map((head) => `${head}javascript:1`),
        ),
        (address) => {
          const safe = safeAddress(address);
          let scheme = "https:";
          try {
            scheme = new URL(safe, "https://shop.example/").protocol;
          } catch {
            // Not an address at all: it leads nowhere.
          }
          expect(["https:", "http:", "mailto:", "tel:", "sms:", "about:"]).toContain(scheme);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("encodes what stands later in an address as one component", () => {
    expect(html`<a href="/products/${"a/../b?c#d&e"}?variant=${"X&y=1"}">x</a>`.toString()).toBe(
      '<a href="/products/a%2F..%2Fb%3Fc%23d%26e?variant=X%26y%3D1">x</a>',
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (handle) => {
        const href = /href="([^"]*)"/.exec(html`<a href="/products/${handle}?v=1">x</a>`.toString())?.[1] ?? "";
        fc.pre(handle !== "." && handle !== "..");
        const url = new URL(unescapeHtml(href), "https://shop.example");
        expect(url.search).toBe("?v=1");
        expect(decodeURIComponent(url.pathname)).toBe(`/products/${handle.toWellFormed()}`);
      }),
    );
  });

  test("writes, leaves out or names a managed attribute by its value", () => {
    const input = (value: string | number | boolean | null | undefined) => html`<input value=${value}>`.toString();
    expect(input("a")).toBe('<input value="a">');
    expect(input("")).toBe('<input value="">');
    expect(input(0)).toBe('<input value="0">');
    expect(input(true)).toBe("<input value>");
    expect(input(false)).toBe("<input>");
    expect(input(null)).toBe("<input>");
    expect(input(undefined)).toBe("<input>");
    expect(html`<p class="${["a", false, "b", null]}">x</p>`.toString()).toBe('<p class="a b">x</p>');
  });

  test("nests html and arrays, and writes nothing for nothing", () => {
    const items = ["<", "b"].map((item) => html`<li>${item}</li>`);
    expect(html`<ul>${items}${null}${false}${undefined}${true}${0}</ul>`.toString()).toBe(
      "<ul><li>&lt;</li><li>b</li>0</ul>",
    );
  });

  test("refuses holes where escaping cannot help", () => {
    const bad = "x";
    const mistakes: (() => unknown)[] = [
      () => html`<script>${bad}</script>`,
      () => html`<style>${bad}</style>`,
      () => html`<${bad}>`,
      () => html`<p ${bad}></p>`,
      () => html`<p onclick="${bad}"></p>`,
      () => html`<p onclick=${bad}></p>`,
      () => html`<p style="color: ${bad}"></p>`,
      () => html`<img srcset="${bad}">`,
      () => html`<!-- ${bad} -->`,
      () => html`<meta http-equiv="refresh" content="0;url=${bad}">`,
      () => html`<iframe srcdoc="${bad}"></iframe>`,
      () => html`<p class=a${bad}></p>`,
      () => html`<p class="a`,
      () => html`<p title=${html`<b>`}>x</p>`,
    ];
    for (const mistake of mistakes) expect(mistake).toThrow(TypeError);
    expect(html`<iframe sandbox srcdoc="${"<b>"}"></iframe>`.toString()).toBe(
      '<iframe sandbox srcdoc="&lt;b&gt;"></iframe>',
    );
  });

  test("cannot be forged from outside", () => {
    const Forged = Html as unknown as new (key: unknown, text: string) => Html;
    expect(() => new Forged(Symbol(), "<script>")).toThrow(TypeError);
    expect(() => html`${{ toString: () => "<script>" } as unknown as string}`).toThrow(TypeError);
  });

  test("takes in what was sanitised", () => {
    expect(html`<div>${raw(sanitiseHtml("<p onclick=x>a<script>b</script></p>"))}</div>`.toString()).toBe(
      "<div><p>a</p></div>",
    );
  });
});

test("a data block holds its data and cannot be ended by it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), nasty, async (value, text) => {
      const data = { value, text: text.toWellFormed() };
      const written = jsonData("application/ld+json", data).toString();
      expect(await elements(written)).toHaveLength(1);
      const body = written.slice(written.indexOf(">") + 1, written.lastIndexOf("<"));
      expect(body).not.toContain("<");
      expect(JSON.parse(body)).toEqual(JSON.parse(JSON.stringify(data)));
    }),
  );
});

test("a constant that would end its element is refused", () => {
  expect(() => constantElement("style", "", "a</style>")).toThrow(TypeError);
  expect(() => constantElement("script", "", "<!--")).toThrow(TypeError);
});

test("escaping is undone by unescaping", () => {
  fc.assert(fc.property(nasty, (value) => expect(unescapeHtml(escapeHtml(value))).toBe(value)));
});
