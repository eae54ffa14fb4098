/**
 * A Postgres that comes with Spillway, so that a shop starts without setting up a database first. It lives as long as
 * the process that owns it: begun by the first start on a data folder, ended by stop() or soon after its owner is gone.
 *
 *   <home>/postgres-<version>/   the programs, copied from the npm package
 *   <home>/cluster/              what Postgres keeps
 *   <home>/password              of the one database user
 *   <home>/postgres.log          what the server said
 *   <home>/owner.lock            held by the owner
 */

import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { SQL } from "bun";
import { SpillwayError } from "#kernel/error.ts";
import { type Bundle, findBundle, installBundle, removeOtherCopies } from "./bundle.ts";
import {
  adoptCluster,
  clusterFolder,
  databaseUser,
  makeCluster,
  readPassword,
  refuseOtherVersion,
  removeDrafts,
} from "./cluster.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import { type OwnerLock, readOwnerPid, takeOwnerLock } from "./owner-lock.ts";
import {
  isAlive,
  isPostmasterOf,
  type Postmaster,
  readPostmasterFile,
  startPostmaster,
  whenGone,
} from "./postmaster.ts";
import { logFile } from "./server-log.ts";
import { type ServerSettings, serverSettings } from "./settings.ts";
import { diskFull, explain, freeBytes, refuseSmallDisk, unusable } from "./trouble.ts";

export type EmbeddedPostgres = {
  /** postgres://user:password@127.0.0.1:port/spillway */
  readonly url: string;
  /** "18.4" */
  readonly version: string;
  /** True if the database is new: made by this call, and empty. */
  readonly created: boolean;
  /** Resolves when the postmaster has ended, however it ended; `expected` if stop() of this handle asked for it. */
  readonly ended: Promise<{ expected: boolean }>;
  /** Fast shutdown (immediate after 20 s), waits for the end. Does nothing if another process owns the server. Idempotent. */
  readonly stop: () => Promise<void>;
};

type Options = {
  /** Made if it is missing. */
  dataDir: string;
  /** For a command beside a running shop: use its server if there is one, else be the owner. */
  shareRunning?: boolean;
  /** One clear line about anything unusual. */
  log?: (line: string) => void;
  /** Over ours, by Postgres's names. */
  settings?: Record<string, string>;
};

const databaseName = "spillway";
/** An owner that was just killed or is just ending needs a moment to let go. */
const ownerLastBreathMs = 500;
/** As long as another process may take for a first start, or to end. */
const shareWaitMs = 60_000;

/**
 * Errors (SpillwayError): data_folder_in_use, data_folder_version, data_folder_unusable, disk_full, postgres_start.
 * None of them changes stored data, and none leaves anything that would stop the next start.
 */
export async function startEmbeddedPostgres(options: Options): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const bundle = await findBundle();
  const folder = await openDataFolder(options.dataDir, log);
  try {
    await refuseOtherVersion(folder.home, bundle);
    const claimed = options.shareRunning === true ? await shareOrClaim(folder.home) : await claim(folder.home);
    if ("url" in claimed) return claimed;
    return await startAsOwner(claimed, folder, bundle, options.settings ?? {}, log);
  } catch (error) {
    throw await explain(error, folder.home);
  }
}

/** Every step leaves either nothing or something the next start goes on from. */
async function startAsOwner(
  lock: OwnerLock,
  { home, account }: DataFolder,
  bundle: Bundle,
  overrides: ServerSettings,
  log: (line: string) => void,
): Promise<EmbeddedPostgres> {
  let postmaster: Postmaster | undefined;
  try {
    await removeDrafts(home);
    const isFirst = !existsSync(clusterFolder(home));
    if (isFirst) await refuseSmallDisk(home);
    const programs = await installBundle(bundle, home);
    if (isFirst) await makeCluster(home, programs, account);
    else await adoptCluster(home, account, log);
    const password = await readPassword(home);
    const settings = { ...serverSettings(await freeBytes(home)), ...overrides };
    postmaster = await startPostmaster({ home, programs, account, settings, log });
    const url = databaseUrl(password, postmaster.port);
    const { version, created } = await ensureDatabase(url, home);
    await removeOtherCopies(bundle, home);
    const { stop, ended: serverEnded } = postmaster;
    const ended = serverEnded.then((end) => {
      lock.release();
      return end;
    });
    return {
      url,
      version,
      created,
      ended,
      async stop() {
        await stop();
        await ended;
      },
    };
  } catch (error) {
    await postmaster?.stop();
    lock.release();
    throw error;
  }
}

async function claim(home: string): Promise<OwnerLock> {
  const giveUpAt = performance.now() + ownerLastBreathMs;
  for (;;) {
    const lock = takeOwnerLock(home);
    if (lock !== undefined) return lock;
    if (performance.now() > giveUpAt) break;
    await sleep(50);
  }
  throw new SpillwayError(
    "data_folder_in_use",
    `Another Spillway (${nameOwner(home)}) runs on the data folder ${home}. ` +
      "Stop it first, or name another folder with SPILLWAY_DATA.",
  );
}

/** Waits for the owner's server to be ready, or for the owner to let go: then we are the owner. */
async function shareOrClaim(home: string): Promise<OwnerLock | EmbeddedPostgres> {
  const giveUpAt = performance.now() + shareWaitMs;
  while (performance.now() < giveUpAt) {
    const lock = takeOwnerLock(home);
    if (lock !== undefined) return lock;
    const shared = await share(home);
    if (shared !== undefined) return shared;
    await sleep(100);
  }
  throw new SpillwayError(
    "data_folder_in_use",
    `Another Spillway (${nameOwner(home)}) holds the data folder ${home}, and its Postgres is not ready. ` +
      "Look at what it does, or stop it and try again.",
  );
}

/** The server of the owner, or undefined while there is none to talk to. */
async function share(home: string): Promise<EmbeddedPostgres | undefined> {
  const file = readPostmasterFile(home);
  if (file === undefined || !file.isReady || !(await isPostmasterOf(home, file.pid))) return undefined;
  const url = databaseUrl(await readPassword(home), file.port);
  const version = await askVersion(url).catch(() => undefined);
  if (version === undefined) return undefined;
  return {
    url,
    version,
    created: false,
    ended: whenGone(file.pid).then(() => ({ expected: false })),
    async stop() {},
  };
}

function nameOwner(home: string): string {
  const pid = readOwnerPid(home);
  if (pid === undefined) return "its pid is not known";
  if (pid === process.pid) return `this very process, pid ${pid}`;
  // Of a container that shares the volume, the pid means nothing here.
  return isAlive(pid) ? `pid ${pid}` : `pid ${pid}, perhaps in another container`;
}

function databaseUrl(password: string, port: number): string {
  return `postgres://${databaseUser}:${password}@127.0.0.1:${port}/${databaseName}`;
}

/** Makes our database if it is missing: also when a first start was killed between cluster and database. */
async function ensureDatabase(url: string, home: string): Promise<{ version: string; created: boolean }> {
  try {
    const version = await askVersion(url).catch((error: unknown) => {
      if (sqlState(error) === "3D000") return undefined;
      throw error;
    });
    if (version !== undefined) return { version, created: false };
    const maintenance = new URL(url);
    maintenance.pathname = "/postgres";
    await withConnection(maintenance.href, (sql) => sql.unsafe(`CREATE DATABASE ${databaseName}`));
    return { version: await askVersion(url), created: true };
  } catch (error) {
    if (sqlState(error) === "28P01") {
      throw unusable(home, `the file "password" is not that of its database. Bring the right one back.`, error);
    }
    if (sqlState(error) === "53100") throw await diskFull(home, error);
    const said = error instanceof Error ? error.message : String(error);
    throw new SpillwayError("postgres_start", `Postgres started but did not answer: ${said}. See ${logFile(home)}.`, {
      cause: error,
    });
  }
}

/** https://www.postgresql.org/docs/18/errcodes-appendix.html */
function sqlState(error: unknown): unknown {
  return (error as { errno?: unknown } | undefined)?.errno;
}

/** "18.4" */
async function askVersion(url: string): Promise<string> {
  const rows = await withConnection(url, (sql) => sql`SELECT current_setting('server_version') AS version`);
  return (rows as { version: string }[])[0]?.version ?? "";
}

async function withConnection<Answer>(url: string, use: (sql: SQL) => Promise<Answer>): Promise<Answer> {
  const sql = new SQL(url, { max: 1, connectionTimeout: 10 });
  try {
    return await use(sql);
  } finally {
    await sql.close();
  }
}
