/** A whole Spillway as a process of its own, on ports of its own and a data folder of its own; stopped and removed with the test. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type RunningShop = AsyncDisposable & {
  readonly url: string;
  readonly opsUrl: string;
  readonly dataDir: string;
  readonly pid: number;
  /** What it has printed so far. */
  readonly output: () => string;
  readonly env: Readonly<Record<string, string>>;
  /** The exit code, once it has ended. */
  readonly ended: Promise<number>;
  /** Sends a signal, unless it has ended, and waits for the end; answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number>;
};

const bin = `${import.meta.dir}/../../bin/spillway`;
const readyWithinMs = 60_000;

/** A data folder that the account which runs Postgres can reach. */
export async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spillway run "));
  await chmod(folder, 0o755);
  return folder;
}

export async function startShop(
  options: { readonly dataDir?: string; readonly word?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<RunningShop> {
  const dataDir = options.dataDir ?? join(await dataFolder(), "data");
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "/",
    PORT: String(await freePort()),
    SPILLWAY_OPS_PORT: String(await freePort()),
    SPILLWAY_DATA: dataDir,
    ...options.env,
  };
  let output = "";
  const child = Bun.spawn([bin, options.word ?? "up"], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const reading = Promise.all(
    [child.stdout, child.stderr].map(async (stream) => {
      for await (const chunk of stream) output += new TextDecoder().decode(chunk);
    }),
  );
  const shop: RunningShop = {
    url: `http://localhost:${env.PORT}`,
    opsUrl: `http://localhost:${env.SPILLWAY_OPS_PORT}`,
    dataDir,
    pid: child.pid,
    output: () => output,
    env,
    ended: child.exited,
    async stop(signal = "SIGINT") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const code = await child.exited;
      await reading;
      return code;
    },
    async [Symbol.asyncDispose]() {
      await this.stop();
      if (options.dataDir === undefined) await rm(join(dataDir, ".."), { recursive: true, force: true });
    },
  };
  const giveUpAt = performance.now() + readyWithinMs;
  while (!output.includes("operations http")) {
    if (child.exitCode !== null || performance.now() > giveUpAt) {
      await shop.stop("SIGKILL");
      throw new Error(`spillway did not become ready:\n${output}`);
    }
    await Bun.sleep(20);
  }
  return shop;
}

/** One word of the command line beside a running shop. */
export async function spillway(
  env: Readonly<Record<string, string>>,
  ...words: string[]
): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn([bin, ...words], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
