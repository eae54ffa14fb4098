/**
 * The part of a product page that changes while one looks at it: price, stock, choices, what may be put into the cart.
 * The server writes these blocks into the page, and the script writes the very same ones again when stock moves or
 * another variant is chosen (browser/product.ts), each into the element that carries its name in `data-part`.
 */
import type { ProductView, VariantView } from "#contract/shop.ts";
import { hasChoices, stock, variantWith } from "./availability.ts";
import type { Frame } from "./frame.ts";
import { type Html, html } from "./html.ts";
import { variantPrice } from "./price.ts";

type Where = Pick<Frame, "locale">;

/** More than this goes by the cart's own steps. */
const quantityMax = 10;

export const parts = ["price", "stock", "options", "action"] as const;
export type Part = (typeof parts)[number];

export function buyPart(frame: Where, part: Part, product: ProductView, variant: VariantView): Html {
  if (part === "price") return variantPrice(frame, variant);
  if (part === "stock") return stockLines(frame, variant);
  if (part === "options") return options(product, variant);
  return action(frame, variant);
}

function stockLines(frame: Where, variant: VariantView): Html {
  return html`${stock(frame, variant)}${
    variant.purchaseLimit !== null &&
    variant.available &&
    html`<span class="limit">Limit of ${variant.purchaseLimit} per person</span>`
  }`;
}

function options(product: ProductView, present: VariantView): Html {
  if (!hasChoices(product)) return html``;
  return html`${product.optionNames.map((name, index) => {
    const values = [...new Set(product.variants.map((variant) => variant.options[index] ?? ""))];
    return html`<div class="choices" role="group" aria-labelledby="option-${index}"><p id="option-${index}">${name}: <b>${present.options[index]}</b></p><ul>${values.map(
      (value, place) => {
        const leads = variantWith(product, present, index, value);
        if (leads === undefined) return null;
        const chosen = value === present.options[index];
        return html`<li><a href="/products/${product.handle}?variant=${leads.sku}" data-sku="${leads.sku}" id="option-${index}-${place}" aria-current=${
          chosen && "true"
        } class=${!leads.available && "gone"} rel="nofollow">${value}${
          !leads.available && html`<span class="vh">, sold out</span>`
        }</a></li>`;
      },
    )}</ul></div>`;
  })}`;
}

function action(frame: Where, variant: VariantView): Html {
  const most = Math.max(1, Math.min(quantityMax, variant.purchaseLimit ?? quantityMax, variant.left ?? quantityMax));
  const words =
    variant.delivery === "preorder" ? "Pre-order" : variant.delivery === "backorder" ? "Back-order" : "Add to cart";
  return html`<input type="hidden" name="sku" value="${variant.sku}">${
    variant.available
      ? html`<label class="vh" for="quantity">Quantity</label><select id="quantity" name="quantity" autocomplete="off">${Array.from(
          { length: most },
          (_, index) => html`<option>${index + 1}</option>`,
        )}</select><button class="main" data-busy="Adding…">${words}<span class="in-bar" aria-hidden="true"> · ${variantPrice(frame, { ...variant, compareAt: null })}</span></button>`
      : html`<button class="main" disabled>Sold out</button>`
  }`;
}
