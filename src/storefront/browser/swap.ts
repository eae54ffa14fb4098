/** Puts a newly fetched page's content in place of the present one, keeping the focus and telling screen readers. */
import { showCartCount } from "./cart-count.ts";

const voice = document.createElement("p");
voice.className = "vh";
voice.setAttribute("role", "status");
document.body.append(voice);

export const say = (words: string): void => {
  voice.textContent = words;
};

/** True when the answer was a page of ours and now stands in `<main>`. */
export async function swapMain(response: Response): Promise<boolean> {
  if (!response.headers.get("content-type")?.startsWith("text/html")) return false;
  const next = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = next.querySelector("main");
  const main = document.querySelector("main");
  if (fresh === null || main === null) return false;
  const focused = main.contains(document.activeElement) ? document.activeElement?.id : undefined;
  const open = [...main.querySelectorAll("details")].map((details) => details.open);
  main.replaceChildren(...fresh.childNodes);
  for (const [index, details] of [...main.querySelectorAll("details")].entries()) details.open ||= open[index] ?? false;
  document.title = next.title;
  document.body.className = next.body.className;
  const summary = main.querySelector<HTMLElement>("[autofocus]");
  if (summary !== null) summary.focus();
  // The element may be gone, as a removed line is: then the focus starts again at the content, not at the page's top.
  else if (focused !== undefined) (document.getElementById(focused) ?? main).focus({ preventScroll: true });
  localTimes();
  showCartCount();
  say(main.querySelector<HTMLElement>("[data-say]")?.dataset.say ?? next.title);
  return true;
}

/** Writes times in the shopper's own zone; the server wrote them in the shop's. */
export function localTimes(): void {
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[data-local]")) {
    time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, {
      ...(time.dataset.local === "moment" ? { day: "numeric", month: "long" } : {}),
      hour: "2-digit",
      minute: "2-digit",
    }).format(new Date(time.dateTime));
  }
}
