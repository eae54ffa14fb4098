/**
 * The answer to a request that is turned away: a small page for browsers, RFC 9457 problem details for everything else.
 * Neither may be kept by anybody. It is made when there is too much to do already, so it is one string and no work.
 */
import type { Exchange } from "../exchange.ts";

export type Refusal = {
  readonly status: number;
  /** Of the problem; "about:blank" when left out (RFC 9457 4.2.1). */
  readonly type?: string;
  readonly title: string;
  /** One or two sentences for a person: what happened and what to do. */
  readonly detail: string;
  readonly retryAfterSeconds?: number;
  /** Further members of the problem details. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Browsers ask for HTML; whoever does not is a program, or an image that nobody would see. */
export function wantsPage(exchange: Exchange): boolean {
  return exchange.headers.get("accept")?.includes("text/html") ?? false;
}

export function refuse(exchange: Exchange, refusal: Refusal): Response {
  const isPage = wantsPage(exchange);
  const headers: Record<string, string> = {
    "content-type": isPage ? "text/html; charset=utf-8" : "application/problem+json",
    "cache-control": "no-store",
    vary: "accept",
    ...refusal.headers,
  };
  if (refusal.retryAfterSeconds !== undefined) headers["retry-after"] = String(refusal.retryAfterSeconds);
  if (isPage) {
    const again = exchange.method === "GET" ? '<p><a href="">Try again</a></p>' : "";
    headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    return new Response(page(refusal.title, `<p>${refusal.detail}</p>${again}`), { status: refusal.status, headers });
  }
  const body = {
    type: refusal.type ?? "about:blank",
    title: refusal.title,
    status: refusal.status,
    detail: refusal.detail,
    ...refusal.members,
  };
  return new Response(JSON.stringify(body), { status: refusal.status, headers });
}

/** Title and body are ours: nothing of the request stands in them. */
export function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>${title}</title><style>:root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-items:center;background:light-dark(#f8f8f5,#0e1413);color:light-dark(#14211f,#e6ece9);font:1.0625rem/1.6 system-ui,sans-serif}main{box-sizing:border-box;width:min(34rem,100%);padding:2rem;border-left:.35rem solid light-dark(#0b6b66,#7fd4c6)}h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25}p{margin:.5rem 0 0}a{color:light-dark(#0d3d3c,#a9e2d6)}progress{width:100%;margin-top:1rem;accent-color:light-dark(#0b6b66,#7fd4c6)}</style></head><body><main><h1>${title}</h1>${body}</main></body></html>`;
}
