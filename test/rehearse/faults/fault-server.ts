/** The two proxies that the tests ask the same things: ours, in this process, and toxiproxy itself where there is one. */
import { createFaultNetwork } from "#adapters/bun/fault-network.ts";
import { systemClock, systemRandom } from "#adapters/system/clock.ts";
import { createFaultApi } from "#rehearse/faults/api.ts";
import { freePort } from "../../kit/running-shop.ts";

export type FaultServer = AsyncDisposable & {
  readonly name: string;
  /** Status and body; the body as JSON where it is. */
  ask(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
};

const answerOf = async (response: Response) => {
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) as unknown };
  } catch {
    return { status: response.status, body: text };
  }
};
const bodyOf = (body: unknown) =>
  body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };

export async function ourFaultServer(): Promise<FaultServer> {
  const api = createFaultApi({ clock: systemClock, random: systemRandom, network: createFaultNetwork() });
  return {
    name: "ours",
    ask: async (method, path, body) =>
      await answerOf(await api.handler(new Request(`http://faults${path}`, { method, ...bodyOf(body) }))),
    [Symbol.asyncDispose]: async () => await api.stop(),
  };
}

/** A program of toxiproxy's server: `go install github.com/Shopify/toxiproxy/v2/cmd/server@HEAD`, or a release. */
export const toxiproxyProgram = process.env.SPILLWAY_TEST_TOXIPROXY ?? Bun.which("toxiproxy-server") ?? undefined;

export async function realToxiproxy(program: string): Promise<FaultServer> {
  const port = await freePort();
  const child = Bun.spawn([program, "-host", "127.0.0.1", "-port", String(port), "-proxy-metrics"], {
    stdout: "ignore",
    stderr: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; (await fetch(`${url}/version`).catch(() => undefined)) === undefined; tries++) {
    if (tries > 200) throw new Error("toxiproxy did not start");
    await Bun.sleep(25);
  }
  return {
    name: "toxiproxy",
    ask: async (method, path, body) => await answerOf(await fetch(url + path, { method, ...bodyOf(body) })),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

export async function newProxy(server: FaultServer, upstream: string, name = "p"): Promise<string> {
  const { status, body } = await server.ask("POST", "/proxies", { name, listen: "127.0.0.1:0", upstream });
  if (status !== 201) throw new Error(`no proxy: ${JSON.stringify(body)}`);
  return (body as { listen: string }).listen;
}
