/**
 * The two promises of the kernel that Bun has no word for: a lock that dies with its process however it dies, and
 * one flush of everything a file system was given so far.
 */
import { dlopen } from "bun:ffi";
import { closeSync, openSync } from "node:fs";

const lockExclusive = 2;
const lockWithoutWaiting = 4;

let opened: ReturnType<typeof openLibc> | undefined;

function openLibc() {
  return process.platform === "darwin"
    ? dlopen("/usr/lib/libSystem.B.dylib", {
        flock: { args: ["i32", "i32"], returns: "i32" },
        sync: { args: [], returns: "void" },
      }).symbols
    : dlopen("libc.so.6", {
        flock: { args: ["i32", "i32"], returns: "i32" },
        syncfs: { args: ["i32"], returns: "i32" },
      }).symbols;
}

function libc(): ReturnType<typeof openLibc> {
  opened ??= openLibc();
  return opened;
}

/** flock(2) without waiting. True when the lock is ours until `fileDescriptor` is closed or the process ends. */
export function tryLock(fileDescriptor: number): boolean {
  return libc().flock(fileDescriptor, lockExclusive | lockWithoutWaiting) === 0;
}

/**
 * Writes out everything the file system of `folder` holds in memory: one journal commit, where an fsync for each of
 * a thousand small files would be a thousand. On macOS, which has no syncfs(2), the call covers every file system.
 */
export function flushFileSystem(folder: string): void {
  const symbols = libc();
  if ("sync" in symbols) {
    symbols.sync();
    return;
  }
  const fileDescriptor = openSync(folder, "r");
  try {
    symbols.syncfs(fileDescriptor);
  } finally {
    closeSync(fileDescriptor);
  }
}
