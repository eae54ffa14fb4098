/**
 * Notices leave through this port, one message at a time, from the outbox. A sender may be called twice with the same
 * `messageId` (a worker died between sending and noting it); where its transport lets the receiver drop the second, it does.
 */
export type Notice = {
  /** The same for every try: used as Message-ID or the like. */
  readonly messageId: string;
  readonly channel: "email" | "sms";
  /** An address or an E.164 number. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Absent for sms. */
  readonly html: string | null;
};

export type NoticeOutcome =
  | { readonly kind: "sent" }
  /** The receiver will never take it: an address that does not exist. Do not try again. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs: number | null };

export interface NoticeSender {
  readonly channel: "email" | "sms";
  send(notice: Notice, signal: AbortSignal): Promise<NoticeOutcome>;
}
