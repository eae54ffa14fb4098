/** An order's news as server-sent events, for its page. */
import type { OrderView } from "#contract/shop.ts";
import type { LightRequest } from "#kernel/light-request.ts";
import { problem } from "./answer.ts";
import type { ShopContext } from "./shop-context.ts";
import { orderView } from "./views.ts";

const streamsMax = 10_000;
const heartbeatMs = 15_000;
const streamLifeMs = 10 * 60_000;
let streams = 0;

/** Server-sent events: the order as JSON at once and after each change; a comment every 15 s; ended after 10 minutes, when browsers come back by themselves. */
export function orderEvents(shop: ShopContext, request: LightRequest, id: number | undefined): Response {
  if (id === undefined) return problem("not_found", "There is no such order, or the key does not fit.");
  if (streams >= streamsMax || shop.draining()) {
    return problem("intake_full", "Too many pages are live at this moment; this one refreshes by itself.", {
      retryAfterSeconds: 30,
    });
  }
  streams += 1;
  const encoder = new TextEncoder();
  const ended = new AbortController();
  const end = () => ended.abort();
  request.signal.addEventListener("abort", end, { once: true });
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      let changed: () => void = () => undefined;
      const unwatch = shop.orderHub.watch(id, () => changed());
      const untilMs = shop.clock.now() + streamLifeMs;
      let sent = "";
      try {
        controller.enqueue(encoder.encode("retry: 3000\n\n"));
        while (!ended.signal.aborted && shop.clock.now() < untilMs && !shop.draining()) {
          const change = new Promise<void>((resolve) => {
            changed = resolve;
          });
          const order = await shop.orders.get(id);
          if (order === undefined) break;
          const view: OrderView = orderView(shop.catalogue.snapshot(), order);
          const data = JSON.stringify(view);
          controller.enqueue(encoder.encode(data === sent ? ": still here\n\n" : `event: order\ndata: ${data}\n\n`));
          sent = data;
          const rest = new AbortController();
          const onEnd = () => rest.abort();
          ended.signal.addEventListener("abort", onEnd, { once: true });
          await Promise.race([change, shop.clock.sleep(heartbeatMs, rest.signal)]);
          ended.signal.removeEventListener("abort", onEnd);
          rest.abort();
        }
        controller.close();
      } catch {
        // The other side went away, or the database did: the browser comes back by itself.
        try {
          controller.close();
        } catch {
          // It is closed already.
        }
      } finally {
        unwatch();
        request.signal.removeEventListener("abort", end);
        streams -= 1;
      }
    },
    cancel: end,
  });
  return new Response(stream, {
    headers: { "content-type": "text/event-stream", "cache-control": "private, no-store", "x-accel-buffering": "no" },
  });
}
