/**
 * Rendered pages, compressed, by path: made again when catalogue or stock have changed, and once for everybody who asks
 * meanwhile. Bounded in bytes; the least recently used goes first.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { LightRequest } from "#kernel/light-request.ts";
import { inlineSpeculationRules, inlineStyle } from "#storefront/layout.ts";
import { sharedCaching } from "./answer.ts";

type Kept = {
  readonly version: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
  readonly etag: string;
};

const bytesMax = 64 * 1024 * 1024;

const sha256 = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** No inline script runs, and only the style we ship; nothing of a shopper is in here, so hashes and no nonces. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'self' ${sha256(inlineStyle)}`,
  `script-src 'self' 'inline-speculation-rules' ${sha256(inlineSpeculationRules)}`,
  "img-src 'self' https: data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const htmlHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": contentSecurityPolicy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "strict-origin-when-cross-origin",
};

const sharedHeaders = { ...sharedCaching, vary: "accept-encoding" };

export class PageCache {
  readonly #pages = new Map<string, Kept>();
  readonly #making = new Map<string, Promise<Kept | undefined>>();
  #bytes = 0;

  /** Undefined when there is no such page. */
  async answer(
    request: LightRequest,
    path: string,
    version: string,
    make: () => Promise<string | undefined>,
  ): Promise<Response | undefined> {
    let kept = this.#pages.get(path);
    if (kept === undefined || kept.version !== version) {
      const key = `${version} ${path}`;
      let making = this.#making.get(key);
      if (making === undefined) {
        making = this.#make(path, version, make).finally(() => this.#making.delete(key));
        this.#making.set(key, making);
      }
      kept = await making;
      if (kept === undefined) return undefined;
    } else {
      this.#pages.delete(path);
      this.#pages.set(path, kept);
    }
    if (request.headers.get("if-none-match") === kept.etag) {
      return new Response(null, {
        status: 304,
        headers: { ...sharedHeaders, etag: kept.etag },
      });
    }
    const zipped = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
    const body = zipped ? kept.gzip : kept.plain;
    return new Response(body, {
      headers: {
        ...htmlHeaders,
        ...sharedHeaders,
        etag: kept.etag,
        "content-length": String(body.byteLength),
        ...(zipped ? { "content-encoding": "gzip" } : {}),
      },
    });
  }

  async #make(path: string, version: string, make: () => Promise<string | undefined>): Promise<Kept | undefined> {
    const html = await make();
    if (html === undefined) return undefined;
    const plain = new TextEncoder().encode(html);
    const kept: Kept = {
      version,
      plain,
      gzip: new Uint8Array(gzipSync(plain, { level: 6 })),
      etag: `W/"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`,
    };
    const before = this.#pages.get(path);
    if (before !== undefined) this.#drop(path, before);
    this.#pages.set(path, kept);
    this.#bytes += size(path, kept);
    for (const [oldest, page] of this.#pages) {
      if (this.#bytes <= bytesMax) break;
      this.#drop(oldest, page);
    }
    return kept;
  }

  #drop(path: string, kept: Kept): void {
    this.#pages.delete(path);
    this.#bytes -= size(path, kept);
  }
}

const size = (path: string, kept: Kept): number => kept.plain.byteLength + kept.gzip.byteLength + 2 * path.length + 500;
