/** The crowd's bench as anybody runs it, in its shortest form: what it prints last is read by others. */
import { expect, test } from "bun:test";

test("the crowd's bench ends with one line of JSON, and names who is not installed", async () => {
  const bench = Bun.spawn(["bin/spillway", "bench", "rehearse", "--quick"], {
    cwd: `${import.meta.dir}/../../..`,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors] = await Promise.all([new Response(bench.stdout).text(), new Response(bench.stderr).text()]);
  expect(await bench.exited, errors + out).toBe(0);
  const line = JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
  const keys = ["bench", "perCore", "openPerCore", "wrk", "hey", "autocannon", "artillery", "k6", "ratioToWrk"];
  expect(Object.keys(line)).toEqual(keys);
  expect(line.bench).toBe("rehearse");
  expect(line.perCore).toBeGreaterThan(0);
  expect(line.openPerCore).toBeGreaterThan(0);
  expect(line.ratioToWrk === null).toBe(line.wrk === null);
  // A quick run installs nothing.
  expect(line.artillery).toBeNull();
  expect(out).toContain("not installed:");
}, 120_000);
