/** The number beside "Cart". It comes from a small readable cookie, so that browsing costs no request for it. */
export function showCartCount(known?: number): void {
  const count = known ?? Number(/(?:^|; )cart_count=(\d{1,4})(?:;|$)/.exec(document.cookie)?.[1] ?? 0);
  for (const place of document.querySelectorAll("[data-cart-count]")) {
    const words = document.createElement("span");
    words.className = "vh";
    words.textContent = count === 1 ? " item" : " items";
    place.replaceChildren(...(count > 0 ? [String(count), words] : []));
  }
}

// A page that comes back from the back/forward cache still shows the number it left with.
addEventListener("pageshow", (event) => event.persisted && showCartCount());
