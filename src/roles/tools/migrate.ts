/** `spillway migrate` */
import { migrate } from "#adapters/postgres/migrate.ts";
import type { Config } from "../config.ts";
import { openShopDatabase } from "../shop-database.ts";
import { print } from "./terminal.ts";

export async function migrateTool(config: Config): Promise<number> {
  if (config.databaseUrl !== undefined) {
    const { applied } = await migrate(config.databaseUrl);
    print(applied.length === 0 ? "Nothing to do: the database is up to date." : `Applied ${applied.join(", ")}.`);
    return 0;
  }
  const opened = await openShopDatabase(config, {
    shareRunning: true,
    seed: false,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  await opened.close();
  print("The database is up to date.");
  return 0;
}
