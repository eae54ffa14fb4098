/**
 * A product page that stays true while one looks at it: stock and price are asked for again while the page is visible,
 * and a variant is chosen without a reload. What is written is the server's own template (buy-panel.ts).
 */
import type { ProductView } from "#contract/shop.ts";
import { chosenVariant } from "../availability.ts";
import { buyPart, parts } from "../buy-panel.ts";
import { hearPressure, pace } from "./pressure.ts";

const everySeconds = 5;
const failuresMax = 4;

let ask: (() => Promise<void>) | undefined;

/** Asks for the stock at once, as after a refusal. */
export const stockMayHaveMoved = (): void => void ask?.();

export function keepProductLive(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-product]");
  if (form === null) return;
  const frame = { locale: form.dataset.locale ?? "en" };
  const address = `/api/products/${encodeURIComponent(form.dataset.product ?? "")}`;
  const place = (part: string) => document.querySelector<HTMLElement>(`[data-part=${part}]`);
  let product: ProductView | undefined;
  let sku = form.querySelector<HTMLInputElement>("[name=sku]")?.value ?? null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let asking = false;

  const show = () => {
    const variant = product && chosenVariant(product, sku);
    if (product === undefined || variant === undefined) return;
    const quantity = form.querySelector<HTMLSelectElement>("select")?.value;
    const focused = document.activeElement?.id;
    for (const part of parts) {
      const element = place(part);
      if (element === null) continue;
      // What is the same already is left alone: nothing is announced, and an open list stays open.
      const fresh = element.cloneNode() as HTMLElement;
      fresh.innerHTML = buyPart(frame, part, product, variant).toString();
      if (fresh.innerHTML !== element.innerHTML) element.replaceChildren(...fresh.childNodes);
    }
    const select = form.querySelector<HTMLSelectElement>("select");
    if (select !== null && quantity !== undefined) select.value = quantity;
    // The number that was chosen may be more than can be had now.
    if (select?.selectedIndex === -1) select.selectedIndex = select.options.length - 1;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  ask = async () => {
    clearTimeout(timer);
    if (document.hidden || asking) return;
    asking = true;
    try {
      const response = await fetch(address, { headers: { accept: "application/json" } });
      hearPressure(response);
      if (response.ok) product = (await response.json()) as ProductView;
      failures = response.ok ? 0 : failures + 1;
      show();
    } catch {
      failures += 1;
    }
    asking = false;
    timer = setTimeout(() => void ask?.(), pace(everySeconds) * 2 ** Math.min(failures, failuresMax));
  };

  form.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-sku]");
    if (link === null || product === undefined || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    sku = link.dataset.sku ?? null;
    history.replaceState(null, "", link.href);
    show();
    const source = chosenVariant(product, sku)?.image;
    const image = source && document.querySelector<HTMLElement>(`.gallery img[src="${CSS.escape(source)}"]`);
    if (image) {
      const gallery = image.closest(".gallery");
      gallery?.prepend(image.parentElement as HTMLElement);
      gallery?.scrollTo({ left: 0 });
    }
  });
  document.addEventListener("visibilitychange", () => void ask?.());
  addEventListener("pageshow", (event) => {
    if (event.persisted) void ask?.();
  });
  void ask();
}
