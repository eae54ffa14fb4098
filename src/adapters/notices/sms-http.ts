/**
 * Text messages through any provider that takes one POST a message, which is nearly all of them: the fields are a
 * template, sent as JSON or as a form. The notice's id goes along as `Idempotency-Key`, for those that honour it.
 */
import type { Notice, NoticeOutcome, NoticeSender } from "#commerce/notices/ports.ts";
import type { Clock } from "#kernel/clock.ts";
import { callProvider, readRetryAfterMs } from "../internal/provider-http.ts";

export type SmsHttpOptions = {
  readonly clock: Clock;
  readonly url: string;
  /** The whole header: `Bearer …`, or `Basic …` where the provider wants that. */
  readonly authorization: string;
  readonly format: "json" | "form";
  /** Such as `{ from: "Shop", to: "{to}", body: "{text}" }`; `{to}`, `{text}` and `{messageId}` are filled in. */
  readonly fields: Readonly<Record<string, string>>;
};

const e164 = /^\+[1-9]\d{6,14}$/;

export function createSmsHttpSender(options: SmsHttpOptions): NoticeSender {
  return {
    channel: "sms",

    async send(notice: Notice, signal: AbortSignal): Promise<NoticeOutcome> {
      if (!e164.test(notice.to)) return { kind: "refused", reason: "That is no phone number in international form." };
      const fields = Object.fromEntries(
        Object.entries(options.fields).map(([name, value]) => [name, fill(value, notice)]),
      );
      const isJson = options.format === "json";
      const answer = await callProvider(
        {
          method: "POST",
          url: options.url,
          headers: {
            authorization: options.authorization,
            "content-type": isJson ? "application/json" : "application/x-www-form-urlencoded",
            "idempotency-key": notice.messageId,
          },
          body: isJson ? JSON.stringify(fields) : new URLSearchParams(fields).toString(),
        },
        signal,
      );
      if (answer.kind !== "answered") return { kind: "failed", reason: answer.reason, retryAfterMs: null };
      const { status, headers } = answer;
      if (status >= 200 && status < 300) return { kind: "sent" };
      const reason = `The text message provider answered with status ${status}.`;
      // Only these two are about the message; 401 or 404 are about our settings, and end when those are put right.
      if (status === 400 || status === 422) return { kind: "refused", reason };
      return { kind: "failed", reason, retryAfterMs: readRetryAfterMs(headers, options.clock.now()) };
    },
  };
}

/** In one pass, so that a message that itself says `{to}` is sent as it is. */
function fill(template: string, notice: Notice): string {
  return template.replace(/\{(to|text|messageId)\}/g, (_, name: "to" | "text" | "messageId") => notice[name]);
}
