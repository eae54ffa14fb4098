/**
 * Which edges run on this machine, so that an operator's command finds them without an address or a token: each leaves a note of its operations port
 * while it runs, with a token that was made for this run alone, where only the same user can read it.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export type Running = {
  readonly pid: number;
  readonly role: "edge" | "shop";
  /** The operations port's address. */
  readonly ops: string;
  /** The folder that it was started in. */
  readonly folder: string;
  readonly token: string;
};

type Env = Readonly<Record<string, string | undefined>>;

const folderOf = (env: Env): string =>
  env.XDG_RUNTIME_DIR === undefined || env.XDG_RUNTIME_DIR === ""
    ? join(tmpdir(), `spillway-${userInfo().uid}`)
    : join(env.XDG_RUNTIME_DIR, "spillway");

/** Anybody may make a folder of that name first: then it is not used. */
function isOurs(folder: string): boolean {
  try {
    const stat = lstatSync(folder);
    return stat.isDirectory() && stat.uid === userInfo().uid && (stat.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

/** Leaves the note; what is given back takes it away. Without a place for it nothing is left, and the address has to be said. */
export function leaveNote(note: Omit<Running, "pid" | "folder">, env: Env): () => void {
  const folder = folderOf(env);
  const file = join(folder, `${process.pid}.json`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!isOurs(folder)) return () => undefined;
    const running: Running = { pid: process.pid, folder: process.cwd(), ...note };
    // Of a process before us that had the same number.
    rmSync(file, { force: true });
    writeFileSync(file, JSON.stringify(running), { mode: 0o600, flag: "wx" });
  } catch {
    return () => undefined;
  }
  return () => rmSync(file, { force: true });
}

/** Those that run. Notes of processes that were killed are taken away. */
export function runningHere(env: Env): readonly Running[] {
  const folder = folderOf(env);
  if (!isOurs(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const file = join(folder, name);
    try {
      const running = JSON.parse(readFileSync(file, "utf8")) as Running;
      if (isAlive(running.pid)) return [running];
      rmSync(file, { force: true });
    } catch {
      // Just being written, or taken away.
    }
    return [];
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
