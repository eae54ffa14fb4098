/** What is bought and what it comes to: lines and totals, written alike in the cart, at checkout and on an order. */
import type { LineView, TotalsView } from "#contract/shop.ts";
import type { Frame } from "./frame.ts";
import { type Html, html } from "./html.ts";
import { picture } from "./picture.ts";
import { money } from "./words.ts";

export function summaryLines(frame: Frame, lines: readonly LineView[]): Html {
  return html`<ul class="lines small">${lines.map(
    (line) =>
      html`<li>${picture(line.image, "lazy", "")}<div><p>${lineTitle(line)}</p><p class="soft">${
        line.options !== "" && `${line.options} · `
      }<span class="whole">${line.quantity} × ${money(frame, line.unitPrice)}</span></p></div><p class="amount">${money(frame, line.total)}</p></li>`,
  )}</ul>`;
}

/** A link, while the product is still there to be linked. */
export function lineTitle(line: LineView): Html {
  if (line.productHandle === "") return html`${line.title}`;
  return html`<a href="/products/${line.productHandle}?variant=${line.sku}">${line.title}</a>`;
}

export function totalsList(frame: Frame, totals: TotalsView, more: readonly (readonly [string, string])[] = []): Html {
  return html`<dl class="totals"><div><dt>Subtotal</dt><dd>${money(frame, totals.subtotal)}</dd></div>${
    totals.discount.amount > 0 &&
    html`<div class="sale"><dt>Discount</dt><dd>−${money(frame, totals.discount)}</dd></div>`
  }<div><dt>Delivery</dt><dd>${
    totals.shipping === null
      ? "Depends on the country"
      : totals.shipping.amount === 0
        ? "Free"
        : money(frame, totals.shipping)
  }</dd></div>${
    !totals.taxIncluded && html`<div><dt>Tax</dt><dd>${money(frame, totals.tax)}</dd></div>`
  }<div class="total"><dt>Total</dt><dd>${money(frame, totals.total)}</dd></div>${
    totals.taxIncluded &&
    totals.tax.amount > 0 &&
    html`<div class="soft"><dt>Includes tax of</dt><dd>${money(frame, totals.tax)}</dd></div>`
  }${more.map(([name, amount]) => html`<div><dt>${name}</dt><dd>${amount}</dd></div>`)}</dl>`;
}
