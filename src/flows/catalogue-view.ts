/**
 * The catalogue in this process's memory. Read whole when it changes (NOTIFY, or an order that was priced too old);
 * between readings it follows scheduled changes by itself, on the database's clock.
 *
 * empty -> (start) -> read -> (a change is told) -> reading again, the old one still serving -> read …
 */
import type { CatalogueRows, CatalogueStore } from "#commerce/catalogue/ports.ts";
import { buildSnapshot, type Snapshot } from "#commerce/catalogue/snapshot.ts";
import type { Clock } from "#kernel/clock.ts";
import { SpillwayError } from "#kernel/error.ts";

export class CatalogueView {
  readonly #store: CatalogueStore;
  readonly #clock: Clock;
  #rows: CatalogueRows | undefined;
  #snapshot: Snapshot | undefined;
  /** What to add to our clock to have the database's. */
  #offsetMs = 0;
  #reading: Promise<void> | undefined;
  #stale = false;
  #listening: { stop(): Promise<void> } | undefined;
  /** Called after each reading: what was made from the one before is old. */
  onRead: (() => void) | undefined;

  constructor(store: CatalogueStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    this.#listening = await this.#store.changed(() => {
      this.refresh().catch(() => undefined);
    });
    await this.refresh();
  }

  async stop(): Promise<void> {
    await this.#listening?.stop();
    await this.#reading?.catch(() => undefined);
  }

  /** The catalogue as it stands now. */
  snapshot(): Snapshot {
    if (this.#rows === undefined) {
      throw new SpillwayError("database_unavailable", "The shop is still starting. Please try again in a moment.", {
        retryAfterSeconds: 1,
      });
    }
    const nowMs = this.#clock.now() + this.#offsetMs;
    const current = this.#snapshot;
    if (current !== undefined && nowMs < current.reading.validUntil * 1000 && nowMs >= current.reading.validFrom * 1000)
      return current;
    this.#snapshot = buildSnapshot(this.#rows, nowMs);
    return this.#snapshot;
  }

  /** Reads again. Calls that come while a reading is under way share the one after it. */
  async refresh(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#stale = true;
      await this.#reading;
      return;
    }
    this.#reading = (async () => {
      do {
        this.#stale = false;
        // The database looks at its clock when the reading begins. Taken when it ends, ours would be behind by as long as
        // it took, and what goes on sale at a set second would be refused that long after it. Ahead, an order is only
        // priced again.
        const startedMs = this.#clock.now();
        const rows = await this.#store.read();
        this.#offsetMs = rows.databaseNowMs - startedMs;
        this.#rows = rows;
        this.#snapshot = undefined;
        this.onRead?.();
      } while (this.#stale);
    })();
    try {
      await this.#reading;
    } finally {
      this.#reading = undefined;
    }
  }
}
