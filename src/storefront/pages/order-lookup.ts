/** Finds an order again by its number and e-mail, for people who lost its address. */
import { errorSummary, field } from "../form-field.ts";
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";

export type OrderLookupProps = {
  readonly values: { readonly orderNumber: string; readonly email: string };
  /** The same for a wrong number and a wrong e-mail, so that nobody can find out who ordered. */
  readonly error: string | null;
};

export function orderLookupPage(frame: Frame, props: OrderLookupProps): Html {
  return layout(frame, {
    name: "narrow",
    title: "Find your order",
    canonical: props.error === null ? "/orders/lookup" : null,
    main: html`<h1>Find your order</h1>
<p class="lead">Both are in the e-mail we sent when we received it.</p>
${errorSummary("We could not find it", props.error === null ? [] : [{ name: "orderNumber", message: props.error }])}
<form class="stack" action="/orders/lookup" method="post" data-once>
${field({ name: "orderNumber", label: "Order number", value: props.values.orderNumber, error: props.error ?? undefined, autocomplete: "off", autocapitalize: "characters", enterkeyhint: "next", required: true, maxlength: 40 })}
${field({ name: "email", label: "E-mail", value: props.values.email, type: "email", autocomplete: "email", inputmode: "email", autocapitalize: "off", enterkeyhint: "go", required: true, maxlength: 254 })}
<button class="main" data-busy="Looking…">Show my order</button>
</form>
<p>No e-mail from us? <a href="/help#contact">Write to us</a> and we will find it together.</p>`,
  });
}
