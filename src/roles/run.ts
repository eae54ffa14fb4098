/**
 * Runs roles in this process: `up` is all of them on one machine, `shop` and `worker` one each.
 *
 * starting -> ready (one line says so) -> draining (SIGINT or SIGTERM: not ready at once, no new connections, what is
 * under way ends) -> stopped, our own database last. A second signal stops at once; orders that were acknowledged are
 * in the database already.
 */
import { type HttpServer, serve } from "#adapters/bun/http-server.ts";
import { systemClock } from "#adapters/system/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import type { Config } from "./config.ts";
import { createOps } from "./ops.ts";
import { createParts } from "./parts.ts";
import { createShop, type Shop } from "./shop.ts";
import { openShopDatabase, type ShopDatabase } from "./shop-database.ts";
import { createWorker, type Worker } from "./worker.ts";

export type RoleName = "shop" | "worker";

const bodyMaxBytes = 32 * 1024 * 1024;
const drainGraceMs = 10_000;

/** Our own Postgres may be killed this often within ten minutes before we give up starting it again. */
const restartsMax = 5;
const restartsWithinMs = 600_000;

/** Resolves with the exit code. */
export async function run(config: Config, roles: readonly RoleName[]): Promise<number> {
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
    const end = await runOnce(config, roles, stopping.signal);
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

async function runOnce(config: Config, roles: readonly RoleName[], stopping: AbortSignal): Promise<number | "lost"> {
  // The ports first: a port in use is told before anything is started or changed.
  let answer: (request: Request) => Response | Promise<Response> = () => starting();
  let ops: (request: Request) => Response | Promise<Response> = () => starting();
  const servers: HttpServer[] = [];
  let opened: ShopDatabase | undefined;
  let shop: Shop | undefined;
  let worker: Worker | undefined;
  try {
    if (roles.includes("shop"))
      servers.push(serve({ port: config.port, fetch: (request) => answer(request), bodyMaxBytes }));
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
    if (roles.includes("shop")) shop = await createShop(parts);
    else await parts.catalogue.start();
    if (roles.includes("worker")) {
      worker = createWorker(parts);
      await worker.start();
    }
    const { pool } = opened.database;
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
    });
    const { handler } = shop ?? {};
    if (handler !== undefined) answer = handler;

    if (handler !== undefined) process.stdout.write(`ready http://localhost:${servers[0]?.port}\n`);
    else process.stdout.write("ready\n");
    process.stdout.write(`operations http://localhost:${servers.at(-1)?.port}\n`);

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
    shop?.drain();
    await Promise.all(servers.slice(0, -1).map(async (server) => await server.stop(drainGraceMs)));
    // Without a database there may be nothing left to finish; what was acknowledged is in it.
    await Promise.allSettled([worker?.stop(), shop?.stop()]);
    await servers.at(-1)?.stop(500);
    await opened?.close();
  }
}

const starting = (): Response =>
  new Response("starting\n", {
    status: 503,
    headers: { "retry-after": "1", "cache-control": "no-store", "content-type": "text/plain" },
  });
