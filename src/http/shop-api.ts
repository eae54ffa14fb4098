/** The shop's API under /api: products, cart, orders. Validated by the schemas that describe it. */
import {
  CartLineChange,
  CartPromotionChange,
  CartView,
  OrderAccepted,
  OrderRequest,
  OrderView,
  Problem,
  ProductList,
  ProductView,
} from "#contract/shop.ts";
import type { PlaceOrderAnswer } from "#flows/place-order.ts";
import { formatMoney } from "#kernel/money.ts";
import { orderNumber } from "#kernel/order-number.ts";
import type { WholeAnswer } from "#kernel/whole-body.ts";
import { json, problem, quickJson, quickProblem, sharedCaching } from "./answer.ts";
import { readJson } from "./body.ts";
import { cartCookies, cartFull, openCart } from "./cart-cookie.ts";
import { orderPathOf } from "./order-link.ts";
import type { Route } from "./router.ts";
import type { ShopContext } from "./shop-context.ts";
import { validator } from "./validate.ts";
import { cartView, productView } from "./views.ts";

const pageSize = 48;
const keyPattern = /^[\x21-\x7e]{1,255}$/;

const checkOrder = validator(OrderRequest);
const checkLine = validator(CartLineChange);
const checkPromotion = validator(CartPromotionChange);

const problemAnswer = (text: string) => ({ text, schema: Problem });

export function shopApi(shop: ShopContext): Route[] {
  return [
    {
      method: "POST",
      path: "/api/orders",
      handler: async (request) => {
        const key = request.headers.get("idempotency-key");
        if (key === null || !keyPattern.test(key)) {
          return problem(
            "idempotency_key_missing",
            "Send an Idempotency-Key header of 1 to 255 printable ASCII characters; the same key again gives the same order.",
          );
        }
        const body = checkOrder(await readJson(request));
        if (!body.ok)
          return problem("invalid_request", "See errors for every field's complaint.", { errors: body.errors });
        const answer = await shop.placeOrder.place(body.value, key, request.headers.get(passField));
        // A retry may find its order further on its way.
        const later = answer.kind === "placed" && answer.replayed ? await shop.orders.get(answer.id) : undefined;
        return placeOrderAnswer(shop, answer, later?.status ?? "received");
      },
      describe: {
        summary: "Place an order. Answers after the commit that holds its units.",
        headers: {
          "Idempotency-Key": "The same key with the same body gives the same order, however often it is sent.",
        },
        body: OrderRequest,
        answers: {
          202: { text: "The order is durable and its units are held", schema: OrderAccepted },
          403: problemAnswer("Sold to those whose turn it is; see page"),
          409: problemAnswer(
            "Sold out (with what is left), over a limit, price changed, or the key came with another body",
          ),
          422: problemAnswer("Every field's complaint"),
          503: problemAnswer("Try again after Retry-After"),
        },
      },
    },
    {
      method: "GET",
      path: "/api/products",
      handler: async (_request, { query }) => {
        await shop.stock.fresh();
        const snapshot = shop.catalogue.snapshot();
        const after = query.get("after");
        const collection = query.get("collection");
        let products = [...snapshot.products.values()];
        if (collection !== null) {
          const found = snapshot.collections.get(collection);
          if (found === undefined) return problem("not_found", "There is no collection of that handle.");
          products = found.products.flatMap((handle) => snapshot.products.get(handle) ?? []);
        }
        const from = after === null ? 0 : products.findIndex((product) => product.handle === after) + 1;
        // Begun again without a word, a program that reads page by page would go round for ever.
        if (after !== null && from === 0) {
          return problem("invalid_request", "See errors.", {
            errors: [{ pointer: "/after", message: "is not, or no longer, a product of this list; begin again" }],
          });
        }
        const page = products.slice(from, from + pageSize);
        const last = page.at(-1);
        const next =
          last === undefined || from + pageSize >= products.length
            ? null
            : `/api/products?after=${encodeURIComponent(last.handle)}${collection === null ? "" : `&collection=${encodeURIComponent(collection)}`}`;
        return json(
          { products: page.map((product) => productView(snapshot, shop.stock, product)), next },
          200,
          sharedCaching,
        );
      },
      describe: {
        summary: "Published products, page by page",
        query: { after: "Handle of the last product of the page before", collection: "Handle of a collection" },
        answers: {
          200: { text: "A page", schema: ProductList },
          404: problemAnswer("No such collection"),
          422: problemAnswer("`after` is not in the list"),
        },
      },
    },
    {
      method: "GET",
      path: "/api/products/:handle",
      handler: async (_request, { parameters }) => {
        await shop.stock.fresh();
        const snapshot = shop.catalogue.snapshot();
        const product = snapshot.products.get(parameters.handle ?? "");
        if (product === undefined) return problem("not_found", "There is no product of that handle.");
        return json(productView(snapshot, shop.stock, product), 200, sharedCaching);
      },
      describe: {
        summary: "One product",
        answers: { 200: { text: "The product", schema: ProductView }, 404: problemAnswer("No such product") },
      },
    },
    {
      method: "GET",
      path: "/api/cart",
      handler: async (request) => {
        const { cart } = await openCart(shop, request, false);
        await shop.stock.fresh();
        return json(
          cartView(shop.catalogue.snapshot(), shop.stock, cart, { country: cart?.country ?? null, method: null }),
        );
      },
      describe: { summary: "The cart behind the cookie", answers: { 200: { text: "The cart", schema: CartView } } },
    },
    {
      method: "PUT",
      path: "/api/cart/lines",
      handler: async (request) => {
        const body = checkLine(await readJson(request));
        if (!body.ok)
          return problem("invalid_request", "See errors for every field's complaint.", { errors: body.errors });
        const snapshot = shop.catalogue.snapshot();
        if (body.value.quantity > 0 && !snapshot.variants.has(body.value.sku)) {
          return problem("invalid_request", "See errors.", {
            errors: [{ pointer: "/sku", message: "no product has this SKU" }],
          });
        }
        const { id } = await openCart(shop, request, true);
        const { sku, quantity } = body.value;
        const cart = await shop.carts.set(id, sku, quantity);
        if (quantity > 0 && !cart.lines.some((line) => line.sku === sku)) {
          return problem("invalid_request", cartFull, { errors: [{ pointer: "/sku", message: cartFull }] });
        }
        await shop.stock.fresh();
        const view = cartView(snapshot, shop.stock, cart, { country: cart.country, method: null });
        return withCookies(json(view), cartCookies(shop, id, view.itemCount));
      },
      describe: {
        summary: "Set a line's quantity; 0 takes it out",
        body: CartLineChange,
        answers: { 200: { text: "The cart", schema: CartView }, 422: problemAnswer("Every field's complaint") },
      },
    },
    {
      method: "PUT",
      path: "/api/cart/promotion",
      handler: async (request) => {
        const body = checkPromotion(await readJson(request));
        if (!body.ok)
          return problem("invalid_request", "See errors for every field's complaint.", { errors: body.errors });
        const { id } = await openCart(shop, request, true);
        const cart = await shop.carts.setPromotion(id, body.value.code?.trim().toUpperCase() ?? null);
        await shop.stock.fresh();
        const view = cartView(shop.catalogue.snapshot(), shop.stock, cart, { country: cart.country, method: null });
        return withCookies(json(view), cartCookies(shop, id, view.itemCount));
      },
      describe: {
        summary: "Put a promotion code into the cart, or null to take it out",
        body: CartPromotionChange,
        answers: { 200: { text: "The cart", schema: CartView }, 422: problemAnswer("Every field's complaint") },
      },
    },
  ];
}

/** The order's address answers these to whoever asks for JSON; described here, served with the pages. */
export const orderStatusDescription = {
  summary: "An order as it stands; the address is in the answer that placed it",
  answers: {
    200: { text: "The order", schema: OrderView },
    404: problemAnswer("No such order, or the key does not fit"),
  },
};

export function withCookies(response: Response, cookies: readonly string[]): Response {
  for (const cookie of cookies) response.headers.append("set-cookie", cookie);
  return response;
}

/** The edge sends along what it has let a shopper in with. */
export const passField = "spillway-pass";

/**
 * What the edge is told (RFC 9651, a list): how much a turn has bought, and that its place inside is free again. Nothing of an order that was placed
 * before: it may be asked for with the pass of another turn, which is not used up by it.
 */
export function roomFields({
  guarded,
  replayed,
}: Extract<PlaceOrderAnswer, { kind: "placed" }>): Record<string, string> {
  if (guarded === undefined || replayed) return {};
  const told = guarded.rooms.flatMap(({ id, units, isUsedUp }) => [
    `ordered;units=${units};room=${id}`,
    ...(isUsedUp ? [`release;room=${id}`] : []),
  ]);
  return { "spillway-room": told.join(", ") };
}

function placeOrderAnswer(shop: ShopContext, answer: PlaceOrderAnswer, status: OrderAccepted["status"]): WholeAnswer {
  switch (answer.kind) {
    case "placed": {
      const number = orderNumber(answer.id);
      const statusUrl = orderPathOf(shop.signer, number);
      const accepted: OrderAccepted = { orderNumber: number, status, statusUrl };
      return quickJson(accepted, 202, [["location", statusUrl], ...Object.entries(roomFields(answer))]);
    }
    case "invalid":
      return quickProblem("invalid_request", "See errors for every field's complaint.", {
        errors: [...answer.complaints],
      });
    case "conflict":
      return quickProblem(
        "idempotency_key_reused",
        "This Idempotency-Key came before with another body. Use a new key for a new order.",
      );
    case "sold_out":
      return quickProblem("sold_out", "Not enough is left; see left. Nothing was ordered.", { left: [...answer.left] });
    case "limit":
      return quickProblem(
        "purchase_limit",
        answer.left === 0
          ? "The limit for one person has been reached. Nothing was ordered."
          : `One person may have ${answer.left} more of this. Nothing was ordered.`,
      );
    case "promotion_used_up":
      return quickProblem(
        "promotion_used_up",
        "This promotion code has been used as often as it may. Nothing was ordered.",
      );
    case "pass_required":
      return quickProblem(
        "pass_required",
        "This is sold to those whose turn it is. Open the page, wait there, and order when you are let in. Nothing was ordered.",
        { page: `${shop.origin}/products/${encodeURIComponent(answer.productHandle)}` },
      );
    case "pass_over":
      return quickProblem(
        "pass_over",
        "The time of your turn is over, so it can buy nothing any more. Open the page and join the line again. Nothing was ordered.",
        { page: `${shop.origin}/products/${encodeURIComponent(answer.productHandle)}` },
      );
    case "pass_used":
      return quickProblem(
        "pass_used",
        "Your turn has bought an order already, and buys one. Join the line again for another. Nothing was ordered.",
      );
    case "price_changed":
      return quickProblem(
        "price_changed",
        `The total is now ${formatMoney(answer.total, answer.currency)}. Nothing was ordered; send it again with the new total if you agree.`,
      );
  }
}
