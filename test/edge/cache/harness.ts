/** The cache behind a real server and before a real origin, for its own tests and for the public suite. */
import { promisify } from "node:util";
import { brotliCompress, gzip, zstdCompress } from "node:zlib";
import { Value } from "typebox/value";
import { Cache, type EdgeConfig } from "#contract/edge-config.ts";
import { type CacheDeps, createCache, type EdgeCache } from "#edge/cache/cache.ts";
import type { Exchange, Next, Notes } from "#edge/exchange.ts";
import { OriginError, toHeaders } from "#edge/ports.ts";

export type CacheSettings = EdgeConfig["cache"];

export const settings = (given: Partial<CacheSettings> = {}): CacheSettings => ({
  ...(Value.Default(Cache, {}) as CacheSettings),
  ...given,
});

const compressors = { br: promisify(brotliCompress), zstd: promisify(zstdCompress), gzip: promisify(gzip) };

export const systemDeps: CacheDeps = {
  nowMs: Date.now,
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  compress: async (bytes, coding) => new Uint8Array(await compressors[coding](bytes)),
};

export function exchangeOf(request: Request, change: Partial<Exchange> = {}): Exchange & { readonly notes: Notes } {
  const url = new URL(request.url);
  const target = url.pathname + url.search;
  return {
    method: request.method,
    scheme: "http",
    host: request.headers.get("host") ?? url.host,
    target,
    path: url.pathname,
    headers: request.headers,
    request,
    address: "127.0.0.1",
    atMs: Date.now(),
    route: { template: "/*", class: "browsing", challenge: false },
    notes: {},
    ...change,
  };
}

/** To one origin, as a proxy sends: nothing followed, nothing decoded, an error where there is no answer. */
export function forwardTo(origin: string): Next {
  return async (exchange) => {
    const headers = toHeaders(exchange.headers);
    for (const name of ["connection", "keep-alive", "te", "upgrade"]) headers.delete(name);
    try {
      return await fetch(origin + exchange.target, {
        method: exchange.method,
        headers,
        body: exchange.request?.body ?? null,
        redirect: "manual",
        decompress: false,
        // A reused connection that breaks makes fetch ask a second time; a cache should see what the origin did.
        keepalive: false,
        ...(exchange.request === null ? {} : { signal: exchange.request.signal }),
      });
    } catch (error) {
      throw new OriginError("reset", true, "The origin broke off.", { cause: error });
    }
  };
}

export function startEdge(
  next: Next,
  given: Partial<CacheSettings> = {},
  deps: Partial<CacheDeps> = {},
): { readonly url: string; readonly cache: EdgeCache; underWay(): number; stop(): Promise<void> } {
  const cache = createCache(settings(given), { ...systemDeps, ...deps });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    idleTimeout: 30,
    async fetch(request) {
      try {
        return await cache.stage(exchangeOf(request), next);
      } catch {
        return new Response("The origin does not answer.\n", { status: 502 });
      }
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    cache,
    underWay: () => server.pendingRequests,
    stop: () => server.stop(true),
  };
}

/** The cache alone, on a clock that the test moves, before an origin that is a function. */
export function startClocked(
  origin: (exchange: Exchange) => Response | Promise<Response>,
  given: Partial<CacheSettings> = {},
  deps: Partial<CacheDeps> = {},
) {
  const clock = { ms: Date.parse("2026-11-27T08:00:00Z") };
  const cache = createCache(settings(given), {
    nowMs: () => clock.ms,
    after: systemDeps.after,
    ...deps,
  });
  const asked: Exchange[] = [];
  return {
    cache,
    clock,
    /** What the origin was asked, in order. */
    asked,
    /** `exchange`: what no URL parser would let through. */
    async ask(
      target: string,
      init: RequestInit & { host?: string; scheme?: "http" | "https"; exchange?: Partial<Exchange> } = {},
    ) {
      const { host = "shop.example", scheme = "http", exchange: change, ...rest } = init;
      const request = new Request(`http://${host}${target}`, rest);
      const exchange = exchangeOf(request, { atMs: clock.ms, scheme, host, ...change });
      const answer = await cache.stage(exchange, (sent) => {
        asked.push(sent);
        return origin(sent);
      });
      return {
        answer,
        status: answer.status,
        headers: answer.headers,
        cacheStatus: answer.headers.get("cache-status") ?? "",
        notes: exchange.notes,
        text: () => answer.text(),
      };
    },
  };
}

/** A promise that the test keeps, or breaks, when it wants. */
export function held<Value = void>() {
  let keep: (value: Value) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const promise = new Promise<Value>((resolve, reject) => {
    keep = resolve;
    fail = reject;
  });
  return { promise, keep, fail };
}

/** Everything that can happen without news from outside has happened. */
export const settled = async (): Promise<void> => await Bun.sleep(2);
