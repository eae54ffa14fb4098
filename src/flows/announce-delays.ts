/** Orders that wait longer than they should are told so, once, before they have to ask. */
import type { OrderBook } from "#commerce/orders/ports.ts";

/** An order that nobody has started to charge after this long is late. */
const lateAfterMs = 10 * 60_000;
const perRound = 200;

export async function announceDelays(orders: OrderBook, nowMs: number): Promise<number> {
  const late = await orders.waitingSince(nowMs - lateAfterMs, perRound);
  for (const id of late) {
    await orders.announceDelay(
      id,
      "Many people are ordering at once, so charging your card takes longer than usual. Your units are held; there is nothing you need to do.",
    );
  }
  return late.length;
}
