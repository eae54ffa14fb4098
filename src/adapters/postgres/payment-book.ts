/** Our books of payments on Postgres. The steps are functions/attempts.sql and functions/order-steps.sql. */
import type { SQL } from "bun";
import type { OrderStatus } from "#commerce/orders/lifecycle.ts";
import type { Attempt, AttemptState, PaymentBook, Settlement } from "#commerce/payments/ports.ts";
import { query } from "./database.ts";
import beginRefund from "./sql/begin-refund.sql" with { type: "text" };

type AttemptRow = {
  order_id: string;
  provider: string;
  attempt_key: string;
  token: string;
  amount: string;
  currency: string;
  state: AttemptState;
  reference: string | null;
  redirect_url: string | null;
  created_at: Date;
  called_at: Date | null;
  calls: number;
};

type RefundRow = {
  order_id: string;
  refund_key: string;
  provider: string;
  reference: string | null;
  amount: string;
  currency: string;
  state: "pending" | "succeeded" | "failed";
  called_at: Date | null;
};

export function createPaymentBook(sql: SQL): PaymentBook {
  return {
    async begin(orderId, orderNumber, payment) {
      const [row] = await query<AttemptRow>(
        sql,
        "select * from begin_attempt($1::bigint, $2::text, $3::text, $4::text)",
        [orderId, orderNumber, payment.provider, payment.token],
      );
      return row === undefined ? undefined : toAttempt(row);
    },
    async settle(attemptKey, settlement) {
      const [row] = await query<{ status: OrderStatus | null }>(
        sql,
        "select settle_attempt($1::text, $2::text, $3::text, $4::text, $5::text, $6::float8, $7::float8, $8::integer) as status",
        [
          attemptKey,
          settlement.outcome,
          ...settlementColumns(settlement),
          settlement.outcome === "failed" ? settlement.call : null,
        ],
      );
      return row?.status ?? undefined;
    },
    async open(orderId) {
      const [row] = await query<AttemptRow>(
        sql,
        "select * from payment_attempts where order_id = $1::bigint and state in ('pending', 'action_required', 'unknown')",
        [orderId],
      );
      return row === undefined ? undefined : toAttempt(row);
    },
    async find({ attemptKey, provider, reference }) {
      const [row] = await query<AttemptRow>(
        sql,
        `select * from payment_attempts where attempt_key = $1::text
         union all (select * from payment_attempts where $1::text is null and provider = $2::text and reference = $3::text limit 1) limit 1`,
        [attemptKey, provider, reference],
      );
      return row === undefined ? undefined : toAttempt(row);
    },
    async failures(orderId) {
      return await query<{ provider: string }>(
        sql,
        "select provider from payment_attempts where order_id = $1::bigint and state = 'failed' and reason <> 'rate_limited' order by id",
        [orderId],
      );
    },
    async beginRefund(refundKey) {
      const [row] = await query<RefundRow>(sql, beginRefund, [refundKey]);
      if (row === undefined) return undefined;
      return {
        orderId: Number(row.order_id),
        refundKey: row.refund_key,
        provider: row.provider,
        reference: row.reference ?? "",
        amount: { amount: Number(row.amount), currency: row.currency },
        state: row.state,
        unknownSinceMs: row.called_at?.getTime() ?? null,
      };
    },
    async notePendingRefund(refundKey, reference) {
      await query(sql, "update refunds set reference = $2::text where refund_key = $1::text and state = 'pending'", [
        refundKey,
        reference,
      ]);
    },
    async settleRefund(refund, succeeded, reason) {
      const [row] = await query<{ known: boolean }>(
        sql,
        "select settle_refund($1::text, $2::text, $3::boolean, $4::text, $5::text) as known",
        [refund.refundKey, refund.provider, succeeded, refund.reference, reason],
      );
      return row?.known ?? false;
    },
    async takeEvent(provider, eventId, event) {
      const rows = await query(
        sql,
        "insert into provider_events (provider, event_id, event) values ($1::text, $2::text, $3::text::jsonb) on conflict do nothing returning 1",
        [provider, eventId, JSON.stringify(event)],
      );
      return rows.length > 0;
    },
    async succeededBetween(provider, fromMs, toMs) {
      const rows = await query<AttemptRow>(
        sql,
        `select * from payment_attempts where provider = $1::text and state in ('succeeded', 'surplus')
         and created_at >= to_timestamp($2::float8 / 1000) and created_at < to_timestamp($3::float8 / 1000) order by id`,
        [provider, fromMs, toMs],
      );
      return rows.map(toAttempt);
    },
  };
}

/** reference, reason, redirect, seconds to hold, seconds until the next try. */
function settlementColumns(settlement: Settlement): unknown[] {
  switch (settlement.outcome) {
    case "succeeded":
      return [settlement.reference, null, null, null, null];
    case "declined":
      return [settlement.reference, settlement.reason, null, settlement.holdSeconds, null];
    case "cancelled":
      return [null, settlement.reason, null, settlement.holdSeconds, null];
    case "action_required":
      return [settlement.reference, null, settlement.redirectUrl, settlement.holdSeconds, null];
    case "failed":
    case "unknown":
      return [null, settlement.reason, null, null, settlement.retrySeconds];
  }
}

function toAttempt(row: AttemptRow): Attempt {
  return {
    orderId: Number(row.order_id),
    provider: row.provider,
    attemptKey: row.attempt_key,
    token: row.token,
    amount: { amount: Number(row.amount), currency: row.currency },
    state: row.state,
    reference: row.reference,
    redirectUrl: row.redirect_url,
    createdAtMs: row.created_at.getTime(),
    unknownSinceMs: row.called_at?.getTime() ?? null,
    call: row.calls,
  };
}
