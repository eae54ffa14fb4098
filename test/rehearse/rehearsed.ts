/** A rehearsal played as from the command line: how it ended, what it said last, and what it found. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunResult } from "#rehearse/result.ts";

export async function rehearsed(
  command: readonly string[],
): Promise<{ exitCode: number; lastLine: string; result: RunResult; output: string }> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-rehearsed-"));
  try {
    const ran = Bun.spawn([...command, "--report", folder], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, errors] = await Promise.all([new Response(ran.stdout).text(), new Response(ran.stderr).text()]);
    const exitCode = await ran.exited;
    const output = `${errors}${out}`;
    const file = Bun.file(join(folder, "result.json"));
    if (!(await file.exists())) throw new Error(`There is no result; exit code ${exitCode}:\n${output}`);
    return { exitCode, lastLine: out.trimEnd().split("\n").at(-1) ?? "", result: await file.json(), output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
