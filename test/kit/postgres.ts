/**
 * A database of its own for each test file, with the schema in it. The first file that asks starts a server (or takes
 * the one that SPILLWAY_TEST_DATABASE_URL names) and migrates a template once; every database is a copy of that.
 *
 * `bun test` runs all files in one process and tells nobody when it ends, nor does a killed one: so whoever cleans up
 * is a process apart, janitor.ts, which begins when this one falls silent.
 */
import { afterAll, setDefaultTimeout } from "bun:test";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { startEmbeddedPostgres } from "#adapters/embedded-postgres/embedded-postgres.ts";
import { migrate } from "#adapters/postgres/migrate.ts";

export type TestDatabase = AsyncDisposable & {
  readonly url: string;
  /** A few connections to it. */
  readonly sql: SQL;
  /** A database of its own with everything that is in this one: `await using copy = …`. This one is read no more. */
  readonly copy: () => Promise<TestDatabase>;
};

type Server = { readonly admin: SQL; readonly urlOf: (database: string) => string; readonly template: string };

let server: Promise<Server> | undefined;
let copies = 0;

/** To be awaited at the top of a test file; dropped after the file's last test. */
export async function testDatabase(): Promise<TestDatabase> {
  // A machine that builds and measures other things meanwhile is slow, and that is no reason to fail.
  setDefaultTimeout(30_000);
  server ??= startServer();
  const database = await copyDatabase(await server, (await server).template);
  afterAll(async () => await database[Symbol.asyncDispose]());
  return database;
}

async function copyDatabase(server: Server, template: string): Promise<TestDatabase> {
  copies += 1;
  const name = `${server.template}_${copies}`;
  await server.admin.unsafe(`create database ${name} template ${template}`);
  const url = server.urlOf(name);
  const sql = new SQL(url, { max: 8, connectionTimeout: 10, idleTimeout: 0 });
  return {
    url,
    sql,
    async copy() {
      // Postgres copies only what nobody is connected to.
      await sql.close();
      return await copyDatabase(server, name);
    },
    async [Symbol.asyncDispose]() {
      await sql.close();
      await server.admin.unsafe(`drop database if exists ${name} with (force)`);
    },
  };
}

async function startServer(): Promise<Server> {
  const given = process.env.SPILLWAY_TEST_DATABASE_URL;
  const template = `spillway_test_${process.pid}_${Date.now().toString(36)}`;
  let url = given;
  if (url === undefined || url === "") {
    const folder = await mkdtemp(join(tmpdir(), "spillway-test-"));
    // Where tests run as root, Postgres runs as somebody else, and would not get in.
    await chmod(folder, 0o755);
    callJanitor(["folder", folder]);
    // These data are worth nothing: a test that is about durability starts its own server.
    const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "200" };
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), settings });
    url = postgres.url;
  } else {
    callJanitor(["databases", url, template]);
  }
  const urlOf = (database: string) => {
    const address = new URL(url);
    address.pathname = `/${database}`;
    return address.href;
  };
  const admin = new SQL(urlOf("postgres"), { max: 1, connectionTimeout: 10, idleTimeout: 0 });
  await admin.unsafe(`create database ${template}`);
  await migrate(urlOf(template));
  return { admin, urlOf, template };
}

/** Its standard input is a pipe that ends when we do, however we end; it has a session of its own, so Ctrl-C spares it. */
function callJanitor(task: string[]): void {
  const janitor = Bun.spawn([process.execPath, join(import.meta.dir, "janitor.ts"), ...task], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
  });
  janitor.unref();
}

/** Everything that a shop writes is gone, and its counters begin anew: for the start of a test. */
export async function clearTables(sql: SQL): Promise<void> {
  await sql
    .unsafe(`do $$ begin
      execute (
        select 'truncate ' || string_agg(quote_ident(relname), ', ') || ' restart identity cascade' from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r'
          and relname not in ('migrations', 'shop_state', 'locations', 'order_transitions')
      );
      delete from locations where id > 1;
    end $$`)
    .simple();
}
