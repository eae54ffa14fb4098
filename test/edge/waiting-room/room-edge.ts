/** A real edge with waiting rooms in front of an origin that says what reached it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningShop, startShop } from "../../kit/running-shop.ts";

export const adminToken = "a-token-of-the-operator";

export const edgeSecret = "shared between the edges";

export type Seen = {
  readonly method: string;
  readonly path: string;
  readonly pass: string | null;
  readonly room: string | null;
};

export async function startRoomEdge(rooms: readonly object[], more: object = {}) {
  const seen: Seen[] = [];
  const origin = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      const { headers, method } = request;
      seen.push({ method, path: pathname, pass: headers.get("spillway-pass"), room: headers.get("spillway-room") });
      const said = headers.get("x-say");
      const fields = { "cache-control": "no-store", ...(said === null ? {} : { "spillway-room": said }) };
      if (pathname.endsWith(".css"))
        return new Response("body{}", { headers: { ...fields, "content-type": "text/css" } });
      if (pathname.startsWith("/api/"))
        return Response.json({ pass: headers.get("spillway-pass") }, { headers: fields });
      if (pathname.startsWith("/tagged/"))
        return new Response(page(pathname), {
          headers: { "content-type": "text/html", "cache-control": "max-age=60", "surrogate-key": pathname.slice(8) },
        });
      if (pathname === "/products/policy")
        return new Response(page(pathname), {
          headers: {
            ...fields,
            "content-type": "text/html",
            "content-security-policy": "default-src 'none'; style-src 'sha256-x'",
            "set-cookie": "origin=1",
          },
        });
      if (pathname.endsWith("/broken")) return new Response("no", { status: 500 });
      return new Response(page(pathname), { headers: { ...fields, "content-type": "text/html; charset=utf-8" } });
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "spillway-room-"));
  const file = join(folder, "spillway.config.json");
  const settings = (given: readonly object[]) =>
    JSON.stringify({
      upstreams: [{ url: `http://127.0.0.1:${origin.port}` }],
      adminToken,
      ...more,
      waitingRooms: {
        rooms: given,
        stateDir: join(folder, "state"),
        ...((more as { waitingRooms?: object }).waitingRooms ?? {}),
      },
    });
  writeFileSync(file, settings(rooms));
  const start = async (secrets: string): Promise<RunningShop> =>
    await startShop({ word: "edge", env: { SPILLWAY_EDGE_CONFIG: file, SPILLWAY_EDGE_SECRET: secrets } });
  let edge = await start(edgeSecret);
  const admin = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${edge.opsUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
    return { status: answer.status, body: isJson ? JSON.parse(text) : text };
  };
  return {
    get edge() {
      return edge;
    },
    get url() {
      return edge.url;
    },
    seen,
    /** Stops it and starts it again with these secrets. It may then have another port. */
    async restart(secrets: string): Promise<void> {
      await edge[Symbol.asyncDispose]();
      edge = await start(secrets);
    },
    folder,
    admin,
    async reload(given: readonly object[]): Promise<void> {
      writeFileSync(file, settings(given));
      const { status, body } = await admin("POST", "/edge/reload");
      if (status !== 204) throw new Error(JSON.stringify(body));
    },
    async stop(): Promise<void> {
      await edge[Symbol.asyncDispose]();
      await origin.stop(true);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const page = (path: string): string =>
  `<!doctype html><html lang="en"><head><title>${path}</title></head><body class="shop"><h1>The page ${path}</h1><!--spillway-buy--><button>Buy</button><!--/spillway-buy--><div id="here"><!--spillway-room--></div></body></html>`;

type Asking = Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> };

/** A client with cookies, as a browser keeps them. */
export class Visitor {
  readonly cookies = new Map<string, string>();
  url: string;

  constructor(url: string) {
    this.url = url;
  }

  async ask(path: string, init: Asking = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(`${this.url}${path}`, {
      redirect: "manual",
      ...init,
      headers: { accept: "text/html", ...(cookie === "" ? {} : { cookie }), ...init.headers },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [pair = "", ...rest] = set.split("; ");
      const at = pair.indexOf("=");
      if (rest.includes("Max-Age=0")) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  async post(
    path: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return await this.ask(path, { method: "POST", body: new URLSearchParams(fields), headers });
  }

  async json<Shape>(path: string, init: Asking = {}): Promise<Shape> {
    const answer = await this.ask(path, { ...init, headers: { accept: "application/json", ...init.headers } });
    return (await answer.json()) as Shape;
  }
}
