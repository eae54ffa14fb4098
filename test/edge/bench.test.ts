/** The edge's benches as anybody runs them, in their shortest form: what they print last is read by others. */
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Rates = Readonly<Record<"spillway" | "nginx" | "varnish" | "haproxy" | "ratio", number | null>>;
type Line = { bench: string; hits2k: Rates; forward: Rates; p99Ms: Rates; rss5000Mb: number | null };
type Cost = Readonly<Record<"seeingMicros" | "blindMicros" | "costMicros", number>>;
type SeeingLine = { bench: string; reachMicros: number } & Readonly<Record<"hit" | "forwarded" | "stages", Cost>>;

/** Its exit code, its last line, and all that it said; it has to leave nothing behind. */
async function benchOf<Printed>(...words: string[]): Promise<{ code: number; line: Printed; said: string }> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-test-"));
  // As root, nginx works as somebody else.
  chmodSync(folder, 0o755);
  try {
    const bench = Bun.spawn(["bin/spillway", "bench", ...words], {
      cwd: `${import.meta.dir}/../..`,
      env: { ...process.env, TMPDIR: folder },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, errors] = await Promise.all([new Response(bench.stdout).text(), new Response(bench.stderr).text()]);
    const code = await bench.exited;
    const last = out.trim().split("\n").at(-1) ?? "";
    if (!last.startsWith("{")) throw new Error(`the bench ended with ${code} and without its line: ${errors}${out}`);
    expect(readdirSync(folder)).toEqual([]);
    return { code, line: JSON.parse(last) as Printed, said: errors + out };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("the edge's bench ends with one line of JSON, its hits are hits, and it leaves nothing behind", async () => {
  const { code, line, said } = await benchOf<Line>("edge", "--quick", "--only", "hits2k,forward");
  // 4: an answer of ours was wrong, a connection broke, or the origin was asked for what is cached.
  expect(code, said).toBe(0);
  expect(line.bench).toBe("edge");
  for (const rates of [line.hits2k, line.forward]) {
    expect(Object.keys(rates)).toEqual(["spillway", "nginx", "varnish", "haproxy", "ratio"]);
    expect(rates.spillway).toBeGreaterThan(0);
    // Whoever is not installed is null, and so is what needs it.
    expect(rates.ratio === null).toBe(rates.nginx === null);
  }
  expect(line.p99Ms.spillway).toBeGreaterThan(0);
  expect(line.rss5000Mb).toBeNull();
}, 120_000);

test("the bench of seeing tells the cost on each way, and ends with 4 if one is above what it may be", async () => {
  const { code, line, said } = await benchOf<SeeingLine>("seeing", "--quick");
  expect(line.bench).toBe("seeing");
  const costs = [line.hit, line.forwarded, line.stages].map(({ costMicros }) => costMicros);
  for (const cost of costs) expect(cost).toBeFinite();
  expect(code, said).toBe(costs.some((cost) => cost > line.reachMicros) ? 4 : 0);
}, 120_000);
