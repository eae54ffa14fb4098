/**
 * A Postgres that is set for keeping what it has acknowledged, can be killed, and comes back under the same address: what
 * a shop and its workers on several machines have. Begun by `start`, gone with `stop`; the folder is the caller's.
 */
import { findBundle, installBundle } from "#adapters/embedded-postgres/bundle.ts";
import { openDataFolder } from "#adapters/embedded-postgres/data-folder.ts";
import { startEmbeddedPostgres } from "#adapters/embedded-postgres/embedded-postgres.ts";
import { type Postmaster, startPostmaster } from "#adapters/embedded-postgres/postmaster.ts";
import { serverSettings } from "#adapters/embedded-postgres/settings.ts";
import { freePort } from "../kit/running-shop.ts";

export type DurablePostgres = {
  readonly url: string;
  /** `kill -9` of the postmaster, and a start again; resolves when it takes connections. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
};

/** Bounds its write-ahead log, as on a small disk. */
const freeDiskBytes = 2_000_000_000;

export async function startDurablePostgres(dataDir: string): Promise<DurablePostgres> {
  // The adapter makes cluster, password and database; from then on the port is ours to choose.
  const made = await startEmbeddedPostgres({ dataDir });
  await made.stop();
  const { home, account } = await openDataFolder(dataDir, () => undefined);
  const programs = await installBundle(await findBundle(), home);
  const port = await freePort();
  const start = async (): Promise<Postmaster> =>
    await startPostmaster({
      home,
      programs,
      account,
      settings: serverSettings(freeDiskBytes),
      log: () => undefined,
      findPort: async () => port,
    });
  let postmaster = await start();
  const url = new URL(made.url);
  url.port = String(port);
  return {
    url: url.href,
    async killAndRestart() {
      process.kill(postmaster.pid, "SIGKILL");
      await postmaster.ended;
      postmaster = await start();
    },
    stop: async () => await postmaster.stop(),
  };
}
