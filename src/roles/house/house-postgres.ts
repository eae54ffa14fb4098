/**
 * The house's own Postgres: set for keeping what it has acknowledged, always under the same address, and able to be
 * killed and started again while those that use it live on.
 */
import { findBundle, installBundle } from "#adapters/embedded-postgres/bundle.ts";
import { openDataFolder } from "#adapters/embedded-postgres/data-folder.ts";
import { startEmbeddedPostgres } from "#adapters/embedded-postgres/embedded-postgres.ts";
import { type Postmaster, startPostmaster } from "#adapters/embedded-postgres/postmaster.ts";
import { serverSettings } from "#adapters/embedded-postgres/settings.ts";

export type HousePostgres = {
  readonly url: string;
  readonly isUp: () => boolean;
  start(): Promise<void>;
  /** `kill -9` of the postmaster. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

/** Bounds its write-ahead log, as on a small disk. */
const freeDiskBytes = 2_000_000_000;

export async function startHousePostgres(dataDir: string, port: number): Promise<HousePostgres> {
  // The adapter makes cluster, password and database; from then on the port is ours to choose.
  const made = await startEmbeddedPostgres({ dataDir });
  await made.stop();
  const { home, account } = await openDataFolder(dataDir, () => undefined);
  const programs = await installBundle(await findBundle(), home);
  let postmaster: Postmaster | undefined;
  const url = new URL(made.url);
  url.port = String(port);
  const postgres: HousePostgres = {
    url: url.href,
    isUp: () => postmaster !== undefined,
    async start() {
      if (postmaster !== undefined) return;
      const started = await startPostmaster({
        home,
        programs,
        account,
        settings: serverSettings(freeDiskBytes),
        log: () => undefined,
        findPort: async () => port,
      });
      postmaster = started;
      void started.ended.then(() => {
        if (postmaster === started) postmaster = undefined;
      });
    },
    async kill() {
      const victim = postmaster;
      if (victim === undefined) return;
      process.kill(victim.pid, "SIGKILL");
      await victim.ended;
    },
    stop: async () => await postmaster?.stop(),
  };
  await postgres.start();
  return postgres;
}
