/** Where notices go without SMTP settings: kept for a page on the operations port, the newest thousand of them. */
import type { SQL } from "bun";
import type { NoticeSender } from "#commerce/notices/ports.ts";
import { query } from "./database.ts";

export type MailboxNotice = {
  readonly id: string;
  readonly at: string;
  readonly channel: "email" | "sms";
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
};

const keptMax = 1000;

export function createMailbox(sql: SQL, channel: "email" | "sms"): NoticeSender {
  return {
    channel,
    async send(notice) {
      await query(
        sql,
        `insert into mailbox (message_id, channel, recipient, subject, text, html)
         values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text) on conflict do nothing`,
        [notice.messageId, channel, notice.to, notice.subject, notice.text, notice.html],
      );
      await query(sql, "delete from mailbox where id <= (select max(id) from mailbox) - $1::int", [keptMax]);
      return { kind: "sent" };
    },
  };
}

export async function readMailbox(sql: SQL, limit: number): Promise<MailboxNotice[]> {
  const rows = await query<{
    id: string;
    at: Date;
    channel: "email" | "sms";
    recipient: string;
    subject: string;
    text: string;
    html: string | null;
  }>(sql, "select id, at, channel, recipient, subject, text, html from mailbox order by id desc limit $1::int", [
    limit,
  ]);
  return rows.map((row) => ({ ...row, id: String(row.id), at: row.at.toISOString(), to: row.recipient }));
}
