/** The outbox on Postgres: SKIP LOCKED to take, NOTIFY to wake, a lease instead of a lock that could outlive its worker. */
import type { SQL } from "bun";
import { lanes, type Outbox, type Task } from "#commerce/outbox/ports.ts";
import { query } from "./database.ts";
import { listen } from "./listen.ts";

type TaskRow = {
  lane: number;
  priority: number;
  run_at: string;
  id: string;
  topic: string;
  order_id: string | null;
  payload: Record<string, unknown> | null;
  attempts: number;
};

const identity =
  "lane = $1::smallint and priority = $2::smallint and run_at = $3::text::timestamptz and id = $4::bigint";

export function createOutbox(sql: SQL): Outbox {
  return {
    async take(lane, limit, leaseSeconds) {
      const rows = await query<TaskRow>(
        sql,
        // As text, run_at keeps its microseconds: it is part of the task's identity.
        "select lane, priority, run_at::text as run_at, id, topic, order_id, payload, attempts from take_tasks($1::smallint, $2::int, $3::int)",
        [lanes[lane], limit, leaseSeconds],
      );
      return rows.map((row) => ({
        lane: row.lane,
        priority: row.priority,
        leasedUntil: row.run_at,
        id: row.id,
        topic: row.topic,
        orderId: row.order_id === null ? null : Number(row.order_id),
        payload: row.payload ?? {},
        attempts: row.attempts,
      }));
    },
    async done(task) {
      await query(sql, `delete from outbox where ${identity}`, identityOf(task));
    },
    async putOff(task, delaySeconds, reason, payload) {
      await query(
        sql,
        `update outbox set run_at = case when $5::float8 is null then 'infinity' else shop_now() + make_interval(secs => $5::float8) end,
           last_error = $6::text, payload = coalesce($7::text::jsonb, payload) where ${identity}`,
        [
          ...identityOf(task),
          delaySeconds,
          reason.slice(0, 500),
          payload === undefined ? null : JSON.stringify(payload),
        ],
      );
    },
    async woken(listener) {
      return await listen(sql, "outbox", () => listener());
    },
    async depth() {
      const rows = await query<{
        lane: number;
        due: string;
        later: string;
        parked: string;
        oldest: number | string | null;
      }>(
        sql,
        `select lane, count(*) filter (where run_at <= shop_now()) as due,
           count(*) filter (where run_at > shop_now() and run_at < 'infinity') as later,
           count(*) filter (where run_at = 'infinity') as parked,
           extract(epoch from shop_now() - min(run_at) filter (where run_at <= shop_now())) as oldest
         from outbox group by lane order by lane`,
      );
      return rows.map((row) => ({
        lane: row.lane,
        due: Number(row.due),
        later: Number(row.later),
        parked: Number(row.parked),
        oldestDueSeconds: Number(row.oldest ?? 0),
      }));
    },
  };
}

const identityOf = (task: Task): unknown[] => [task.lane, task.priority, task.leasedUntil, task.id];
