/** Turns what the file system and Postgres say about a folder into sentences that say what to do. */
import { statfs } from "node:fs/promises";
import { SpillwayError } from "#kernel/error.ts";

/** What a first start needs: about 60 MB of programs, 40 MB of new database and room for its first write-ahead log. */
const firstStartBytes = 200_000_000;

/** Below this a server that will not start has most likely met the full disk, even when its log could not say so. */
const fullDiskBytes = 20_000_000;

const elsewhere = "put the data elsewhere with SPILLWAY_DATA";

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1_000_000)} MB`;

/** Bytes that the account we run as may still write to the disk under `folder`. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

export async function refuseSmallDisk(folder: string): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= firstStartBytes) return;
  throw new SpillwayError(
    "disk_full",
    `The disk under ${folder} has ${megabytes(free)} free; a first start needs ${megabytes(firstStartBytes)}. ` +
      `Free some space or ${elsewhere}.`,
  );
}

export function saysDiskFull(output: string): boolean {
  return /No space left on device|Disk quota exceeded/i.test(output);
}

/** True when the disk is so full that a failure without a word is explained by it. */
export async function isDiskFull(folder: string): Promise<boolean> {
  return (await freeBytes(folder)) < fullDiskBytes;
}

export async function diskFull(folder: string, cause?: unknown): Promise<SpillwayError> {
  return new SpillwayError(
    "disk_full",
    `The disk under ${folder} is full (${megabytes(await freeBytes(folder))} free). ` +
      `Free some space and start again, or ${elsewhere}; what was stored before is untouched.`,
    { cause },
  );
}

export function unusable(folder: string, why: string, cause?: unknown): SpillwayError {
  return new SpillwayError("data_folder_unusable", `The data folder ${folder} cannot be used: ${why}`, { cause });
}

/** An error of the file system as a sentence; anything else comes back as it was. */
export async function explain(error: unknown, folder: string): Promise<unknown> {
  const code = (error as { code?: unknown } | undefined)?.code;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return diskFull(folder, error);
    case "EACCES":
    case "EPERM":
      return unusable(
        folder,
        `user id ${process.getuid?.()} may not read and write it. Run Spillway as the user it belongs to, or ${elsewhere}.`,
        error,
      );
    case "EROFS":
      return unusable(folder, `its file system is read-only. Mount it writable or ${elsewhere}.`, error);
    case "EEXIST":
    case "ENOTDIR":
      return unusable(folder, `a file is where a folder is needed. Move the file away or ${elsewhere}.`, error);
    case "ENAMETOOLONG":
    case "ELOOP":
      return unusable(folder, `its path does not work (${code}). Please ${elsewhere}.`, error);
    default:
      return error;
  }
}
