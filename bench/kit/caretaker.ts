/**
 * Starts a shop in a scratch folder and answers for its end. Its standard input is a pipe from the bench, which ends
 * when the bench does, however it ends: then the shop is stopped, and the folder is gone.
 *
 *   caretaker.ts FOLDER PROGRAM WORD …   the shop's standard output and environment are its own
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const stopsWithinMs = 40_000;

const [folder = "", ...command] = process.argv.slice(2);
const shop = Bun.spawn(command, {
  stdin: "ignore",
  stdout: "inherit",
  stderr: Bun.file(join(folder, "shop.log")),
  // A session of its own: Ctrl-C in the terminal must not reach it before the bench has let go of it.
  detached: true,
});
process.stdout.write(`pid ${shop.pid}\n`);
await Promise.race([new Response(Bun.stdin.stream()).text(), shop.exited]);
shop.kill("SIGTERM");
if ((await Promise.race([shop.exited, Bun.sleep(stopsWithinMs)])) === undefined) shop.kill("SIGKILL");
await shop.exited;

const data = join(folder, "data");
// Written where the account that runs Postgres cannot reach the folder: the database is elsewhere.
const pointer = join(data, "database-location.txt");
const home = existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : data;
// Postgres ends soon after a shop that was killed.
const giveUpAt = Date.now() + stopsWithinMs;
while (existsSync(join(home, "cluster", "postmaster.pid")) && Date.now() < giveUpAt) await Bun.sleep(100);
rmSync(home, { recursive: true, force: true });
rmSync(folder, { recursive: true, force: true });
