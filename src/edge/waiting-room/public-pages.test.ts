/** A page of anybody's with the line in it: where it stands, what gives way, and what its policy allows then. */
import { describe, expect, test } from "bun:test";
import { exchangeOf } from "../../../test/kit/exchange.ts";
import type { Next } from "../exchange.ts";
import { OriginError } from "../ports.ts";
import { createPublicPages, split, withOurs } from "./public-pages.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const spliced = (html: string): string | undefined => {
  const page = split(html, []);
  return page === undefined ? undefined : `${text(page.before)}[LINE]${text(page.after)}[BAR]${text(page.end)}`;
};

describe("the line stands", () => {
  test("where the page has a place for it, and what buys gives way", () => {
    const html =
      "<html><head></head><body><p>a</p><!--spillway-buy--><b>buy</b><!--/spillway-buy--><!--spillway-room--><p>z</p></body></html>";
    const page = spliced(html) ?? "";
    expect(page).toMatch(/<p>a<\/p>\[LINE\]<!--spillway-room--><p>z<\/p>/);
    expect(page).toContain('room.css"><script type="module" src="/.spillway/room.js"></script></head>');
    expect(page).not.toContain("buy");
  });

  test("else at the beginning of the body, whatever its tag says", () => {
    expect(spliced(`<body class="a > b" data-x='>'>hello`)).toContain(
      `data-x='>'><link rel="stylesheet" href="/.spillway/room.css">`,
    );
    expect(spliced("<BODY>hello")).toContain("[LINE]hello");
    expect(spliced("no page at all")).toBeUndefined();
  });

  test("and what is always in sight of it at the end of the body, the last one where a script writes of others", () => {
    expect(spliced("<body>a<script>'</body>'</script>z</BODY ></html>")).toEndWith("z[BAR]</BODY ></html>");
    expect(spliced("<body>hello")).toEndWith("hello[BAR]");
  });
});

test("a policy allows our own files beside what it allowed, and nothing else", () => {
  const ours = "https://shop.example/.spillway/";
  expect(withOurs("default-src 'none'; form-action 'none'", ours)).toBe(
    `default-src 'none'; form-action ${ours}; script-src-elem ${ours}; style-src-elem ${ours}; connect-src ${ours}`,
  );
  expect(withOurs("default-src 'self'", ours)).toBe("default-src 'self'");
  expect(withOurs("script-src 'nonce-x' https://a.example; img-src *", ours)).toBe(
    `script-src 'nonce-x' https://a.example; img-src *; script-src-elem 'nonce-x' https://a.example ${ours}`,
  );
  expect(withOurs("script-src a.example, default-src 'none'", ours).split(", ")).toHaveLength(2);
});

describe("pages for those who wait", () => {
  const html = (body: string, fields: Record<string, string> = {}): Response =>
    new Response(`<body>${body}`, { headers: { "content-type": "text/html", ...fields } });
  const at = (atMs: number, target = "/a") =>
    exchangeOf({
      path: target,
      target,
      atMs,
      headers: { cookie: "session=1", authorization: "x", "if-none-match": "y" },
    });

  test("are asked for once in a few seconds, by everybody together, without what names a person", async () => {
    const pages = createPublicPages();
    let asked = 0;
    const next: Next = async ({ headers, method, route }) => {
      asked++;
      expect([
        headers.get("cookie"),
        headers.get("authorization"),
        headers.get("if-none-match"),
        method,
        route.class,
      ]).toEqual([null, null, null, "GET", "background"]);
      await Bun.sleep(5);
      return html(`made ${asked}`, { "set-cookie": "a=b", "cache-control": "max-age=60" });
    };
    const first = await Promise.all(Array.from({ length: 20 }, async () => await pages.page(at(0), next)));
    expect(asked).toBe(1);
    expect(first[0]?.fields.map(([name]) => name)).toEqual(["content-type"]);
    await pages.page(at(4000), next);
    expect(asked).toBe(1);
    expect(text((await pages.page(at(6000), next))?.after ?? new Uint8Array())).toContain("made 2");
  });

  test("stay while the origin is gone or in trouble, for an hour", async () => {
    const pages = createPublicPages();
    await pages.page(at(0), () => html("good"));
    const gone: Next = () => Promise.reject(new OriginError("refused", false, "gone"));
    expect(text((await pages.page(at(10_000), gone))?.after ?? new Uint8Array())).toContain("good");
    expect(
      text((await pages.page(at(20_000), () => new Response("no", { status: 503 })))?.after ?? new Uint8Array()),
    ).toContain("good");
    expect(await pages.page(at(4_000_000), gone)).toBeUndefined();
  });

  test("are none where there is no page: another type, another status, too large, a coding that cannot be read", async () => {
    const answers = [
      new Response("{}", { headers: { "content-type": "application/json" } }),
      new Response(null, { status: 302, headers: { location: "/" } }),
      html("x".repeat(1_100_000)),
      html("x", { "content-encoding": "br" }),
      new Response("<body>ÿ", { headers: { "content-type": "text/html; charset=iso-8859-1" } }),
    ];
    for (const answer of answers) expect(await createPublicPages().page(at(0), () => answer)).toBeUndefined();
  });
});
