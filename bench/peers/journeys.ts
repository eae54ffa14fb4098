/** A guest's whole checkout of one unit, as each shop wants it: one call of Spillway's, six of the peers'. */
import { orderOf } from "../generator/order-template.ts";
import { type Buy, NotBought } from "./driver.ts";

type Json = Record<string, unknown>;

const answersWithinMs = 90_000;
const goneWords = /insufficient|sold.?out|out of stock|not have the required inventory|no stock/i;

/** Parsed JSON of an answer that says yes; everything else is a reason not to have bought. */
async function call(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: unknown } = {},
): Promise<{ json: Json; headers: Headers }> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, {
      method: init.method ?? "GET",
      headers: { ...(init.body === undefined ? {} : { "content-type": "application/json" }), ...init.headers },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      signal: AbortSignal.timeout(answersWithinMs),
    });
    text = await answer.text();
  } catch (error) {
    throw new NotBought("unreachable", error instanceof Error ? error.message : String(error));
  }
  if (!answer.ok) throw refusal(`${answer.status} ${text}`);
  try {
    return { json: JSON.parse(text) as Json, headers: answer.headers };
  } catch {
    throw refusal(`${answer.status}, not JSON: ${text}`);
  }
}

const refusal = (detail: string): NotBought => new NotBought(goneWords.test(detail) ? "sold out" : "refused", detail);

export function spillwayBuyer(base: string): Buy {
  let orders = 0;
  return async (sku, email) => {
    orders += 1;
    const body = { ...orderOf(sku, "0"), email };
    const headers = { "idempotency-key": `${email}-${orders}` };
    return {
      last: async () => {
        const { json } = await call(`${base}/api/orders`, { method: "POST", headers, body });
        return String(json.orderNumber);
      },
    };
  };
}

const who = { first: "Ingrid", last: "Solberg", street: "Hafenstrasse 14", city: "Berlin", code: "10115" };

/** Vendure's shop API (GraphQL): each mutation answers with what was asked for, or with an error that has a code. */
export function vendureBuyer(base: string): Buy {
  const error = "... on ErrorResult { errorCode message }";
  const ids = new Map<string, string>();
  const ask = async (query: string, variables: Json, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await call(`${base}/shop-api`, { method: "POST", headers, body: { query, variables } });
    if (answer.json.errors !== undefined) throw refusal(JSON.stringify(answer.json.errors));
    const data = answer.json.data as Record<string, Json>;
    for (const part of Object.values(data)) if (part?.errorCode !== undefined) throw refusal(JSON.stringify(part));
    return { data, token: answer.headers.get("vendure-auth-token") ?? token ?? "" };
  };
  const variantOf = async (sku: string): Promise<string> => {
    const known = ids.get(sku);
    if (known !== undefined) return known;
    const { data } = await ask("query ($slug: String!) { product(slug: $slug) { variants { id } } }", { slug: sku });
    const [variant] = (data.product?.variants ?? []) as { id: string }[];
    if (variant === undefined) throw new Error(`Vendure has no product ${sku}`);
    const { id } = variant;
    ids.set(sku, id);
    return id;
  };
  return async (sku, email) => {
    const { token } = await ask(
      `mutation ($id: ID!) { addItemToOrder(productVariantId: $id, quantity: 1) { __typename ${error} } }`,
      { id: await variantOf(sku) },
    );
    await ask(
      `mutation ($customer: CreateCustomerInput!, $address: CreateAddressInput!) {
        setCustomerForOrder(input: $customer) { __typename ${error} }
        setOrderShippingAddress(input: $address) { __typename ${error} } }`,
      {
        customer: { firstName: who.first, lastName: who.last, emailAddress: email },
        address: {
          fullName: `${who.first} ${who.last}`,
          streetLine1: who.street,
          city: who.city,
          postalCode: who.code,
          countryCode: "DE",
        },
      },
      token,
    );
    const { data: ways } = await ask("query { eligibleShippingMethods { id } }", {}, token);
    const [way] = ways.eligibleShippingMethods as unknown as { id: string }[];
    await ask(
      `mutation ($way: [ID!]!) {
        setOrderShippingMethod(shippingMethodId: $way) { __typename ${error} }
        transitionOrderToState(state: "ArrangingPayment") { __typename ${error} } }`,
      { way: [way?.id] },
      token,
    );
    return {
      last: async () => {
        const { data } = await ask(
          `mutation { addPaymentToOrder(input: { method: "standard-payment", metadata: {} }) { __typename ... on Order { code state } ${error} } }`,
          {},
          token,
        );
        const order = data.addPaymentToOrder as { code: string; state: string };
        if (!/^Payment(?:Authorized|Settled)$/.test(order.state)) throw refusal(order.state);
        return order.code;
      },
    };
  };
}

export type MedusaSeed = {
  readonly key: string;
  readonly regionId: string;
  readonly variants: Readonly<Record<string, string>>;
};

export function medusaBuyer(base: string, seed: MedusaSeed): Buy {
  const headers = { "x-publishable-api-key": seed.key };
  const post = async (path: string, body: Json) =>
    (await call(`${base}/store/${path}`, { method: "POST", headers, body })).json;
  const address = {
    first_name: who.first,
    last_name: who.last,
    address_1: who.street,
    city: who.city,
    postal_code: who.code,
    country_code: "de",
  };
  return async (sku, email) => {
    const { cart } = (await post("carts?fields=id", {
      region_id: seed.regionId,
      email,
      items: [{ variant_id: seed.variants[sku], quantity: 1 }],
      shipping_address: address,
      billing_address: address,
    })) as { cart: { id: string } };
    const { json: ways } = await call(`${base}/store/shipping-options?cart_id=${cart.id}`, { headers });
    const [way] = ways.shipping_options as { id: string }[];
    await post(`carts/${cart.id}/shipping-methods?fields=id`, { option_id: way?.id });
    const { payment_collection: collection } = (await post("payment-collections", { cart_id: cart.id })) as {
      payment_collection: { id: string };
    };
    await post(`payment-collections/${collection.id}/payment-sessions`, { provider_id: "pp_system_default" });
    return {
      last: async () => {
        const done = await post(`carts/${cart.id}/complete?fields=id`, {});
        if (done.type !== "order") throw refusal(JSON.stringify(done.error));
        return (done.order as { id: string }).id;
      },
    };
  };
}
