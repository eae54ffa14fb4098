/**
 * Forms: into the cart without a reload, changes of the cart and of the checkout's country in place, and no second
 * sending while the first is under way. Whenever the script cannot finish, the form goes the way it goes without script.
 */
import type { CartView, Problem } from "#contract/shop.ts";
import { showCartCount } from "./cart-count.ts";
import { hearPressure } from "./pressure.ts";
import { stockMayHaveMoved } from "./product.ts";
import { swapMain } from "./swap.ts";

/** A form that is being sent is let go after this long, so that a lost answer does not lock it. */
const busyMaxMs = 20_000;
/** Forms that the script gave up on: their next sending is the browser's own. */
const plain = new WeakSet<HTMLFormElement>();

export function guardForms(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    const button = event.submitter as HTMLButtonElement | null;
    if (form.ariaBusy === "true") {
      event.preventDefault();
      return;
    }
    const updates = button?.value === "update";
    const ours = "product" in form.dataset || "swap" in form.dataset || updates;
    if (!ours && !("once" in form.dataset)) return;
    if (plain.has(form) || !ours) {
      busy(form, button);
      return;
    }
    event.preventDefault();
    const release = busy(form, button);
    void ("product" in form.dataset ? add(form) : sendAndSwap(form, button)).finally(release);
  });
  // Another country or another delivery changes the total, and nobody should have to press a button to see it.
  document.addEventListener("change", (event) => {
    const field = event.target as HTMLInputElement;
    const button = field.form?.querySelector<HTMLButtonElement>("button[data-update]");
    if (button != null && (field.name === "country" || field.name === "shippingMethod")) {
      field.form?.requestSubmit(button);
    }
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.forms) form.ariaBusy = null;
    // The cart may be out of date by now. Checkout is left as it was: what was typed is worth more, and its key is still good.
    if (document.body.matches(".cart")) void fetch(location.href, { headers: { accept: "text/html" } }).then(swapMain);
  });
}

/** Marks the form as being sent; the button stays enabled, because a disabled one would not send its own value. */
function busy(form: HTMLFormElement, button: HTMLButtonElement | null): () => void {
  form.ariaBusy = "true";
  const words = button?.dataset.busy;
  const before = [...(button?.childNodes ?? [])];
  if (words !== undefined) button?.replaceChildren(words);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const release = () => {
    clearTimeout(timer);
    form.ariaBusy = null;
    if (words !== undefined && button?.isConnected) button.replaceChildren(...before);
  };
  timer = setTimeout(release, busyMaxMs);
  addEventListener("pagehide", release, { once: true });
  return release;
}

const body = (form: HTMLFormElement, button: HTMLButtonElement | null): URLSearchParams =>
  // No form of ours sends files, so every value is text.
  new URLSearchParams([...new FormData(form, button)] as [string, string][]);

async function add(form: HTMLFormElement): Promise<void> {
  const said = form.querySelector<HTMLElement>("[data-said]");
  try {
    const response = await fetch(addressOf(form), {
      method: "POST",
      body: body(form, null),
      headers: { accept: "application/json" },
    });
    hearPressure(response);
    const answer = (await response.json()) as CartView | Problem;
    if ("itemCount" in answer) {
      showCartCount(answer.itemCount);
      const link = document.createElement("a");
      link.href = "/cart";
      link.textContent = "View cart";
      said?.replaceChildren("Added to your cart. ", link);
    } else {
      said?.replaceChildren(answer.detail);
      stockMayHaveMoved();
    }
  } catch {
    // It may have arrived and only the answer got lost, so it is not sent again by itself.
    plain.add(form);
    said?.replaceChildren("That did not work. Please look at your cart, or try again.");
  }
}

async function sendAndSwap(form: HTMLFormElement, button: HTMLButtonElement | null): Promise<void> {
  const fields = body(form, button);
  try {
    const response = await (form.method === "get"
      ? fetch(`${addressOf(form)}?${fields}`, { headers: { accept: "text/html" } })
      : fetch(addressOf(form), { method: "POST", body: fields, headers: { accept: "text/html" } }));
    hearPressure(response);
    if (!(await swapMain(response))) throw new TypeError("not a page");
    if (form.method === "get") history.replaceState(null, "", response.url);
  } catch {
    plain.add(form);
    form.ariaBusy = null;
    form.requestSubmit(button);
  }
}

/** Not `form.action`: a button named "action" stands in front of it. */
const addressOf = (form: HTMLFormElement): string => form.getAttribute("action") ?? location.href;
