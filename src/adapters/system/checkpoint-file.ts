/** Checkpoints of waiting rooms, a file for each in a folder: written beside the one before and renamed over it, so that there is always a whole one. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckpointFile } from "#edge/waiting-room/ports.ts";

export function createCheckpointFile(folder: string): CheckpointFile {
  const fileOf = (room: string): string => join(folder, `${room}.checkpoint`);
  return {
    async read(room) {
      try {
        return await readFile(fileOf(room), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async write(room, text) {
      await mkdir(folder, { recursive: true });
      const file = fileOf(room);
      // On the disk before it takes the place of the other: a machine that loses its power keeps one of the two.
      await writeFile(`${file}.new`, text, { mode: 0o600, flush: true });
      await rename(`${file}.new`, file);
    },
  };
}
