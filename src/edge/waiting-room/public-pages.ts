/**
 * The pages that people look at while they wait: the very page they came for, as it is for everybody. It is asked for without cookies and
 * without a pass, at most once in a few seconds for each address, as background work that is shed first, and kept in memory;
 * so a million who wait are to the origin as one who looks, and nothing in it is anybody's. When the origin is gone, the last one stays.
 */
import type { Exchange, Next } from "../exchange.ts";

export type PublicPage = {
  /** HTML up to where the panel goes; from there to the end of the body, where the bar goes; and what is left. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly end: Uint8Array;
  /** Type, language and policies of the page: what may be said again of it. */
  readonly fields: readonly (readonly [name: string, value: string])[];
};

export type PublicPages = {
  /** Undefined: there is no such page, or it cannot be shown with a line in it. */
  page(exchange: Exchange, next: Next): Promise<PublicPage | undefined>;
};

const freshMs = 5000;
/** The last good one may be shown for this long while there is no better. */
const staleMs = 3_600_000;
const pageBytesMax = 1024 * 1024;
const pagesMax = 256;
const bytesMax = 32 * 1024 * 1024;

type Kept = { readonly page: PublicPage | undefined; readonly atMs: number; readonly bytes: number };

export function createPublicPages(): PublicPages {
  /** Those asked for longest ago go first. */
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<PublicPage | undefined>>();
  let bytes = 0;

  function keep(key: string, page: PublicPage | undefined, atMs: number): void {
    drop(key);
    const size =
      500 + 2 * key.length + (page === undefined ? 0 : page.before.length + page.after.length + page.end.length);
    kept.set(key, { page, atMs, bytes: size });
    bytes += size;
    for (const oldest of kept.keys()) {
      if (kept.size <= pagesMax && bytes <= bytesMax) break;
      drop(oldest);
    }
  }

  function drop(key: string): void {
    bytes -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  }

  async function ask(key: string, exchange: Exchange, next: Next): Promise<PublicPage | undefined> {
    const last = kept.get(key);
    const read = await fetched(exchange, next);
    // A page that was there an hour ago at most is better than none while the origin has trouble.
    const page =
      read === "trouble" ? (last !== undefined && exchange.atMs - last.atMs < staleMs ? last.page : undefined) : read;
    if (read !== "trouble") keep(key, page, exchange.atMs);
    else if (last === undefined) keep(key, undefined, exchange.atMs);
    return page;
  }

  return {
    page(exchange, next) {
      const language = exchange.headers.get("accept-language") ?? "";
      const key = `${exchange.scheme} ${exchange.host} ${exchange.target} ${language.slice(0, 64)}`;
      const known = kept.get(key);
      if (known !== undefined && exchange.atMs - known.atMs < freshMs) return Promise.resolve(known.page);
      const asked = asking.get(key);
      // Who comes while it is asked for sees the one before, where there is one.
      if (asked !== undefined) return known?.page === undefined ? asked : Promise.resolve(known.page);
      const promise = ask(key, exchange, next).finally(() => asking.delete(key));
      asking.set(key, promise);
      return promise;
    },
  };
}

/** What a page for everybody may depend on. Nothing that names a person, no validators, no range, no coding. */
const passedOn = ["accept", "accept-language", "user-agent", "host"];

async function fetched(exchange: Exchange, next: Next): Promise<PublicPage | undefined | "trouble"> {
  const headers = new Headers();
  for (const name of passedOn) {
    const value = exchange.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  headers.set("accept-encoding", "identity");
  headers.set("spillway-room", "waiting");
  let response: Response;
  try {
    response = await next({
      ...exchange,
      method: "GET",
      headers,
      request: null,
      route: { ...exchange.route, class: "background", challenge: false },
      notes: {},
    });
  } catch {
    return "trouble";
  }
  if (response.status >= 500 || response.status === 429) {
    await response.body?.cancel();
    return "trouble";
  }
  const coding = response.headers.get("content-encoding");
  const isPage = /^text\/html\b/i.test(response.headers.get("content-type") ?? "");
  if (response.status !== 200 || !isPage || (coding !== null && coding !== "identity")) {
    await response.body?.cancel();
    return undefined;
  }
  try {
    const text = await textOf(response);
    return text === undefined ? undefined : split(text, fieldsOf(response, exchange));
  } catch {
    return "trouble";
  }
}

async function textOf(response: Response): Promise<string | undefined> {
  // Signs beyond ASCII of another charset would be broken by being read as UTF-8.
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(response.headers.get("content-type") ?? "")?.[1]?.toLowerCase();
  if (charset !== undefined && charset !== "utf-8" && charset !== "utf8" && charset !== "us-ascii") return undefined;
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  if (response.body === null) return undefined;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > pageBytesMax) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

const marker = "<!--spillway-room-->";
/** What gives way to the panel: the button that buys. */
const hidden = /<!--spillway-buy-->[\s\S]*?<!--\/spillway-buy-->/g;

/** For the head of a page that has none of ours. Where it cannot run, the page is as it is without script. */
export const headTags =
  '<link rel="stylesheet" href="/.spillway/room.css"><script type="module" src="/.spillway/room.js"></script>';

/** Undefined when there is no body to put a panel into. */
export function split(html: string, fields: PublicPage["fields"]): PublicPage | undefined {
  const text = html.replace(hidden, "");
  let at = text.indexOf(marker);
  if (at < 0) {
    const body = /<body(?:\s(?:[^>"']|"[^"]*"|'[^']*')*)?>/i.exec(text);
    if (body === null) return undefined;
    at = body.index + body[0].length;
  }
  const head = /<\/head\s*>/i.exec(text)?.index ?? -1;
  const before =
    head >= 0 && head < at
      ? `${text.slice(0, head)}${headTags}${text.slice(head, at)}`
      : `${text.slice(0, at)}${headTags}`;
  const rest = text.slice(at);
  // The last one: a script may write of others.
  const last = [...rest.matchAll(/<\/body\s*>/gi)].at(-1)?.index ?? rest.length;
  const encoder = new TextEncoder();
  return {
    before: encoder.encode(before),
    after: encoder.encode(rest.slice(0, last)),
    end: encoder.encode(rest.slice(last)),
    fields,
  };
}

/** Of the page's own answer: how it is read and what it may do; nothing of how it is kept, and no cookie. */
const kept = [
  "content-type",
  "content-language",
  "referrer-policy",
  "permissions-policy",
  "strict-transport-security",
  "x-content-type-options",
  "x-frame-options",
  "cross-origin-opener-policy",
  "cross-origin-embedder-policy",
  "cross-origin-resource-policy",
  "link",
];

function fieldsOf({ headers }: Response, { scheme, host }: Exchange): PublicPage["fields"] {
  const fields: [string, string][] = [];
  for (const name of kept) {
    const value = headers.get(name);
    if (value !== null) fields.push([name, value]);
  }
  const policy = headers.get("content-security-policy");
  if (policy !== null) fields.push(["content-security-policy", withOurs(policy, `${scheme}://${host}/.spillway/`)]);
  return fields;
}

/** The page's policy, and beside what it allows our own files and forms. Policies joined by commas all count, so each is widened. */
export function withOurs(policies: string, ours: string): string {
  return policies
    .split(",")
    .map((policy) => {
      const directives = policy
        .split(";")
        .map((part) => part.trim().split(/\s+/))
        .filter(([name]) => name !== undefined && name !== "");
      const given = new Map(directives.map(([name = "", ...sources]) => [name.toLowerCase(), sources]));
      const widen = (name: string, ...instead: readonly string[]): void => {
        const from = [name, ...instead].find((one) => given.has(one));
        if (from === undefined) return;
        const sources = given.get(from) ?? [];
        if (sources.includes("*") || sources.includes("'self'")) return;
        given.set(name, [...sources.filter((source) => source.toLowerCase() !== "'none'"), ours]);
      };
      widen("script-src-elem", "script-src", "default-src");
      widen("style-src-elem", "style-src", "default-src");
      widen("connect-src", "default-src");
      widen("form-action");
      return [...given].map(([name, sources]) => [name, ...sources].join(" ")).join("; ");
    })
    .join(", ");
}
