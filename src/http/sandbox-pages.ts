/**
 * Where the pretend bank asks its shopper to confirm. Plain on purpose, and marked as a test: it stands for a page that
 * in life belongs to somebody else.
 */
import { formatMoney } from "#kernel/money.ts";
import { html } from "#storefront/html.ts";
import { layout } from "#storefront/layout.ts";
import { redirect } from "./answer.ts";
import { readForm } from "./body.ts";
import { frameOf, notFound } from "./pages.ts";
import type { Route } from "./router.ts";
import type { ShopContext } from "./shop-context.ts";
import { form, page } from "./shopper-form.ts";

export type SandboxDesk = {
  challenge(reference: string): Promise<{
    readonly amount: { readonly amount: number; readonly currency: string };
    readonly orderNumber: string;
  } | null>;
  /** Where the shopper goes back to, or null when there is no such challenge. */
  end(reference: string, approved: boolean): Promise<string | null>;
};

export function sandboxPages(shop: ShopContext, sandbox: SandboxDesk): Route[] {
  return [
    {
      method: "GET",
      path: "/sandbox/challenge/:reference",
      handler: async (_request, { path, parameters }) => {
        const challenge = await sandbox.challenge(parameters.reference ?? "");
        if (challenge === null) return notFound(shop, path);
        const snapshot = shop.catalogue.snapshot();
        return page(
          layout(frameOf(shop, snapshot, path), {
            name: "prose",
            title: "Confirm your payment",
            canonical: null,
            quiet: true,
            main: html`<p class="test">Test bank: no money moves</p>
<h1>Confirm your payment</h1>
<p class="lead">${formatMoney(challenge.amount.amount, challenge.amount.currency, snapshot.settings.locale)} to ${snapshot.settings.name} for order ${challenge.orderNumber}.</p>
<form method="post"><p><button class="main" name="answer" value="approve">Approve</button> <button class="second" name="answer" value="decline">Decline</button></p></form>`,
          }),
        );
      },
    },
    {
      method: "POST",
      path: "/sandbox/challenge/:reference",
      handler: form(async (request, { path, parameters }) => {
        const fields = await readForm(request);
        const returnUrl = await sandbox.end(parameters.reference ?? "", fields.get("answer") === "approve");
        return returnUrl === null ? notFound(shop, path) : redirect(returnUrl);
      }),
    },
  ];
}
