/** What of an order the page shows, as one text: the script compares it with what an event brings (browser/order.ts). */
import type { OrderView } from "#contract/shop.ts";

export function liveState(order: OrderView): string {
  const { status, events, actionUrl, canRetryPayment, canCancel, holdUntil, refunded, delay, tracking } = order;
  return [
    status,
    events.length,
    actionUrl,
    canRetryPayment,
    canCancel,
    holdUntil,
    refunded.amount,
    delay,
    tracking?.number,
  ].join(" ");
}
