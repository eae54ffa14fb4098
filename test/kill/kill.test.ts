/** Thirty kills on real processes; `rounds.ts` says what is killed and what must hold. More by its command. */
import { expect, test } from "bun:test";
import { testDatabase } from "../kit/postgres.ts";
import { type KillReport, killRounds } from "./rounds.ts";

const minutes = 60_000;

function expectNothingBroken(report: KillReport): void {
  expect(report.acknowledged).toBeGreaterThan(100);
  expect(report.lost).toEqual([]);
  expect(report.renumbered).toEqual([]);
  expect(report.unsettled).toEqual([]);
  expect(report.verified.out).toContain("Every promise holds.");
  expect(report.verified.code).toBe(0);
}

test(
  "kill -9 of the shop or of its Postgres, fifteen times under load, loses no acknowledged order, charges none twice and sells nothing twice",
  async () => {
    expectNothingBroken(await killRounds({ kind: "up", rounds: 15, seed: 20261122 }));
  },
  8 * minutes,
);

test(
  "kill -9 of a shop or one of two workers, fifteen times under load, breaks nothing either",
  async () => {
    const database = await testDatabase();
    expectNothingBroken(await killRounds({ kind: "roles", rounds: 15, seed: 7, databaseUrl: database.url }));
  },
  8 * minutes,
);
