/**
 * The postmaster: Postgres's first process, our child while we live.
 *
 * It has a session of its own, so that a Ctrl-C in the terminal reaches us and not it, and orders in hand can still be
 * written. Against the other danger, that it outlives a killed owner, there is a watcher: a small shell that reads a
 * pipe from us. "done" on the pipe means the server has ended; the pipe's end without it means that we are dead, and the
 * watcher shuts the server down. The shell that starts the watcher then turns into the postmaster (exec), so pid, exit
 * code and signals are the postmaster's own; the watcher is nobody's child, so Postgres never reaps a stranger.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, readFileSync, readlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { SpillwayError } from "#kernel/error.ts";
import { clusterFolder } from "./cluster.ts";
import { type Account, lastLines, plainEnvironment, runProgram } from "./program.ts";
import { boundLog, logFile, openLog, readLogSince } from "./server-log.ts";
import type { ServerSettings } from "./settings.ts";
import { diskFull, isDiskFull, saysDiskFull } from "./trouble.ts";

export type Postmaster = {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process is gone. */
  readonly ended: Promise<{ expected: boolean }>;
  /** Fast shutdown, immediate after a while. Idempotent. */
  readonly stop: () => Promise<void>;
};

export type PostmasterFile = {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
};

/** How long a start waits for what an earlier server left: its shutdown, or backends that hold shared memory. */
const leftoverWaitMs = 60_000;
/** A server that has just begun writes its pid within milliseconds. */
const namelessWaitMs = 1000;
const immediateShutdownAfterMs = 20_000;
/** Replaying a rush's write-ahead log takes minutes on a small machine; cutting it short would only begin it anew. */
const recoveryWaitMs = 15 * 60_000;
const recoveryNoteEveryMs = 10_000;
const portAttemptsMax = 10;

/**
 * $1 is the cluster, the rest the command, descriptor 3 our pipe. `$$` is the pid of the outer shell, that is, of the postmaster. The last
 * look into postmaster.pid is there because after twenty seconds a pid may belong to somebody else.
 */
const watchedStart = `
cluster=$1
shift
(
  (
    trap '' HUP INT TERM QUIT
    read -r word <&3
    [ "$word" = done ] && exit
    kill -INT $$
    second=0
    while [ $second -lt ${immediateShutdownAfterMs / 1000} ]; do
      sleep 1
      kill -0 $$ || exit
      second=$((second + 1))
    done
    read -r pid <"$cluster/postmaster.pid" && [ "$pid" = $$ ] && kill -QUIT $$
  ) >/dev/null 2>&1 &
)
exec "$@" 3<&-
`;

/** Running children are held here, so that a forgotten handle never closes the watcher's pipe by garbage collection. */
const running = new Set<ChildProcess>();

/** Starts a server on the cluster and waits until it takes connections. Only for the holder of the owner lock. */
export async function startPostmaster(options: {
  home: string;
  programs: string;
  account: Account | undefined;
  settings: ServerSettings;
  log: (line: string) => void;
  findPort?: () => Promise<number>;
}): Promise<Postmaster> {
  const { home, log, findPort = findFreePort } = options;
  const beganAt = performance.now();
  const giveUpAt = beganAt + leftoverWaitMs;
  let portAttempts = 0;
  for (;;) {
    const strangerPid = await endLeftover(home, log, giveUpAt);
    const attempt = await tryStart({ ...options, port: await findPort(), strangerPid });
    if ("postmaster" in attempt) return attempt.postmaster;
    const { output } = attempt;
    if (/could not bind|Address already in use/i.test(output) && ++portAttempts < portAttemptsMax) continue;
    // Backends of a killed postmaster hold its shared memory until their statement ends, and a server whose owner was
    // killed this instant may be about to write its postmaster.pid.
    const isLeftover =
      /pre-existing shared memory|postmaster\.pid" (already exists|is empty)|bogus data in lock file/i.test(output);
    const now = performance.now();
    if (isLeftover && now < giveUpAt) {
      await sleep(200);
      // A power cut can leave the name without the contents. Shared memory still tells Postgres of a rival.
      if (now - beganAt > namelessWaitMs && readPostmasterFile(home) === undefined) {
        await rm(join(clusterFolder(home), "postmaster.pid"), { force: true });
      }
      continue;
    }
    if (saysDiskFull(output) || (await isDiskFull(home))) throw await diskFull(home, output);
    throw new SpillwayError(
      "postgres_start",
      `Postgres did not start. The last lines of ${logFile(home)}: ${lastLines(output) || "(none)"}`,
    );
  }
}

/** What a server says about itself in its cluster; undefined when none is or was there, or it has only just begun. */
export function readPostmasterFile(home: string): PostmasterFile | undefined {
  try {
    const lines = readFileSync(join(clusterFolder(home), "postmaster.pid"), "utf8").split("\n");
    const pid = Number.parseInt(lines[0] ?? "", 10);
    if (!(pid > 0)) return undefined;
    return { pid, port: Number.parseInt(lines[3] ?? "", 10), isReady: lines[7]?.trim() === "ready" };
  } catch {
    return undefined;
  }
}

/** True when the pid is a postmaster on this cluster, and not a later process that got its number. */
export async function isPostmasterOf(home: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform !== "linux") {
    const { output } = await runProgram("/bin/ps", ["-ww", "-o", "args=", "-p", String(pid)], undefined);
    return output.includes(`postgres -D ${clusterFolder(home)}`);
  }
  try {
    const [program, , cluster] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    if (program?.endsWith("/postgres") !== true) return false;
    // The working folder tells also when the data folder was renamed under a running server.
    return cluster === clusterFolder(home) || readlinkSync(`/proc/${pid}/cwd`) === clusterFolder(home);
  } catch {
    return false;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** Watches a server that is not our child. The timer does not keep the process up. */
export async function whenGone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(250, undefined, { ref: false });
}

/**
 * Shuts down a server whose owner was killed: we hold the owner lock, so nobody else relies on it. Answers with the pid
 * in a stale postmaster.pid if that number now belongs to a stranger.
 */
async function endLeftover(home: string, log: (line: string) => void, giveUpAt: number): Promise<number | undefined> {
  const pid = readPostmasterFile(home)?.pid;
  if (pid === undefined || !isAlive(pid)) return undefined;
  if (!(await isPostmasterOf(home, pid))) return pid;
  log(`A Postgres (pid ${pid}) that a killed Spillway left behind is shut down first.`);
  const beganAt = performance.now();
  signal(pid, "SIGINT");
  let isImmediate = false;
  while (await isPostmasterOf(home, pid)) {
    const waitedMs = performance.now() - beganAt;
    if (waitedMs > immediateShutdownAfterMs && !isImmediate) {
      isImmediate = true;
      signal(pid, "SIGQUIT");
    }
    if (performance.now() > giveUpAt) {
      throw new SpillwayError(
        "data_folder_in_use",
        `Postgres (pid ${pid}) still runs on ${home} and does not shut down, though its Spillway is gone. ` +
          "Look at what it does, end it, then start again.",
      );
    }
    await sleep(50);
  }
  return undefined;
}

/** Resolves with the postmaster once it is ready, or with what it wrote before it gave up. */
async function tryStart(options: {
  home: string;
  programs: string;
  account: Account | undefined;
  settings: ServerSettings;
  log: (line: string) => void;
  port: number;
  strangerPid: number | undefined;
}): Promise<{ postmaster: Postmaster } | { output: string }> {
  const { home, account, port } = options;
  const settings = {
    ...options.settings,
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
  };
  const { fileDescriptor, startsAt } = await openLog(home);
  const child = spawn(
    "/bin/sh",
    [
      "-c",
      watchedStart,
      "sh",
      clusterFolder(home),
      join(options.programs, "bin", "postgres"),
      "-D",
      clusterFolder(home),
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    {
      ...account,
      cwd: "/",
      detached: true,
      env: {
        ...plainEnvironment,
        // Postgres takes any living process with the pid in a stale postmaster.pid for a rival, except its own forebears.
        ...(options.strangerPid === undefined ? {} : { PG_GRANDPARENT_PID: String(options.strangerPid) }),
      },
      // A fourth descriptor, because standard input would be closed before we hear of the end and can say "done".
      stdio: ["ignore", fileDescriptor, fileDescriptor, "pipe"],
    },
  );
  closeSync(fileDescriptor);
  running.add(child);
  const stopBounding = boundLog(home);
  let isExpected = false;
  let isGone = false;
  // The watcher may have been killed; then nobody reads the pipe, and that is no reason to fail.
  const pipe = child.stdio[3] as Writable | undefined;
  pipe?.on("error", () => undefined);
  const ended = new Promise<{ expected: boolean }>((resolve) => {
    const end = () => {
      isGone = true;
      running.delete(child);
      stopBounding();
      pipe?.end("done\n");
      resolve({ expected: isExpected });
    };
    child.once("exit", end);
    child.once("error", end);
  });
  const { pid } = child;
  if (pid === undefined) {
    await ended;
    return { output: "the shell that starts it could not be run" };
  }

  const beganAt = performance.now();
  let notedAt = beganAt;
  for (;;) {
    const file = readPostmasterFile(home);
    if (file?.pid === pid && file.isReady) break;
    if (isGone) return { output: readLogSince(home, startsAt) };
    const now = performance.now();
    if (now - notedAt > recoveryNoteEveryMs) {
      notedAt = now;
      options.log(`Postgres is still getting ready (${Math.round((now - beganAt) / 1000)} s), most likely recovering.`);
    }
    if (now - beganAt > recoveryWaitMs) {
      signal(pid, "SIGINT");
      await ended;
      return { output: readLogSince(home, startsAt) };
    }
    await sleep(10);
  }

  const stop = async () => {
    if (isGone) return;
    const isFirst = !isExpected;
    isExpected = true;
    if (isFirst) {
      signal(pid, "SIGINT");
      const timer = setTimeout(() => signal(pid, "SIGQUIT"), immediateShutdownAfterMs);
      void ended.then(() => clearTimeout(timer));
    }
    await ended;
  };
  return { postmaster: { pid, port, ended, stop } };
}

/** The process may have ended just before. */
function signal(pid: number, name: "SIGINT" | "SIGQUIT"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as { code?: string }).code !== "ESRCH") throw error;
  }
}

/** Somebody may take the port before Postgres does; then the start is tried again. */
function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
