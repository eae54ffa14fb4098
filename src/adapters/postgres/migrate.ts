/**
 * Brings a database to this program's schema: numbered migrations once each, functions whenever their text differs.
 * Safe to run from several processes at once (an advisory lock), refused for a database that a newer Spillway made.
 */
import { Glob, SQL } from "bun";
import { SpillwayError } from "#kernel/error.ts";
import { query } from "./database.ts";

const folder = `${import.meta.dir}/`;
const minimumVersion = 150_000;
const lockKey = 7_301_955_117;

export type MigrationReport = { readonly applied: readonly string[]; readonly fresh: boolean };

export async function migrate(url: string): Promise<MigrationReport> {
  const sql = new SQL(url, { max: 1, connectionTimeout: 10 });
  try {
    const [server] = await query<{ number: number; version: string }>(
      sql,
      "select current_setting('server_version_num')::int as number, current_setting('server_version') as version",
    );
    if (server === undefined || server.number < minimumVersion) {
      throw new SpillwayError(
        "postgres_version",
        `Spillway needs Postgres 15 or newer; DATABASE_URL leads to ${server?.version ?? "an unknown version"}.`,
      );
    }
    const files = (await Array.fromAsync(new Glob("migrations/*.sql").scan(folder))).sort();
    const functions = (await Array.fromAsync(new Glob("functions/*.sql").scan(folder))).sort();
    return await sql.begin(async (transaction) => {
      await query(transaction, "select pg_advisory_xact_lock($1::bigint)", [lockKey]);
      await query(
        transaction,
        "create table if not exists migrations (name text primary key, at timestamptz not null default now(), hash text)",
      );
      const done = new Map(
        (await query<{ name: string; hash: string | null }>(transaction, "select name, hash from migrations")).map(
          (row) => [row.name, row.hash],
        ),
      );
      const unknown = [...done.keys()].filter((name) => name.startsWith("migrations/") && !files.includes(name));
      if (unknown.length > 0) {
        throw new SpillwayError(
          "schema_newer",
          `This database was made by a newer Spillway (it has ${unknown.join(", ")}). Start that version, or restore a backup made before it.`,
        );
      }
      const applied: string[] = [];
      for (const name of [...files, ...functions]) {
        const text = await Bun.file(`${folder}${name}`).text();
        const hash = Bun.hash(text).toString(16);
        const known = done.get(name);
        if (known !== undefined && (name.startsWith("migrations/") || known === hash)) continue;
        await transaction.unsafe(text).simple();
        await query(
          transaction,
          "insert into migrations (name, hash) values ($1, $2) on conflict (name) do update set hash = excluded.hash, at = now()",
          [name, hash],
        );
        applied.push(name);
      }
      return { applied, fresh: done.size === 0 };
    });
  } finally {
    await sql.close();
  }
}
