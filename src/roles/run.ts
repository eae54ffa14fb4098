/**
 * Runs roles in this process: `up` is all of them on one machine, its shop behind an edge of its own; `shop` and `worker` one each.
 *
 * starting -> ready (one line says so) -> draining (SIGINT or SIGTERM: not ready at once, no new connections, what is
 * under way ends) -> stopped, our own database last. A second signal stops at once; orders that were acknowledged are
 * in the database already.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { listen } from "#adapters/bun/edge-listener.ts";
import { type HttpServer, serve } from "#adapters/bun/http-server.ts";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { readSecret } from "#adapters/postgres/secrets.ts";
import { systemClock } from "#adapters/system/clock.ts";
import type { EdgeConfig } from "#contract/edge-config.ts";
import { createEdge, type Edge } from "#edge/edge.ts";
import { edgeApi } from "#http/edge-api.ts";
import { SpillwayError } from "#kernel/error.ts";
import type { Config } from "./config.ts";
import { listenerOptions } from "./edge.ts";
import { readEdgeConfig } from "./edge-config.ts";
import { controlsOf, createEdgeParts, type EdgeParts } from "./edge-parts.ts";
import { type EdgeSecrets, edgeSecrets } from "./edge-secrets.ts";
import { createOps } from "./ops.ts";
import { createParts, type Parts } from "./parts.ts";
import { createPassGate } from "./pass-gate.ts";
import { roomKeysOf } from "./room-keys.ts";
import { leaveNote } from "./running.ts";
import { createShop, type Shop } from "./shop.ts";
import { openShopDatabase, type ShopDatabase } from "./shop-database.ts";
import { roomsElsewhere } from "./shop-rooms.ts";
import { tokenCheck } from "./token-check.ts";
import { createWorker, emailSender, type Worker } from "./worker.ts";

export type RoleName = "shop" | "worker";
/** Settings of the edge in front of the shop; `Config` holds all others. */
type Env = Readonly<Record<string, string | undefined>>;

const bodyMaxBytes = 32 * 1024 * 1024;
const drainGraceMs = 10_000;
/** Requests under way in the shop behind its edge; beyond it they wait, whoever pays first. */
const shopConcurrencyMax = 2000;

/** Our own Postgres may be killed this often within ten minutes before we give up starting it again. */
const restartsMax = 5;
const restartsWithinMs = 600_000;

/** Resolves with the exit code. */
export async function run(config: Config, roles: readonly RoleName[], env: Env): Promise<number> {
  const stopping = new AbortController();
  let signals = 0;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      signals += 1;
      if (signals > 1) {
        log(`${name} again: stopping at once.`);
        process.exit(130);
      }
      stopping.abort();
    });
  }
  const restarts: number[] = [];
  for (;;) {
    const end = await runOnce(config, roles, env, stopping.signal);
    if (end !== "lost") return end;
    const nowMs = systemClock.now();
    restarts.push(nowMs);
    if (restarts.filter((atMs) => atMs > nowMs - restartsWithinMs).length > restartsMax) {
      log(
        "Postgres keeps ending without being asked to; see postgres.log in the data folder. Acknowledged orders are safe there.",
      );
      return 1;
    }
    log("Postgres ended without being asked to; starting again. Acknowledged orders are safe.");
  }
}

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

async function runOnce(
  config: Config,
  roles: readonly RoleName[],
  env: Env,
  stopping: AbortSignal,
): Promise<number | "lost"> {
  // The ports first: a port in use is told before anything is started or changed.
  const edgeConfig = roles.includes("worker") && roles.includes("shop") ? await shopEdgeConfig(config, env) : undefined;
  let door: EdgeListener | undefined;
  let edge: Edge | undefined;
  let edgeParts: EdgeParts | undefined;
  let answer: (request: Request) => Response | Promise<Response> = () => starting();
  let ops: (request: Request) => Response | Promise<Response> = () => starting();
  const servers: HttpServer[] = [];
  let opened: ShopDatabase | undefined;
  let shop: Shop | undefined;
  let worker: Worker | undefined;
  const localToken = randomBytes(32).toString("base64url");
  let takeNoteAway = (): void => undefined;
  try {
    if (edgeConfig !== undefined) {
      door = listen({ ...listenerOptions(edgeConfig), port: config.port, bodyMaxBytes }, () => starting());
    } else if (roles.includes("shop")) {
      servers.push(serve({ port: config.port, fetch: (request) => answer(request), bodyMaxBytes }));
    }
    servers.push(serve({ port: config.opsPort, fetch: (request) => ops(request), bodyMaxBytes: 64 * 1024 }));

    opened = await openShopDatabase(config, { shareRunning: false, seed: roles.includes("shop"), log });
    const parts = await createParts(config, opened, {
      log,
      deliverSandboxWebhook: async (request) => {
        const webhook = new Request(`${config.origin}/webhooks/sandbox`, request);
        // In one process the handler is called directly; a worker on its own posts it to the shop.
        return shop === undefined ? await fetch(webhook) : await shop.handler(webhook);
      },
    });
    const own = await readSecret(opened.database.pool, "edge");
    const secrets: EdgeSecrets = (edgeConfig === undefined
      ? undefined
      : edgeSecrets(env.SPILLWAY_EDGE_SECRET, own)) ?? [own];
    const keys = roomKeysOf(...secrets);
    let passGate =
      edgeConfig === undefined ? undefined : createPassGate(edgeConfig.waitingRooms.rooms, keys, systemClock.now);
    if (roles.includes("shop")) {
      shop = await createShop(
        parts,
        {
          pressure: () => edge?.pressure.level() ?? 0,
          changed: (tag) => edge?.cache.purge({ tags: [tag] }),
        },
        edgeConfig === undefined
          ? await roomsElsewhere(config, env)
          : {
              passGate: () => passGate,
              tellStock: async (id, stock) => {
                const room = edgeParts?.deps.rooms?.all().find(({ config: { id: own } }) => own === id);
                if (room === undefined) throw new Error(`The waiting room "${id}" is not open yet.`);
                room.line.stock(stock);
              },
            },
      );
    } else await parts.catalogue.start();
    if (edgeConfig !== undefined && shop !== undefined) {
      edgeParts = await createEdgeParts(edgeConfig, parts.metrics, {
        secrets,
        name: "spillway",
        log,
        shop: shop.quick,
        rooms: {
          pressure: () => edge?.pressure.level() ?? 0,
          mailbox: emailSender(parts),
          stateDir: join(config.dataDir, "rooms"),
        },
      });
      edge = createEdge(edgeConfig, edgeParts.deps);
    }
    if (roles.includes("worker")) {
      worker = createWorker(parts);
      await worker.start();
    }
    const { pool } = opened.database;
    const reload = async (): Promise<void> => {
      if (edgeParts === undefined || edge === undefined) return;
      const next = await shopEdgeConfig(config, env);
      const stale = await edgeParts.configureRooms(next);
      edge = createEdge(next, edgeParts.deps, edge);
      if (stale.length > 0) edge.cache.purge({ tags: stale });
      passGate = createPassGate(next.waitingRooms.rooms, keys, systemClock.now);
      door?.setReceiver(edge.receiver);
      door?.reloadCertificates();
    };
    ops = createOps(parts, {
      roles,
      notReady: async () => {
        if (stopping.aborted) return "draining";
        const reached = await Promise.race([
          pool.unsafe("select 1").then(
            () => true,
            () => false,
          ),
          systemClock.sleep(2000).then(() => false),
        ]);
        return reached ? undefined : "the database cannot be reached";
      },
      ...(edge === undefined ? {} : { edge: adminOf(() => edge as Edge, reload, parts, localToken) }),
    });
    if (shop !== undefined) answer = shop.handler;
    if (edge !== undefined) door?.setReceiver(edge.receiver);

    if (shop === undefined) process.stdout.write("ready\n");
    else {
      const scheme = edgeConfig?.listen.tls === undefined ? "http" : "https";
      process.stdout.write(`ready ${scheme}://localhost:${door?.port ?? servers[0]?.port}\n`);
    }
    const opsUrl = `http://localhost:${servers.at(-1)?.port}`;
    if (edge !== undefined) takeNoteAway = leaveNote({ role: "shop", ops: opsUrl, token: localToken }, env);
    process.stdout.write(`operations ${opsUrl}\n`);

    const end = await Promise.race([
      new Promise<"stopped">((resolve) => {
        if (stopping.aborted) resolve("stopped");
        stopping.addEventListener("abort", () => resolve("stopped"), { once: true });
      }),
      opened.lost.then(() => "lost" as const),
    ]);
    if (end === "lost") return "lost";
    log("stopping: finishing what is under way");
    return 0;
  } catch (error) {
    if (!(error instanceof SpillwayError) || error.code === "internal") throw error;
    log(`spillway: ${error.message}`);
    return 1;
  } finally {
    takeNoteAway();
    shop?.drain();
    await Promise.all([door, ...servers.slice(0, -1)].map(async (server) => await server?.stop(drainGraceMs)));
    await edge?.seeing.flush();
    await edgeParts?.close();
    // Without a database there may be nothing left to finish; what was acknowledged is in it.
    await Promise.allSettled([worker?.stop(), shop?.stop()]);
    await servers.at(-1)?.stop(500);
    await opened?.close();
  }
}

/** Of the edge in front of the shop in this process: its file may say anything but where it listens and whom it asks. */
async function shopEdgeConfig(config: Config, env: Env): Promise<EdgeConfig> {
  const read = await readEdgeConfig({ env, args: [], originNeeded: false });
  return {
    ...read,
    // Without it every body that does not name its connection would have to be watched, which orders pay for.
    listen: {
      ...read.listen,
      port: config.port,
      bodyMaxBytes,
      http2: read.listen.tls !== undefined && read.listen.http2,
    },
    log: { ...read.log, traceSample: read.log.otlpUrl === undefined ? 0 : read.log.traceSample },
    // Orders wait for one commit in hundreds, and the order path has a bounded queue of its own: no latency is learnt from.
    shedding: {
      ...read.shedding,
      algorithm: "fixed",
      initial: shopConcurrencyMax,
      most: shopConcurrencyMax,
      queueMax: shopConcurrencyMax,
    },
  };
}

function adminOf(edge: () => Edge, reload: () => Promise<void>, parts: Parts, localToken: string) {
  const isToken = tokenCheck(
    () => parts.adminToken,
    () => localToken,
  );
  return edgeApi(controlsOf(edge, reload), { isToken, report: parts.report });
}

const starting = (): Response =>
  new Response("starting\n", {
    status: 503,
    headers: { "retry-after": "1", "cache-control": "no-store", "content-type": "text/plain" },
  });
