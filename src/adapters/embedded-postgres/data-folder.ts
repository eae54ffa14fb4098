/**
 * Where the database lies and which account runs it. As a rule that is the data folder itself and ourselves. Root is
 * the exception: Postgres refuses to run as root, so it runs as another account, and when that account cannot reach
 * the data folder (below /root, say) the database lies in /var/lib/spillway and a text file in the data folder,
 * `database-location.txt`, says where.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { access, chmod, constants, link, mkdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SpillwayError } from "#kernel/error.ts";
import { type Account, runProgram } from "./program.ts";
import { explain, unusable } from "./trouble.ts";

export type DataFolder = {
  /** The folder that holds cluster, programs, password and log. */
  readonly home: string;
  /** Undefined: as ourselves. */
  readonly account: Account | undefined;
};

const pointerName = "database-location.txt";
const systemFolder = "/var/lib/spillway";

/** Finds or makes the folder. Writes nothing into one that exists, except the pointer when it must be elsewhere. */
export async function openDataFolder(dataDir: string, log: (line: string) => void): Promise<DataFolder> {
  try {
    const folder = await makeFolder(dataDir);
    const isRoot = process.getuid?.() === 0;
    const home = (await readPointer(folder)) ?? folder;
    if (existsSync(join(folder, "PG_VERSION"))) {
      throw unusable(folder, "it is itself a database folder of Postgres. Name another one with SPILLWAY_DATA.");
    }
    const cluster = await inspectCluster(home);
    if (!isRoot) {
      if (cluster !== undefined && cluster.uid !== process.getuid?.()) {
        throw unusable(
          folder,
          `its database belongs to user id ${cluster.uid}, and this is user id ${process.getuid?.()}. ` +
            "Run Spillway as that user (or as root), or name another folder with SPILLWAY_DATA.",
        );
      }
      return { home, account: undefined };
    }
    // A database that an ordinary user made stays theirs, whoever starts it.
    const account = cluster !== undefined && cluster.uid !== 0 ? cluster : await findAccount();
    if (await canReach(account, home)) return { home, account };
    if (cluster !== undefined || home !== folder) {
      throw unusable(
        home,
        `user id ${account.uid}, which runs its database, cannot reach it. ` +
          "Let others pass through the folders above it (chmod o+x), or move it to a place like /var/lib.",
      );
    }
    return { home: await moveOut(folder, account, log), account };
  } catch (error) {
    throw await explain(error, dataDir);
  }
}

/** Resolves symbolic links, so that one folder has one name. */
async function makeFolder(dataDir: string): Promise<string> {
  // initdb puts its own path between double quotes and has a shell run it.
  if (/["$`\\\n]/.test(resolve(dataDir))) {
    throw unusable(
      dataDir,
      'its path has one of " $ ` \\, which Postgres cannot work with. Name another with SPILLWAY_DATA.',
    );
  }
  const madeFirst = await mkdir(dataDir, { recursive: true });
  if (madeFirst !== undefined && process.getuid?.() === 0) await chmod(dataDir, 0o755);
  const folder = await realpath(dataDir);
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  return folder;
}

async function readPointer(folder: string): Promise<string | undefined> {
  const pointer = join(folder, pointerName);
  if (!existsSync(pointer)) return undefined;
  const home = (await readFile(pointer, "utf8")).split("\n", 1)[0]?.trim() ?? "";
  if (home.startsWith("/") && existsSync(home)) return realpath(home);
  throw unusable(
    folder,
    `its ${pointerName} says the database is in "${home}", and nothing is there. ` +
      `Bring that folder back, or delete ${pointer} to begin with an empty database.`,
  );
}

/** The account a cluster belongs to; undefined when there is none yet. */
async function inspectCluster(home: string): Promise<Account | undefined> {
  const cluster = join(home, "cluster");
  // stat and not existsSync, which calls a folder we may not enter missing.
  const found = await stat(cluster).catch((error: { code?: string }) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  if (!found.isDirectory()) throw unusable(home, `"cluster" in it is not a folder. Move it away.`);
  if (found.uid !== process.getuid?.() && process.getuid?.() !== 0) return { uid: found.uid, gid: found.gid };
  if (!existsSync(join(cluster, "PG_VERSION"))) {
    throw unusable(home, `"cluster" in it holds something that is not a database of Postgres. Move it away.`);
  }
  return { uid: found.uid, gid: found.gid };
}

/** The system's own account for Postgres, or the one for things that should own nothing. */
async function findAccount(): Promise<Account> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const name of ["postgres", "_postgres", "nobody"]) {
    const [, , uid, gid] = lines.find((line) => line[0] === name) ?? [];
    // The unsigned form, since macOS writes nobody as -2.
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  throw new SpillwayError(
    "postgres_start",
    "Postgres does not run as root, and /etc/passwd knows neither postgres nor nobody. " +
      "Run Spillway as an ordinary user, or set DATABASE_URL to a Postgres of your own.",
  );
}

/** Asks by trying: permissions, ACLs and mount options on every folder above have a say. */
async function canReach(account: Account, folder: string): Promise<boolean> {
  try {
    return (await runProgram("/bin/sh", ["-c", 'cd -- "$1"', "sh", folder], account)).code === 0;
  } catch (error) {
    throw new SpillwayError(
      "postgres_start",
      `Postgres does not run as root, and this root may not start a program as user id ${account.uid}. ` +
        "Run Spillway as an ordinary user, or set DATABASE_URL to a Postgres of your own.",
      { cause: error },
    );
  }
}

/**
 * The pointer is written before any database is made there. So a database without a pointer to it belongs to a data
 * folder that somebody deleted: whoever starts afresh gets a fresh one, and the old is left alone.
 */
async function moveOut(folder: string, account: Account, log: (line: string) => void): Promise<string> {
  const name = createHash("sha256").update(folder).digest("hex").slice(0, 12);
  let home = join(systemFolder, name);
  for (let number = 2; existsSync(join(home, "cluster")); number++) {
    log(`An older database of ${folder} is kept in ${home}; delete it if nobody needs it.`);
    home = join(systemFolder, `${name}-${number}`);
  }
  try {
    await mkdir(home, { recursive: true });
    for (const made of [systemFolder, home]) await chmod(made, 0o755);
  } catch (error) {
    throw unusable(
      folder,
      `user id ${account.uid}, which runs Postgres, cannot reach it, and ${home} could not be made instead. ` +
        "Name a folder that every user can reach with SPILLWAY_DATA, or run Spillway as an ordinary user.",
      error,
    );
  }
  const pointer = join(folder, pointerName);
  const draft = `${pointer}.new-${crypto.randomUUID().slice(0, 8)}`;
  await writeFile(draft, `${home}\n`, { flush: true });
  try {
    // A link, because it fails where a rename would replace: of two first starts at once, both follow the first.
    await link(draft, pointer);
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
  home = (await readPointer(folder)) ?? home;
  log(`The account that runs Postgres cannot reach ${folder}, so the database is in ${home}.`);
  return home;
}
