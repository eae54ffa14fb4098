/** What the waiting room's answers share: none of them is kept by anybody, and a form of ours is sent from a page of the same site. */
import type { Exchange } from "../exchange.ts";

const encoder = new TextEncoder();

type Cookies = readonly string[];

export function answered(
  exchange: Exchange,
  body: string | Uint8Array,
  init: { readonly status?: number; readonly type: string; readonly fields?: readonly (readonly [string, string])[] },
  cookies: Cookies = [],
): Response {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const headers = new Headers({
    "content-type": init.type,
    "cache-control": "private, no-store",
    "content-length": String(bytes.byteLength),
  });
  for (const [name, value] of init.fields ?? []) headers.set(name, value);
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  // HEAD gets the same fields and no body (RFC 9110, 9.3.2).
  const content = exchange.method === "HEAD" ? null : (bytes as Uint8Array<ArrayBuffer>);
  return new Response(content, { status: init.status ?? 200, headers });
}

export const json = (
  exchange: Exchange,
  body: unknown,
  init: { readonly status?: number; readonly fields?: readonly (readonly [string, string])[] } = {},
  cookies: Cookies = [],
): Response => answered(exchange, JSON.stringify(body), { type: "application/json", ...init }, cookies);

export type Trouble = {
  readonly status: number;
  /** Of the problem's type: "urn:spillway:error:CODE". */
  readonly code: string;
  readonly title: string;
  /** What happened and what to do. */
  readonly detail: string;
  readonly retryAfterSeconds?: number;
  readonly members?: Readonly<Record<string, unknown>>;
};

/** RFC 9457. */
export function problem(exchange: Exchange, trouble: Trouble, cookies: Cookies = []): Response {
  const { status, code, title, detail, retryAfterSeconds, members } = trouble;
  return answered(
    exchange,
    JSON.stringify({ type: `urn:spillway:error:${code}`, title, status, code, detail, ...members }),
    {
      status,
      type: "application/problem+json",
      fields: retryAfterSeconds === undefined ? [] : [["retry-after", String(retryAfterSeconds)]],
    },
    cookies,
  );
}

/** After a form: to a page, by GET. */
export function seeOther(to: string, cookies: Cookies = []): Response {
  const headers = new Headers({ location: to, "cache-control": "private, no-store", "content-length": "0" });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}

/** Browsers say where a form comes from in Sec-Fetch-Site, older ones in Origin; programs say neither. */
export function isFromHere({ headers, host }: Pick<Exchange, "headers" | "host">): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin" || site === "none";
  const origin = headers.get("origin");
  if (origin === null) return true;
  return URL.parse(origin)?.host === host || URL.parse(origin)?.host === host.replace(/:(?:80|443)$/, "");
}

/** A path of this site, as a form or a link names it; undefined for anything that could lead elsewhere. */
export function pathOf(text: string | null | undefined): string | undefined {
  if (text === null || text === undefined || text.length > 2048) return undefined;
  // A browser reads "\" as "/", and drops tabs and line ends, so "/\tevil" after the first sign would be "//evil".
  return /^\/(?![/\\])[^\s\\]*$/.test(text) && /^[\x21-\x7e]*$/.test(text) && !text.startsWith("/.spillway/")
    ? text
    : undefined;
}

const bodyBytesMax = 8192;

/** Fields of a form or of JSON; undefined when it is too long or neither. */
export async function fieldsOf({ request, headers }: Exchange): Promise<Readonly<Record<string, string>> | undefined> {
  const text = await textOf(request);
  if (text === undefined) return undefined;
  if (text.trim() === "") return {};
  if (/\bjson\b/i.test(headers.get("content-type") ?? "") || text.trimStart().startsWith("{")) {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one)]));
    } catch {
      return undefined;
    }
  }
  return Object.fromEntries(new URLSearchParams(text));
}

export async function textOf(request: Exchange["request"], bytesMax = bodyBytesMax): Promise<string | undefined> {
  if (request === null) return "";
  if (request.whole !== undefined) {
    return request.whole.byteLength > bytesMax ? undefined : new TextDecoder().decode(request.whole);
  }
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
