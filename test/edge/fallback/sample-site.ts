/** A small shop of the tests: pages, what they name, a sitemap in every form, and answers that must not be kept. */
import { gzipSync } from "node:zlib";

export type SampleSite = {
  readonly url: string;
  readonly host: string;
  /** Paths in the order they were asked for, with the Host they were asked by. */
  readonly asked: { readonly path: string; readonly host: string | null; readonly at: number }[];
  /** What the pages say from now on. */
  words: string;
  /** Paths that are answered with this status from now on. */
  troubled: Readonly<Record<string, number>>;
  /** Before every answer. */
  delayMs: number;
  stop(): Promise<void>;
};

const html = { "content-type": "text/html; charset=utf-8" };

export function serveSite(): SampleSite {
  const state = { words: "first words", delayMs: 0, troubled: {} as Readonly<Record<string, number>> };
  const asked: SampleSite["asked"] = [];
  const page = (title: string, body = "") =>
    `<!doctype html><html lang="en"><title>${title}</title><link rel=stylesheet href="/style.css?v=1"><script src=/app.js></script><img src="img/lamp.png" srcset="/img/lamp.png 1x, /img/lamp-2.png 2x"><a href="/never-followed">x</a><img src="https://elsewhere.example/spy.png"><p>${state.words}</p>${body}${"<p>filler that shrinks</p>".repeat(50)}`;
  const pages: Record<string, () => Response> = {
    "/": () =>
      new Response(page("home"), {
        headers: { ...html, "content-security-policy": "default-src 'self'", "set-something": "1" },
      }),
    "/products/lamp": () => new Response(page("lamp"), { headers: html }),
    "/products/lamp?colour=red": () => new Response(page("red lamp"), { headers: html }),
    "/plain.txt": () => new Response("short", { headers: { "content-type": "text/plain" } }),
    "/style.css?v=1": () =>
      new Response("@import 'more.css'; body{background:url(/img/back.png)}", {
        headers: { "content-type": "text/css" },
      }),
    "/more.css": () => new Response("p{src:url('font.woff2')}", { headers: { "content-type": "text/css" } }),
    "/app.js": () => new Response("console.log(1)", { headers: { "content-type": "text/javascript" } }),
    "/cookie": () => new Response(page("cookie"), { headers: { ...html, "set-cookie": "cart=1" } }),
    "/private": () => new Response(page("private"), { headers: { ...html, "cache-control": "max-age=60, private" } }),
    "/no-store": () => new Response(page("no-store"), { headers: { ...html, "cache-control": "no-store" } }),
    "/moved": () => new Response(null, { status: 301, headers: { location: "/" } }),
    "/broken": () => new Response("no", { status: 500 }),
    "/sitemap.xml": () =>
      new Response(
        `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="x"><url><loc> ${origin()}/ </loc><image:image><image:loc>${origin()}/img/never.png</image:loc></image:image></url><url><loc><![CDATA[${origin()}/products/lamp]]></loc></url><url><loc>${origin()}/products/lamp?colour=red&amp;</loc></url></urlset>`.replace(
          "red&amp;",
          "red",
        ),
      ),
    "/sitemap-packed.xml.gz": () =>
      new Response(gzipSync(`<urlset><url><loc>${origin()}/plain.txt</loc></url></urlset>`)),
    "/sitemap-index.xml": () =>
      new Response(
        `<sitemapindex><sitemap><loc>${origin()}/sitemap.xml</loc></sitemap><sitemap><loc>${origin()}/sitemap-packed.xml.gz</loc></sitemap><sitemap><loc>${origin()}/sitemap-index.xml</loc></sitemap><sitemap><loc>https://elsewhere.example/sitemap.xml</loc></sitemap></sitemapindex>`,
      ),
  };
  const picture = new Uint8Array(64).fill(7);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const url = new URL(request.url);
      const path = url.pathname + url.search;
      asked.push({ path, host: request.headers.get("host"), at: performance.now() });
      if (state.delayMs > 0) await Bun.sleep(state.delayMs);
      const trouble = state.troubled[path];
      if (trouble !== undefined) return new Response("trouble", { status: trouble });
      if (/\.(?:png|woff2)$/.test(url.pathname))
        return new Response(picture, { headers: { "content-type": "image/png" } });
      return pages[path]?.() ?? new Response(page(path), { status: /^\/many\//.test(path) ? 200 : 404, headers: html });
    },
  });
  const origin = () => `http://127.0.0.1:${server.port}`;
  return {
    url: origin(),
    host: `127.0.0.1:${server.port}`,
    asked,
    get words() {
      return state.words;
    },
    set words(text) {
      state.words = text;
    },
    get troubled() {
      return state.troubled;
    },
    set troubled(paths) {
      state.troubled = paths;
    },
    get delayMs() {
      return state.delayMs;
    },
    set delayMs(ms) {
      state.delayMs = ms;
    },
    stop: () => server.stop(true),
  };
}
