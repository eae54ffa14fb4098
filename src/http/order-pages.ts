/** An order's page for whoever holds its link, what one can do there, and the way to find it again. */
import { resumePayment } from "#flows/pay-order.ts";
import type { LightRequest } from "#kernel/light-request.ts";
import { orderId } from "#kernel/order-number.ts";
import { orderLookupPage } from "#storefront/pages/order-lookup.ts";
import { orderStatusPage } from "#storefront/pages/order-status.ts";
import { json, problem, redirect, wantsJson } from "./answer.ts";
import { readForm } from "./body.ts";
import { orderEvents } from "./order-events.ts";
import { openOrderLink, orderPath } from "./order-link.ts";
import { frameOf, notFound } from "./pages.ts";
import type { Route, RouteContext } from "./router.ts";
import type { ShopContext } from "./shop-context.ts";
import { form, page, paymentOf } from "./shopper-form.ts";
import { orderView } from "./views.ts";

export function orderPages(shop: ShopContext): Route[] {
  return [
    {
      method: "GET",
      path: "/orders/lookup",
      handler: () =>
        page(
          orderLookupPage(frameOf(shop, shop.catalogue.snapshot(), "/orders/lookup"), {
            values: { orderNumber: "", email: "" },
            error: null,
          }),
        ),
    },
    { method: "POST", path: "/orders/lookup", handler: form(async (request) => await lookUp(shop, request)) },
    {
      method: "GET",
      path: "/orders/:number/:key",
      handler: async (request, context) => await showOrder(shop, request, context, null),
    },
    {
      method: "GET",
      path: "/orders/:number/:key/events",
      handler: (request, context) => orderEvents(shop, request, idOf(shop, context)),
    },
    {
      method: "GET",
      path: "/orders/:number/:key/return",
      handler: async (_request, context) => {
        const id = idOf(shop, context);
        if (id === undefined) return notFound(shop, context.path);
        await resumePayment(shop.paymentFlow, id, context.query);
        return redirect(orderPath(shop.signer, id));
      },
    },
    {
      method: "POST",
      path: "/orders/:number/:key/cancel",
      handler: form(async (request, context) => {
        const id = idOf(shop, context);
        if (id === undefined) return notFound(shop, context.path);
        const end = await shop.orders.cancel(id, "cancelled by the shopper");
        if (end === "busy")
          return await showOrder(
            shop,
            request,
            context,
            "Your bank is being asked at this very moment. Please try again in a few seconds.",
          );
        if (end === "too_late")
          return await showOrder(
            shop,
            request,
            context,
            "This order can no longer be cancelled. When it has arrived you can send it back.",
          );
        return redirect(orderPath(shop.signer, id));
      }),
    },
    {
      method: "POST",
      path: "/orders/:number/:key/payment",
      handler: form(async (request, context) => {
        const id = idOf(shop, context);
        if (id === undefined) return notFound(shop, context.path);
        const choice = paymentOf(await readForm(request));
        if (
          choice === null ||
          shop.paymentFlow.desk.gateway(choice.provider) === undefined ||
          choice.token.length > 300
        ) {
          return await showOrder(shop, request, context, "Please choose how to pay.");
        }
        if (!(await shop.orders.retryPayment(id, choice))) {
          return await showOrder(
            shop,
            request,
            context,
            "This order does not wait for another payment any more. The page now shows where it stands.",
          );
        }
        return redirect(orderPath(shop.signer, id));
      }),
    },
  ];
}

const idOf = (shop: ShopContext, context: RouteContext): number | undefined =>
  openOrderLink(shop.signer, context.parameters.number ?? "", context.parameters.key ?? "");

async function showOrder(
  shop: ShopContext,
  request: LightRequest,
  context: RouteContext,
  problemText: string | null,
): Promise<Response> {
  const id = idOf(shop, context);
  const order = id === undefined ? undefined : await shop.orders.get(id);
  if (id === undefined || order === undefined) {
    return wantsJson(request)
      ? problem("not_found", "There is no such order, or the key does not fit.")
      : notFound(shop, context.path);
  }
  const snapshot = shop.catalogue.snapshot();
  const view = orderView(snapshot, order);
  if (wantsJson(request)) return json(view, 200, { "cache-control": "private, no-store" });
  const statusUrl = orderPath(shop.signer, id);
  return page(
    orderStatusPage(frameOf(shop, snapshot, statusUrl), {
      order: view,
      statusUrl,
      paymentOptions: shop.paymentOptions,
      problem: problemText,
      refresh: context.query.get("refresh") !== "off",
    }),
    problemText === null ? 200 : 409,
  );
}

async function lookUp(shop: ShopContext, request: LightRequest): Promise<Response> {
  const fields = await readForm(request);
  const values = {
    orderNumber: (fields.get("orderNumber") ?? "").trim().slice(0, 40),
    email: (fields.get("email") ?? "").trim().slice(0, 254),
  };
  const id = orderId(values.orderNumber);
  const order = id === undefined ? undefined : await shop.orders.get(id);
  // One answer for a wrong number and a wrong address: it must not tell which orders there are.
  if (id !== undefined && order !== undefined && order.email.toLowerCase() === values.email.toLowerCase())
    return redirect(orderPath(shop.signer, id));
  const frame = frameOf(shop, shop.catalogue.snapshot(), "/orders/lookup");
  return page(
    orderLookupPage(frame, {
      values,
      error: "We find no order with this number and e-mail address. Both are in the message we sent you.",
    }),
    404,
  );
}
