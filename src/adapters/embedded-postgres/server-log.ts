/**
 * The server writes its log straight into `postgres.log`: so its last words survive both of us, and our event loop
 * is never what it waits for. The file is bounded by us: past the bound, what is there moves to `postgres.log.1`.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { chown, copyFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";

const lengthMax = 10_000_000;
const checkEveryMs = 15_000;
const tailLength = 16_384;

export const logFile = (home: string): string => join(home, "postgres.log");

/** For a child's standard output and error. In append mode, so that a truncated file is written from its start. */
export async function openLog(home: string): Promise<{ fileDescriptor: number; startsAt: number }> {
  await shorten(logFile(home));
  const isNew = !existsSync(logFile(home));
  const fileDescriptor = openSync(logFile(home), "a", 0o640);
  const { uid, gid } = await stat(home);
  if (isNew && process.getuid?.() === 0 && uid !== 0) await chown(logFile(home), uid, gid);
  return { fileDescriptor, startsAt: statSync(logFile(home)).size };
}

/** The end of what was written since `startsAt`. */
export function readLogSince(home: string, startsAt: number): string {
  try {
    const fileDescriptor = openSync(logFile(home), "r");
    try {
      const from = Math.max(startsAt, statSync(logFile(home)).size - tailLength);
      const bytes = Buffer.alloc(tailLength);
      return bytes.toString("utf8", 0, readSync(fileDescriptor, bytes, 0, tailLength, from));
    } finally {
      closeSync(fileDescriptor);
    }
  } catch {
    return "";
  }
}

/** Keeps the log of a running server within bounds until the answer is called. */
export function boundLog(home: string): () => void {
  const timer = setInterval(() => void shorten(logFile(home)).catch(() => undefined), checkEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Copies and truncates instead of renaming, because the server holds the file open. */
async function shorten(file: string): Promise<void> {
  if (!existsSync(file) || (await stat(file)).size < lengthMax) return;
  await copyFile(file, `${file}.1`);
  await truncate(file, 0);
}
