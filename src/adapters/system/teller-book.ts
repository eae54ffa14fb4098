/** Who asked to be told, as files of lines in a folder: added at the end, or written whole and renamed into place. In memory where there is no folder. */
import { appendFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TellerBook } from "#edge/waiting-room/ports.ts";

export function createTellerBook(folder: string | undefined): TellerBook {
  if (folder === undefined) return memoryBook();
  const fileOf = (room: string): string => join(folder, `${room}.told.jsonl`);
  return {
    async read(room) {
      try {
        return linesOf(await readFile(fileOf(room), "utf8"));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
      }
    },
    async append(room, line) {
      await mkdir(folder, { recursive: true });
      // Addresses are for nobody else's eyes on this machine.
      await appendFile(fileOf(room), `${line}\n`, { mode: 0o600 });
    },
    async replace(room, lines) {
      await mkdir(folder, { recursive: true });
      const file = fileOf(room);
      await writeFile(`${file}.new`, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
  };
}

/** A last line that a crash cut off is no JSON, and left out by who reads it. */
const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

function memoryBook(): TellerBook {
  const books = new Map<string, string[]>();
  const bookOf = (room: string): string[] => {
    const book = books.get(room) ?? [];
    books.set(room, book);
    return book;
  };
  return {
    read: async (room) => [...bookOf(room)],
    append: async (room, line) => void bookOf(room).push(line),
    replace: async (room, lines) => void books.set(room, [...lines]),
  };
}
