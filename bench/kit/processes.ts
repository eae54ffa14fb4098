/** What processes have used, as Linux's /proc tells it; where there is no /proc, undefined. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux counts in hundredths of a second on every platform that Bun runs on. */
const ticksPerSecond = 100;

/** CPU seconds of a process since its start. */
export function cpuSeconds(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** CPU seconds of a process and all of its children, those that have ended included. */
export function cpuSecondsWithChildren(pid: number): number | undefined {
  const own = statOf(pid);
  if (own === undefined) return undefined;
  let ticks = Number(own[11]) + Number(own[12]) + Number(own[13]) + Number(own[14]);
  for (const child of childrenOf(pid)) {
    const fields = statOf(child);
    if (fields !== undefined) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / ticksPerSecond;
}

/** Bytes resident now, and at most so far. */
export function memory(pid: number): { now: number; peak: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? "0");
    return { now: kibibytes("VmRSS") * 1024, peak: kibibytes("VmHWM") * 1024 };
  } catch {
    return undefined;
  }
}

/** Bytes resident now, of a process and all of its children. */
export function residentWithChildren(pid: number): number | undefined {
  const own = memory(pid);
  if (own === undefined) return undefined;
  return childrenOf(pid).reduce((sum, child) => sum + (memory(child)?.now ?? 0), own.now);
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(statOf(Number(name))?.[1]) === pid)
    .map(Number);
}

/** The fields of /proc/PID/stat behind the name, which may hold spaces: state, parent, … */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
