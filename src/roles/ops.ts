/** The operations port: is it alive, is it ready, what does it count; the mailbox, and an overview for people. */
import { poolWaiting } from "#adapters/postgres/database.ts";
import { readMailbox } from "#adapters/postgres/mailbox.ts";
import { mailboxPage } from "#console/pages/mailbox.ts";
import { operationsPage } from "#console/pages/operations.ts";
import type { Html } from "#storefront/html.ts";
import type { Metrics } from "#watch/metrics.ts";
import type { Parts } from "./parts.ts";
import { sandboxFaultApi } from "./sandbox-fault.ts";
import { version } from "./version.ts";

export type OpsOptions = {
  /** Why it is not ready, in one sentence; undefined when it is. */
  readonly notReady: () => Promise<string | undefined>;
  readonly roles: readonly string[];
  /** The edge's admin API, where there is an edge; undefined for what is none of its business. */
  readonly edge?: (request: Request) => Promise<Response | undefined>;
};

const lanes = ["payments", "notices", "the rest"];
const mailboxShown = 200;

const text = (body: string, status = 200): Response =>
  new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" } });
const page = (html: Html): Response =>
  new Response(html.toString(), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
    },
  });

/** Of this process, under the names that every dashboard knows. */
export function processGauges(metrics: Metrics, startedAtMs: number): void {
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  metrics.gauge("process_cpu_seconds_total", "CPU time used.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge("process_start_time_seconds", "When it started, since the epoch.", () => startedAtMs / 1000);
  metrics.gauge("spillway_build_info", "The version that runs.", () => [[{ version }, 1]]);
}

export function createOps(parts: Parts, options: OpsOptions): (request: Request) => Promise<Response> {
  const { metrics, clock, orders, outbox, catalogue, ledger } = parts;
  const startedAtMs = clock.now();
  processGauges(metrics, startedAtMs);
  metrics.gauge("spillway_pool_waiting", "Queries that wait for a connection to the database.", () =>
    poolWaiting(parts.pool),
  );
  const sandboxFault = sandboxFaultApi(parts);

  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const answer = (await options.edge?.(request)) ?? (await sandboxFault(request));
    if (answer !== undefined) return answer;
    if (request.method !== "GET" && request.method !== "HEAD") return text("This port only answers GET.\n", 405);
    switch (pathname) {
      case "/livez":
        return text("ok\n");
      case "/readyz": {
        const reason = await options.notReady();
        return reason === undefined ? text("ok\n") : text(`${reason}\n`, 503);
      }
      case "/metrics": {
        const depth = await outbox.depth().catch(() => []);
        const extra = depth.flatMap((lane) => [
          `spillway_outbox_due{lane="${lanes[lane.lane]}"} ${lane.due}`,
          `spillway_outbox_parked{lane="${lanes[lane.lane]}"} ${lane.parked}`,
          `spillway_outbox_oldest_due_seconds{lane="${lanes[lane.lane]}"} ${lane.oldestDueSeconds}`,
        ]);
        return new Response(`${metrics.text()}${extra.join("\n")}\n`, {
          headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" },
        });
      }
      case "/mailbox": {
        const { settings } = catalogue.snapshot();
        return page(
          mailboxPage({
            shopName: settings.name,
            locale: settings.locale,
            notices: await readMailbox(parts.pool, mailboxShown),
            selected: searchParams.get("notice"),
          }),
        );
      }
      case "/": {
        const { settings, variants, products } = catalogue.snapshot();
        const [counts, depth, levels] = await Promise.all([
          orders.countByStatus(),
          outbox.depth(),
          ledger.levels(null),
        ]);
        const low = levels
          .filter((level) => level.available <= level.lowStockAt && variants.has(level.sku))
          .slice(0, 50);
        return page(
          operationsPage({
            shopName: settings.name,
            version,
            locale: settings.locale,
            startedAt: new Date(startedAtMs).toISOString(),
            now: new Date(clock.now()).toISOString(),
            orders: Object.entries(counts).map(([status, count]) => ({ status, count })),
            queues: depth.map((lane) => ({
              name: lanes[lane.lane] ?? String(lane.lane),
              depth: lane.due + lane.later,
              oldestSeconds: lane.oldestDueSeconds,
            })),
            stock: low.map((level) => ({
              sku: level.sku,
              title: products.get(variants.get(level.sku)?.productHandle ?? "")?.title ?? level.sku,
              left: level.available,
              threshold: level.lowStockAt,
            })),
            links: [
              { href: "/mailbox", text: "Mailbox" },
              { href: "/metrics", text: "Metrics" },
              { href: "/readyz", text: "Ready?" },
            ],
          }),
        );
      }
      default:
        return text("This port has /livez, /readyz, /metrics, /mailbox and /.\n", 404);
    }
  };
}
