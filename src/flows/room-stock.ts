/**
 * Tells each waiting room what is left of the goods that its people wait for: soon after it has changed, at most once a second, and every quarter of
 * a minute in any case, because whoever was told may have been started anew since.
 *
 *   started -> (sleep, read the levels, tell what has changed) -> … -> stopped
 */
import type { Snapshot } from "#commerce/catalogue/snapshot.ts";
import type { RoomStock, StockLedger, StockLevel, TellStock } from "#commerce/stock/ports.ts";
import type { Clock } from "#kernel/clock.ts";

export type RoomStockOptions = {
  readonly rooms: () => readonly { readonly id: string; readonly skus: readonly string[] }[];
  readonly ledger: Pick<StockLedger, "levels">;
  readonly snapshot: () => Snapshot;
  readonly tell: TellStock;
  readonly clock: Clock;
  /** Called once when telling begins to fail, and not again before it has gone well. */
  readonly report: (error: unknown) => void;
};

const everyMs = 1000;
const againAfterMs = 15_000;

export class RoomStockFeed {
  readonly #options: RoomStockOptions;
  readonly #stopping = new AbortController();
  /** By room: what it was told, and when. */
  readonly #told = new Map<string, { text: string; atMs: number }>();
  #isFailing = false;
  #running: Promise<void> | undefined;

  constructor(options: RoomStockOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await this.#options.clock.sleep(everyMs, signal);
      if (signal.aborted) return;
      try {
        await this.tell();
        this.#isFailing = false;
      } catch (error) {
        if (!this.#isFailing) this.#options.report(error);
        this.#isFailing = true;
      }
    }
  }

  /** One look, and what follows from it. Rejects when a room could not be told; the next look tells it again. */
  async tell(): Promise<void> {
    const { ledger, snapshot, tell, clock } = this.#options;
    const rooms = this.#options.rooms();
    if (rooms.length === 0) return;
    const catalogue = snapshot();
    const levels = await ledger.levels([...new Set(rooms.flatMap(({ skus }) => partsOf(catalogue, skus)))]);
    const told = await Promise.allSettled(
      rooms.map(async ({ id, skus }) => {
        const stock = roomStock(catalogue, levels, skus);
        const text = JSON.stringify(stock);
        const last = this.#told.get(id);
        if (last?.text === text && clock.now() - last.atMs < againAfterMs) return;
        await tell(id, stock);
        this.#told.set(id, { text, atMs: clock.now() });
      }),
    );
    for (const outcome of told) if (outcome.status === "rejected") throw outcome.reason;
  }
}

/** SKUs of what these are held as. */
function partsOf(catalogue: Snapshot, skus: readonly string[]): string[] {
  return skus.flatMap((sku) =>
    (catalogue.variants.get(sku)?.components ?? []).flatMap(
      ({ variantId }) => catalogue.variantsById.get(variantId)?.sku ?? [],
    ),
  );
}

/**
 * Units of all of these together. A bundle counts by its scarcest part, and not at all when one of its parts counts
 * already: it takes from the same units.
 */
export function roomStock(catalogue: Snapshot, levels: readonly StockLevel[], skus: readonly string[]): RoomStock {
  const sum = { remaining: 0, held: 0, sold: 0 };
  const counted = new Set<number>();
  const variants = skus.flatMap((sku) => catalogue.variants.get(sku) ?? []);
  for (const { components } of variants.toSorted((a, b) => a.components.length - b.components.length)) {
    if (components.length === 0 || components.some(({ variantId }) => counted.has(variantId))) continue;
    const parts = components.map(({ variantId, quantity }) => {
      counted.add(variantId);
      const units = { remaining: 0, held: 0, sold: 0 };
      for (const level of levels) {
        if (level.variantId !== variantId) continue;
        units.remaining += level.available;
        units.held += level.held;
        units.sold += level.sold;
      }
      const of = (count: number) => Math.floor(count / quantity);
      return { remaining: of(units.remaining), held: of(units.held), sold: of(units.sold) };
    });
    const scarcest = parts.reduce((a, b) => (b.remaining < a.remaining ? b : a));
    sum.remaining += scarcest.remaining;
    sum.held += scarcest.held;
    sum.sold += scarcest.sold;
  }
  return sum;
}
