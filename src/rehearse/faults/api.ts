/**
 * toxiproxy's HTTP API over a collection of proxies: addresses, bodies, statuses and sentences are its own
 * (https://github.com/Shopify/toxiproxy#http-api, version 2), so that its clients in every language drive this one.
 *
 * What is asked is done one after another: a proxy is never started and stopped at once.
 */
import { FaultProxy, type FaultSurroundings } from "./fault-proxy.ts";
import { badRequest, field, type JsonObject, objectOf, ToxiproxyError, textField, toxicJson } from "./toxic.ts";

/** The version of the API that is spoken here, for clients that ask. */
const apiVersion = "2.12.0";
const proxiesMax = 1000;

export type FaultApi = {
  readonly handler: (request: Request) => Promise<Response>;
  readonly proxies: () => readonly FaultProxy[];
  /** Switches every proxy off. */
  stop(): Promise<void>;
};

type Route = { readonly method: string; readonly path: RegExp; readonly answer: Answer };
type Answer = (request: Request, names: readonly string[]) => Promise<Response>;

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });
const nothing = (): Response => new Response(null, { status: 204 });
const plain = (text: string, status: number, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } });

export function createFaultApi(surroundings: FaultSurroundings): FaultApi {
  const proxies = new Map<string, FaultProxy>();
  const sorted = () => [...proxies.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  let last: Promise<unknown> = Promise.resolve();

  const find = (name: string | undefined): FaultProxy => {
    const proxy = proxies.get(name ?? "");
    if (proxy === undefined) throw new ToxiproxyError("proxy not found", 404);
    return proxy;
  };
  const make = async (input: JsonObject): Promise<FaultProxy> => {
    if (proxies.size >= proxiesMax) throw new ToxiproxyError(`there are ${proxiesMax} proxies already`, 500);
    const proxy = new FaultProxy(
      textField(input, "name"),
      textField(input, "listen"),
      textField(input, "upstream"),
      surroundings,
    );
    if (isEnabled(input)) await proxy.start();
    proxies.set(proxy.name, proxy);
    return proxy;
  };

  const create: Answer = async (request) => {
    const input = objectOf(await readJson(request), "the body");
    for (const name of ["name", "upstream"])
      if (textField(input, name) === "") throw new ToxiproxyError(`missing required field: ${name}`, 400);
    isEnabled(input);
    if (proxies.has(textField(input, "name"))) throw new ToxiproxyError("proxy already exists", 409);
    return json((await make(input)).json(), 201);
  };

  const populate: Answer = async (request) => {
    const made: FaultProxy[] = [];
    let begun = false;
    try {
      const list = await readJson(request);
      if (!Array.isArray(list)) throw badRequest("the body must be a list of proxies");
      const inputs = list.map((value) => objectOf(value, "a proxy"));
      for (const [index, input] of inputs.entries()) {
        for (const name of ["name", "upstream"])
          if (textField(input, name) === "")
            throw new ToxiproxyError(`missing required field: ${name} at proxy ${index + 1}`, 400);
        isEnabled(input);
        textField(input, "listen");
      }
      begun = true;
      for (const input of inputs) {
        const existing = proxies.get(textField(input, "name"));
        if (
          existing !== undefined &&
          !(await existing.differs(textField(input, "listen"), textField(input, "upstream")))
        ) {
          made.push(existing);
          continue;
        }
        await existing?.stop();
        made.push(await make(input));
      }
      return json({ proxies: made.map((proxy) => proxy.json()) }, 201);
    } catch (error) {
      const { message, status } = troubleOf(error);
      return json({ error: message, status, proxies: begun ? made.map((proxy) => proxy.json()) : null }, status);
    }
  };

  const update: Answer = async (request, [name]) => {
    const proxy = find(name);
    const input = objectOf(await readJson(request), "the body");
    await proxy.update(
      textField(input, "listen", proxy.listen),
      textField(input, "upstream", proxy.upstream),
      isEnabled(input, proxy.enabled),
    );
    return json(proxy.json());
  };
  const changeToxic: Answer = async (request, [name, toxic = ""]) => {
    const proxy = find(name);
    proxy.toxic(toxic);
    return json(toxicJson(proxy.changeToxic(toxic, objectOf(await readJson(request), "the body"))));
  };

  const routes: readonly Route[] = [
    {
      method: "POST",
      path: /^\/reset$/,
      answer: async () => {
        for (const proxy of sorted()) {
          await proxy.start();
          proxy.removeToxics();
        }
        return nothing();
      },
    },
    {
      method: "GET",
      path: /^\/proxies$/,
      answer: async () => json(Object.fromEntries(sorted().map((proxy) => [proxy.name, proxy.json()]))),
    },
    { method: "POST", path: /^\/proxies$/, answer: create },
    { method: "POST", path: /^\/populate$/, answer: populate },
    { method: "GET", path: /^\/proxies\/([^/]+)$/, answer: async (_, [name]) => json(find(name).json()) },
    { method: "POST", path: /^\/proxies\/([^/]+)$/, answer: update },
    { method: "PATCH", path: /^\/proxies\/([^/]+)$/, answer: update },
    {
      method: "DELETE",
      path: /^\/proxies\/([^/]+)$/,
      answer: async (_, [name]) => {
        const proxy = find(name);
        await proxy.stop();
        proxies.delete(proxy.name);
        return nothing();
      },
    },
    {
      method: "GET",
      path: /^\/proxies\/([^/]+)\/toxics$/,
      answer: async (_, [name]) => json(find(name).toxics.map(toxicJson)),
    },
    {
      method: "POST",
      path: /^\/proxies\/([^/]+)\/toxics$/,
      answer: async (request, [name]) => {
        const proxy = find(name);
        return json(toxicJson(proxy.addToxic(objectOf(await readJson(request), "the body"))));
      },
    },
    {
      method: "GET",
      path: /^\/proxies\/([^/]+)\/toxics\/([^/]+)$/,
      answer: async (_, [name, toxic = ""]) => json(toxicJson(find(name).toxic(toxic))),
    },
    { method: "POST", path: /^\/proxies\/([^/]+)\/toxics\/([^/]+)$/, answer: changeToxic },
    { method: "PATCH", path: /^\/proxies\/([^/]+)\/toxics\/([^/]+)$/, answer: changeToxic },
    {
      method: "DELETE",
      path: /^\/proxies\/([^/]+)\/toxics\/([^/]+)$/,
      answer: async (_, [name, toxic = ""]) => {
        find(name).removeToxic(toxic);
        return nothing();
      },
    },
    {
      method: "GET",
      path: /^\/version$/,
      answer: async () =>
        new Response(`{"version": "${apiVersion}"}\n`, {
          headers: { "content-type": "application/json;charset=utf-8" },
        }),
    },
    {
      method: "GET",
      path: /^\/metrics$/,
      answer: async () => plain(metricsOf(sorted()), 200, { "content-type": "text/plain; version=0.0.4" }),
    },
  ];

  async function answer(request: Request): Promise<Response> {
    // A page in a browser must not be able to break what runs on the machine of whoever looks at it.
    if (request.headers.get("user-agent")?.startsWith("Mozilla/")) return plain("User agent not allowed\n", 403);
    let path: string;
    try {
      path = decodeURIComponent(new URL(request.url).pathname);
    } catch {
      return plain("404 page not found\n", 404);
    }
    const there = routes.filter((route) => route.path.test(path));
    const route = there.find(({ method }) => method === request.method);
    if (route === undefined) return there.length > 0 ? plain("", 405) : plain("404 page not found\n", 404);
    try {
      return await route.answer(request, route.path.exec(path)?.slice(1) ?? []);
    } catch (error) {
      const { message, status } = troubleOf(error);
      return plain(`${JSON.stringify({ error: message, status })}\n`, status, { "x-content-type-options": "nosniff" });
    }
  }

  return {
    handler(request) {
      const turn = last.then(async () => await answer(request));
      last = turn.catch(() => undefined);
      return turn;
    },
    proxies: sorted,
    async stop() {
      await Promise.all(sorted().map(async (proxy) => await proxy.stop()));
    },
  };
}

function isEnabled(input: JsonObject, fallback = true): boolean {
  const value = field(input, "enabled");
  if (value !== undefined && typeof value !== "boolean") throw badRequest(`"enabled" must be true or false`);
  return value ?? fallback;
}

async function readJson(request: Request): Promise<unknown> {
  const text = await request.text();
  if (text.trim() === "") throw badRequest("EOF");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error));
  }
}

function troubleOf(error: unknown): { message: string; status: number } {
  if (error instanceof ToxiproxyError) return { message: error.message, status: error.httpStatus };
  return { message: error instanceof Error ? error.message : String(error), status: 500 };
}

function metricsOf(proxies: readonly FaultProxy[]): string {
  return (["received", "sent"] as const)
    .map((what) => {
      const name = `toxiproxy_proxy_${what}_bytes_total`;
      const lines = proxies.flatMap((proxy) =>
        (["downstream", "upstream"] as const).map((direction) => {
          const labels = Object.entries({
            direction,
            listener: proxy.listen,
            proxy: proxy.name,
            upstream: proxy.upstream,
          }).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
          return `${name}{${labels.join(",")}} ${proxy.bytes[what][direction]}`;
        }),
      );
      return [`# HELP ${name} Bytes ${what}.`, `# TYPE ${name} counter`, ...lines, ""].join("\n");
    })
    .join("");
}
