/** The admin API: what `bin/spillway` does, over HTTP, behind a token. */

import Type, { type Static, type TSchema } from "typebox";
import { type OrderStatus, orderStatuses } from "#commerce/orders/lifecycle.ts";
import type { Order } from "#commerce/orders/ports.ts";
import type { StockChange } from "#commerce/stock/ports.ts";
import {
  CancelRequest,
  DelayRequest,
  FulfilRequest,
  ImportReportView,
  InvariantView,
  PriceRequest,
  PublishRequest,
  RefundRequest,
  StockChangeRequest,
  StockLevelView,
} from "#contract/admin.ts";
import { OrderView, Problem } from "#contract/shop.ts";
import { SpillwayError } from "#kernel/error.ts";
import { orderId, orderNumber } from "#kernel/order-number.ts";
import { json, problem } from "./answer.ts";
import { readJson, readText } from "./body.ts";
import type { Handler, Route, RouteContext } from "./router.ts";
import type { ShopContext } from "./shop-context.ts";
import { validator } from "./validate.ts";
import { orderView } from "./views.ts";

const csvMax = 32 * 1024 * 1024;
const timeWords = "must be a time such as 2026-11-27T00:00:00Z";

/** Ms since the epoch of an RFC 3339 time; undefined when it is none. Date.parse alone would read "1" and the year -200000. */
function timeOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : atMs;
}

export type AdminOptions = {
  /** True for the right token; compared in constant time. */
  readonly isToken: (token: string) => boolean;
  readonly importCsv: (text: string) => Promise<Static<typeof ImportReportView>>;
  readonly exportCsv: () => Promise<string>;
};

export function adminApi(shop: ShopContext, options: AdminOptions): Route[] {
  const guarded =
    (handler: Handler): Handler =>
    (request, context) => {
      const token = /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
      if (token === undefined || !options.isToken(token)) {
        const response = problem(
          "unauthorized",
          "Send the admin token as Authorization: Bearer TOKEN. `bin/spillway token` prints it.",
        );
        response.headers.set("www-authenticate", 'Bearer realm="spillway"');
        return response;
      }
      return handler(request, context);
    };

  const get = (
    path: string,
    summary: string,
    schema: TSchema,
    handler: Handler,
    query: Readonly<Record<string, string>> = {},
  ): Route => ({
    method: "GET",
    path,
    handler: guarded(handler),
    describe: {
      summary,
      admin: true,
      query,
      answers: {
        200: { text: "As asked", schema },
        401: { text: "A valid token is needed", schema: Problem },
        ...(path.includes(":") ? { 404: { text: "There is none", schema: Problem } } : {}),
        ...(Object.keys(query).length === 0 ? {} : { 422: { text: "Every field's complaint", schema: Problem } }),
      },
    },
  });

  function post<Schema extends TSchema>(
    path: string,
    summary: string,
    body: Schema,
    schema: TSchema,
    handler: (value: Static<Schema>, context: RouteContext) => Promise<Response>,
  ): Route {
    const check = validator(body);
    return {
      method: "POST",
      path,
      handler: guarded(async (request, context) => {
        const read = check(await readJson(request));
        if (!read.ok)
          return problem("invalid_request", "See errors for every field's complaint.", { errors: read.errors });
        return await handler(read.value, context);
      }),
      describe: {
        summary,
        admin: true,
        body,
        answers: {
          200: { text: "Done", schema },
          401: { text: "A valid token is needed", schema: Problem },
          404: { text: "There is none", schema: Problem },
          409: { text: "The present state does not allow it", schema: Problem },
          422: { text: "Every field's complaint", schema: Problem },
        },
      },
    };
  }

  const theOrder = async ({ parameters }: RouteContext): Promise<Order> => {
    const id = orderId(parameters.number ?? "");
    const order = id === undefined ? undefined : await shop.orders.get(id);
    if (order === undefined)
      throw new SpillwayError("not_found", `There is no order ${(parameters.number ?? "").slice(0, 40)}.`);
    return order;
  };
  const shown = async (id: number): Promise<Response> => {
    const order = await shop.orders.get(id);
    return order === undefined
      ? problem("not_found", "There is no such order.")
      : json(orderView(shop.catalogue.snapshot(), order));
  };
  const refused = (order: Order, wanted: string) =>
    problem("order_state", `Order ${orderNumber(order.id)} is ${order.status}; it cannot be ${wanted} now.`);

  return [
    get(
      "/api/admin/orders",
      "Orders, newest first",
      Type.Object({ orders: Type.Array(OrderView), next: Type.Union([Type.String(), Type.Null()]) }),
      async (_request, { query }) => {
        const status = query.get("status");
        if (status !== null && !(orderStatuses as readonly string[]).includes(status)) {
          return problem("invalid_request", "See errors.", {
            errors: [{ pointer: "/status", message: `must be one of: ${orderStatuses.join(", ")}` }],
          });
        }
        const before = query.get("before");
        const beforeId = before === null ? undefined : orderId(before);
        if (before !== null && beforeId === undefined) {
          return problem("invalid_request", "See errors.", {
            errors: [{ pointer: "/before", message: "is not an order number: one looks like SGSXPXT89" }],
          });
        }
        const email = query.get("email");
        const found = await shop.orders.list({
          ...(status === null ? {} : { status: status as OrderStatus }),
          ...(email === null ? {} : { email }),
          ...(beforeId === undefined ? {} : { beforeId }),
          limit: 50,
        });
        const snapshot = shop.catalogue.snapshot();
        const last = found.at(-1);
        const next =
          found.length < 50 || last === undefined
            ? null
            : `/api/admin/orders?${new URLSearchParams({
                before: orderNumber(last.id),
                ...(status === null ? {} : { status }),
                ...(email === null ? {} : { email }),
              })}`;
        return json({ orders: found.map((order) => orderView(snapshot, order)), next });
      },
      {
        status: "Only orders that stand there",
        email: "Only orders of this e-mail address",
        before: "Number of the last order of the page before",
      },
    ),
    get(
      "/api/admin/orders/:number",
      "One order",
      OrderView,
      async (_request, context) => await shown((await theOrder(context)).id),
    ),
    post(
      "/api/admin/orders/:number/cancel",
      "Give an order up; what was paid goes back",
      CancelRequest,
      OrderView,
      async (value, context) => {
        const order = await theOrder(context);
        const end = await shop.orders.cancel(order.id, value.reason ?? "cancelled by the shop");
        if (end === "busy")
          return problem("order_state", "Its payment is under way at this very moment; try again in a few seconds.", {
            retryAfterSeconds: 2,
          });
        return end === "too_late" ? refused(order, "cancelled") : await shown(order.id);
      },
    ),
    post(
      "/api/admin/orders/:number/refund",
      "Give money back, all or part of it",
      RefundRequest,
      OrderView,
      async (value, context) => {
        const order = await theOrder(context);
        const amount = value.amount ?? order.total - order.refunded;
        const end = await shop.orders.refund(order.id, amount, value.key, value.reason ?? "refunded by the shop");
        if (end === "not_paid") return refused(order, "refunded");
        if (end === "too_much")
          return problem(
            "order_state",
            `Of ${order.total} ${order.currency} (minor units), ${order.refunded} went back already; ${amount} is more than is left.`,
          );
        return await shown(order.id);
      },
    ),
    post(
      "/api/admin/orders/:number/fulfil",
      "Packed, shipped, delivered",
      FulfilRequest,
      OrderView,
      async (value, context) => {
        const order = await theOrder(context);
        const { tracking } = value;
        const done = await shop.orders.fulfil(
          order.id,
          value.status,
          tracking === undefined
            ? null
            : { carrier: tracking.carrier, number: tracking.number, url: tracking.url ?? null },
        );
        return done ? await shown(order.id) : refused(order, value.status);
      },
    ),
    post(
      "/api/admin/orders/:number/delay",
      "Tell the shopper of a delay",
      DelayRequest,
      OrderView,
      async (value, context) => {
        const order = await theOrder(context);
        await shop.orders.announceDelay(order.id, value.text);
        return await shown(order.id);
      },
    ),
    get(
      "/api/admin/stock",
      "Stock levels",
      Type.Object({ levels: Type.Array(StockLevelView) }),
      async (_request, { query }) =>
        json({ levels: await shop.ledger.levels(query.has("sku") ? query.getAll("sku").slice(0, 1000) : null) }),
      { sku: "Only this SKU; may come several times" },
    ),
    post(
      "/api/admin/stock",
      "Set, receive or adjust stock, or its policy",
      StockChangeRequest,
      StockLevelView,
      async (value) => {
        const changed = await shop.ledger.change(value as StockChange);
        if (!changed.ok) return problem(changed.reason.code, changed.reason.message);
        shop.stock.forget();
        shop.placeOrder.forgetSoldOut();
        return json(changed.value);
      },
    ),
    post(
      "/api/admin/prices",
      "A price that takes effect at a set second",
      PriceRequest,
      PriceRequest,
      async (value) => {
        const atMs = timeOf(value.at);
        if (atMs === undefined)
          return problem("invalid_request", "See errors.", { errors: [{ pointer: "/at", message: timeWords }] });
        const found = await shop.catalogueStore.schedulePrice(value.sku, {
          atMs,
          price: value.price,
          compareAt: value.compareAt ?? null,
        });
        return found ? json(value) : problem("not_found", "No product has this SKU.");
      },
    ),
    post(
      "/api/admin/publication",
      "When a product becomes visible; null takes it off",
      PublishRequest,
      PublishRequest,
      async (value) => {
        const atMs = value.at === null ? null : timeOf(value.at);
        if (atMs === undefined)
          return problem("invalid_request", "See errors.", { errors: [{ pointer: "/at", message: timeWords }] });
        return (await shop.catalogueStore.publish(value.handle, atMs))
          ? json(value)
          : problem("not_found", "There is no product of that handle.");
      },
    ),
    {
      method: "POST",
      path: "/api/admin/catalogue",
      handler: guarded(async (request) => {
        const type = request.headers.get("content-type");
        if (type !== null && !/^(?:text\/|application\/(?:csv|octet-stream|vnd\.ms-excel)\b)/i.test(type))
          throw new SpillwayError("unsupported_media_type", `This address reads text/csv, not ${type.slice(0, 100)}.`);
        return json(await options.importCsv(await readText(request, csvMax)));
      }),
      describe: {
        summary: "Import products from Shopify's product CSV (body: text/csv)",
        admin: true,
        answers: { 200: { text: "What was imported, and every complaint by line", schema: ImportReportView } },
      },
    },
    {
      method: "GET",
      path: "/api/admin/catalogue",
      handler: guarded(
        async () =>
          new Response(await options.exportCsv(), {
            headers: { "content-type": "text/csv; charset=utf-8", "cache-control": "no-store" },
          }),
      ),
      describe: {
        summary: "All products as Shopify's product CSV",
        admin: true,
        answers: { 200: { text: "text/csv" } },
      },
    },
    get(
      "/api/admin/verify",
      "The invariants, each with its count",
      Type.Object({ invariants: Type.Array(InvariantView) }),
      async () => json({ invariants: await shop.auditor.audit() }),
    ),
  ];
}
