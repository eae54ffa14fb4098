/** Several statements as one: all of them happen, or none. A lost connection becomes `database_unavailable`, as in `query`. */
import type { SQL, TransactionSQL } from "bun";
import { SpillwayError } from "#kernel/error.ts";
import { counted, unavailable } from "./database.ts";

export async function inTransaction<Answer>(
  sql: SQL,
  /** As after BEGIN: "isolation level repeatable read, read only". */
  mode: string,
  work: (transaction: TransactionSQL) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await counted(sql, async () => (await sql.begin(mode, work)) as Answer);
  } catch (error) {
    // Our own refusals quote what people wrote, which may well hold the word "connection".
    if (error instanceof SpillwayError) throw error;
    throw unavailable(error) ?? error;
  }
}
