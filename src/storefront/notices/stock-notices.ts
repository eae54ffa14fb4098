/** Notices about stock: to the operator when it runs low, to a shopper who asked to hear when it is back. */
import type { Money } from "#contract/shop.ts";
import { money } from "../words.ts";
import { letter, type NoticeFrame, type NoticeText } from "./mail.ts";

type StockFrame = Omit<NoticeFrame, "statusUrl">;

export type StockAlert = {
  readonly sku: string;
  readonly title: string;
  readonly left: number;
  /** The level at or below which somebody wants to know. */
  readonly threshold: number;
};

export function lowStockNotice(alerts: readonly StockAlert[], consoleUrl: string, frame: StockFrame): NoticeText {
  const out = alerts.filter((alert) => alert.left <= 0).length;
  const low = alerts.length - out;
  const counts = [...(out > 0 ? [`${out} sold out`] : []), ...(low > 0 ? [`${low} low`] : [])].join(", ");
  return letter(frame, {
    subject: `Stock: ${counts}`,
    preview: alerts.map((alert) => `${alert.title}: ${alert.left}`).join(", "),
    title: `Stock: ${counts}`,
    paragraphs: ["These have reached the level at which you asked to be told."],
    button: { text: "Open operations", href: consoleUrl },
    rows: [...alerts]
      .sort((a, b) => a.left - b.left)
      .map((alert) => ({
        name: alert.title,
        detail: `${alert.sku}, alert at ${alert.threshold}`,
        amount: alert.left <= 0 ? "sold out" : `${alert.left} left`,
      })),
    blocks: [],
    footer: "Sent to operators once for each fall below the level.",
  });
}

export type Restock = {
  readonly title: string;
  /** "Blue / Large", or "". */
  readonly options: string;
  readonly price: Money;
  /** Whole address of the product with its variant. */
  readonly url: string;
};

export function restockNotice(restock: Restock, frame: StockFrame): NoticeText {
  const named = restock.options === "" ? restock.title : `${restock.title}, ${restock.options}`;
  return letter(frame, {
    subject: `Back in stock: ${restock.title}`,
    preview: `${named} is available again.`,
    title: "It is back",
    paragraphs: [
      `${named} is available again, at ${money(frame, restock.price)}.`,
      "We wrote to everyone who asked at the same moment. This message holds nothing: the first orders get the items.",
    ],
    button: { text: "See it", href: restock.url },
    rows: [],
    blocks: [],
    footer: "You asked for this one message. There will be no other.",
  });
}
