/** Which core is whose, where the machine lets us say so. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

/** Words in front of commands: servers on the first core that we may use, and told when we end; crowd and origin, who see it themselves, on the second. */
export function pinning(): { server: string[]; crowd: string[]; told: string } {
  const bound = Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "TERM"];
  const cores = allowedCores();
  const [first, second] = cores;
  if (Bun.which("taskset") === null || first === undefined || second === undefined)
    return {
      server: bound,
      crowd: [],
      told: `Nothing is pinned to a core (${cores.length < 2 ? "there is one alone" : "taskset is not installed"}): read the ratios with care.`,
    };
  return {
    server: [...bound, "taskset", "-c", String(first)],
    crowd: ["taskset", "-c", String(second)],
    told: `servers on core ${first}, crowd and origin on core ${second}`,
  };
}

function allowedCores(): number[] {
  let list = `0-${cpus().length - 1}`;
  try {
    list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? list;
  } catch {
    // No /proc here.
  }
  return list.split(",").flatMap((range) => {
    const [from = 0, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}
