/**
 * What pages say about stock: at most a second old, read by one query for everybody, and never what an order is
 * decided by.
 */
import type { Variant } from "#commerce/catalogue/product.ts";
import type { StockLedger } from "#commerce/stock/ports.ts";
import type { Clock } from "#kernel/clock.ts";

const freshMs = 1000;

export class StockView {
  readonly #ledger: StockLedger;
  readonly #clock: Clock;
  #available: ReadonlyMap<number, number> | undefined;
  #readAtMs = 0;
  #reading: Promise<void> | undefined;
  /** Counts readings that differ from the one before: pages made from the same one are the same. */
  version = 0;

  constructor(ledger: StockLedger, clock: Clock) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /** Makes sure that what follows is at most a second old; costs nothing while it is. */
  async fresh(): Promise<void> {
    if (this.#available !== undefined && this.#clock.now() - this.#readAtMs < freshMs) return;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  /** The next look reads again: stock was changed by hand. */
  forget(): void {
    this.#readAtMs = 0;
  }

  /** Units of this variant that could be promised, by its scarcest part. */
  left(variant: Pick<Variant, "components">): number {
    let left = Number.MAX_SAFE_INTEGER;
    for (const part of variant.components) {
      left = Math.min(left, Math.floor((this.#available?.get(part.variantId) ?? 0) / part.quantity));
    }
    return Math.max(left, 0);
  }

  async #read(): Promise<void> {
    const startedMs = this.#clock.now();
    const available = await this.#ledger.available();
    if (!same(this.#available, available)) this.version += 1;
    this.#available = available;
    this.#readAtMs = startedMs;
  }
}

function same(a: ReadonlyMap<number, number> | undefined, b: ReadonlyMap<number, number>): boolean {
  if (a === undefined || a.size !== b.size) return false;
  for (const [key, value] of b) if (a.get(key) !== value) return false;
  return true;
}
