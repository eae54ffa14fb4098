/** Money, days and counts as people write them, in the frame's locale and time zone. Pages never format by themselves. */
import type { Money } from "#contract/shop.ts";
import { formatMoney } from "#kernel/money.ts";
import type { Frame } from "./frame.ts";
import { type Html, html } from "./html.ts";

type Where = Pick<Frame, "locale" | "timeZone">;

export const money = (frame: Pick<Frame, "locale">, value: Money): string =>
  formatMoney(value.amount, value.currency, frame.locale);

export const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(frame: Where, key: "day" | "moment" | "clock"): Intl.DateTimeFormat {
  const timeZone = frame.timeZone ?? "UTC";
  const id = `${frame.locale} ${timeZone} ${key}`;
  let found = formatters.get(id);
  if (found === undefined) {
    const day = { day: "numeric", month: "long" } as const;
    const clock = { hour: "2-digit", minute: "2-digit", timeZoneName: "short" } as const;
    found = new Intl.DateTimeFormat(frame.locale, {
      timeZone,
      ...(key === "day" ? { ...day, year: "numeric" } : key === "clock" ? clock : { ...day, ...clock }),
    });
    formatters.set(id, found);
  }
  return found;
}

/** "15 January 2027", from an ISO date or a moment; as it came when it is neither. */
export function day(frame: Where, iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  // A bare date has no zone: it is that day everywhere.
  return formatter(iso.length === 10 ? { locale: frame.locale } : frame, "day").format(at);
}

/** A moment as `<time>`; the script rewrites it in the shopper's own zone when `local` says which parts to show. */
export function moment(frame: Where, iso: string, parts: "moment" | "clock" = "moment"): Html {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return html`${iso}`;
  return html`<time datetime="${iso}" data-local="${parts}">${formatter(frame, parts).format(at)}</time>`;
}

/** Names of countries in the frame's locale, sorted as that locale sorts. */
export function countryNames(
  frame: Pick<Frame, "locale">,
  codes: readonly string[],
): readonly { readonly code: string; readonly name: string }[] {
  const names = new Intl.DisplayNames(frame.locale, { type: "region", fallback: "code" });
  const collator = new Intl.Collator(frame.locale);
  return codes.map((code) => ({ code, name: names.of(code) ?? code })).sort((a, b) => collator.compare(a.name, b.name));
}
