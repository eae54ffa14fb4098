/** `spillway order show|list|cancel|refund|pack|ship|deliver|delay` */
import { type OrderStatus, orderStatuses } from "#commerce/orders/lifecycle.ts";
import type { Order } from "#commerce/orders/ports.ts";
import { SpillwayError } from "#kernel/error.ts";
import { formatMoney, parseMinor } from "#kernel/money.ts";
import { orderId, orderNumber } from "#kernel/order-number.ts";
import type { Config } from "../config.ts";
import type { Parts } from "../parts.ts";
import { args, print, table } from "./terminal.ts";
import { withShop } from "./with-shop.ts";

const usage =
  "usage: bin/spillway order show|cancel|refund|pack|ship|deliver|delay NUMBER | order list [--status STATUS] [--email ADDRESS]";

export async function orderTool(config: Config, given: string[]): Promise<number> {
  const { positionals, values } = args(given, {
    status: { type: "string" },
    email: { type: "string" },
    reason: { type: "string" },
    amount: { type: "string" },
    key: { type: "string" },
    carrier: { type: "string" },
    tracking: { type: "string" },
    url: { type: "string" },
    text: { type: "string" },
    json: { type: "boolean", default: false },
  });
  const [word, number] = positionals;
  if (word === "list") {
    const { status, email } = values;
    if (status !== undefined && !(orderStatuses as readonly string[]).includes(status)) {
      throw new SpillwayError("bad_usage", `--status must be one of ${orderStatuses.join(", ")}.`);
    }
    const orders = await withShop(
      config,
      async (parts) =>
        await parts.orders.list({
          ...(status === undefined ? {} : { status: status as OrderStatus }),
          ...(email === undefined ? {} : { email }),
          limit: 50,
        }),
    );
    const rows = orders.map((order) => [
      orderNumber(order.id),
      order.status,
      new Date(order.placedAtMs).toISOString(),
      formatMoney(order.total, order.currency),
      order.email,
    ]);
    print(
      orders.length === 0
        ? "No such orders."
        : table([["number", "status", "placed", "total", "e-mail"], ...rows], [3]),
    );
    return 0;
  }
  const id = number === undefined ? undefined : orderId(number);
  if (word === undefined || number === undefined) throw new SpillwayError("bad_usage", usage);
  if (id === undefined)
    throw new SpillwayError("bad_usage", `"${number}" is not an order number: one looks like SGSXPXT89.`);
  return await withShop(config, async (parts) => {
    const order = await parts.orders.get(id);
    if (order === undefined) throw new SpillwayError("not_found", `There is no order ${number}.`);
    await step(parts, order, word, values);
    const after = await parts.orders.get(id);
    if (after !== undefined) print(values.json ? JSON.stringify(after, null, 2) : describe(after));
    return 0;
  });
}

type Values = {
  reason?: string | undefined;
  amount?: string | undefined;
  key?: string | undefined;
  carrier?: string | undefined;
  tracking?: string | undefined;
  url?: string | undefined;
  text?: string | undefined;
};

async function step(parts: Parts, order: Order, word: string, values: Values): Promise<void> {
  const refused = (wanted: string) =>
    new SpillwayError("order_state", `Order ${orderNumber(order.id)} is ${order.status}; it cannot be ${wanted} now.`);
  switch (word) {
    case "show":
      return;
    case "cancel": {
      const end = await parts.orders.cancel(order.id, values.reason ?? "cancelled by the shop");
      if (end === "busy")
        throw new SpillwayError(
          "order_state",
          "Its payment is under way at this very moment; try again in a few seconds.",
        );
      if (end === "too_late") throw refused("cancelled");
      return;
    }
    case "refund": {
      const amount =
        values.amount === undefined ? order.total - order.refunded : parseMinor(values.amount, order.currency);
      if (amount === undefined)
        throw new SpillwayError("bad_usage", `--amount must be a sum such as 12.50, in ${order.currency}.`);
      // The same words again on the same day would be another refund: a key says whether it is.
      const end = await parts.orders.refund(
        order.id,
        amount,
        values.key ?? `cli.${Date.now()}`,
        values.reason ?? "refunded by the shop",
      );
      if (end === "not_paid") throw refused("refunded");
      if (end === "too_much")
        throw new SpillwayError(
          "order_state",
          `${formatMoney(order.refunded, order.currency)} of ${formatMoney(order.total, order.currency)} went back already; that is more than is left.`,
        );
      print("The refund is on its way; a worker sends it.");
      return;
    }
    case "pack":
    case "ship":
    case "deliver": {
      const status = word === "pack" ? "packed" : word === "ship" ? "shipped" : "delivered";
      const tracking =
        values.tracking === undefined
          ? null
          : { carrier: values.carrier ?? "", number: values.tracking, url: values.url ?? null };
      if (!(await parts.orders.fulfil(order.id, status, tracking))) throw refused(status);
      return;
    }
    case "delay":
      if (values.text === undefined)
        throw new SpillwayError("bad_usage", "Say what shoppers should read: --text 'It arrives a week later.'");
      await parts.orders.announceDelay(order.id, values.text);
      return;
    default:
      throw new SpillwayError("bad_usage", usage);
  }
}

function describe(order: Order): string {
  const money = (amount: number) => formatMoney(amount, order.currency);
  const { shippingAddress: to } = order.details;
  const lines = order.lines.map((line) => [
    `${line.quantity} x`,
    line.sku,
    line.title,
    line.options.join(" / "),
    money(line.unitPrice * line.quantity),
  ]);
  return [
    `order ${orderNumber(order.id)}  ${order.status}  placed ${new Date(order.placedAtMs).toISOString()}`,
    `${order.email}; ${[to.name, to.line1, to.postalCode, to.city, to.country].join(", ")}; ${order.details.shippingMethod}`,
    "",
    table(lines, [0, 4]),
    "",
    `goods ${money(order.subtotal)}, discount ${money(order.discount)}, shipping ${money(order.shipping)}, tax ${money(order.tax)}${order.taxIncluded ? " included" : " added"}; total ${money(order.total)}${order.refunded > 0 ? `, refunded ${money(order.refunded)}` : ""}`,
    ...(order.holdUntilMs === null ? [] : [`units are held until ${new Date(order.holdUntilMs).toISOString()}`]),
    ...(order.tracking === null ? [] : [`parcel ${order.tracking.carrier} ${order.tracking.number}`]),
    "",
    ...order.events.map(
      (event) =>
        `${new Date(event.atMs).toISOString()}  ${event.status ?? ""}${event.text === null ? "" : ` ${event.text}`}`,
    ),
  ].join("\n");
}
