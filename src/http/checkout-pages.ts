/** Checkout on one page: shown, corrected, sent. The form carries its own idempotency key. */
import type { OrderRequest } from "#contract/shop.ts";
import { OrderRequest as OrderRequestSchema } from "#contract/shop.ts";
import type { PlaceOrderAnswer } from "#flows/place-order.ts";
import type { LightRequest } from "#kernel/light-request.ts";
import { formatMoney } from "#kernel/money.ts";
import {
  type CheckoutField,
  type CheckoutProps,
  checkoutFields,
  checkoutPage,
  readTotal,
} from "#storefront/pages/checkout.ts";
import { redirect } from "./answer.ts";
import { readForm } from "./body.ts";
import { cartCookies, openCart } from "./cart-cookie.ts";
import { orderPath } from "./order-link.ts";
import { frameOf } from "./pages.ts";
import type { Route } from "./router.ts";
import { passField, roomFields, withCookies } from "./shop-api.ts";
import type { ShopContext } from "./shop-context.ts";
import { form, page, paymentOf } from "./shopper-form.ts";
import { type Complaints, validator } from "./validate.ts";
import { cartView, deliveryCountries, homeCountry, shippingMethodViews } from "./views.ts";

const checkOrder = validator(OrderRequestSchema);

export function checkoutPages(shop: ShopContext): Route[] {
  return [
    {
      method: "GET",
      path: "/checkout",
      handler: async (request, { query }) => {
        const country = query.get("country");
        return await showCheckout(shop, request, new URLSearchParams(country === null ? {} : { country }), {});
      },
    },
    { method: "POST", path: "/checkout", handler: form(async (request) => await checkout(shop, request)) },
  ];
}

type CheckoutTroubles = {
  readonly errors?: CheckoutProps["errors"];
  readonly problem?: string;
  readonly status?: number;
};

async function showCheckout(
  shop: ShopContext,
  request: LightRequest,
  fields: URLSearchParams,
  troubles: CheckoutTroubles,
): Promise<Response> {
  const { id, cart } = await openCart(shop, request, false);
  if (id === undefined || cart === undefined || cart.lines.length === 0) return redirect("/cart");
  await shop.stock.fresh();
  const snapshot = shop.catalogue.snapshot();
  const values: Partial<Record<CheckoutField, string>> = {};
  for (const name of checkoutFields) {
    const value = fields.get(name);
    if (value !== null) values[name] = value.slice(0, 300);
  }
  const countries = deliveryCountries(snapshot);
  const country = values.country ?? cart.country ?? homeCountry(snapshot);
  values.country = country;
  const goods = cartView(snapshot, shop.stock, cart, { country, method: null }).totals;
  const methods = shippingMethodViews(snapshot, country, goods.subtotal.amount - goods.discount.amount);
  if (!methods.some((method) => method.code === values.shippingMethod)) values.shippingMethod = methods[0]?.code ?? "";
  const method = values.shippingMethod ?? null;
  const view = cartView(snapshot, shop.stock, cart, { country, method });
  const html = checkoutPage(frameOf(shop, snapshot, "/checkout"), {
    cart: view,
    values,
    payment: paymentOf(fields),
    errors: troubles.errors ?? {},
    problem: troubles.problem ?? null,
    countries,
    shippingMethods: methods,
    paymentOptions: shop.paymentOptions,
    // The key stays with the form: sending it twice, or going back and sending it again, is one order. It is the cart's,
    // and a cart is ordered once: two tabs that show the same cart send the same order.
    idempotencyKey: keyOf(fields) ?? shop.signer.sign(`checkout ${id}`),
    expectedTotal: view.totals.total,
  });
  return page(html, troubles.status ?? 200);
}

function keyOf(fields: URLSearchParams): string | undefined {
  const key = fields.get("idempotencyKey");
  return key !== null && /^[\w-]{16,64}$/.test(key) ? key : undefined;
}

async function checkout(shop: ShopContext, request: LightRequest): Promise<Response> {
  const fields = await readForm(request);
  const { id, cart } = await openCart(shop, request, false);
  if (fields.get("action") === "update") {
    const country = fields.get("country") ?? "";
    if (id !== undefined && /^[A-Z]{2}$/.test(country)) await shop.carts.setCountry(id, country);
    return await showCheckout(shop, request, fields, {});
  }
  const lines = cart?.lines ?? [];
  const key = keyOf(fields);
  if (lines.length === 0) {
    // The cart was emptied by the first press of the button: the second leads to the same order.
    const placed = key === undefined ? undefined : await shop.placeOrder.placedWith(key);
    return redirect(placed === undefined ? "/cart" : orderPath(shop.signer, placed));
  }
  const text = (name: string) => (fields.get(name) ?? "").trim();
  const payment = paymentOf(fields);
  const expectedTotal = readTotal(fields.get("expectedTotal") ?? "");
  const promotionCode = cart?.promotionCode ?? null;
  const body = checkOrder({
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    email: text("email"),
    ...(text("phone") === "" ? {} : { phone: text("phone") }),
    shippingAddress: {
      name: text("name"),
      line1: text("line1"),
      ...(text("line2") === "" ? {} : { line2: text("line2") }),
      city: text("city"),
      ...(text("region") === "" ? {} : { region: text("region") }),
      postalCode: text("postalCode"),
      country: text("country"),
    },
    shippingMethod: text("shippingMethod"),
    ...(promotionCode === null ? {} : { promotionCode }),
    payment: { provider: payment?.provider ?? "", token: payment?.token ?? "" },
    ...(expectedTotal === null ? {} : { expectedTotal }),
  });
  if (!body.ok) return await showCheckout(shop, request, fields, { errors: fieldErrors(body.errors), status: 422 });
  // Without its key it might be ordered twice, and without its total at a price unseen.
  if (key === undefined || expectedTotal === null)
    return await showCheckout(shop, request, fields, {
      problem: "Please check the form and send it once more.",
      status: 422,
    });
  const answer = await shop.placeOrder.place(body.value as OrderRequest, key, request.headers.get(passField));
  if (answer.kind === "placed") {
    if (id !== undefined) await shop.carts.clear(id);
    // What is bought next is another cart.
    return withCookies(
      redirect(orderPath(shop.signer, answer.id), roomFields(answer)),
      cartCookies(shop, shop.newId(), 0),
    );
  }
  return await showCheckout(
    shop,
    request,
    answer.kind === "conflict" ? withKey(fields, shop.newId()) : fields,
    refusalOf(shop, answer),
  );
}

function withKey(fields: URLSearchParams, key: string): URLSearchParams {
  const copy = new URLSearchParams(fields);
  copy.set("idempotencyKey", key);
  return copy;
}

const pointerToField: Readonly<Record<string, CheckoutField | "paymentToken">> = {
  "/email": "email",
  "/phone": "phone",
  "/shippingMethod": "shippingMethod",
  "/payment/provider": "paymentToken",
  "/payment/token": "paymentToken",
};

function fieldErrors(errors: Complaints): CheckoutProps["errors"] {
  const found: Partial<Record<CheckoutField | "paymentToken", string>> = {};
  for (const { pointer, message } of errors) {
    const field =
      pointerToField[pointer] ??
      (pointer.startsWith("/shippingAddress/") ? (pointer.slice(17) as CheckoutField) : undefined);
    if (field !== undefined && found[field] === undefined) found[field] = formWords[field] ?? `This ${message}.`;
  }
  return found;
}

/** What people need to read beside a field; the API's words are for programs. */
const formWords: Readonly<Partial<Record<CheckoutField | "paymentToken", string>>> = {
  email: "Please give an e-mail address such as name@example.com.",
  phone: "Please give a phone number in digits, or leave it empty.",
  name: "Please give the name on the parcel.",
  line1: "Please give street and number.",
  city: "Please give the town or city.",
  postalCode: "Please give the postal code.",
  country: "Please choose a country.",
  shippingMethod: "Please choose how it is sent.",
  paymentToken: "Please choose how to pay.",
};

function refusalOf(shop: ShopContext, answer: Exclude<PlaceOrderAnswer, { kind: "placed" }>): CheckoutTroubles {
  const snapshot = shop.catalogue.snapshot();
  const { currency, locale } = snapshot.settings;
  switch (answer.kind) {
    case "invalid":
      return {
        errors: fieldErrors([...answer.complaints]),
        problem: `Please look at this again: ${answer.complaints.map((complaint) => complaint.message).join("; ")}.`,
        status: 422,
      };
    case "sold_out": {
      const words = answer.left.map(({ sku, left }) => {
        const variant = snapshot.variants.get(sku);
        const title = snapshot.products.get(variant?.productHandle ?? "")?.title ?? sku;
        return left === 0 ? `${title} has just sold out` : `only ${left} of ${title} ${left === 1 ? "is" : "are"} left`;
      });
      return {
        problem: `We are sorry: ${words.join(", ")}. Nothing was ordered and nothing charged. You can change your cart and try again.`,
        status: 409,
      };
    }
    case "limit":
      return {
        problem:
          answer.left === 0
            ? "The limit for one person has been reached, so this could not be ordered."
            : `One person may have ${answer.left} more of this. Please lower the number in your cart.`,
        status: 409,
      };
    case "promotion_used_up":
      return {
        problem: "This promotion code has been used as often as it may. Take it out of the cart to order without it.",
        status: 409,
      };
    case "pass_required": {
      const title = snapshot.products.get(answer.productHandle)?.title ?? answer.productHandle;
      return {
        problem: `${title} is sold to those whose turn it is. Open its page and wait there; your cart is kept. Nothing was ordered.`,
        status: 403,
      };
    }
    case "pass_over": {
      const title = snapshot.products.get(answer.productHandle)?.title ?? answer.productHandle;
      return {
        problem: `The time of your turn for ${title} is over. Open its page and join the line again; your cart is kept. Nothing was ordered.`,
        status: 403,
      };
    }
    case "pass_used":
      return {
        problem:
          "Your turn has bought an order already, and buys one. Nothing was ordered; to order again, join the line again.",
        status: 409,
      };
    case "price_changed":
      return {
        problem: `The total has changed and is now ${formatMoney(answer.total, currency, locale)}. Nothing was ordered; please look and send it again if you agree.`,
        status: 409,
      };
    case "conflict":
      return {
        problem: "This form was sent before with other contents. Please look at it and send it again.",
        status: 409,
      };
  }
}
