/**
 * A foreign shop's books, held against what its shoppers were told. An adapter brings the books in these words, before the
 * run and after it; what they promise is judged here, the same for every shop.
 */
import type { Acknowledged, Outcomes } from "../ports.ts";
import type { PromiseResult } from "../result.ts";
import { notLookedAt, promise } from "./promises.ts";

/** One line of a live order: placed, and not cancelled. */
export type BookedLine = {
  readonly orderId: string;
  /** Every name under which a shopper may know it. */
  readonly names: readonly string[];
  readonly email: string;
  readonly sku: string;
  readonly quantity: number;
  /** Payments of the whole order that were taken or authorised, and are not given back. */
  readonly payments: number;
  /** Units that the shop itself set aside for this line. */
  readonly setAside: number;
};

export type StockRow = { readonly sku: string; readonly sellable: number; readonly setAside: number };

export type Books = {
  readonly lines: readonly BookedLine[];
  readonly stock: readonly StockRow[];
  readonly chargedWithoutOrder: number;
};

export type BooksBefore = {
  readonly orderIds: ReadonlySet<string>;
  readonly stock: ReadonlyMap<string, StockRow>;
  readonly chargedWithoutOrder: number;
};

export const rememberBooks = ({ lines, stock, chargedWithoutOrder }: Books): BooksBefore => ({
  orderIds: new Set(lines.map(({ orderId }) => orderId)),
  stock: new Map(stock.map((row) => [row.sku, row])),
  chargedWithoutOrder,
});

export function judgeBooks(
  before: BooksBefore,
  after: Books,
  outcomes: Pick<Outcomes, "acknowledged" | "acknowledgedCount">,
  options: { readonly oneOrderPerEmail: boolean },
): PromiseResult[] {
  const fresh = after.lines.filter(({ orderId }) => !before.orderIds.has(orderId));
  const orders = [...Map.groupBy(fresh, ({ orderId }) => orderId).values()];
  const bySku = [...Map.groupBy(fresh, ({ sku }) => sku)].map(([sku, lines]) => ({
    sku,
    sold: lines.reduce((sum, { quantity }) => sum + quantity, 0),
  }));
  return [
    oversold(before, bySku),
    lost(after, outcomes),
    doubleCharge(orders),
    promise(
      "strayCharge",
      orders.length,
      Math.max(0, after.chargedWithoutOrder - before.chargedWithoutOrder),
      "payments that belong to no order",
    ),
    phantom(orders),
    duplicate(orders, options.oneOrderPerEmail),
    counter(before, after, bySku),
  ];
}

type Sold = { readonly sku: string; readonly sold: number };

function oversold(before: BooksBefore, bySku: readonly Sold[]): PromiseResult {
  const known = bySku.flatMap(({ sku, sold }) => {
    const row = before.stock.get(sku);
    return row === undefined ? [] : [{ sku, sold, had: row.sellable }];
  });
  const beyond = known.filter(({ sold, had }) => sold > had);
  const units = beyond.reduce((sum, { sold, had }) => sum + sold - Math.max(had, 0), 0);
  return promise(
    "oversold",
    known.reduce((sum, { sold }) => sum + sold, 0),
    units,
    beyond.length === 0
      ? "units of live orders, against what was there before the run"
      : some(beyond.map(({ sku, sold, had }) => `${sku}: ${sold} sold of ${had}`)),
  );
}

function lost(
  after: Books,
  { acknowledged, acknowledgedCount }: Pick<Outcomes, "acknowledged" | "acknowledgedCount">,
): PromiseResult {
  const named = acknowledged.filter(
    (one): one is Acknowledged & { orderNumber: string } => one.orderNumber !== undefined,
  );
  if (acknowledgedCount > 0 && named.length === 0)
    return notLookedAt("lost", 'the plan extracts no "orderNumber" from the answer that confirms an order');
  const names = new Set(after.lines.flatMap((line) => line.names));
  const missing = named.filter(({ orderNumber }) => !names.has(orderNumber));
  return promise(
    "lost",
    named.length,
    missing.length,
    missing.length > 0
      ? some(missing.map(({ orderNumber }) => orderNumber))
      : acknowledgedCount > named.length
        ? `${acknowledgedCount} were confirmed in all`
        : "",
  );
}

type Order = readonly BookedLine[];
const idOf = (order: Order): string => order[0]?.names[0] ?? "";
const paymentsOf = (order: Order): number => order[0]?.payments ?? 0;

function doubleCharge(orders: readonly Order[]): PromiseResult {
  const twice = orders.filter((order) => paymentsOf(order) > 1);
  return promise("doubleCharge", orders.length, twice.length, some(twice.map(idOf)));
}

function phantom(orders: readonly Order[]): PromiseResult {
  const unpaid = orders.filter((order) => paymentsOf(order) === 0);
  const bare = orders.filter((order) => order.some(({ quantity, setAside }) => setAside < quantity));
  const either = new Set([...unpaid, ...bare]);
  return promise(
    "phantom",
    orders.length,
    either.size,
    either.size === 0 ? "" : `${unpaid.length} live orders without a payment, ${bare.length} without their units`,
  );
}

function duplicate(orders: readonly Order[], oneOrderPerEmail: boolean): PromiseResult {
  if (!oneOrderPerEmail)
    return notLookedAt(
      "duplicate",
      "a shopper may order twice; where each has one address, set oneOrderPerEmail to true",
    );
  const more = [...Map.groupBy(orders, (order) => order[0]?.email ?? "")].filter(([, same]) => same.length > 1);
  return promise(
    "duplicate",
    orders.length,
    more.reduce((sum, [, same]) => sum + same.length - 1, 0),
    some(more.map(([email, same]) => `${email}: ${same.length}`)),
  );
}

function counter(before: BooksBefore, after: Books, bySku: readonly Sold[]): PromiseResult {
  const now = new Map(after.stock.map((row) => [row.sku, row]));
  const wrong = bySku.flatMap(({ sku, sold }) => {
    const counted = (now.get(sku)?.setAside ?? 0) - (before.stock.get(sku)?.setAside ?? 0);
    return counted === sold ? [] : [`${sku}: ${sold} sold, counted as ${counted}`];
  });
  return promise("counter", bySku.length, wrong.length, some(wrong));
}

const some = (texts: readonly string[]): string =>
  texts.length <= 5 ? texts.join("; ") : `${texts.slice(0, 5).join("; ")} and ${texts.length - 5} more`;
