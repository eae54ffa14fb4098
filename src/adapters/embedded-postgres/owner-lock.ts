/**
 * One Spillway owns a data folder at a time. The owner holds flock(2) on `owner.lock`: it spans the whole life, from
 * before initdb until the server has ended, and the kernel drops it even after kill -9. (A Postgres advisory lock
 * would only begin once a server runs, so two first starts could still race.) The file itself stays for ever; its
 * text, the owner's pid, is only there to be named in a sentence.
 */
import { closeSync, constants, fchownSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "./libc.ts";

export type OwnerLock = { /** Idempotent. */ readonly release: () => void };

const fileName = "owner.lock";

/** Undefined when another holder lives. Two calls in one process exclude each other, too. */
export function takeOwnerLock(home: string): OwnerLock | undefined {
  let fileDescriptor: number | undefined = openSync(join(home, fileName), constants.O_RDWR | constants.O_CREAT, 0o644);
  if (!tryLock(fileDescriptor)) {
    closeSync(fileDescriptor);
    return undefined;
  }
  try {
    // In a folder of an ordinary user that root happens to start, the lock is still theirs to take next time.
    const { uid, gid } = statSync(home);
    if (process.getuid?.() === 0) fchownSync(fileDescriptor, uid, gid);
    ftruncateSync(fileDescriptor, 0);
    writeSync(fileDescriptor, `${process.pid}\n`, 0);
  } catch {
    // On a full disk the lock holds all the same; only its name plate is missing.
  }
  return {
    release() {
      if (fileDescriptor !== undefined) closeSync(fileDescriptor);
      fileDescriptor = undefined;
    },
  };
}

/** The pid the present or last owner wrote, if it could write one. */
export function readOwnerPid(home: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(home, fileName), "utf8"), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
