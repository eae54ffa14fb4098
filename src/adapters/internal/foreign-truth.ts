/**
 * The truth of a shop that is not ours, read from its database before and after a run. What differs between shops is three
 * statements, which give the same columns: `lines` (of live orders; takes the most to read), `stock`, and
 * `chargedWithoutOrder` (a number).
 */
import { SQL } from "bun";
import { SpillwayError } from "#kernel/error.ts";
import type { Truth } from "#rehearse/ports.ts";
import {
  type BookedLine,
  type Books,
  type BooksBefore,
  judgeBooks,
  rememberBooks,
  type StockRow,
} from "#rehearse/verdict/foreign-books.ts";

export type ForeignSettings = { readonly databaseUrl: string; readonly oneOrderPerEmail: boolean };

/** Lines of orders that are held in memory to be judged. */
const linesMax = 2_000_000;

export function createForeignTruth(
  shop: string,
  settings: ForeignSettings,
  statements: Readonly<Record<"lines" | "stock" | "chargedWithoutOrder", string>>,
): Truth {
  const sql = new SQL(settings.databaseUrl, { max: 2, connectionTimeout: 10, idleTimeout: 0 });
  let before: BooksBefore | undefined;

  const read = async (): Promise<Books> => {
    try {
      const lines = (await sql.unsafe(statements.lines, [linesMax])) as BookedLine[];
      const [charged] = (await sql.unsafe(statements.chargedWithoutOrder)) as { number: number }[];
      const stock = (await sql.unsafe(statements.stock)) as StockRow[];
      return { lines, stock, chargedWithoutOrder: charged?.number ?? 0 };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SpillwayError(
        "bad_usage",
        `${shop}'s books cannot be read (${reason}). Check target.settings.databaseUrl, and that the database is of the version that this adapter knows.`,
        { cause: error },
      );
    }
  };

  return {
    async before() {
      before = rememberBooks(await read());
    },
    async after(outcomes) {
      if (before === undefined) throw new Error("The books were not read before the run");
      return judgeBooks(before, await read(), outcomes, settings);
    },
    close: async () => await sql.close({ timeout: 5 }),
  };
}
