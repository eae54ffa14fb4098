/** The edge's bench as anybody runs it, in its shortest form: what it prints last is read by others. */
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Rates = Readonly<Record<"spillway" | "nginx" | "varnish" | "haproxy" | "ratio", number | null>>;
type Line = { bench: string; hits2k: Rates; forward: Rates; p99Ms: Rates; rss5000Mb: number | null };

test("the edge's bench ends with one line of JSON, its hits are hits, and it leaves nothing behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "spillway-test-"));
  // As root, nginx works as somebody else.
  chmodSync(folder, 0o755);
  try {
    const bench = Bun.spawn(["bin/spillway", "bench", "edge", "--quick", "--only", "hits2k,forward"], {
      cwd: `${import.meta.dir}/../..`,
      env: { ...process.env, TMPDIR: folder },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, errors] = await Promise.all([new Response(bench.stdout).text(), new Response(bench.stderr).text()]);
    // 4: an answer of ours was wrong, a connection broke, or the origin was asked for what is cached.
    expect(await bench.exited, errors + out).toBe(0);
    const line = JSON.parse(out.trim().split("\n").at(-1) ?? "") as Line;
    expect(line.bench).toBe("edge");
    for (const rates of [line.hits2k, line.forward]) {
      expect(Object.keys(rates)).toEqual(["spillway", "nginx", "varnish", "haproxy", "ratio"]);
      expect(rates.spillway).toBeGreaterThan(0);
      // Whoever is not installed is null, and so is what needs it.
      expect(rates.ratio === null).toBe(rates.nginx === null);
    }
    expect(line.p99Ms.spillway).toBeGreaterThan(0);
    expect(line.rss5000Mb).toBeNull();
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
