/** Orders as they stand, and the steps that people take with them. The steps themselves are functions/order-steps.sql. */
import type { SQL } from "bun";
import type { OrderStatus } from "#commerce/orders/lifecycle.ts";
import type { OrderDetails } from "#commerce/orders/order-request.ts";
import type { Order, OrderBook, OrderLine, Tracking } from "#commerce/orders/ports.ts";
import { query } from "./database.ts";
import { listen } from "./listen.ts";
import getOrder from "./sql/get-order.sql" with { type: "text" };

type OrderRow = {
  id: string;
  status: OrderStatus;
  priority: number;
  placed_at: number | string;
  email: string;
  details: OrderDetails;
  currency: string;
  tax_included: boolean;
  subtotal: string;
  discount: string;
  shipping: string;
  tax: string;
  total: string;
  refunded: string;
  hold_until: number | string | null;
  hold_left: number | string | null;
  tracking: Tracking | null;
  delay: string | null;
  lines: OrderLine[];
  events: { atMs: number; status: OrderStatus | null; text: string | null }[];
  redirect_url: string | null;
  can_retry_payment: boolean;
};

export function createOrderBook(sql: SQL): OrderBook {
  return {
    async get(id) {
      const [row] = await query<OrderRow>(sql, `${getOrder} where o.id = $1::bigint`, [id]);
      return row === undefined ? undefined : toOrder(row);
    },
    async list(filter) {
      const rows = await query<OrderRow>(
        sql,
        `${getOrder} where ($1::text is null or o.status = $1::text::order_status) and ($2::text is null or lower(o.email) = lower($2::text))
         and ($3::bigint is null or o.id < $3::bigint) order by o.id desc limit $4::int`,
        [filter.status ?? null, filter.email ?? null, filter.beforeId ?? null, filter.limit],
      );
      return rows.map(toOrder);
    },
    async cancel(id, reason) {
      return await scalar(sql, "select cancel_order($1::bigint, $2::text) as value", [id, reason]);
    },
    async retryPayment(id, payment) {
      return await scalar(sql, "select retry_payment($1::bigint, $2::text, $3::text) as value", [
        id,
        payment.provider,
        payment.token,
      ]);
    },
    async refund(id, amount, key, reason) {
      return await scalar(sql, "select begin_refund($1::bigint, $2::bigint, $3::text, $4::text) as value", [
        id,
        amount,
        key,
        reason,
      ]);
    },
    async fulfil(id, status, tracking) {
      return await scalar(sql, "select fulfil_order($1::bigint, $2::text::order_status, $3::text::jsonb) as value", [
        id,
        status,
        tracking === null ? null : JSON.stringify(tracking),
      ]);
    },
    async announceDelay(id, text) {
      return await scalar(sql, "select announce_delay($1::bigint, $2::text) as value", [id, text]);
    },
    async expire(id) {
      return await scalar(sql, "select expire_order($1::bigint) as value", [id]);
    },
    async waitingSince(beforeMs, limit) {
      const rows = await query<{ order_id: string }>(
        sql,
        `select t.order_id from outbox t join orders o on o.id = t.order_id
         where t.lane = 0 and t.topic = 'pay' and t.created_at < to_timestamp($1::float8 / 1000) and o.delay is null
           and o.status in ('received', 'paying') limit $2::int`,
        [beforeMs, limit],
      );
      return rows.map((row) => Number(row.order_id));
    },
    async changed(listener) {
      return await listen(sql, "orders", (payload) => {
        const id = Number(payload);
        if (Number.isSafeInteger(id) && id > 0) listener(id);
      });
    },
    async countByStatus() {
      const rows = await query<{ status: OrderStatus; count: string }>(
        sql,
        "select status, count(*) from orders group by status",
      );
      return Object.fromEntries(rows.map((row) => [row.status, Number(row.count)]));
    },
  };
}

async function scalar<Value>(sql: SQL, text: string, parameters: readonly unknown[]): Promise<Value> {
  const [row] = await query<{ value: Value }>(sql, text, parameters);
  return (row as { value: Value }).value;
}

function toOrder(row: OrderRow): Order {
  return {
    id: Number(row.id),
    status: row.status,
    priority: row.priority,
    placedAtMs: Math.round(Number(row.placed_at)),
    email: row.email,
    details: row.details,
    currency: row.currency,
    taxIncluded: row.tax_included,
    subtotal: Number(row.subtotal),
    discount: Number(row.discount),
    shipping: Number(row.shipping),
    tax: Number(row.tax),
    total: Number(row.total),
    refunded: Number(row.refunded),
    holdUntilMs: row.hold_until === null ? null : Math.round(Number(row.hold_until)),
    holdLeftMs: row.hold_left === null ? null : Math.round(Number(row.hold_left)),
    tracking: row.tracking,
    delay: row.delay,
    lines: row.lines,
    events: row.events,
    redirectUrl: row.redirect_url,
    canRetryPayment: row.can_retry_payment,
  };
}
