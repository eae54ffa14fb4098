/** Tells whoever waits for an order's news that there is some: one listener on the database for all of them. */
import type { OrderBook } from "#commerce/orders/ports.ts";

export class OrderHub {
  readonly #waiting = new Map<number, Set<() => void>>();
  #listening: { stop(): Promise<void> } | undefined;

  async start(orders: OrderBook): Promise<void> {
    this.#listening = await orders.changed((id) => {
      for (const wake of this.#waiting.get(id) ?? []) wake();
    });
  }

  async stop(): Promise<void> {
    await this.#listening?.stop();
  }

  /** Wakes everybody: the process is stopping, or news may have been missed. */
  wakeAll(): void {
    for (const waiting of this.#waiting.values()) for (const wake of waiting) wake();
  }

  /** Calls back at each change of the order, until the returned function is called. */
  watch(id: number, wake: () => void): () => void {
    const waiting = this.#waiting.get(id) ?? new Set();
    waiting.add(wake);
    this.#waiting.set(id, waiting);
    return () => {
      waiting.delete(wake);
      if (waiting.size === 0) this.#waiting.delete(id);
    };
  }
}
