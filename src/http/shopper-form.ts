/**
 * What the pages and forms of one shopper share: never kept by any cache, every form works without script and answers
 * with a redirect, and a form that comes from another site is refused.
 */
import { SpillwayError } from "#kernel/error.ts";
import type { LightRequest } from "#kernel/light-request.ts";
import type { Html } from "#storefront/html.ts";
import { readPaymentChoice } from "#storefront/payment-choice.ts";
import { htmlHeaders } from "./page-cache.ts";
import type { Handler } from "./router.ts";

const privateHeaders = { ...htmlHeaders, "cache-control": "private, no-store" };

export const page = (html: Html, status = 200): Response =>
  new Response(html.toString(), { status, headers: privateHeaders });

/** A form of this shop is sent from this shop: browsers say so in Sec-Fetch-Site, older ones in Origin. */
function fromHere(request: LightRequest): void {
  const site = request.headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return;
  const origin = request.headers.get("origin");
  const host = request.headers.get("host");
  if (
    site === null &&
    (origin === null || (origin !== "null" && URL.canParse(origin) && new URL(origin).host === host))
  )
    return;
  throw new SpillwayError(
    "forbidden_origin",
    "This form was sent from another site. Please go to the shop's own page and send it from there.",
  );
}

export const form =
  (handler: Handler): Handler =>
  (request, context) => {
    fromHere(request);
    return handler(request, context);
  };

export const itemCount = (lines: readonly { readonly quantity: number }[]): number =>
  lines.reduce((sum, line) => sum + line.quantity, 0);

/** What a form said about paying; null when nothing. */
export const paymentOf = (fields: URLSearchParams) =>
  readPaymentChoice(fields.get("paymentProvider"), fields.get("paymentToken"));
