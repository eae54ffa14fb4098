/** The cart's page and its forms. */

import type { LightRequest } from "#kernel/light-request.ts";
import { cartPage } from "#storefront/pages/cart.ts";
import { json, problem, redirect, wantsJson } from "./answer.ts";
import { readForm } from "./body.ts";
import { cartCookies, cartFull, cartId, openCart } from "./cart-cookie.ts";
import { frameOf } from "./pages.ts";
import type { Route } from "./router.ts";
import { withCookies } from "./shop-api.ts";
import type { ShopContext } from "./shop-context.ts";
import { form, itemCount, page } from "./shopper-form.ts";
import { cartView, deliveryCountries, homeCountry } from "./views.ts";

const countryPattern = /^[A-Z]{2}$/;

export function cartPages(shop: ShopContext): Route[] {
  return [
    {
      method: "GET",
      path: "/cart",
      handler: async (request, { query }) => {
        const country = query.get("country");
        const id = cartId(shop, request);
        if (id !== undefined && country !== null && countryPattern.test(country))
          await shop.carts.setCountry(id, country);
        return await showCart(shop, request, null);
      },
    },
    { method: "POST", path: "/cart/lines", handler: form(async (request) => await addLine(shop, request)) },
    { method: "POST", path: "/cart/lines/update", handler: form(async (request) => await updateLine(shop, request)) },
    {
      method: "POST",
      path: "/cart/promotion",
      handler: form(async (request) => {
        const fields = await readForm(request);
        const code = (fields.get("code") ?? "").trim().toUpperCase().slice(0, 40);
        const { id } = await openCart(shop, request, true);
        const cart = await shop.carts.setPromotion(
          id,
          code === "" || !code.isWellFormed() || /\p{Cc}/u.test(code) ? null : code,
        );
        return withCookies(redirect("/cart"), cartCookies(shop, id, itemCount(cart.lines)));
      }),
    },
  ];
}

async function showCart(
  shop: ShopContext,
  request: LightRequest,
  problemText: string | null,
  status = 200,
): Promise<Response> {
  const { id, cart } = await openCart(shop, request, false);
  await shop.stock.fresh();
  const snapshot = shop.catalogue.snapshot();
  const view = cartView(snapshot, shop.stock, cart, {
    country: cart?.country ?? null,
    method: snapshot.settings.shipping[0]?.code ?? null,
  });
  const response = page(
    cartPage(frameOf(shop, snapshot, "/cart"), {
      cart: view,
      countries: deliveryCountries(snapshot),
      country: cart?.country ?? homeCountry(snapshot),
      problem: problemText,
    }),
    status,
  );
  return id === undefined ? response : withCookies(response, cartCookies(shop, id, view.itemCount));
}

async function addLine(shop: ShopContext, request: LightRequest): Promise<Response> {
  const fields = await readForm(request);
  const sku = fields.get("sku") ?? "";
  const quantity = Number.parseInt(fields.get("quantity") ?? "1", 10);
  const snapshot = shop.catalogue.snapshot();
  const variant = snapshot.variants.get(sku);
  const refusal =
    variant === undefined
      ? "That is not for sale any more."
      : !Number.isInteger(quantity) || quantity < 1 || quantity > 1000
        ? "Please choose a number from 1 to 1,000."
        : null;
  if (refusal !== null) {
    return wantsJson(request)
      ? problem("invalid_request", refusal, {
          errors: [{ pointer: variant === undefined ? "/sku" : "/quantity", message: refusal }],
        })
      : await showCart(shop, request, refusal, 422);
  }
  const { id } = await openCart(shop, request, true);
  const cart = await shop.carts.add(id, sku, quantity);
  if (cart === undefined) {
    return wantsJson(request)
      ? problem("invalid_request", cartFull, { errors: [{ pointer: "/sku", message: cartFull }] })
      : await showCart(shop, request, cartFull, 422);
  }
  const cookies = cartCookies(shop, id, itemCount(cart.lines));
  if (!wantsJson(request)) return withCookies(redirect("/cart"), cookies);
  await shop.stock.fresh();
  return withCookies(json(cartView(snapshot, shop.stock, cart, { country: cart.country, method: null })), cookies);
}

async function updateLine(shop: ShopContext, request: LightRequest): Promise<Response> {
  const fields = await readForm(request);
  const sku = fields.get("sku") ?? "";
  const quantity = Number.parseInt(fields.get("quantity") ?? "", 10);
  const id = cartId(shop, request);
  if (id === undefined) return redirect("/cart");
  if (sku === "" || sku.length > 64 || !Number.isInteger(quantity) || quantity < 0 || quantity > 1000) {
    return await showCart(shop, request, "Please choose a number from 0 to 1,000.", 422);
  }
  // Taking out is always possible; what is not for sale any more is not put in.
  if (quantity > 0 && !shop.catalogue.snapshot().variants.has(sku)) {
    return await showCart(shop, request, "That is not for sale any more.", 422);
  }
  const cart = await shop.carts.set(id, sku, quantity);
  if (quantity > 0 && !cart.lines.some((line) => line.sku === sku)) return await showCart(shop, request, cartFull, 422);
  return withCookies(redirect("/cart"), cartCookies(shop, id, itemCount(cart.lines)));
}
