/**
 * What `publish` and `warm` share: which pages there are (a file of addresses, or sitemaps), what a page needs beside
 * itself, and asking for many of them without hurting the shop. Everything read from elsewhere is bounded.
 */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { SpillwayError } from "#kernel/error.ts";
import { createTokenBucket } from "#resilience/token-bucket.ts";
import { version } from "../version.ts";

const pagesMax = 500_000;
const sitemapsMax = 1000;
/** The protocol's own limit (sitemaps.org): 50 MB, unpacked. */
const sitemapMaxBytes = 50 * 1024 * 1024;
const listMaxBytes = 64 * 1024 * 1024;

export type Fetched = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
};

export type Fetcher = (url: URL, headers?: Readonly<Record<string, string>>) => Promise<Fetched>;

export type FetcherOptions = {
  readonly agent: string;
  /** Where to connect instead of the address's own host, which is still named in Host. */
  readonly through?: URL | undefined;
  readonly timeoutMs: number;
  readonly bodyMaxBytes: number;
  /** False keeps the body as it was packed. */
  readonly unpack?: boolean;
};

export function createFetcher({ agent, through, timeoutMs, bodyMaxBytes, unpack = true }: FetcherOptions): Fetcher {
  return async (url, headers = {}) => {
    const target = through === undefined ? url : new URL(url.pathname + url.search, through);
    const response = await fetch(target, {
      redirect: "manual",
      decompress: unpack,
      headers: {
        "user-agent": `${agent}/${version}`,
        ...headers,
        ...(through === undefined ? {} : { host: url.host }),
      },
      signal: AbortSignal.timeout(timeoutMs),
      ...(through?.protocol === "https:" ? { tls: { serverName: url.hostname } } : {}),
    });
    return { status: response.status, headers: response.headers, body: await bounded(response, bodyMaxBytes) };
  };
}

async function bounded(response: Response, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.byteLength;
    if (length > most) throw new Error(`it is larger than ${most.toLocaleString("en")} bytes`);
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/** What went wrong in words for a list: fetch's own say "The operation was aborted due to timeout". */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  const { code } = error as { code?: unknown };
  return typeof code === "string" && !error.message.includes(code) ? `${error.message} (${code})` : error.message;
}

export type PageList = {
  readonly pages: readonly URL[];
  /** What could not be read or used, a sentence each. */
  readonly complaints: readonly string[];
};

/** One address a line; blank lines and lines that begin with # are passed over. "-" is standard input. */
export async function pagesFromFile(file: string, base: URL | undefined): Promise<PageList> {
  let text: string;
  try {
    text = file === "-" ? await Bun.stdin.text() : await readFile(file, "utf8");
  } catch (error) {
    throw new SpillwayError("bad_usage", `${file} cannot be read: ${reason(error)}.`);
  }
  if (text.length > listMaxBytes) throw new SpillwayError("bad_usage", `${file} is larger than 64 MiB.`);
  const collector = collect();
  for (const [index, line] of text.split("\n").entries()) {
    const written = line.trim();
    if (written === "" || written.startsWith("#")) continue;
    if (!collector.add(written, base)) {
      const relative = base === undefined && written.startsWith("/");
      collector.complaints.push(
        `${file}, line ${index + 1}: ${written.slice(0, 200)} is no address${relative ? " without --origin" : ""}`,
      );
    }
  }
  return collector;
}

/** A sitemap, an index of them, or a plain list; each may be packed by gzip (sitemaps.org). */
export async function pagesFromSitemap(start: URL, fetcher: Fetcher): Promise<PageList> {
  const collector = collect();
  const waiting: { readonly url: URL; readonly depth: number }[] = [{ url: start, depth: 0 }];
  const seen = new Set([start.href]);
  for (let read = 0; read < waiting.length; read++) {
    const { url, depth } = waiting[read] as { url: URL; depth: number };
    let text: string;
    try {
      const { status, body } = await fetcher(url);
      if (status !== 200) throw new Error(`it was answered with ${status}`);
      text = unpacked(body);
    } catch (error) {
      collector.complaints.push(`${url.href} could not be read: ${reason(error)}`);
      continue;
    }
    const isIndex = /<sitemapindex[\s>]/i.test(text.slice(0, 4096));
    for (const place of placesIn(text)) {
      if (!isIndex) {
        if (!collector.add(place, undefined)) collector.complaints.push(`${url.href}: ${told(place)} is no address`);
        continue;
      }
      const next = URL.canParse(place) ? new URL(place) : undefined;
      // A sitemap speaks for its own host alone (sitemaps.org, "location").
      if (next === undefined || next.host !== start.host || depth >= 3)
        collector.complaints.push(`${told(place)} was not read: it is of another host, or too deep`);
      else if (!seen.has(next.href) && seen.size < sitemapsMax) {
        seen.add(next.href);
        waiting.push({ url: next, depth: depth + 1 });
      }
    }
  }
  return collector;
}

/** What is no sitemap may be anything: a terminal is shown a part of it, and nothing that would move its cursor. */
const told = (place: string): string => place.slice(0, 200).replace(/[\p{C}\ufffd]+/gu, "?");

function collect() {
  const pages: URL[] = [];
  const complaints: string[] = [];
  const seen = new Set<string>();
  return {
    pages,
    complaints,
    /** False when it is no address. */
    add(text: string, base: URL | undefined): boolean {
      if (!URL.canParse(text, base?.href)) return false;
      const url = new URL(text, base);
      if (url.protocol !== "http:" && url.protocol !== "https:") return false;
      url.hash = "";
      if (seen.has(url.href)) return true;
      if (pages.length >= pagesMax) {
        if (pages.length === seen.size) complaints.push(`Only the first ${pagesMax.toLocaleString("en")} are taken.`);
        return true;
      }
      seen.add(url.href);
      pages.push(url);
      return true;
    },
  };
}

function unpacked(body: Uint8Array): string {
  const packed = body[0] === 0x1f && body[1] === 0x8b;
  const plain = packed ? gunzipSync(body, { maxOutputLength: sitemapMaxBytes }) : body;
  if (plain.byteLength > sitemapMaxBytes) throw new Error("it is larger than 50 MiB");
  return new TextDecoder().decode(plain);
}

/** The text of each <loc>, or each line of a list without markup. */
function* placesIn(text: string): Generator<string> {
  if (!/^\s*</.test(text.slice(0, 200).replace(/^\uFEFF/, ""))) {
    for (const line of text.split("\n")) if (line.trim() !== "") yield line.trim();
    return;
  }
  // Of pictures and videos only the pages are wanted: <image:loc> has another name.
  for (const [, inside = ""] of text.matchAll(/<loc(?:\s[^>]*)?>([\s\S]{0,8192}?)<\/loc\s*>/gi)) {
    const raw = /^\s*<!\[CDATA\[([\s\S]*?)\]\]>\s*$/.exec(inside);
    yield (raw?.[1] ?? inside.replace(/&(?:amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);/gi, entity)).trim();
  }
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
function entity(text: string): string {
  const name = text.slice(1, -1).toLowerCase();
  if (!name.startsWith("#")) return entities[name] ?? text;
  const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code <= 0x10ffff ? String.fromCodePoint(code) : text;
}

/** What a page or a sheet needs beside itself, of its own host: sheets, scripts, pictures, fonts. */
export function assetsOf(page: URL, type: string, body: Uint8Array): URL[] {
  const places = new Set<string>();
  let base = page;
  if (/^text\/html\b/i.test(type)) {
    const take = (value: string | null): void => {
      if (value !== null) places.add(value.trim());
    };
    const each = (value: string | null): void => {
      for (const [, place = ""] of (value ?? "").matchAll(/([^\s,]\S*[^\s,])(?:\s+[\d.]+[wx])?\s*(?:,|$)/g))
        take(place);
    };
    let sheet = "";
    new HTMLRewriter()
      .on("base[href]", {
        element: (element) => {
          const href = element.getAttribute("href") ?? "";
          if (URL.canParse(href, page.href)) base = new URL(href, page);
        },
      })
      .on("link[href]", {
        element: (element) => {
          const rel = (element.getAttribute("rel") ?? "").toLowerCase();
          if (/\b(?:stylesheet|icon|apple-touch-icon|preload|modulepreload|manifest)\b/.test(rel))
            take(element.getAttribute("href"));
          each(element.getAttribute("imagesrcset"));
        },
      })
      .on(
        "script[src], img[src], source[src], input[type=image][src], video[src], audio[src], track[src], embed[src]",
        {
          element: (element) => take(element.getAttribute("src")),
        },
      )
      .on("img[srcset], source[srcset]", { element: (element) => each(element.getAttribute("srcset")) })
      .on("video[poster]", { element: (element) => take(element.getAttribute("poster")) })
      .on("image[href], use[href]", { element: (element) => take(element.getAttribute("href")) })
      .on("[style]", { element: (element) => sheetPlaces(element.getAttribute("style") ?? "", take) })
      .on("style", {
        text: (piece) => {
          sheet += piece.text;
          if (!piece.lastInTextNode) return;
          sheetPlaces(sheet, take);
          sheet = "";
        },
      })
      .transform(new TextDecoder().decode(body));
  } else if (/^text\/css\b/i.test(type)) sheetPlaces(new TextDecoder().decode(body), (place) => places.add(place));
  const found = new Map<string, URL>();
  for (const place of places) {
    if (place === "" || !URL.canParse(place, base.href)) continue;
    const url = new URL(place, base);
    url.hash = "";
    if (url.host === page.host && /^https?:$/.test(url.protocol)) found.set(url.href, url);
  }
  return [...found.values()];
}

function sheetPlaces(sheet: string, take: (place: string) => void): void {
  const plain = sheet.replace(/\/\*[\s\S]*?\*\//g, "");
  for (const [, , quoted, bare] of plain.matchAll(/url\(\s*(?:(["'])(.*?)\1|([^\s"')]+))\s*\)/gi))
    take(quoted ?? bare ?? "");
  for (const [, , place = ""] of plain.matchAll(/@import\s+(["'])(.*?)\1/gi)) take(place);
}

export type Pace = {
  /** Resolves when the next request may go. */
  turn(): Promise<void>;
  /** The request did not reach the origin: another may go in its place. */
  refund(): void;
};

/** So many a second, evenly: after an idle moment no heap of them goes at once. */
export function createPace(perSecond: number): Pace {
  const bucket = createTokenBucket({ perSecond, burst: Math.max(1, Math.ceil(perSecond / 10)) });
  let refunds = 0;
  return {
    async turn() {
      for (;;) {
        if (refunds > 0) {
          refunds -= 1;
          return;
        }
        const waitMs = bucket.take(performance.now());
        if (waitMs === 0) return;
        await Bun.sleep(waitMs);
      }
    },
    refund() {
      refunds += 1;
    },
  };
}

/** Works off a list, which may grow meanwhile, with so many hands. */
export async function withHands<Item>(
  items: Item[],
  hands: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  let busy = 0;
  await new Promise<void>((resolve, reject) => {
    const go = (): void => {
      while (busy < hands && next < items.length) {
        const item = items[next] as Item;
        next += 1;
        busy += 1;
        work(item).then(() => {
          busy -= 1;
          go();
        }, reject);
      }
      if (busy === 0) resolve();
    };
    go();
  });
}

/** A number from the command line, or a complaint that names the option. */
export function numberOption(
  name: string,
  text: string | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number) || number < least || number > most)
    throw new SpillwayError("bad_usage", `--${name} must be a number from ${least} to ${most}, not ${text}.`);
  return number;
}

export function addressOption(name: string, text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new SpillwayError("bad_usage", `--${name} must be an address such as https://shop.example, not ${text}.`);
  return new URL(text);
}

/** The first of many, and how many more: a thousand lines help nobody. */
export function listComplaints(complaints: readonly string[], most = 50): string {
  const more = complaints.length - most;
  return [...complaints.slice(0, most).map((line) => `  ${line}`), ...(more > 0 ? [`  … and ${more} more`] : [])].join(
    "\n",
  );
}
