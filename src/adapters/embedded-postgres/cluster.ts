/**
 * The cluster: the folder Postgres keeps its files in. It is made under another name and renamed when whole, so that
 * a first start that was killed leaves nothing a second one could mistake for a database.
 */
import { existsSync } from "node:fs";
import { chmod, chown, lchown, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { SpillwayError } from "#kernel/error.ts";
import type { Bundle } from "./bundle.ts";
import { type Account, lastLines, runProgram } from "./program.ts";
import { diskFull, saysDiskFull, unusable } from "./trouble.ts";

/** The one database user. It owns everything; the password keeps the machine's other accounts out. */
export const databaseUser = "spillway";

export const clusterFolder = (home: string): string => join(home, "cluster");

const draftName = /^(cluster|postgres-[\w.-]+)\.new-[0-9a-f]{8}$/;

/** Only reads: a folder of another Postgres stays as it is, to the byte. */
export async function refuseOtherVersion(home: string, bundle: Bundle): Promise<void> {
  const file = join(clusterFolder(home), "PG_VERSION");
  if (!existsSync(file)) return;
  const made = (await readFile(file, "utf8")).trim();
  if (made === bundle.major) return;
  throw new SpillwayError(
    "data_folder_version",
    `The database in ${home} was made by Postgres ${made}; this Spillway brings Postgres ${bundle.version}. ` +
      `Start it with the Spillway that brings Postgres ${made}, or dump it there and restore it here, ` +
      "or name another folder with SPILLWAY_DATA. Nothing was changed.",
  );
}

/** What first starts that were killed had half made: clusters and copies of the programs. */
export async function removeDrafts(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    // An initdb whose Spillway was killed may still be at it: then a later start will clean up.
    if (draftName.test(name)) await rm(join(home, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

export async function makeCluster(home: string, programs: string, account: Account | undefined): Promise<void> {
  await writePassword(home, account);
  const draft = join(home, `cluster.new-${crypto.randomUUID().slice(0, 8)}`);
  try {
    await mkdir(draft, { mode: 0o700 });
    if (account !== undefined) await chown(draft, account.uid, account.gid);
    const { code, output } = await runProgram(
      join(programs, "bin", "initdb"),
      [
        `--pgdata=${draft}`,
        `--username=${databaseUser}`,
        `--pwfile=${passwordFile(home)}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        // initdb works without any fsync and flushes once at its end. One syncfs there instead of a thousand fsyncs.
        ...(process.platform === "linux" ? ["--sync-method=syncfs"] : []),
      ],
      account,
    );
    if (code !== 0) throw await explainInitdb(output, home);
    await rename(draft, clusterFolder(home));
    await flushFolder(home);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (
      (error as { code?: string }).code === "EACCES" &&
      (error as { syscall?: string }).syscall?.startsWith("spawn")
    ) {
      throw unusable(home, "programs may not run from it (is it mounted noexec?). Name another with SPILLWAY_DATA.");
    }
    throw error;
  }
}

/** After a backup was copied back as root, the files are root's and open to all, and Postgres would refuse both. */
export async function adoptCluster(
  home: string,
  account: Account | undefined,
  log: (line: string) => void,
): Promise<void> {
  const cluster = clusterFolder(home);
  const { uid, mode } = await stat(cluster);
  if (account !== undefined && uid !== account.uid) {
    log(
      `The database in ${home} belongs to user id ${uid}; it is given to user id ${account.uid}, which runs Postgres.`,
    );
    await chown(passwordFile(home), account.uid, account.gid);
    await giveAway(cluster, account);
  }
  if ((mode & 0o027) !== 0) await chmod(cluster, 0o700);
}

export async function readPassword(home: string): Promise<string> {
  try {
    return (await readFile(passwordFile(home), "utf8")).trim();
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    throw unusable(
      home,
      `the file "password" beside its database is missing. Bring it back, or start with an empty folder.`,
      error,
    );
  }
}

const passwordFile = (home: string): string => join(home, "password");

/** Belongs to the account that runs Postgres, because initdb must read it. */
async function writePassword(home: string, account: Account | undefined): Promise<void> {
  const draft = `${passwordFile(home)}.new`;
  await rm(draft, { force: true });
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(`${crypto.getRandomValues(new Uint8Array(24)).toHex()}\n`);
    if (account !== undefined) await file.chown(account.uid, account.gid);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, passwordFile(home));
}

async function explainInitdb(output: string, home: string): Promise<SpillwayError> {
  if (saysDiskFull(output)) return diskFull(home, output);
  if (output.includes("could not look up effective user ID")) {
    return new SpillwayError(
      "postgres_start",
      `Postgres needs a user with a name, and user id ${process.getuid?.()} has none in /etc/passwd. ` +
        "Give it one, run as another user, or set DATABASE_URL to a Postgres of your own.",
    );
  }
  return new SpillwayError("postgres_start", `Postgres could not make its database in ${home}: ${lastLines(output)}`);
}

/** Makes the rename itself outlive a power cut. */
async function flushFolder(folder: string): Promise<void> {
  const file = await open(folder, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function giveAway(path: string, account: Account): Promise<void> {
  await lchown(path, account.uid, account.gid);
  // stat and not lstat: pg_wal may be a link to a folder on another disk.
  if ((await stat(path).catch(() => undefined))?.isDirectory() !== true) return;
  for (const name of await readdir(path)) await giveAway(join(path, name), account);
}
