/** The cart: one's own page, never cached. Every step is a plain form with buttons that say what they do. */
import type { CartLineView, CartView } from "#contract/shop.ts";
import { errorSummary } from "../form-field.ts";
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";
import { lineTitle, totalsList } from "../order-summary.ts";
import { picture } from "../picture.ts";
import { countryNames, money, plural } from "../words.ts";

export type CartProps = {
  readonly cart: CartView;
  /** ISO codes that are delivered to; given, the cart offers to reckon delivery by `GET /cart?country=`. */
  readonly countries?: readonly string[];
  readonly country?: string | null;
  /** Why the last change was refused, in words for the shopper. */
  readonly problem?: string | null;
};

export function cartPage(frame: Frame, props: CartProps): Html {
  const { cart } = props;
  const { length } = cart.lines;
  return layout(frame, {
    name: "cart",
    title: "Cart",
    canonical: null,
    main:
      length === 0
        ? html`${errorSummary("That did not work", [], props.problem)}<section class="blank"><img src="${frame.assets.emptyCartUrl}" alt="" width="480" height="360"><h1>Your cart is empty</h1><p>What you add stays here, even when you close this page.</p><p><a class="main" href="/">Start browsing</a></p></section>`
        : html`${errorSummary("That did not work", [], props.problem)}
<h1>Cart</h1>
<div class="pair">
<section aria-labelledby="lines"><h2 class="vh" id="lines">Items</h2><ul class="lines">${cart.lines.map((line) => cartLine(frame, line))}</ul></section>
<section class="sum" aria-labelledby="sum" data-say="${plural(cart.itemCount, "item", "items")} in the cart, ${money(frame, cart.totals.total)}"><h2 id="sum">${plural(cart.itemCount, "item", "items")}</h2>
${totalsList(frame, cart.totals)}
${delivery(frame, props)}
${promotion(cart)}
${
  cart.lines.every((line) => line.problem === null)
    ? html`<p><a class="main wide" href="${props.country == null ? "/checkout" : `/checkout?country=${encodeURIComponent(props.country)}`}">Go to checkout</a></p>`
    : html`<p class="error">Please change the marked items first.</p>`
}
<p class="soft">Items in a cart are not held. Your order’s are, from the moment we receive it.</p>
</section>
</div>`,
  });
}

function cartLine(frame: Frame, line: CartLineView): Html {
  const named = line.options === "" ? line.title : `${line.title}, ${line.options}`;
  const step = (quantity: number, sign: string, words: string, id: string) =>
    html`<button name="quantity" value="${quantity}" id="${id}-${line.sku}" aria-label="${words} ${named}">${sign}</button>`;
  return html`<li class=${!line.available && "gone"}>${picture(line.image, "eager", "")}<div><h3>${lineTitle(line)}</h3>${
    line.options !== "" && html`<p class="soft">${line.options}</p>`
  }${line.quantity > 1 && html`<p class="soft">${money(frame, line.unitPrice)} each</p>`}${
    line.problem !== null && html`<p class="error">${line.problem}</p>`
  }<form class="steps" action="/cart/lines/update" method="post" data-swap><input type="hidden" name="sku" value="${line.sku}"><span class="stepper">${
    line.quantity > 1 ? step(line.quantity - 1, "−", "One less of", "less") : html`<span aria-hidden="true">−</span>`
  }<b><span class="vh">Quantity </span>${line.quantity}</b>${step(line.quantity + 1, "+", "One more of", "more")}</span>${step(0, "Remove", "Remove", "remove")}</form></div><p class="amount">${money(frame, line.total)}</p></li>`;
}

function delivery(frame: Frame, props: CartProps): Html {
  if (props.countries === undefined || props.countries.length === 0) return html``;
  return html`<form class="inline" action="/cart" data-swap><label for="country">Estimate delivery to</label><select id="country" name="country" autocomplete="shipping country">${countryNames(
    frame,
    props.countries,
  ).map(
    ({ code, name }) => html`<option value="${code}" selected=${code === props.country}>${name}</option>`,
  )}</select><button>Estimate</button></form>`;
}

function promotion(cart: CartView): Html {
  const { promotionCode: code, promotionProblem: problem } = cart;
  if (code !== null && problem === null) {
    return html`<form class="inline" action="/cart/promotion" method="post" data-swap><p>Code <b>${code}</b> applied</p><button name="code" value="">Remove<span class="vh"> code ${code}</span></button></form>`;
  }
  return html`<details open=${problem !== null}><summary>Promotion code</summary><form class="inline" action="/cart/promotion" method="post" data-swap><label for="code">Code</label>${
    problem !== null && html`<p class="error" id="code-error">${problem}</p>`
  }<input id="code" name="code" value=${code} autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="40" required enterkeyhint="done" aria-invalid=${
    problem !== null && "true"
  } aria-describedby=${problem !== null && "code-error"}><button>Apply</button></form></details>`;
}
