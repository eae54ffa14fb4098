/**
 * A whole Spillway of separate processes for a drill: Postgres, shop, worker and edge, on ports and in a folder of its
 * own, with a fault proxy on each way that a drill may trouble:
 *
 *   shoppers -> edge -> proxy "shop" -> shop -> proxy "postgres" -> Postgres
 *                                      worker -> proxy "postgres" -> Postgres
 *                                      worker -> proxy "sms" -> a stand-in for the provider of text messages
 *
 * opened (all up, shelves filled) -> hurt and healed by drills -> closed (all ended, folder removed)
 */
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFaultNetwork } from "#adapters/bun/fault-network.ts";
import { serve } from "#adapters/bun/http-server.ts";
import { systemClock, systemRandom } from "#adapters/system/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import { createFaultApi, type FaultApi } from "#rehearse/faults/api.ts";
import { type HousePostgres, startHousePostgres } from "./house-postgres.ts";
import { createMember, type Member } from "./member.ts";
import { OrderDesk } from "./order-desk.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

export const houseRoles = ["postgres", "shop", "worker", "edge"] as const;
export const houseProxies = ["postgres", "shop", "sms"] as const;

export type House = {
  /** What shoppers reach. */
  readonly doorUrl: string;
  /** The fault proxy's API, for any client of toxiproxy. */
  readonly faultsUrl: string;
  readonly adminToken: string;
  /** Operations ports. */
  readonly opsUrls: Readonly<Record<"shop" | "worker" | "edge", string>>;
  /** Past the proxy: for looking at the books while a drill troubles the way there. */
  readonly databaseUrl: string;
  readonly folder: string;
  readonly postgres: HousePostgres;
  readonly members: Readonly<Record<"shop" | "worker" | "edge", Member>>;
  readonly faults: FaultApi;
  readonly orders: OrderDesk;
  /** Where it was asked for, and could be made. */
  readonly disk: SmallDisk | undefined;
  close(): Promise<void>;
};

const sku = "DRILL-LAMP";
const units = 1_000_000;
/** Of which a house has enough for any crowd. */
export const houseWare = { sku, product: "/products/drill-lamp" };
const bodyMaxBytes = 1024 * 1024;
/** Nobody on the way of a shopper may ask oftener than this; bots come with addresses of their own. */
const addressPerSecond = 20;

export async function openHouse(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** "small disk": the database is on a disk that can be filled. */
  readonly needs: readonly string[];
  readonly log: (line: string) => void;
}): Promise<House> {
  const { env, needs, log } = options;
  const folder = await mkdtemp(join(tmpdir(), "spillway-house-"));
  // Where this runs as root, Postgres runs as somebody else, and would not get in.
  await chmod(folder, 0o755);
  const undo: (() => Promise<unknown>)[] = [async () => await rm(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse())
      await step().catch((error: unknown) => log(`closing the house: ${String(error)}`));
  };
  try {
    const disk = needs.includes("small disk") ? await mountSmallDisk(join(folder, "disk")) : undefined;
    if (disk !== undefined) undo.push(async () => await disk.unmount());
    log("the house starts its Postgres");
    const ports = await freePorts(6);
    const [postgresPort, shopPort, doorPort, shopOps, workerOps, edgeOps] = ports as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const postgres = await startHousePostgres(join(disk?.folder ?? folder, "data"), postgresPort);
    undo.push(async () => await postgres.stop());

    const faults = createFaultApi({ clock: systemClock, random: systemRandom, network: createFaultNetwork() });
    const faultServer = serve({ port: 0, hostname: "127.0.0.1", fetch: faults.handler, bodyMaxBytes });
    const sms = serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ taken: true }), bodyMaxBytes });
    undo.push(async () => {
      await Promise.all([faultServer.stop(200), sms.stop(200), faults.stop()]);
    });
    const through = async (name: string, port: number): Promise<string> => {
      const body = JSON.stringify({ name, listen: "127.0.0.1:0", upstream: `127.0.0.1:${port}` });
      const answer = await faults.handler(new Request("http://faults/proxies", { method: "POST", body }));
      return ((await answer.json()) as { listen: string }).listen;
    };
    const databaseUrl = new URL(postgres.url);
    databaseUrl.host = await through("postgres", postgresPort);
    const shopAddress = await through("shop", shopPort);
    const smsAddress = await through("sms", sms.port);

    const adminToken = randomBytes(24).toString("base64url");
    const doorUrl = `http://127.0.0.1:${doorPort}`;
    const shared: Record<string, string> = {
      PATH: env.PATH ?? "",
      HOME: env.HOME ?? "/",
      SPILLWAY_ADMIN_TOKEN: adminToken,
    };
    const shopEnv = {
      ...shared,
      DATABASE_URL: databaseUrl.href,
      SPILLWAY_DATA: join(folder, "shop"),
      SPILLWAY_ORIGIN: doorUrl,
      SPILLWAY_SANDBOX_PER_SECOND: "400",
      SPILLWAY_NOTICES_PER_SECOND: "100",
      SMS_URL: `http://${smsAddress}/messages`,
      SMS_TOKEN: "stand-in",
    };
    const edgeConfig = join(folder, "edge.json");
    await Bun.write(
      edgeConfig,
      JSON.stringify({
        listen: { trustedProxies: ["127.0.0.0/8"], drainSeconds: 1 },
        limits: { policies: [{ name: "each-address", by: "address", perSecond: addressPerSecond, burst: 60 }] },
      }),
    );
    const members = {
      shop: createMember({
        name: "shop",
        words: ["shop"],
        env: { ...shopEnv, PORT: String(shopPort), SPILLWAY_OPS_PORT: String(shopOps) },
      }),
      worker: createMember({
        name: "worker",
        words: ["worker"],
        env: { ...shopEnv, SPILLWAY_OPS_PORT: String(workerOps) },
      }),
      edge: createMember({
        name: "edge",
        words: ["edge", "--origin", `http://${shopAddress}`, "--config", edgeConfig],
        env: { ...shared, PORT: String(doorPort), SPILLWAY_OPS_PORT: String(edgeOps) },
      }),
    };
    undo.push(async () => {
      // The door first, then who works behind it.
      for (const member of [members.edge, members.worker, members.shop]) await member.stop();
    });
    log("the house starts shop, worker and edge");
    // Before the shop reads its catalogue for the first time.
    await fillShelves(folder, { ...shopEnv, DATABASE_URL: postgres.url });
    await members.shop.start();
    await Promise.all([members.worker.start(), members.edge.start()]);
    log(`the house is open at ${doorUrl}`);
    return {
      doorUrl,
      faultsUrl: `http://127.0.0.1:${faultServer.port}`,
      adminToken,
      opsUrls: {
        shop: `http://127.0.0.1:${shopOps}`,
        worker: `http://127.0.0.1:${workerOps}`,
        edge: `http://127.0.0.1:${edgeOps}`,
      },
      databaseUrl: postgres.url,
      folder,
      postgres,
      members,
      faults,
      orders: new OrderDesk(doorUrl, sku),
      disk,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One product of which there is enough, beside the demonstration shop. */
async function fillShelves(folder: string, env: Readonly<Record<string, string>>): Promise<void> {
  const file = join(folder, "shelf.csv");
  await Bun.write(
    file,
    [
      "Handle,Title,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Requires Shipping,Variant Taxable",
      `drill-lamp,Drill lamp,true,Title,Default Title,${sku},shopify,${units},deny,19.90,true,true`,
    ].join("\n"),
  );
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/../../main.ts`, "catalogue", "import", file], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new SpillwayError("internal", `The shelves could not be filled: ${out}${err}`);
}

/** Below those that outgoing connections are given: what is free now is still free when a role starts again. */
const portLeast = 15_000;
const portMost = 32_000;
const portTriesMax = 200;

async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries > portTriesMax) throw new SpillwayError("port_in_use", `There are no ${count} free ports.`);
    const port = portLeast + Math.floor(systemRandom() * (portMost - portLeast));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    // On all interfaces, as the roles will.
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
