/**
 * The generators that are measured, each with the best settings that its manual knows for one core and 64 connections that are
 * kept open: a closed loop, every connection asks again as soon as it has its answer. Ours is measured as an open crowd too.
 *
 * Those of npm are installed into a scratch folder, with a Node of their own, since the newest want a newer one than many have.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type GeneratorName = "spillway" | "open" | "wrk" | "hey" | "autocannon" | "artillery" | "k6";

export type Peers = {
  readonly folder: string;
  /** Undefined: this machine has it not; then the sentence says so. */
  commandOf(name: GeneratorName, load: Load): string[] | undefined;
};

export type Load = {
  readonly url: string;
  readonly connections: number;
  /** Longer than it is measured: it is ended from outside. */
  readonly seconds: number;
  /** Of the open crowd. */
  readonly perSecond: number;
};

const versions = { autocannon: "9.0.0", artillery: "2.0.34", node: "22" };
const installsWithinMs = 600_000;

export async function installPeers(folder: string, say: (line: string) => void): Promise<void> {
  const node = `node-${process.platform}-${process.arch}`;
  if (existsSync(join(folder, "node_modules", "artillery", "package.json"))) return;
  const npm = Bun.which("npm");
  if (npm === null) {
    say("npm is not installed: autocannon and Artillery are left out");
    return;
  }
  say("installing autocannon and Artillery (some minutes; --peers DIR keeps them)");
  const packages = [`autocannon@${versions.autocannon}`, `artillery@${versions.artillery}`, `${node}@${versions.node}`];
  const child = Bun.spawn(
    [
      npm,
      "install",
      "--prefix",
      folder,
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      ...packages,
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "inherit", cwd: folder },
  );
  const giveUp = setTimeout(() => child.kill("SIGKILL"), installsWithinMs);
  const code = await child.exited;
  clearTimeout(giveUp);
  if (code !== 0) say("npm could not install them: autocannon and Artillery are left out");
}

export function peersIn(folder: string): Peers {
  const program = (name: string) => Bun.which(name, { PATH: `${process.env.PATH ?? ""}:/usr/local/bin` });
  const own = join(folder, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  const node = existsSync(own) ? own : program("node");
  const installed = (file: string): string[] | undefined => {
    const path = join(folder, "node_modules", file);
    return node === null || !existsSync(path) ? undefined : [node, path];
  };
  return {
    folder,
    commandOf(name, { url, connections, seconds, perSecond }) {
      const spillway = [
        `${import.meta.dir}/../../bin/spillway`,
        "rehearse",
        "--url",
        url,
        "--seconds",
        String(seconds),
      ];
      switch (name) {
        case "spillway":
          return [...spillway, "--users", String(connections), "--processes", "1", "--json"];
        case "open":
          return [...spillway, "--rate", String(perSecond), "--processes", "1", "--json"];
        case "wrk": {
          const wrk = program("wrk");
          return wrk === null ? undefined : [wrk, "-t1", `-c${connections}`, `-d${seconds}s`, url];
        }
        case "hey": {
          const hey = program("hey");
          return hey === null ? undefined : [hey, "-z", `${seconds}s`, "-c", String(connections), "-cpus", "1", url];
        }
        case "autocannon": {
          const command = installed("autocannon/autocannon.js");
          const options = ["-c", String(connections), "-d", String(seconds), "--no-progress", url];
          return command === undefined ? undefined : [...command, ...options];
        }
        case "artillery": {
          const command = installed("artillery/bin/run");
          if (command === undefined) return undefined;
          const script = join(folder, "artillery.json");
          writeFileSync(script, JSON.stringify(artilleryScript(url, connections)));
          return [...command, "run", "--quiet", script];
        }
        case "k6": {
          const k6 = program("k6");
          if (k6 === null) return undefined;
          const script = join(folder, "k6.js");
          writeFileSync(
            script,
            `import http from "k6/http";\nexport const options = { vus: ${connections}, duration: "${seconds}s", discardResponseBodies: true };\nexport default () => { http.get("${url}"); };\n`,
          );
          return [k6, "run", "--quiet", "--no-summary", script];
        }
      }
    },
  };
}

/** All users in the first second, each of whom goes round and round on connections that are kept. */
const artilleryScript = (url: string, connections: number) => ({
  config: {
    target: new URL(url).origin,
    phases: [{ duration: 1, arrivalCount: connections }],
    http: { pool: connections, timeout: 60 },
  },
  scenarios: [{ flow: [{ loop: [{ get: { url: new URL(url).pathname } }], count: 100_000_000 }] }],
});
