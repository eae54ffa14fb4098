/**
 * A shop of the bench's own: `bin/spillway up` as it is shipped (shop and worker in one process, embedded Postgres), in
 * a scratch folder, on ports that nobody uses. Nothing of the caller's environment reaches it, so a bench can never
 * find a real database or a real payment provider.
 *
 * starting -> ready -> closed (stopped and its folder removed, also when the bench is killed; see caretaker.ts)
 */
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "#roles/config.ts";
import { openShopDatabase, type ShopDatabase } from "#roles/shop-database.ts";

export type ScratchShop = {
  readonly pid: number;
  readonly postmasterPid: number | undefined;
  readonly port: number;
  readonly opsPort: number;
  readonly opened: ShopDatabase;
  close(): Promise<void>;
};

const readyWithinMs = 60_000;

export async function startScratchShop(settings: Readonly<Record<string, string>> = {}): Promise<ScratchShop> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
  // Where a bench runs as root, Postgres runs as somebody else, and would not get in.
  await chmod(folder, 0o755);
  const dataDir = join(folder, "data");
  const caretaker = Bun.spawn(
    [process.execPath, `${import.meta.dir}/caretaker.ts`, folder, `${import.meta.dir}/../../bin/spillway`, "up"],
    {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      detached: true,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PORT: "0",
        SPILLWAY_OPS_PORT: "0",
        SPILLWAY_DATA: dataDir,
        SPILLWAY_DEMO: "0",
        ...settings,
      },
    },
  );
  let opened: ShopDatabase | undefined;
  const close = async () => {
    await opened?.close();
    await caretaker.stdin.end();
    await caretaker.exited;
  };
  try {
    const lines = await readLines(caretaker.stdout, ["pid", "ready", "operations"]);
    if (lines === undefined) {
      const log = join(folder, "shop.log");
      throw new Error(`the shop did not start: ${existsSync(log) ? await readFile(log, "utf8") : ""}`);
    }
    opened = await openShopDatabase(readConfig({ SPILLWAY_DATA: dataDir, SPILLWAY_DEMO: "0" }), {
      shareRunning: true,
      seed: false,
      log: (line) => process.stderr.write(`${line}\n`),
    });
    const portOf = (word: string) => Number(new URL(lines.get(word) as string).port);
    return {
      pid: Number(lines.get("pid")),
      postmasterPid: postmasterPid(dataDir),
      port: portOf("ready"),
      opsPort: portOf("operations"),
      opened,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** "word rest" lines until all of these words have come; undefined when the output ends or time is up before. */
async function readLines(
  output: ReadableStream<Uint8Array>,
  words: readonly string[],
): Promise<Map<string, string> | undefined> {
  const found = new Map<string, string>();
  const decoder = new TextDecoder();
  const reader = output.getReader();
  const giveUp = setTimeout(() => void reader.cancel(), readyWithinMs);
  let text = "";
  try {
    while (!words.every((word) => found.has(word))) {
      const { value, done } = await reader.read();
      if (done) return undefined;
      text += decoder.decode(value, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) found.set(line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1));
    }
    return found;
  } finally {
    clearTimeout(giveUp);
    // What comes later is read and dropped, so that the shop never waits for a full pipe.
    void (async () => {
      while (!(await reader.read()).done);
    })().catch(() => undefined);
  }
}

function postmasterPid(dataDir: string): number | undefined {
  const pointer = join(dataDir, "database-location.txt");
  const home = existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : dataDir;
  try {
    return Number.parseInt(readFileSync(join(home, "cluster", "postmaster.pid"), "utf8"), 10);
  } catch {
    return undefined;
  }
}
