/** Where payment providers tell us what became of a charge. The signature is checked over the raw bytes before anything is read. */
import { takeProviderEvents } from "#flows/take-provider-events.ts";
import { problem } from "./answer.ts";
import { readBytes } from "./body.ts";
import type { Route } from "./router.ts";
import type { ShopContext } from "./shop-context.ts";

const webhookBodyMax = 512 * 1024;

export function webhooks(shop: ShopContext): Route[] {
  return [
    {
      method: "POST",
      path: "/webhooks/:provider",
      handler: async (request, { parameters }) => {
        const gateway = shop.paymentFlow.desk.gateway(parameters.provider ?? "");
        if (gateway === undefined) return problem("not_found", "No such payment provider is set up here.");
        const reading = await gateway.readWebhook(
          new Headers([...request.headers] as [string, string][]),
          await readBytes(request, webhookBodyMax),
        );
        switch (reading.kind) {
          case "bad_signature":
            return problem("bad_signature", "The signature does not match the body; nothing was taken.");
          case "malformed":
            return problem("malformed_body", reading.reason);
          case "events":
            await takeProviderEvents(
              { payments: shop.payments, holdSeconds: shop.paymentFlow.holdSeconds },
              gateway.name,
              reading.events,
            );
            return new Response(reading.reply, { headers: { "cache-control": "no-store" } });
        }
      },
    },
  ];
}
