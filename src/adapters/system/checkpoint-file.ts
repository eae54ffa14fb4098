/**
 * Checkpoints as files, one for each room and epoch. A new one is written beside the old, brought to the disk, and takes its place by one rename: a
 * crash leaves the old one or the new one.
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { CheckpointFile } from "#edge/waiting-room/ports.ts";

export function createCheckpointFile(directory: string): CheckpointFile {
  const pathOf = (room: string): string => {
    if (!/^[a-z0-9.-]+$/.test(room)) throw new Error(`A checkpoint cannot be kept under the name ${room}.`);
    return join(directory, `${room}.checkpoint`);
  };
  return {
    async read(room) {
      try {
        return await readFile(pathOf(room), "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    async write(room, text) {
      const path = pathOf(room);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const file = await open(`${path}.new`, "w", 0o600);
      try {
        await file.writeFile(text);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    },
  };
}
