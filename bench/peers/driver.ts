/**
 * Shoppers who buy one unit, again and again, each when the last purchase is over (a closed model: the shops differ by orders
 * of magnitude, and none of them is to be buried). The same shoppers for every shop; only the calls differ.
 */
import { Histogram } from "#rehearse/measure/histogram.ts";

export class NotBought extends Error {
  readonly reason: "sold out" | "refused" | "unreachable";
  constructor(reason: NotBought["reason"], detail: string) {
    super(detail);
    this.reason = reason;
  }
}

export type Buy = (
  sku: string,
  email: string,
) => Promise<{
  /** Resolves with the order's number once the shop has confirmed it. */
  readonly last: () => Promise<string>;
}>;

export type SaleResult = {
  readonly seconds: number;
  readonly begun: number;
  readonly confirmed: readonly string[];
  readonly soldOut: number;
  readonly failed: number;
  /** One answer of each kind of failure. */
  readonly examples: readonly string[];
  /** The whole checkout, and its last call alone; orders that were confirmed. */
  readonly whole: Histogram;
  readonly last: Histogram;
};

/** When a shopper has been told so often in a row that all is gone, they go home. */
const soldOutTimes = 3;
const pauseWhenUnreachableMs = 200;

export async function runSale(
  buy: Buy,
  sale: { readonly sku: string; readonly shoppers: number; readonly seconds: number; readonly tag: string },
): Promise<SaleResult> {
  const whole = new Histogram();
  const last = new Histogram();
  const confirmed: string[] = [];
  const examples = new Map<string, string>();
  let begun = 0;
  let soldOut = 0;
  let failed = 0;
  const startMs = performance.now();
  const endMs = startMs + sale.seconds * 1000;

  const shopper = async (who: number): Promise<void> => {
    let gone = 0;
    while (performance.now() < endMs && gone < soldOutTimes) {
      begun += 1;
      const beginMs = performance.now();
      try {
        const checkout = await buy(sale.sku, `${sale.tag}-${who}-${begun}@mail.example`);
        const lastMs = performance.now();
        confirmed.push(await checkout.last());
        const nowMs = performance.now();
        whole.record((nowMs - beginMs) * 1000);
        last.record((nowMs - lastMs) * 1000);
        gone = 0;
      } catch (error) {
        if (!(error instanceof NotBought)) throw error;
        if (error.reason === "sold out") {
          soldOut += 1;
          gone += 1;
          continue;
        }
        failed += 1;
        const kind = error.message.replace(/\d+/g, "#").slice(0, 60);
        if (examples.size < 5 && !examples.has(kind)) examples.set(kind, error.message.slice(0, 200));
        if (error.reason === "unreachable") await Bun.sleep(pauseWhenUnreachableMs);
      }
    }
  };
  await Promise.all(Array.from({ length: sale.shoppers }, async (_, who) => await shopper(who)));
  return {
    // With what was under way at the end: where a checkout takes a minute, the window alone would say nothing.
    seconds: (performance.now() - startMs) / 1000,
    begun,
    confirmed,
    soldOut,
    failed,
    examples: [...examples.values()],
    whole,
    last,
  };
}
