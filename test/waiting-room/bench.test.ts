/** The waiting room's bench as anybody runs it, in its shortest form: what it prints last is read by others. */
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Line = Readonly<
  Record<"joinsPerSecond" | "waiting" | "rssMb" | "checkMicros" | "overAdmitted" | "resumeSeconds", number>
> & { readonly bench: string };

test("the waiting room's bench ends with one line of JSON, admits nobody too many, and leaves nothing behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "spillway-test-"));
  chmodSync(folder, 0o755);
  try {
    const bench = Bun.spawn(["bin/spillway", "bench", "waiting-room", "--quick", "--waiting", "3000"], {
      cwd: `${import.meta.dir}/../..`,
      env: { ...process.env, TMPDIR: folder },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, errors] = await Promise.all([new Response(bench.stdout).text(), new Response(bench.stderr).text()]);
    // 4: too many were admitted, or a place changed when everything but the checkpoint was lost.
    expect(await bench.exited, errors + out).toBe(0);
    const line = JSON.parse(out.trim().split("\n").at(-1) ?? "") as Line;
    expect(line).toMatchObject({ bench: "waiting-room", waiting: 3000, overAdmitted: 0 });
    for (const name of ["joinsPerSecond", "rssMb", "resumeSeconds"] as const) expect(line[name]).toBeGreaterThan(0);
    expect(Number.isFinite(line.checkMicros)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
