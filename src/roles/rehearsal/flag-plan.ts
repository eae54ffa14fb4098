/** Plans that the command line makes by itself: a rate over a few addresses, and the demonstration shop's sale. */
import type { RehearsalPlanFile } from "./plan-file.ts";

export type FlagPlan = {
  readonly rate: number;
  readonly seconds: number;
  /** At the top of the spike; undefined: no spike. */
  readonly peak: number | undefined;
  /** A closed crowd of so many; undefined: an open one. */
  readonly users: number | undefined;
  readonly paths: readonly string[];
};

/** One journey for each address, all alike. */
export function planOfFlags(flags: FlagPlan): RehearsalPlanFile {
  return {
    name: "rehearsal",
    ...crowdOf(flags),
    journeys: flags.paths.map((path) => ({ name: path, steps: [{ name: "get", path }] })),
  };
}

/** What most buy. */
export type Ware = { readonly sku: string; readonly product: string };

/**
 * The demonstration shop, as people use it on a sale day: most look, some search, some buy, and a few come for what is nearly
 * gone. Everybody has an address of their own, which the shop sees when it believes us (SPILLWAY_TRUSTED_PROXIES=127.0.0.1,::1);
 * else its limit for one address turns the crowd away, as it should.
 */
export function planOfShop(
  flags: FlagPlan,
  plenty: Ware = { sku: "TARN", product: "/products/tarn-carafe" },
): RehearsalPlanFile {
  const address = { "X-Forwarded-For": "{{address}}" };
  const look = (name: string, path: string, most = 3) => ({
    name,
    path,
    headers: { ...address, Accept: "text/html" },
    think: { least: 0.5, most },
  });
  const buy = (sku: string) => [
    {
      name: "cart",
      method: "PUT",
      path: "/api/cart/lines",
      headers: address,
      body: { sku, quantity: 1 },
      think: { least: 0.5, most: 2 },
    },
    {
      name: "order",
      method: "POST",
      path: "/api/orders",
      headers: { ...address, "Idempotency-Key": "{{uuid}}" },
      body: {
        lines: [{ sku, quantity: 1 }],
        email: "shopper-{{number}}-{{run}}@mail.example",
        shippingAddress: {
          name: "Ingrid Solberg",
          line1: "Harbour Street {{number}}",
          city: "Oslo",
          postalCode: "0150",
          country: "NO",
        },
        shippingMethod: "standard",
        payment: { provider: "sandbox", token: "ok" },
      },
      // Sold out is an answer, not an error.
      expect: [202, 409],
      extract: [
        { name: "orderNumber", json: "/orderNumber" },
        { name: "statusUrl", json: "/statusUrl" },
      ],
      waitingRoom: true,
      think: 0.5,
    },
    {
      name: "track",
      path: "{{statusUrl}}",
      headers: { ...address, Accept: "application/json" },
      until: {
        json: "/status",
        is: ["paid", "packed", "shipped", "delivered", "expired", "cancelled", "refunded"],
        everySeconds: 1,
        most: 60,
      },
    },
  ];
  return {
    name: "a sale at the demonstration shop",
    ...crowdOf(flags),
    journeys: [
      {
        name: "browse",
        weight: 60,
        steps: [
          look("home", "/"),
          look("collection", "/collections/light"),
          look("product", "/products/fjell-table-lamp"),
        ],
      },
      {
        name: "search",
        weight: 20,
        steps: [look("home", "/"), look("search", "/search?q=lamp"), look("product", "/products/bue-reading-light")],
      },
      {
        name: "buy",
        weight: 15,
        steps: [look("collection", "/collections/table"), look("product", plenty.product), ...buy(plenty.sku)],
      },
      { name: "drop", weight: 5, steps: [look("product", "/products/aurora-lamp", 1), ...buy("AURORA-LAMP")] },
    ],
  };
}

function crowdOf({ rate, seconds, peak, users }: FlagPlan): Pick<RehearsalPlanFile, "model" | "closed" | "arrivals"> {
  if (users !== undefined) return { model: "closed", closed: { users, seconds } };
  if (peak === undefined) return { arrivals: { shape: "constant", perSecond: rate, seconds } };
  return {
    arrivals: {
      shape: "spike",
      basePerSecond: rate,
      peakPerSecond: peak,
      beforeSeconds: seconds * 0.3,
      riseSeconds: seconds * 0.05,
      holdSeconds: seconds * 0.3,
      fallSeconds: seconds * 0.05,
      afterSeconds: seconds * 0.3,
    },
  };
}
