/**
 * The same sale against shops that are broken on purpose (broken-house.ts). A rehearsal that never says no has told nothing: here
 * units are sold twice, and acknowledged orders are not kept, and both end with exit code 4 and the promise by its name.
 */
import { expect, test } from "bun:test";
import type { RunResult } from "#rehearse/result.ts";
import { rehearsed } from "./rehearsed.ts";

const broken = async (fault: string, ...words: readonly string[]) =>
  await rehearsed([process.execPath, `${import.meta.dir}/broken-house.ts`, fault, ...words, "--house"]);
const brokenOf = ({ promises }: RunResult) => promises.filter(({ held }) => !held).map(({ promise }) => promise);
const found = ({ promises }: RunResult, name: string) => promises.find(({ promise }) => promise === name);

test("a shop that reads its stock and writes it later sells units twice, and the rehearsal ends with 4", async () => {
  const { exitCode, lastLine, result, output } = await broken("racy-stock", `${import.meta.dir}/scarce-sale.ts`);
  expect(exitCode, output).toBe(4);
  expect(lastLine).toStartWith("NO-GO: ");
  expect(result.verdict).toBe("invariant broken");
  // Its orders take a second each: there may be more of those who pay than it can serve, and that is told as well.
  expect(brokenOf(result).filter((promise) => promise !== "shed")).toEqual(["oversold"]);
  const oversold = found(result, "oversold");
  expect(oversold).toMatchObject({ broken: 1, held: false });
  const [onHand = 0, held = 0, sold = 0] =
    /AURORA-LAMP at main: (\d+) on hand and 0 allowed beyond, for (\d+) held and (\d+) sold/
      .exec(oversold?.detail ?? "")
      ?.slice(1)
      .map(Number) ?? [];
  expect(held + sold).toBeGreaterThan(onHand);
  // Not at a quiet time: Postgres was well before, and was killed.
  expect(result.drills.find(({ file }) => file === "postgres-killed.json")?.status).toBeOneOf([
    "completed",
    "deviated",
  ]);
}, 300_000);

test("a shop that acknowledges orders and does not keep them is found out by the orders that nobody finds, with 4", async () => {
  const { exitCode, result, output } = await broken("lost-orders", "--rate", "10", "--seconds", "10");
  expect(exitCode, output).toBe(4);
  expect(brokenOf(result)).toEqual(["lost"]);
  const lost = found(result, "lost");
  expect(lost?.broken).toBeGreaterThan(0);
  expect(lost?.broken).toBeLessThan(lost?.looked ?? 0);
  expect(lost?.detail).toMatch(/^S[0-9A-Z]+/);
}, 180_000);
