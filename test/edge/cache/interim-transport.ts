/**
 * The cache behind and before node:http, which tells of interim answers (102, 103) where `Bun.serve` and `fetch` are silent,
 * and reads a body in an unknown transfer coding to its end. Shows the public suite what the cache does when its
 * transport passes everything on.
 */
import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { type CacheDeps, createCache } from "#edge/cache/cache.ts";
import type { Exchange, Next } from "#edge/exchange.ts";
import { OriginError } from "#edge/ports.ts";
import { type CacheSettings, exchangeOf, settings, systemDeps } from "./harness.ts";

/** It travels through the stages with the exchange it is part of. */
type Told = Exchange & { readonly interim?: (status: number, fields: Record<string, string | string[]>) => void };

const hopByHop = new Set(["connection", "keep-alive", "te", "upgrade", "transfer-encoding", "host"]);

export function forwardOverNode(origin: string): Next {
  const { hostname, port } = new URL(origin);
  return (exchange: Told) =>
    new Promise((resolve, reject) => {
      const headers: Record<string, string> = {};
      for (const [name, value] of exchange.headers) if (!hopByHop.has(name)) headers[name] = value;
      const sent = send({ hostname, port, method: exchange.method, path: exchange.target, headers, agent: false });
      sent.on("information", ({ statusCode, headers: fields }) => {
        exchange.interim?.(statusCode, fields as Record<string, string | string[]>);
      });
      sent.on("response", (answer) => {
        const fields = new Headers();
        for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
          fields.append(answer.rawHeaders[at] ?? "", answer.rawHeaders[at + 1] ?? "");
        }
        const status = answer.statusCode ?? 502;
        const hasBody = exchange.method !== "HEAD" && status !== 204 && status !== 304;
        if (!hasBody) answer.resume();
        const body = hasBody ? (Readable.toWeb(answer) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>) : null;
        if (status > 599) reject(new OriginError("protocol", true, `The origin answered ${status}.`));
        else resolve(new Response(body, { status, statusText: answer.statusMessage ?? "", headers: fields }));
      });
      sent.on("error", (cause) => reject(new OriginError("reset", true, "The origin broke off.", { cause })));
      const body = exchange.request?.body ?? null;
      if (body === null) sent.end();
      else Readable.fromWeb(body as unknown as NodeStream).pipe(sent);
    });
}

export async function startEdgeOverNode(
  next: Next,
  given: Partial<CacheSettings> = {},
  deps: Partial<CacheDeps> = {},
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const cache = createCache(settings(given), { ...systemDeps, ...deps });
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const headers = new Headers();
    for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
      headers.append(incoming.rawHeaders[at] ?? "", incoming.rawHeaders[at + 1] ?? "");
    }
    const method = incoming.method ?? "GET";
    const hasBody = headers.has("content-length") || headers.has("transfer-encoding");
    const request = new Request(`http://${headers.get("host")}${incoming.url}`, {
      method,
      headers,
      ...(hasBody ? { body: await new Response(Readable.toWeb(incoming) as unknown as ReadableStream).blob() } : {}),
    });
    const exchange: Told = {
      ...exchangeOf(request, { method, headers }),
      interim: (status, fields) => {
        if (outgoing.headersSent) return;
        if (status === 103) outgoing.writeEarlyHints(fields as Record<string, string> & { link: string });
        else if (status === 102) outgoing.writeProcessing();
      },
    };
    try {
      const answer = await cache.stage(exchange, next);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const fields: [string, string][] = [...answer.headers].filter(([name]) => !hopByHop.has(name));
      if (answer.status !== 204 && answer.status !== 304 && !answer.headers.has("content-length")) {
        fields.push(["content-length", String(bytes.length)]);
      }
      outgoing.writeHead(answer.status, answer.statusText, fields.flat());
      if (bytes.length > 0) outgoing.end(bytes);
      else outgoing.end();
    } catch {
      outgoing.writeHead(502).end();
    }
  };
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
