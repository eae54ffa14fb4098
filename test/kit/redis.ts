/** A Valkey or Redis server of the test's own, to be flushed, stopped and killed. It goes when the test process does, however that ends. */
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import { freePort } from "./running-shop.ts";

const program = ["valkey-server", "redis-server"].find((name) => spawnSync(name, ["--version"]).status === 0);
export const hasRedis = program !== undefined;
if (!hasRedis) {
  const text =
    "NOT CHECKED: the line's store on a real server, because there is neither valkey-server nor redis-server.";
  if (process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1") throw new Error(text);
  console.warn(text);
}

export type RedisServer = {
  readonly port: number;
  readonly url: string;
  /** kill -9, and a new one in its place: with what SAVE had saved, else empty. */
  restart(): Promise<void>;
  forgetSaved(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  command(...words: readonly string[]): Promise<unknown>;
  close(): Promise<void>;
};

/** `within`: words in front of the command, such as those that enter a network namespace, where `host` is. */
export async function startRedis({
  within = [],
  host = "127.0.0.1",
}: {
  within?: readonly string[];
  host?: string;
} = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-redis-"));
  const port = await freePort();
  const words = [
    ...within,
    ...[program ?? "redis-server", "--port", String(port), "--bind", host, "--protected-mode", "no"],
    ...["--dir", folder, "--save", "", "--appendonly", "no", "--logfile", "log"],
  ];
  const url = `redis://${host}:${port}`;
  let pid = 0;
  let keeper: Bun.Subprocess<"pipe", "pipe", "inherit"> | undefined;

  const command = async (...[name = "", ...rest]: readonly string[]): Promise<unknown> => {
    const client = new RedisClient(url, { autoReconnect: false, connectionTimeout: 2000 });
    try {
      return await client.send(name, rest);
    } finally {
      client.close();
    }
  };
  const start = async (): Promise<void> => {
    // Its standard input ends when we do.
    keeper = Bun.spawn(["sh", "-c", '"$@" & echo $!; cat >/dev/null; kill -9 $!', "keeper", ...words], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      detached: true,
    });
    const { value } = await keeper.stdout.getReader().read();
    pid = Number(new TextDecoder().decode(value));
    for (let tries = 0; (await command("PING").catch(() => "")) !== "PONG"; tries++) {
      if (tries > 200) throw new Error(`${program} did not start; see ${folder}/log`);
      await Bun.sleep(20);
    }
  };
  const kill = async (): Promise<void> => {
    await keeper?.stdin.end();
    await keeper?.exited;
    keeper = undefined;
  };

  await start();
  return {
    port,
    url,
    start,
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    forgetSaved: async () => await rm(join(folder, "dump.rdb"), { force: true }),
    pause: () => process.kill(pid, "SIGSTOP"),
    resume: () => process.kill(pid, "SIGCONT"),
    command,
    close: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
