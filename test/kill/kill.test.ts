/** Thirty kills on real processes; `rounds.ts` says what is killed and what must hold. More of them by its command. */
import { expect, test } from "bun:test";
import { type KillReport, killRounds } from "./rounds.ts";

const minutes = 60_000;

function expectNothingBroken(report: KillReport): void {
  expect(report.verified.breaches).toEqual([]);
  expect(report.contradictions).toEqual([]);
  expect(report.lost).toEqual([]);
  expect(report.unsettled).toEqual([]);
  expect(report.verified.times).toBeGreaterThan(report.rounds / 10);
  // It was a rush: more was asked for than there was, and connections broke.
  expect(report.acknowledged).toBeGreaterThan(100);
  expect(report.crowd.sold_out).toBeGreaterThan(0);
  expect(report.crowd["asked again"]).toBeGreaterThan(0);
}

test(
  "kill -9 of the shop or of its Postgres, fifteen times under load, loses no acknowledged order, charges none twice and sells nothing twice",
  async () => expectNothingBroken(await killRounds({ kind: "up", rounds: 15, seed: 20261122 })),
  8 * minutes,
);

test(
  "kill -9 of a shop, of one of two workers or of the Postgres that they share breaks nothing either",
  async () => expectNothingBroken(await killRounds({ kind: "roles", rounds: 15, seed: 7 })),
  8 * minutes,
);
