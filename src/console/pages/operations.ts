/** The operations port's first page: is it up, where do orders stand, what waits, what runs out. */
import { type Html, html } from "#storefront/html.ts";
import { consoleLayout, stamp } from "../layout.ts";

export type OperationsProps = {
  readonly shopName: string;
  readonly version: string;
  readonly locale: string;
  /** RFC 3339, both. */
  readonly startedAt: string;
  readonly now: string;
  readonly orders: readonly { readonly status: string; readonly count: number }[];
  readonly queues: readonly {
    readonly name: string;
    readonly depth: number;
    /** How long its oldest entry has waited; null when it is empty. */
    readonly oldestSeconds: number | null;
  }[];
  /** Variants at or below their alert level. */
  readonly stock: readonly {
    readonly sku: string;
    readonly title: string;
    readonly left: number;
    readonly threshold: number;
  }[];
  readonly links: readonly { readonly href: string; readonly text: string }[];
};

/** In the order of an order's life; what is not listed comes last, as it is. */
const statusNames: Readonly<Record<string, string>> = {
  received: "Received, payment in turn",
  paying: "Paying",
  action_required: "Bank asks the shopper",
  unknown: "Bank has not answered",
  paid: "Paid, to be packed",
  packed: "Packed",
  shipped: "With the carrier",
  delivered: "Delivered",
  part_refunded: "Refunded in part",
  refunded: "Refunded",
  cancelled: "Cancelled",
  expired: "Hold ran out",
};
const watched = new Set(["action_required", "unknown"]);

export function operationsPage(props: OperationsProps): Html {
  const { locale } = props;
  const number = new Intl.NumberFormat(locale);
  const rank = (status: string) => (Object.keys(statusNames).indexOf(status) + 100) % 100;
  const orders = [...props.orders].sort((a, b) => rank(a.status) - rank(b.status));
  const most = Math.max(1, ...orders.map((row) => row.count));
  return consoleLayout({
    shopName: props.shopName,
    title: "Overview",
    links: [{ href: "/", text: "Overview" }, ...props.links.filter((link) => link.href !== "/")],
    path: "/",
    main: html`<h1>${number.format(orders.reduce((sum, row) => sum + row.count, 0))} orders</h1>
<p class="facts"><span>As of ${stamp(locale, props.now)}. <a href="/">Look again</a></span><span>Up ${uptime(props.startedAt, props.now)}</span><span>Version ${props.version}</span></p>
<div class="panels">
<section class="panel" aria-labelledby="orders"><h2 id="orders">Where they stand</h2>${
      orders.length === 0
        ? html`<p class="soft">No order yet.</p>`
        : html`<table><thead><tr><th scope="col">State</th><th scope="col"><span class="vh">Share</span></th><th scope="col" class="figure">Orders</th></tr></thead><tbody>${orders.map(
            (row) =>
              html`<tr class=${watched.has(row.status) && row.count > 0 && "warn"}><th scope="row">${statusNames[row.status] ?? row.status}</th><td class="bar">${bar(row.count / most)}</td><td class="figure">${number.format(row.count)}</td></tr>`,
          )}</tbody></table>`
    }</section>
<section class="panel" aria-labelledby="queues"><h2 id="queues">What waits</h2>${
      props.queues.length === 0
        ? html`<p class="soft">No queue.</p>`
        : html`<table><thead><tr><th scope="col">Queue</th><th scope="col" class="figure">Oldest</th><th scope="col" class="figure">Depth</th></tr></thead><tbody>${props.queues.map(
            (queue) =>
              html`<tr><th scope="row">${queue.name}</th><td class="figure">${queue.oldestSeconds === null ? "–" : span(queue.oldestSeconds)}</td><td class="figure">${number.format(queue.depth)}</td></tr>`,
          )}</tbody></table>`
    }</section>
<section class="panel" aria-labelledby="stock"><h2 id="stock">What runs out</h2>${
      props.stock.length === 0
        ? html`<p class="soft">Everything is above its alert level.</p>`
        : html`<table><thead><tr><th scope="col">Variant</th><th scope="col" class="figure">Left</th></tr></thead><tbody>${[
            ...props.stock,
          ]
            .sort((a, b) => a.left - b.left)
            .map(
              (row) =>
                html`<tr><th scope="row">${row.title}<br><span class="soft">${row.title !== row.sku && `${row.sku}, `}alert at ${row.threshold}</span></th><td class="${row.left <= 0 ? "figure bad" : "figure warn"}">${
                  row.left <= 0 ? "sold out" : number.format(row.left)
                }</td></tr>`,
            )}</tbody></table>`
    }</section>
</div>`,
  });
}

const bar = (share: number): Html =>
  html`<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="6" fill="currentColor" opacity=".1"/><rect width="${Math.max(share > 0 ? 1 : 0, Math.round(share * 100))}" height="6" fill="currentColor"/></svg>`;

function uptime(startedAt: string, now: string): string {
  return span(Math.max(0, Math.round((Date.parse(now) - Date.parse(startedAt)) / 1000)));
}

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} days`;
}
