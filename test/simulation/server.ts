/** A server for simulations outside of `bun test`: the one that SPILLWAY_TEST_DATABASE_URL names, or one of our own for the time being. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { startEmbeddedPostgres } from "#adapters/embedded-postgres/embedded-postgres.ts";
import { migrate } from "#adapters/postgres/migrate.ts";

/** A migrated database that is gone after `close`. */
export async function openServer(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const given = process.env.SPILLWAY_TEST_DATABASE_URL;
  if (given !== undefined && given !== "") {
    const name = `spillway_simulation_${process.pid}`;
    const address = new URL(given);
    address.pathname = `/${name}`;
    const admin = new SQL(given, { max: 1, connectionTimeout: 10 });
    await admin.unsafe(`create database ${name}`);
    await migrate(address.href);
    return {
      url: address.href,
      async close() {
        await admin.unsafe(`drop database if exists ${name} with (force)`);
        await admin.close();
      },
    };
  }
  const folder = await mkdtemp(join(tmpdir(), "spillway-simulation-"));
  await chmod(folder, 0o755);
  // Nothing is ever committed but the shelves: durability would be paid for and not used.
  const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), settings });
  await migrate(postgres.url);
  return {
    url: postgres.url,
    async close() {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
