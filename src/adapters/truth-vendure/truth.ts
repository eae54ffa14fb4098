/** What Vendure 3.7 wrote down of a sale, read from its database: orders, payments, and the stock that it counted. */
import { SQL } from "bun";
import type { Truth } from "#rehearse/ports.ts";
import {
  type BookedLine,
  type Books,
  type BooksBefore,
  judgeBooks,
  rememberBooks,
  type StockRow,
} from "#rehearse/verdict/foreign-books.ts";
import { linesMax, whyUnreadable } from "../internal/foreign-database.ts";
import chargedWithoutOrder from "./charged-without-order.sql" with { type: "text" };
import lines from "./lines.sql" with { type: "text" };
import stock from "./stock.sql" with { type: "text" };

export function createVendureTruth(settings: {
  readonly databaseUrl: string;
  readonly oneOrderPerEmail: boolean;
}): Truth {
  const sql = new SQL(settings.databaseUrl, { max: 2, connectionTimeout: 10, idleTimeout: 0 });
  let before: BooksBefore | undefined;

  const read = async (): Promise<Books> => {
    try {
      const rows = (await sql.unsafe(lines, [linesMax])) as (Omit<BookedLine, "names"> & { name: string })[];
      const [charged] = (await sql.unsafe(chargedWithoutOrder)) as { number: number }[];
      return {
        lines: rows.map(({ name, ...line }) => ({ ...line, names: [name] })),
        stock: (await sql.unsafe(stock)) as StockRow[],
        chargedWithoutOrder: charged?.number ?? 0,
      };
    } catch (error) {
      throw whyUnreadable("Vendure", error);
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
