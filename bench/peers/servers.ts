/**
 * Vendure and Medusa as measured peers: installed from npm in a folder of the bench's, seeded, started in production mode, and
 * ended by their process id. Their files are ours (vendure/, medusa/); nothing of either is kept in this repository.
 *
 * prepared (installed, seeded) -> running -> stopped
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { cpuSecondsWithChildren, memory } from "../kit/processes.ts";
import type { Buy } from "./driver.ts";
import { type MedusaSeed, medusaBuyer, vendureBuyer } from "./journeys.ts";

export const peerNames = ["vendure", "medusa"] as const;
export type PeerName = (typeof peerNames)[number];

/** What a competent owner would install on the day this was written. */
const packages: Readonly<Record<PeerName, Readonly<Record<string, string>>>> = {
  vendure: { "@vendure/core": "3.7.3", pg: "8.23.1" },
  medusa: {
    "@medusajs/cli": "2.21.2",
    "@medusajs/framework": "2.21.2",
    "@medusajs/medusa": "2.21.2",
    "@swc/core": "1.16.22",
    "ts-node": "10.9.2",
    typescript: "5.9.3",
  },
};

export const versionOf = (name: PeerName): string =>
  name === "vendure" ? (packages.vendure["@vendure/core"] as string) : (packages.medusa["@medusajs/medusa"] as string);

export type Peer = {
  readonly pid: number;
  readonly buy: Buy;
  readonly cpuSeconds: () => number;
  readonly peakRssMb: () => number;
  stop(): Promise<void>;
};

export type PeerSettings = {
  /** Installed packages are kept here and used again. */
  readonly folder: string;
  readonly node: string;
  readonly databaseUrl: string;
  readonly poolMax: number;
  /** SKU to units. */
  readonly stock: Readonly<Record<string, number>>;
  readonly say: (line: string) => void;
};

const installsWithinMs = 900_000;
const preparesWithinMs = 300_000;
const readyWithinMs = 120_000;
const stopsWithinMs = 15_000;

/** Installs and seeds; resolves with what starts it. */
export async function preparePeer(name: PeerName, settings: PeerSettings): Promise<() => Promise<Peer>> {
  const home = join(settings.folder, name);
  mkdirSync(home, { recursive: true });
  cpSync(join(import.meta.dir, name), home, { recursive: true });
  const manifest = { name: `bench-${name}`, private: true, dependencies: packages[name] };
  writeFileSync(join(home, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const env = environment(settings);
  const main = join(home, "node_modules", Object.keys(packages[name])[0] as string);
  if (!existsSync(main)) {
    settings.say(`${name}: installing ${versionOf(name)} from npm, which takes minutes`);
    await runTool(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], home, env, installsWithinMs);
  }
  settings.say(`${name}: making its tables and its catalogue`);
  if (name === "vendure") {
    await runTool(
      [settings.node, "seed.cjs"],
      home,
      { ...env, MAKE_TABLES: "1", PORT: String(await freePort()) },
      preparesWithinMs,
    );
    return async () =>
      await start(
        name,
        settings,
        home,
        (port) => ({ command: [settings.node, "server.cjs"], cwd: home, env: { ...env, PORT: String(port) } }),
        "/health",
        (base) => vendureBuyer(base),
      );
  }
  const medusa = [settings.node, join(home, "node_modules/@medusajs/cli/cli.js")];
  await runTool([...medusa, "db:migrate"], home, env, preparesWithinMs);
  await runTool([...medusa, "exec", "./seed.ts"], home, env, preparesWithinMs);
  await runTool([...medusa, "build"], home, env, preparesWithinMs);
  // The build is a folder of its own, which wants its packages beside it.
  const built = join(home, ".medusa/server");
  rmSync(join(built, "node_modules"), { recursive: true, force: true });
  symlinkSync(join(home, "node_modules"), join(built, "node_modules"));
  const seed = JSON.parse(readFileSync(join(home, "seeded.json"), "utf8")) as MedusaSeed;
  return async () =>
    await start(
      name,
      settings,
      home,
      (port) => ({ command: [...medusa, "start", "-H", "127.0.0.1", "-p", String(port)], cwd: built, env }),
      "/health",
      (base) => medusaBuyer(base, seed),
    );
}

/** Nothing of the caller's reaches them but where programs and npm's own settings are. */
function environment({ databaseUrl, poolMax, stock, node }: PeerSettings): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(?:HOME|LANG|npm_config_.*|NPM_CONFIG_.*|(?:HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS)$/i.test(name),
  );
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""])),
    PATH: `${node.includes("/") ? `${node.slice(0, node.lastIndexOf("/"))}:` : ""}${process.env.PATH ?? ""}`,
    NODE_ENV: "production",
    DATABASE_URL: databaseUrl,
    POOL: String(poolMax),
    STOCK: JSON.stringify(stock),
    LOG_LEVEL: "error",
    MEDUSA_DISABLE_TELEMETRY: "true",
    VENDURE_DISABLE_TELEMETRY: "true",
  };
}

async function runTool(
  command: readonly string[],
  cwd: string,
  env: Record<string, string>,
  withinMs: number,
): Promise<void> {
  const log = join(cwd, "tool.log");
  const tool = Bun.spawn([...command], {
    cwd,
    env,
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(`${log}.err`),
    timeout: withinMs,
    killSignal: "SIGKILL",
  });
  const code = await tool.exited;
  if (code === 0) return;
  const said = [log, `${log}.err`]
    .map((file) => (existsSync(file) ? readFileSync(file, "utf8").trim().slice(-1500) : ""))
    .join("\n");
  throw new Error(`\`${command.slice(0, 4).join(" ")}\` in ${cwd} ended with ${tool.signalCode ?? code}: ${said}`);
}

type Start = { readonly command: readonly string[]; readonly cwd: string; readonly env: Record<string, string> };

async function start(
  name: PeerName,
  settings: PeerSettings,
  home: string,
  how: (port: number) => Start,
  health: string,
  buyer: (base: string) => Buy,
): Promise<Peer> {
  const port = await freePort();
  const { command, cwd, env } = how(port);
  const log = join(home, "server.log");
  const server = Bun.spawn([...command], {
    cwd,
    env,
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(`${log}.err`),
    detached: true,
  });
  const stop = async (): Promise<void> => {
    // In a group of its own, with whatever it started.
    const end = (signal: NodeJS.Signals) => {
      try {
        process.kill(-server.pid, signal);
      } catch {
        // It has ended.
      }
    };
    end("SIGTERM");
    if ((await Promise.race([server.exited, Bun.sleep(stopsWithinMs)])) === undefined) end("SIGKILL");
    await server.exited;
  };
  const base = `http://127.0.0.1:${port}`;
  const giveUpAtMs = performance.now() + readyWithinMs;
  settings.say(`${name}: starting`);
  for (;;) {
    const ok = await fetch(`${base}${health}`, { signal: AbortSignal.timeout(5000) }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) break;
    if (server.exitCode !== null || performance.now() > giveUpAtMs) {
      await stop();
      throw new Error(`${name} did not start: ${readFileSync(`${log}.err`, "utf8").slice(-1500)}`);
    }
    await Bun.sleep(250);
  }
  return {
    pid: server.pid,
    buy: buyer(base),
    cpuSeconds: () => cpuSecondsWithChildren(server.pid) ?? Number.NaN,
    peakRssMb: () => Math.round((memory(server.pid)?.peak ?? 0) / 1e6),
    stop,
  };
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
