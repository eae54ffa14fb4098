/** Runs a small program to its end, as another account where one is given, and keeps the last of what it said. */
import { spawn } from "node:child_process";

/** The system account Postgres runs as when we are root. Undefined means: as ourselves. */
export type Account = { readonly uid: number; readonly gid: number };

/** What Postgres programs see of our environment: nothing that could change what they do. */
export const plainEnvironment = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C", TZ: "UTC" };

const outputLengthMax = 16_384;

/**
 * Resolves with the exit code (null after a signal); rejects when the program could not be started at all. It gets a
 * session of its own, so a Ctrl-C meant for us does not break it off half-way.
 */
export function runProgram(
  file: string,
  args: readonly string[],
  account: Account | undefined,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...account,
      cwd: "/",
      detached: true,
      env: plainEnvironment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const keep = (text: string) => {
      output = (output + text).slice(-outputLengthMax);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

/** The last lines of a program's output as one line, for a sentence. */
export function lastLines(output: string, count = 8): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(-count).join(" | ");
}
