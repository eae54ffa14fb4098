/** A disk in memory that can be filled without filling the machine's. Only root may mount one. */
import { chmod, mkdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";

export type SmallDisk = {
  readonly folder: string;
  /** Takes all that is left of it. */
  fill(): Promise<void>;
  free(): Promise<void>;
  unmount(): Promise<void>;
};

/** Room for Postgres' programs, a cluster, its write-ahead log and a little more. */
const sizeMb = 400;
const blockBytes = 1024 * 1024;

/** Undefined where it cannot be mounted. */
export async function mountSmallDisk(folder: string): Promise<SmallDisk | undefined> {
  await mkdir(folder, { recursive: true });
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${sizeMb}m`, "tmpfs", folder], {
    stdout: "ignore",
    stderr: "ignore",
  });
  if (!mounted.success) return undefined;
  await chmod(folder, 0o755);
  const ballast = join(folder, "ballast");
  return {
    folder,
    async fill() {
      const file = Bun.file(ballast).writer();
      const block = new Uint8Array(blockBytes);
      try {
        for (let left = await room(folder); left > 0; left = await room(folder)) {
          await file.write(block.subarray(0, Math.min(left, blockBytes)));
          await file.flush();
        }
      } catch (error) {
        if ((error as { code?: string }).code !== "ENOSPC") throw error;
      }
      await Promise.resolve(file.end()).catch(() => undefined);
    },
    free: async () => await rm(ballast, { force: true }),
    async unmount() {
      Bun.spawnSync(["umount", "-l", folder]);
    },
  };
}

async function room(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
