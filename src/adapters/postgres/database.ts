/**
 * The connections to Postgres. One pool for everything that a person waits for, one connection apart for the order
 * path, so that no report or page can stand in front of an order.
 */
import { SQL } from "bun";
import { SpillwayError } from "#kernel/error.ts";

export type Row = Record<string, unknown>;

export type Database = {
  readonly pool: SQL;
  readonly orderPath: SQL;
  close(): Promise<void>;
};

export function openDatabase(url: string, options: { poolMax?: number } = {}): Database {
  const poolMax = options.poolMax ?? 8;
  const pool = new SQL(url, { max: poolMax, connectionTimeout: 10, idleTimeout: 0 });
  loads.set(pool, { connections: poolMax, underWay: 0 });
  const orderPath = new SQL(url, { max: 2, connectionTimeout: 10, idleTimeout: 0 });
  return {
    pool,
    orderPath,
    close: async () => {
      await Promise.all([pool.close({ timeout: 5 }), orderPath.close({ timeout: 5 })]);
    },
  };
}

/** What is asked of a pool at this moment. Of others, such as a transaction, nothing is counted: they have their connection. */
const loads = new WeakMap<object, { readonly connections: number; underWay: number }>();

/** Queries and transactions under way beyond the pool's connections: each waits for another to end. 0 for what is no pool of `openDatabase`. */
export function poolWaiting(pool: SQL): number {
  const load = loads.get(pool);
  return load === undefined ? 0 : Math.max(0, load.underWay - load.connections);
}

/** Counts it as under way until it is over, if `sql` is a pool. */
export async function counted<Result>(sql: SQL, work: () => Promise<Result>): Promise<Result> {
  const load = loads.get(sql);
  if (load === undefined) return await work();
  load.underWay += 1;
  try {
    return await work();
  } finally {
    load.underWay -= 1;
  }
}

/** The five-character SQLSTATE of an error that the server sent, if it is one. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof SQL.PostgresError)) return undefined;
  return typeof error.errno === "string" && error.errno.length === 5 ? error.errno : undefined;
}

/** True when the server could not be reached, went away (then the outcome of what was asked is not known) or has no room for more. */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error);
  // Class 08: connection exception. 57P01-57P03: shutting down, crashed, starting up. Class 53: disk full, out of memory, too many connections.
  if (state !== undefined) return state.startsWith("08") || state.startsWith("57P0") || state.startsWith("53");
  return (
    error instanceof SQL.PostgresError || (error instanceof Error && /connection|ECONN|closed/i.test(error.message))
  );
}

/** Runs a query; a lost connection becomes `database_unavailable`, which callers answer with Retry-After. */
export async function query<Result = Row>(
  sql: SQL,
  text: string,
  parameters: readonly unknown[] = [],
): Promise<Result[]> {
  try {
    return await counted(sql, async () => (await sql.unsafe(text, parameters as unknown[])) as Result[]);
  } catch (error) {
    throw unavailable(error) ?? error;
  }
}

export function unavailable(error: unknown): SpillwayError | undefined {
  if (error instanceof SpillwayError || !isConnectionLoss(error)) return undefined;
  return new SpillwayError(
    "database_unavailable",
    "The database cannot be reached at this moment. Nothing is lost; please try again.",
    {
      cause: error,
      retryAfterSeconds: 2,
    },
  );
}

/** Array literals, written once and sent as text: the fastest way for many rows that we found. */
export const numbers = (values: readonly number[]): string => `{${values.join(",")}}`;
const controlSign = /\p{Cc}/u;
const isPlainText = (text: string): boolean => !controlSign.test(text) && text.isWellFormed();

/** For values that hold no quotes, commas, braces or backslashes, such as UUIDs. */
export const plain = (values: readonly string[]): string => `{${values.join(",")}}`;
export function texts(values: readonly string[]): string {
  // Where there is no control sign, JSON escapes exactly what an array literal wants escaped, several times as fast.
  if (values.every(isPlainText)) return `{${JSON.stringify(values).slice(1, -1)}}`;
  let literal = "{";
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as string;
    const escaped = value.includes('"') || value.includes("\\") ? value.replace(/["\\]/g, "\\$&") : value;
    literal += i === 0 ? `"${escaped}"` : `,"${escaped}"`;
  }
  return `${literal}}`;
}
