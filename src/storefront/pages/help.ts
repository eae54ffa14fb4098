/** Help that answers before one has to ask. It is static and stays up while all else is busy. */
import type { ShippingMethodView } from "#contract/shop.ts";
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";
import { countryNames, money } from "../words.ts";

export type HelpProps = {
  readonly contact: {
    readonly email: string;
    readonly phone: string | null /** "Mon to Fri, 9 to 17" */;
    readonly hours: string | null;
  };
  /** Ways of delivery, each with the countries (ISO codes) it serves. */
  readonly shipping: readonly {
    readonly countries: readonly string[];
    readonly methods: readonly ShippingMethodView[];
  }[];
  /** Names of the ways to pay: "Card (test)". */
  readonly payments: readonly string[];
  readonly taxIncluded: boolean;
  /** How long units are held for a shopper whose payment did not go through, in minutes. */
  readonly holdMinutes: number;
};

export function helpPage(frame: Frame, props: HelpProps): Html {
  const { contact } = props;
  return layout(frame, {
    name: "prose",
    title: "Help and contact",
    description: `Delivery, payment, your order and how to reach ${frame.shopName}.`,
    canonical: "/help",
    main: html`<header class="opening"><h1>Help and contact</h1>
<nav aria-label="On this page"><ul class="tags"><li><a href="#order">Your order</a></li><li><a href="#delivery">Delivery</a></li><li><a href="#payment">Payment</a></li><li><a href="#fair">A fair sale</a></li><li><a href="#contact">Contact</a></li></ul></nav></header>
<section id="order"><h2>Your order</h2>
<p>Every order has a page of its own. Its address is in the e-mail we send the moment we receive the order. Lost it? <a href="/orders/lookup">Find your order</a> with its number and your e-mail.</p>
<dl>
<dt>Can I cancel?</dt><dd>Yes, on the order’s page, until it ships. What you paid is refunded in full.</dd>
<dt>Can I change the address?</dt><dd>Not on the page itself. <a href="#contact">Write to us</a> before it is packed and we will change it for you.</dd>
<dt>I pressed the button twice. Did I order twice?</dt><dd>No. The same form sent twice is one order and one payment.</dd>
</dl></section>
<section id="delivery"><h2>Delivery</h2>${props.shipping.map(
      ({ countries, methods }) =>
        html`<table><caption>${countryNames(frame, countries)
          .map(({ name }) => name)
          .join(
            ", ",
          )}</caption><thead><tr><th scope="col">Method</th><th scope="col">Arrives</th><th scope="col">Price</th></tr></thead><tbody>${methods.map(
          (method) =>
            html`<tr><th scope="row">${method.name}</th><td>${method.promise}</td><td>${
              method.price.amount === 0 ? "Free" : money(frame, method.price)
            }</td></tr>`,
        )}</tbody></table>`,
    )}<p>${
      props.taxIncluded
        ? "All prices include tax. There is nothing more to pay on delivery."
        : "Tax is added in the cart, where you see it before you order."
    }</p></section>
<section id="payment"><h2>Payment</h2>
<p>You can pay with: ${props.payments.join(", ")}.</p>
<dl>
<dt>My payment did not go through</dt><dd>Nothing was charged. Your items stay held for ${props.holdMinutes} minutes, and you can try another card on the order’s page.</dd>
<dt>The page says the bank has not told us yet</dt><dd>Sometimes a bank takes the money and its answer gets lost. We do not guess, and we do not ask a second time: we keep your items held and find out first. You will not be charged twice.</dd>
<dt>Money left my account for an order that was cancelled</dt><dd>It is refunded in full, without you asking. Banks take a few days to show it.</dd>
</dl></section>
<section id="fair"><h2>How we keep the sale fair</h2>
<ul>
<li><b>Every item is sold once.</b> Stock is counted in one place, in the same instant your order is recorded.</li>
<li><b>First come, first held.</b> Orders are decided as they arrive. Reloading the page or ordering twice moves nobody ahead.</li>
<li><b>A limit is a limit.</b> “Limit of 2 per person” counts across all of a person’s orders.</li>
<li><b>A cart holds nothing, an order does.</b> So nobody can lock items away by filling carts.</li>
<li><b>What comes back goes back on sale.</b> Items from cancelled and unpaid orders are offered again at once, to everyone.</li>
<li><b>No false hurry.</b> “7 left” is a count, not a figure of speech.</li>
</ul></section>
<section id="contact"><h2>Contact</h2>
<p><a href="mailto:${contact.email}">${contact.email}</a>${
      contact.phone !== null && html`<br><a href="tel:${contact.phone.replace(/[^+\d]/g, "")}">${contact.phone}</a>`
    }${contact.hours !== null && html`<br><span class="soft">${contact.hours}</span>`}</p>
<p>Please include your order number if you have one. On a sale day we may take until the next morning to answer; your order does not wait for it.</p></section>`,
  });
}
