/**
 * Cleans up after a test process that has ended, however it ended: its databases on a server that stays, or the whole
 * folder of a server that went with it (the embedded Postgres ends by itself when its owner does).
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";

const serverEndsWithinMs = 30_000;

await new Response(Bun.stdin.stream()).text();
const [kind, place = "", prefix = ""] = process.argv.slice(2);
if (kind === "folder") await removeFolder(place);
else if (kind === "databases") await dropDatabases(place, prefix);

async function removeFolder(folder: string): Promise<void> {
  const data = join(folder, "data");
  // Written where the account that runs Postgres cannot reach the folder: the database is elsewhere.
  const pointer = join(data, "database-location.txt");
  const home = existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : data;
  const giveUpAt = Date.now() + serverEndsWithinMs;
  while (existsSync(join(home, "cluster", "postmaster.pid")) && Date.now() < giveUpAt) await Bun.sleep(100);
  rmSync(home, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

async function dropDatabases(url: string, prefix: string): Promise<void> {
  const address = new URL(url);
  address.pathname = "/postgres";
  const sql = new SQL(address.href, { max: 1, connectionTimeout: 10 });
  const rows = await sql.unsafe("select datname from pg_database where starts_with(datname, $1::text)", [prefix]);
  for (const { datname } of rows as { datname: string }[]) {
    await sql.unsafe(`drop database if exists ${datname} with (force)`);
  }
  await sql.close();
}
