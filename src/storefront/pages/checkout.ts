/**
 * Checkout on one page, as a guest: who, where to, how, with what. One form with the idempotency key in it, so that
 * sending it twice, with or without script, is one order; and with the total in it, so that nobody pays a price unseen.
 */
import type { CartView, Money, ShippingMethodView } from "#contract/shop.ts";
import { choice, errorSummary, field } from "../form-field.ts";
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";
import { summaryLines, totalsList } from "../order-summary.ts";
import { type PaymentChoice, type PaymentOption, paymentChoice } from "../payment-choice.ts";
import { countryNames, money } from "../words.ts";

export const checkoutFields = [
  "email",
  "phone",
  "name",
  "line1",
  "line2",
  "city",
  "region",
  "postalCode",
  "country",
  "shippingMethod",
] as const;
export type CheckoutField = (typeof checkoutFields)[number];

export type CheckoutProps = {
  readonly cart: CartView;
  /** As typed; a missing one is empty. */
  readonly values: Readonly<Partial<Record<CheckoutField, string>>>;
  readonly payment: PaymentChoice | null;
  readonly errors: Readonly<Partial<Record<CheckoutField | "paymentToken", string>>>;
  /** What stands in the way of the whole order: sold out, another price, a purchase limit. */
  readonly problem: string | null;
  /** ISO codes that are delivered to. */
  readonly countries: readonly string[];
  /** For the country in `values`; empty until there is one. */
  readonly shippingMethods: readonly ShippingMethodView[];
  readonly paymentOptions: readonly PaymentOption[];
  readonly idempotencyKey: string;
  readonly expectedTotal: Money;
};

/** The hidden field `expectedTotal`: "12990 EUR", in minor units. */
export const writeTotal = (total: Money): string => `${total.amount} ${total.currency}`;

export function readTotal(written: string): Money | null {
  const match = /^(\d{1,15}) ([A-Z]{3})$/.exec(written);
  return match === null ? null : { amount: Number(match[1]), currency: match[2] as string };
}

export function checkoutPage(frame: Frame, props: CheckoutProps): Html {
  const { cart, values, errors } = props;
  const complaints = [...checkoutFields, "paymentToken" as const].flatMap((name) => {
    const message = errors[name];
    return message === undefined ? [] : [{ name, message }];
  });
  const text = (name: CheckoutField) => ({ name, value: values[name] ?? "", error: errors[name] });
  return layout(frame, {
    name: "checkout",
    title: complaints.length > 0 || props.problem !== null ? "Error: Checkout" : "Checkout",
    canonical: null,
    quiet: true,
    main: html`<h1>Checkout</h1>
${errorSummary(complaints.length > 0 ? "Please check these fields" : "Your order was not placed", complaints, props.problem)}
<div class="pair">
<aside class="sum" aria-label="Order summary"><details><summary><h2>Your order</h2><span>${money(frame, cart.totals.total)}</span></summary>${summaryLines(frame, cart.lines)}${totalsList(frame, cart.totals)}<p><a href="/cart">Change the cart</a></p></details></aside>
<form class="stack" id="checkout" action="/checkout" method="post" data-once>
<button class="vh" name="action" value="order" tabindex="-1" aria-hidden="true">Place order</button>
<input type="hidden" name="idempotencyKey" value="${props.idempotencyKey}"><input type="hidden" name="expectedTotal" value="${writeTotal(props.expectedTotal)}">${
      cart.promotionCode !== null && html`<input type="hidden" name="promotionCode" value="${cart.promotionCode}">`
    }
<fieldset><legend>Contact</legend>
${field({ ...text("email"), label: "E-mail", hint: "We send your confirmation here.", type: "email", autocomplete: "email", inputmode: "email", enterkeyhint: "next", autocapitalize: "off", required: true, maxlength: 254 })}
${field({ ...text("phone"), label: "Phone", hint: "Only for the carrier, if something is unclear.", type: "tel", autocomplete: "tel", inputmode: "tel", enterkeyhint: "next", maxlength: 32 })}
</fieldset>
<fieldset><legend>Delivery address</legend>
${field({ ...text("name"), label: "Full name", autocomplete: "shipping name", autocapitalize: "words", enterkeyhint: "next", required: true, maxlength: 120 })}
${field({ ...text("line1"), label: "Street address", autocomplete: "shipping address-line1", enterkeyhint: "next", required: true, maxlength: 160 })}
${field({ ...text("line2"), label: "Apartment, floor, company", autocomplete: "shipping address-line2", enterkeyhint: "next", maxlength: 160 })}
${field({ ...text("postalCode"), label: "Postal code", autocomplete: "shipping postal-code", autocapitalize: "characters", enterkeyhint: "next", required: true, maxlength: 20, half: true })}
${field({ ...text("city"), label: "City", autocomplete: "shipping address-level2", enterkeyhint: "next", required: true, maxlength: 100, half: true })}
${field({ ...text("region"), label: "Region or state", autocomplete: "shipping address-level1", enterkeyhint: "next", maxlength: 100, half: true })}
${choice({ ...text("country"), label: "Country", autocomplete: "shipping country", empty: "Choose", half: true, options: countryNames(frame, props.countries).map(({ code, name }) => ({ value: code, text: name })) })}
<button class="second" name="action" value="update" formnovalidate data-update>Update delivery and total</button>
</fieldset>
<fieldset aria-describedby=${errors.shippingMethod !== undefined && "shippingMethod-error"}><legend>Delivery method</legend>
${errors.shippingMethod !== undefined && html`<p class="error" id="shippingMethod-error">${errors.shippingMethod}</p>`}${shipping(frame, props)}
</fieldset>
<section class="way" aria-labelledby="pay"><h2 id="pay">Payment</h2>${paymentChoice(props.paymentOptions, props.payment, errors.paymentToken)}</section>
<button class="main wide" name="action" value="order" data-busy="Placing your order…">Place order · ${money(frame, props.expectedTotal)}</button>
<p class="soft">Your items are held before we ask your bank for the payment. If it does not go through, nothing is charged and you can try another card while they stay held.</p>
<p class="said" role="status" data-said></p>
</form>
</div>`,
  });
}

function shipping(frame: Frame, props: CheckoutProps): Html {
  const { shippingMethods: methods, values } = props;
  if (methods.length === 0) {
    const known = (values.country ?? "") !== "";
    return html`<p class="hint" id="shippingMethod">${
      known
        ? "We do not deliver there yet. Please choose another country."
        : "Choose a country and update: delivery methods and prices appear here."
    }</p>`;
  }
  const chosen = methods.some((method) => method.code === values.shippingMethod)
    ? values.shippingMethod
    : methods[0]?.code;
  return html`<div class="radios">${methods.map(
    (method, index) =>
      html`<label><input type="radio" name="shippingMethod" id=${index === 0 && "shippingMethod"} value="${method.code}" checked=${
        method.code === chosen
      } data-update required> <span><b>${method.name}</b> <span class="soft">${method.promise}</span></span><span class="amount">${
        method.price.amount === 0 ? "Free" : money(frame, method.price)
      }</span></label>`,
  )}</div>`;
}
