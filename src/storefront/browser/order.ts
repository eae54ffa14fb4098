/** An order's page that moves by itself: server-sent events tell that something changed, the page is fetched and swapped. */
import type { OrderView } from "#contract/shop.ts";
import { liveState } from "../live-state.ts";
import { hearPressure, pace } from "./pressure.ts";
import { swapMain } from "./swap.ts";

const reopenSeconds = 10;

export function keepOrderLive(): void {
  const root = () => document.querySelector<HTMLElement>("[data-live]");
  if (root() === null) return;
  let source: EventSource | undefined;

  const refresh = async () => {
    // A form on its way out of this page must not be swapped away under the shopper's hands.
    if (document.querySelector("main form[aria-busy=true]") !== null) return;
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    hearPressure(response);
    await swapMain(response);
  };
  const open = () => {
    source?.close();
    source = new EventSource(root()?.dataset.live ?? "");
    source.addEventListener("order", (event) => {
      const order = JSON.parse(event.data) as OrderView;
      if (liveState(order) !== root()?.dataset.state) void refresh();
    });
    source.onerror = () => {
      // The browser opens a broken stream again by itself, but not one that was refused.
      if (source?.readyState === EventSource.CLOSED) setTimeout(open, pace(reopenSeconds));
    };
  };
  // An open stream would keep the page out of the back/forward cache.
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    void refresh();
    open();
  });
  open();
}
