/**
 * `spillway faults`: the fault proxy alone, under toxiproxy's HTTP API, for whoever wants to put trouble between two
 * programs. It listens until it is told to stop; proxies end with it.
 */
import { createFaultNetwork } from "#adapters/bun/fault-network.ts";
import { serve } from "#adapters/bun/http-server.ts";
import { systemClock, systemRandom } from "#adapters/system/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import { createFaultApi } from "#rehearse/faults/api.ts";
import { args, print } from "./terminal.ts";

const bodyMaxBytes = 4 * 1024 * 1024;
const portDefault = 8474;

export async function faultsTool(given: string[]): Promise<number> {
  const { values, positionals } = args(given, {
    listen: { type: "string" },
    host: { type: "string" },
    config: { type: "string" },
  });
  if (positionals.length > 0)
    throw new SpillwayError("bad_usage", "usage: bin/spillway faults [--listen PORT] [--host ADDRESS] [--config FILE]");
  const port = Number(values.listen ?? portDefault);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new SpillwayError("bad_usage", `--listen ${values.listen} must be a port, such as ${portDefault}.`);
  const hostname = values.host ?? "127.0.0.1";
  const api = createFaultApi({ clock: systemClock, random: systemRandom, network: createFaultNetwork() });
  if (values.config !== undefined) await populate(api.handler, values.config);
  const server = serve({ port, hostname, fetch: api.handler, bodyMaxBytes });
  print(`faults http://${hostname}:${server.port}`);
  for (const proxy of api.proxies()) print(`  ${proxy.name}: ${proxy.listen} -> ${proxy.upstream}`);
  await new Promise<void>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
  });
  await server.stop(1000);
  await api.stop();
  return 0;
}

/** The same list of proxies that `POST /populate` takes. */
async function populate(handler: (request: Request) => Promise<Response>, file: string): Promise<void> {
  const text = await Bun.file(file)
    .text()
    .catch((error: unknown) => {
      throw new SpillwayError("bad_usage", `${file} cannot be read: ${error instanceof Error ? error.message : error}`);
    });
  const answer = await handler(new Request("http://faults/populate", { method: "POST", body: text }));
  if (answer.status === 201) return;
  const { error } = (await answer.json()) as { error: string };
  throw new SpillwayError("bad_usage", `${file} does not describe proxies: ${error}.`);
}
