/** What the shop is told when its database has a trouble of its own: each is for later, none is a fault of what was asked. */
import { expect, test } from "bun:test";
import { query } from "#adapters/postgres/database.ts";
import { SpillwayError } from "#kernel/error.ts";
import { testDatabase } from "../kit/postgres.ts";

const { sql } = await testDatabase();
const told = async (state: string): Promise<unknown> =>
  await query(sql, `DO $$ BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = '${state}'; END $$`).catch(
    (error: unknown) => error,
  );

test("a database that is full, out of memory, or starting is asked again later; a wrong statement is not", async () => {
  for (const state of ["53100", "53200", "53300", "57P03"]) {
    const error = await told(state);
    expect(error).toBeInstanceOf(SpillwayError);
    expect(error).toMatchObject({ code: "database_unavailable", retryAfterSeconds: 2 });
  }
  for (const state of ["23514", "42601"]) expect(await told(state)).not.toBeInstanceOf(SpillwayError);
});
