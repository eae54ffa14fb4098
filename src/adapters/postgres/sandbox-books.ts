/** The sandbox's books in Postgres, so that every process of a shop, and every restart, asks the same pretend bank. */
import type { SQL } from "bun";
import type { SandboxBooks, SandboxCharge, SandboxRefund } from "../payment-sandbox/ports.ts";
import { query } from "./database.ts";

type ChargeRow = {
  attempt_key: string;
  order_number: string;
  amount: string;
  currency: string;
  token: string;
  return_url: string;
  state: SandboxCharge["state"];
  refunded: string;
  created_at_ms: string;
  settles_at_ms: string;
};

export function createSandboxBooks(sql: SQL): SandboxBooks {
  const find = async (attemptKey: string): Promise<SandboxCharge | null> => {
    const [row] = await query<ChargeRow>(sql, "select * from sandbox_charges where attempt_key = $1::text", [
      attemptKey,
    ]);
    return row === undefined ? null : toCharge(row);
  };
  return {
    async recordCharge(charge) {
      const [row] = await query<ChargeRow>(
        sql,
        `insert into sandbox_charges (attempt_key, order_number, amount, currency, token, return_url, state, refunded, created_at_ms, settles_at_ms)
         values ($1::text, $2::text, $3::bigint, $4::text, $5::text, $6::text, $7::text, $8::bigint, $9::bigint, $10::bigint)
         on conflict do nothing returning *`,
        [
          charge.attemptKey,
          charge.orderNumber,
          charge.amount.amount,
          charge.amount.currency,
          charge.token,
          charge.returnUrl,
          charge.state,
          charge.refunded,
          charge.createdAtMs,
          charge.settlesAtMs,
        ],
      );
      if (row !== undefined) return { charge: toCharge(row), isNew: true };
      return { charge: (await find(charge.attemptKey)) as SandboxCharge, isNew: false };
    },
    findCharge: find,
    async endChallenge(attemptKey, state, atMs) {
      await query(
        sql,
        "update sandbox_charges set state = $2::text, settles_at_ms = $3::bigint where attempt_key = $1::text and state = 'challenge'",
        [attemptKey, state, atMs],
      );
      return await find(attemptKey);
    },
    async recordRefund(refund) {
      const existing = async (): Promise<SandboxRefund | null> => {
        const [row] = await query<{ refund_key: string; attempt_key: string; amount: string; created_at_ms: string }>(
          sql,
          "select * from sandbox_refunds where refund_key = $1::text",
          [refund.refundKey],
        );
        return row === undefined
          ? null
          : {
              refundKey: row.refund_key,
              attemptKey: row.attempt_key,
              amount: Number(row.amount),
              createdAtMs: Number(row.created_at_ms),
            };
      };
      // The charge's row is the lock: of two that come at once, the second sees what the first has written.
      await query(
        sql,
        `with charge as (
           update sandbox_charges set refunded = refunded + $3::bigint
           where attempt_key = $2::text and state = 'succeeded' and refunded + $3::bigint <= amount
             and not exists (select 1 from sandbox_refunds where refund_key = $1::text)
           returning attempt_key
         )
         insert into sandbox_refunds (refund_key, attempt_key, amount, created_at_ms)
         select $1::text, attempt_key, $3::bigint, $4::bigint from charge`,
        [refund.refundKey, refund.attemptKey, refund.amount, refund.createdAtMs],
      ).catch((error: unknown) => {
        // 23505: another call with the same key came first; its refund is the one, and this statement left nothing.
        if ((error as { errno?: unknown }).errno !== "23505") throw error;
      });
      return await existing();
    },
    async chargesAfter(place, limit) {
      const rows = await query<ChargeRow>(
        sql,
        `select * from sandbox_charges where (created_at_ms, attempt_key) > ($1::bigint, $2::text)
         order by created_at_ms, attempt_key limit $3::int`,
        [place.createdAtMs, place.attemptKey, limit],
      );
      return rows.map(toCharge);
    },
  };
}

function toCharge(row: ChargeRow): SandboxCharge {
  return {
    attemptKey: row.attempt_key,
    orderNumber: row.order_number,
    amount: { amount: Number(row.amount), currency: row.currency },
    token: row.token,
    returnUrl: row.return_url,
    state: row.state,
    refunded: Number(row.refunded),
    createdAtMs: Number(row.created_at_ms),
    settlesAtMs: Number(row.settles_at_ms),
  };
}
