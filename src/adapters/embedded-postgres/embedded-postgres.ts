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
import { SQL } from "bun";
import { existsSync } from "node:fs";
import { chown, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SpillwayError } from "#kernel/error.ts";
import { findBundle, installBundle, removeOtherCopies } from "./bundle.ts";
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
import { isAlive, isPostmasterOf, type Postmaster, readPostmasterFile, startPostmaster, whenGone } from "./postmaster.ts";
import { serverSettings } from "./settings.ts";
import { explain, freeBytes, refuseSmallDisk, unusable } from "./trouble.ts";

export type EmbeddedPostgres = {
  /** postgres://user:password@127.0.0.1:port/spillway */
  readonly url: string;
  /** "18.4" */
  readonly version: string;
  /** True if this call made a new cluster. */
  readonly created: boolean;
  /** Resolves when the postmaster has ended, however it ended; `expected` if stop() of this handle asked for it. */
  readonly ended: Promise<{ expected: boolean }>;
  /** Fast shutdown (immediate after 20 s), waits for the end. Does nothing if another process owns the server. Idempotent. */
  stop(): Promise<void>;
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
  const { home, account } = folder;
  try {
    await refuseOtherVersion(home, bundle);
    const claimed = options.shareRunning === true ? await shareOrClaim(home) : await claim(home);
    if ("url" in claimed) return claimed;
    return await startAsOwner({ folder, bundle, lock: claimed, log, settings: options.settings ?? {} });
  } catch (error) {
    throw await explain(error, home);
  }

  async function startAsOwner(start: {
    folder: DataFolder;
    bundle: typeof bundle;
    lock: OwnerLock;
    log: (line: string) => void;
    settings: Record<string, string>;
  }): Promise<EmbeddedPostgres> {
    throw new Error("unreachable");
  }
}
