/**
 * A sale of a minute at a small scale, against a whole Spillway of separate processes: a spike to twenty times, the payment provider down and
 * Postgres killed inside it. The verdict comes from the shop's own books.
 */
import { expect, test } from "bun:test";
import type { RunResult } from "#rehearse/result.ts";

const spillway = `${import.meta.dir}/../../bin/spillway`;

test("a spike to twenty times, an outage of the provider and a killed Postgres break no promise", async () => {
  const ran = Bun.spawn(
    [
      ...[spillway, "rehearse", "--house", "--rate", "1", "--peak", "20", "--seconds", "60", "--json"],
      ...["--drill", "payment-down", "--drill", "postgres-killed"],
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [out, errors] = await Promise.all([new Response(ran.stdout).text(), new Response(ran.stderr).text()]);
  const exitCode = await ran.exited;
  expect(exitCode, errors).toBe(0);
  const result = JSON.parse(out) as RunResult;
  expect(result.verdict).toBe("held");
  expect(result.drills.map(({ status }) => status)).toEqual(["completed", "completed"]);
  const looked = result.promises.filter(({ looked: count }) => count > 0).map(({ promise }) => promise);
  for (const promise of ["oversold", "lost", "doubleCharge", "strayCharge", "stuck", "shed"])
    expect(looked).toContain(promise);
  expect(result.promises.filter(({ held }) => !held)).toEqual([]);
}, 240_000);
