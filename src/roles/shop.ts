/** The shop role: everything that answers a shopper, as one handler. */
import { timingSafeEqual } from "node:crypto";
import { gzipSync } from "node:zlib";
import { hash128 } from "#adapters/system/hash.ts";
import { demoArt, imageFor } from "#commerce/catalogue/demo/demo-art.ts";
import type { PassGate } from "#commerce/orders/ports.ts";
import type { TellStock } from "#commerce/stock/ports.ts";
import { OrderHub } from "#flows/order-hub.ts";
import { PlaceOrder } from "#flows/place-order.ts";
import { RoomStockFeed } from "#flows/room-stock.ts";
import { StockView } from "#flows/stock-view.ts";
import { adminApi } from "#http/admin-api.ts";
import { createShopHandler, type ShopHandler } from "#http/app.ts";
import { cartPages } from "#http/cart-pages.ts";
import { checkoutPages } from "#http/checkout-pages.ts";
import { openApi } from "#http/openapi.ts";
import { orderPages } from "#http/order-pages.ts";
import { PageCache } from "#http/page-cache.ts";
import { sharedPages } from "#http/pages.ts";
import type { Route } from "#http/router.ts";
import { sandboxPages } from "#http/sandbox-pages.ts";
import { orderStatusDescription, shopApi } from "#http/shop-api.ts";
import type { ShopContext } from "#http/shop-context.ts";
import { webhooks } from "#http/webhooks.ts";
import type { Pressure } from "#storefront/frame.ts";
import { exportCsv, importCsv } from "./catalogue-files.ts";
import type { Parts } from "./parts.ts";
import { fingerprintOf } from "./payment-gateways.ts";

export type Shop = {
  readonly handler: ShopHandler;
  readonly placeOrder: PlaceOrder;
  /** No new event streams; those that are open end at their next beat. */
  drain(): void;
  stop(): Promise<void>;
};

/** What the edge in front of it, in the same process, gives and is told. */
export type ShopEdge = {
  readonly pressure: () => Pressure;
  /** Answers with this tag are old. */
  readonly changed: (tag: "catalogue" | "stock") => void;
};

/** The waiting rooms before it, whether their edges are in this process or elsewhere. */
export type ShopRooms = {
  /** Undefined while no room names what it sells. */
  readonly passGate: () => PassGate | undefined;
  /** Undefined where nobody is told. */
  readonly tellStock: TellStock | undefined;
};

export async function createShop(parts: Parts, edge?: ShopEdge, rooms?: ShopRooms): Promise<Shop> {
  const { config, clock, catalogue, ledger, signer, metrics } = parts;
  const script = await bundleScript();
  const stock = new StockView(ledger, clock);
  const placeOrder = new PlaceOrder({
    intake: parts.intake,
    snapshot: () => catalogue.snapshot(),
    refresh: async () => await catalogue.refresh(),
    hash: hash128,
    clock,
    providers: new Map(
      parts.gateways.all.map(({ name }) => [name, { fingerprintOf: (token: string) => fingerprintOf(name, token) }]),
    ),
    batchMax: config.intakeBatchMax,
    queueMax: config.intakeQueueMax,
    ...(rooms === undefined ? {} : { passGate: rooms.passGate }),
  });
  const roomStock =
    rooms?.tellStock === undefined
      ? undefined
      : new RoomStockFeed({
          rooms: () => rooms.passGate()?.rooms ?? [],
          ledger,
          snapshot: () => catalogue.snapshot(),
          tell: rooms.tellStock,
          clock,
          report: parts.report,
        });
  const orderHub = new OrderHub();
  let draining = false;

  const context: ShopContext = {
    clock,
    catalogue,
    catalogueStore: parts.catalogueStore,
    stock,
    ledger,
    auditor: parts.auditor,
    placeOrder,
    orders: parts.orders,
    orderHub,
    payments: parts.payments,
    paymentFlow: parts.paymentFlow,
    carts: parts.carts,
    newId: () => crypto.randomUUID(),
    signer,
    assets: {
      scriptUrl: script.path,
      cssUrl: null,
      logoUrl: demoArt.logo,
      faviconUrl: demoArt.favicon,
      heroUrl: demoArt.hero,
      emptyCartUrl: demoArt.emptyCart,
      notFoundUrl: demoArt.notFound,
      errorUrl: demoArt.error,
    },
    paymentOptions: parts.gateways.options,
    origin: config.origin,
    pressure: () => edge?.pressure() ?? 0,
    report: parts.report,
    draining: () => draining,
  };

  const expectedToken = Buffer.from(parts.adminToken);
  const api = [
    ...shopApi(context),
    ...adminApi(context, {
      isToken: (token) => {
        const given = Buffer.from(token);
        return given.length === expectedToken.length && timingSafeEqual(given, expectedToken);
      },
      importCsv: async (text) => await importCsv(parts.catalogueStore, catalogue.snapshot().settings.currency, text),
      exportCsv: async () => await exportCsv(parts.catalogueStore, ledger),
    }),
  ];
  const { sandbox } = parts.gateways;
  const handler = createShopHandler(
    context,
    [
      ...api,
      openApi(api, [{ method: "GET", path: "/orders/:number/:key", describe: orderStatusDescription }]),
      ...sharedPages(context, new PageCache()),
      ...cartPages(context),
      ...checkoutPages(context),
      ...orderPages(context),
      ...webhooks(context),
      ...(sandbox === undefined
        ? []
        : sandboxPages(context, {
            challenge: async (reference) => await sandbox.challenge(reference),
            end: async (reference, approved) =>
              (await (approved ? sandbox.approve(reference) : sandbox.decline(reference)))?.returnUrl ?? null,
          })),
      ...files(script),
    ],
    metrics,
  );

  catalogue.onRead = () => edge?.changed("catalogue");
  await catalogue.start();
  await orderHub.start(parts.orders);
  const stockChanges = await parts.pool.listen("stock", () => {
    stock.forget();
    placeOrder.forgetSoldOut();
    edge?.changed("stock");
  });
  roomStock?.start();
  metrics.gauge("spillway_intake_waiting", "Orders that wait for the commit under way.", () => placeOrder.queueDepth);
  metrics.gauge("spillway_intake_batches_total", "Commits by how many orders they held, as powers of two.", () =>
    placeOrder.batchSizes.map((count, power) => [{ atLeast: String(2 ** power) }, count ?? 0] as const),
  );

  return {
    handler,
    placeOrder,
    drain: () => {
      draining = true;
      orderHub.wakeAll();
    },
    stop: async () => {
      await roomStock?.stop();
      await placeOrder.drained();
      await stockChanges.unlisten().catch(() => undefined);
      await orderHub.stop();
      await catalogue.stop();
    },
  };
}

type Script = { readonly path: string; readonly text: string };

/** The little script of the pages, bundled at start: tens of milliseconds, and nothing to build beforehand. */
async function bundleScript(): Promise<Script> {
  const built = await Bun.build({
    entrypoints: [`${import.meta.dir}/../storefront/browser/main.ts`],
    minify: true,
    target: "browser",
  });
  const text = await (built.outputs[0] as Blob).text();
  return { text, path: `/assets/${Bun.hash(text).toString(36)}.js` };
}

/** The script under the hash of its content, and the drawn pictures. */
function files(script: Script): Route[] {
  const packed = new Map<string, Uint8Array<ArrayBuffer>>();
  const answer = (request: Request, key: string, text: string, type: string, cache: string): Response => {
    const headers: Record<string, string> = {
      "content-type": type,
      "cache-control": cache,
      vary: "accept-encoding",
      "x-content-type-options": "nosniff",
    };
    if (!/\bgzip\b/.test(request.headers.get("accept-encoding") ?? "")) return new Response(text, { headers });
    let gzip = packed.get(key);
    if (gzip === undefined) {
      gzip = new Uint8Array(gzipSync(text, { level: 9 }));
      packed.set(key, gzip);
    }
    return new Response(gzip, { headers: { ...headers, "content-encoding": "gzip" } });
  };
  return [
    {
      method: "GET",
      path: script.path,
      handler: (request) =>
        answer(
          request,
          script.path,
          script.text,
          "text/javascript; charset=utf-8",
          "public, max-age=31536000, immutable",
        ),
    },
    {
      method: "GET",
      path: "/images/:name",
      handler: (request, { path }) => {
        const svg = imageFor(path);
        if (svg === undefined)
          return new Response("There is no such picture.", { status: 404, headers: { "content-type": "text/plain" } });
        const response = answer(request, path, svg, "image/svg+xml", "public, max-age=86400");
        // A picture opened by itself runs nothing.
        response.headers.set("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
        return response;
      },
    },
    {
      method: "GET",
      path: "/favicon.ico",
      handler: () =>
        new Response(null, {
          status: 308,
          headers: { location: demoArt.favicon, "cache-control": "public, max-age=86400" },
        }),
    },
    {
      method: "GET",
      path: "/robots.txt",
      handler: () =>
        new Response("User-agent: *\nDisallow: /cart\nDisallow: /checkout\nDisallow: /orders/\nDisallow: /api/\n", {
          headers: { "content-type": "text/plain", "cache-control": "public, max-age=3600" },
        }),
    },
  ];
}
