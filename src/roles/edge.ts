/**
 * The edge on its own: the door in front of any web shop. It needs no database.
 *
 * starting -> ready (one line says so) -> draining (SIGINT or SIGTERM: not ready at once, connections are told to close,
 * what is under way ends) -> stopped. SIGHUP reads the configuration again; a wrong one changes nothing.
 */
import { randomBytes } from "node:crypto";
import { listen } from "#adapters/bun/edge-listener.ts";
import { type HttpServer, serve } from "#adapters/bun/http-server.ts";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { systemClock } from "#adapters/system/clock.ts";
import type { EdgeConfig } from "#contract/edge-config.ts";
import { createEdge, type Edge } from "#edge/edge.ts";
import { edgeApi } from "#http/edge-api.ts";
import { SpillwayError } from "#kernel/error.ts";
import { Metrics } from "#watch/metrics.ts";
import { edgeConfigSchemaJson, edgeSettings, readEdgeConfig } from "./edge-config.ts";
import { controlsOf, createEdgeParts } from "./edge-parts.ts";
import { edgeSecrets } from "./edge-secrets.ts";
import { processGauges } from "./ops.ts";
import { leaveNote } from "./running.ts";
import { tokenCheck } from "./token-check.ts";

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const help = `usage: bin/spillway edge --origin URL
The door in front of any web shop: cache, limits, shedding, balancing, and a page for when the origin is gone. It needs no database.

  --origin URL      an upstream; may be given several times
  --port N          the port that clients reach (8000)
  --ops-port N      the operations port: /livez /readyz /metrics and the admin API under /edge/ (8001)
  --config FILE     spillway.config.ts or .json; flags and environment go before it
  --schema          prints the file's JSON schema

SIGHUP reads the configuration again, and a wrong one changes nothing. Ctrl-C finishes what is under way.

  bin/spillway edge --origin https://shop.example --port 8000
  bin/spillway edge --origin http://10.0.0.7:8080 --origin http://10.0.0.8:8080
  bin/spillway edge --schema > spillway.schema.json

settings, from the environment:
${edgeSettings.map(([name, meaning]) => `  ${name}\n      ${meaning}`).join("\n")}`;

/** Resolves with the exit code. */
export async function runEdge(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  if (args.includes("--schema")) {
    process.stdout.write(edgeConfigSchemaJson());
    return 0;
  }
  const read = async () => await readEdgeConfig({ env, args });
  let config = await read();
  const stopping = stopSignal();
  const metrics = new Metrics();
  processGauges(metrics, systemClock.now());
  // Of the edge that is made of these parts, and stays with it over every configuration.
  const pressure = { level: (): number => 0 };
  const parts = await createEdgeParts(config, metrics, {
    secrets: edgeSecrets(env.SPILLWAY_EDGE_SECRET) ?? [randomBytes(32)],
    name: env.SPILLWAY_EDGE_NAME ?? "spillway",
    log,
    rooms: { pressure: () => pressure.level() },
  });
  let edge: Edge = createEdge(config, parts.deps);
  pressure.level = edge.pressure.level;
  let listener: EdgeListener | undefined;
  let ops: HttpServer | undefined;
  const localToken = randomBytes(32).toString("base64url");
  let takeNoteAway = (): void => undefined;

  const reload = async (): Promise<void> => {
    const next = await read();
    for (const place of restartNeeded(config, next)) {
      log(`${place} has changed: that needs a restart, everything else is in force.`);
    }
    const stale = await parts.configureRooms(next);
    edge = createEdge(next, parts.deps, edge);
    if (stale.length > 0) edge.cache.purge({ tags: stale });
    config = next;
    listener?.setReceiver(edge.receiver);
    listener?.reloadCertificates();
  };
  process.on("SIGHUP", () => {
    reload().then(
      () => log("the configuration was read again and is in force"),
      (error: unknown) => log(`the configuration in force stays: ${error instanceof Error ? error.message : error}`),
    );
  });

  try {
    listener = listen(listenerOptions(config), edge.receiver);
    ops = serve({
      port: config.opsPort,
      bodyMaxBytes: 1024 * 1024,
      fetch: opsOf(
        metrics,
        () => (stopping.aborted ? "draining" : undefined),
        edgeApi(
          controlsOf(() => edge, reload),
          {
            isToken: tokenCheck(
              () => config.adminToken,
              () => localToken,
            ),
            report,
          },
        ),
      ),
    });
    const scheme = config.listen.tls === undefined ? "http" : "https";
    takeNoteAway = leaveNote({ role: "edge", ops: `http://localhost:${ops.port}`, token: localToken }, env);
    process.stdout.write(`ready ${scheme}://localhost:${listener.port}\noperations http://localhost:${ops.port}\n`);
    await new Promise<void>((resolve) => {
      if (stopping.aborted) resolve();
      stopping.addEventListener("abort", () => resolve(), { once: true });
    });
    log("stopping: finishing what is under way");
    return 0;
  } catch (error) {
    if (!(error instanceof SpillwayError) || error.code === "internal") throw error;
    log(`spillway: ${error.message}`);
    return 1;
  } finally {
    takeNoteAway();
    await listener?.stop(config.listen.drainSeconds * 1000);
    edge.balancer?.stop();
    await edge.seeing.flush();
    await parts.close();
    await ops?.stop(200);
  }
}

export function listenerOptions({ listen: settings }: EdgeConfig): Parameters<typeof listen>[0] {
  const { host, tls, ...rest } = settings;
  return {
    ...rest,
    ...(host === undefined ? {} : { hostname: host }),
    ...(tls === undefined ? {} : { tls }),
    onTrouble: log,
  };
}

/** The second signal stops at once. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) process.exit(130);
      stopping.abort();
    });
  }
  return stopping.signal;
}

let references = 0;
function report(error: unknown): string {
  references += 1;
  const reference = `${process.pid}-${references}`;
  log(`error ${reference}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return reference;
}

/** What is read once at the start, by its name in the configuration. */
function restartNeeded(before: EdgeConfig, after: EdgeConfig): string[] {
  const { trustedProxies: _a, hosts: _b, targetMaxBytes: _c, drainSeconds: _d, ...was } = before.listen;
  const { trustedProxies: _e, hosts: _f, targetMaxBytes: _g, drainSeconds: _h, ...is } = after.listen;
  const places: string[] = [];
  if (JSON.stringify(was) !== JSON.stringify(is)) places.push("listen");
  if (before.opsPort !== after.opsPort) places.push("opsPort");
  if (before.fallback.snapshotDir !== after.fallback.snapshotDir) places.push("fallback.snapshotDir");
  if (before.log.otlpUrl !== after.log.otlpUrl) places.push("log.otlpUrl");
  const { rooms: _i, ...roomsWere } = before.waitingRooms;
  const { rooms: _j, ...roomsAre } = after.waitingRooms;
  if (before.waitingRooms.rooms.length > 0 && JSON.stringify(roomsWere) !== JSON.stringify(roomsAre))
    places.push("waitingRooms, beside its rooms,");
  return places;
}

function opsOf(
  metrics: Metrics,
  notReady: () => string | undefined,
  admin: (request: Request) => Promise<Response | undefined>,
): (request: Request) => Promise<Response> {
  const text = (body: string, status = 200, type = "text/plain; charset=utf-8"): Response =>
    new Response(body, { status, headers: { "content-type": type, "cache-control": "no-store" } });
  return async (request) => {
    const answer = await admin(request);
    if (answer !== undefined) return answer;
    if (request.method !== "GET" && request.method !== "HEAD")
      return text("Outside of /edge/ this port only answers GET.\n", 405);
    switch (new URL(request.url).pathname) {
      case "/livez":
        return text("ok\n");
      case "/readyz": {
        const reason = notReady();
        return reason === undefined ? text("ok\n") : text(`${reason}\n`, 503);
      }
      case "/metrics":
        return text(metrics.text(), 200, "text/plain; version=0.0.4; charset=utf-8");
      default:
        return text("This port has /livez, /readyz, /metrics and the admin API under /edge/.\n", 404);
    }
  };
}
