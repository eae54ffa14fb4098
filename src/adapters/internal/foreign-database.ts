/** What is common to reading another shop's database: a bound, and a sentence when it cannot be read. */
import { SpillwayError } from "#kernel/error.ts";

/** Lines of orders that are held in memory to be judged. */
export const linesMax = 2_000_000;

export function whyUnreadable(shop: string, error: unknown): SpillwayError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SpillwayError(
    "bad_usage",
    `${shop}'s books cannot be read (${reason}). Check target.settings.databaseUrl, and that the database is of the version that this adapter knows.`,
    { cause: error },
  );
}
