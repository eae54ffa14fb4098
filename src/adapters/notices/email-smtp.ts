/**
 * E-mail through any SMTP relay, on nodemailer: connections are pooled, TLS is not optional unless asked to be, and the
 * Message-ID is made of the notice's own id, so that receivers can drop a message that was sent twice.
 *
 * The relay's reply decides: 5xx about the recipient or the message is final; everything else, a wrong password or a
 * sender that the relay does not accept included, is ours or the relay's trouble, and the notice is tried again.
 */
import { createTransport } from "nodemailer";
import type { Notice, NoticeOutcome, NoticeSender } from "#commerce/notices/ports.ts";
import { SpillwayError } from "#kernel/error.ts";

export type EmailSmtpOptions = {
  readonly host: string;
  readonly port: number;
  /** `implicit`: from the first byte (465). `starttls`: before anything else, or not at all (587). `none`: in the clear. */
  readonly tls: "implicit" | "starttls" | "none";
  /** Certificates to trust instead of the usual ones, in PEM: for a relay with an authority of its own. */
  readonly ca?: string;
  readonly auth: { readonly username: string; readonly password: string } | null;
  /** `orders@shop.example` or `Shop <orders@shop.example>`. */
  readonly from: string;
  readonly connectionsMax?: number;
};

const address = /^[^\s@<>,;:"\\()[\]]+@[^\s@<>,;:"\\()[\]]+$/;
/** Well below the five minutes after which relays hang up on idle clients (RFC 5321, 4.5.3.2.7). */
const idleTimeoutMs = 30_000;
const connectTimeoutMs = 10_000;
const replyTimeoutMs = 30_000;
const messagesPerConnection = 100;

export function createEmailSmtpSender(options: EmailSmtpOptions): NoticeSender & { close(): void } {
  const fromAddress = /<([^<>]*)>$/.exec(options.from)?.[1] ?? options.from;
  if (!address.test(fromAddress))
    throw new SpillwayError("bad_config", `"${options.from}" is no address to send from.`);
  const domain = fromAddress.slice(fromAddress.indexOf("@") + 1);

  const transport = createTransport({
    pool: true,
    host: options.host,
    port: options.port,
    secure: options.tls === "implicit",
    requireTLS: options.tls === "starttls",
    ignoreTLS: options.tls === "none",
    tls: { minVersion: "TLSv1.2", ...(options.ca === undefined ? {} : { ca: options.ca }) },
    auth: options.auth === null ? undefined : { user: options.auth.username, pass: options.auth.password },
    maxConnections: options.connectionsMax ?? 5,
    maxMessages: messagesPerConnection,
    // Once, for a pooled connection that the relay has closed meanwhile; further tries are the outbox's.
    maxRequeues: 1,
    idleTimeout: idleTimeoutMs,
    dnsTimeout: connectTimeoutMs,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: replyTimeoutMs,
    // Nothing in a notice may make this process read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  return {
    channel: "email",

    async send(notice: Notice, signal: AbortSignal): Promise<NoticeOutcome> {
      if (!address.test(notice.to)) return { kind: "refused", reason: "That is no e-mail address." };
      try {
        await transport.sendMail({
          from: options.from,
          to: { name: "", address: notice.to },
          envelope: { from: fromAddress, to: notice.to },
          subject: notice.subject,
          text: notice.text,
          ...(notice.html === null ? {} : { html: notice.html }),
          messageId: `<${encodeURIComponent(notice.messageId)}@${domain}>`,
          // Asks absence notes and the like not to answer (RFC 3834).
          headers: { "Auto-Submitted": "auto-generated" },
          signal,
        });
        return { kind: "sent" };
      } catch (error) {
        return outcomeOf(error);
      }
    },

    close: () => transport.close(),
  };
}

function outcomeOf(error: unknown): NoticeOutcome {
  const { code, command, responseCode } = error as { code?: unknown; command?: unknown; responseCode?: unknown };
  const reply = typeof responseCode === "number" ? responseCode : 0;
  const isAboutThisNotice = code === "EMESSAGE" || command === "RCPT TO";
  // 503 says that the conversation went wrong, not the message.
  if (isAboutThisNotice && reply >= 500 && reply !== 503) {
    return { kind: "refused", reason: `The mail server refused it for good (${reply}).` };
  }
  const what = reply > 0 ? `The mail server answered ${reply}` : "The mail server could not be reached";
  return { kind: "failed", reason: `${what} (${typeof code === "string" ? code : "no code"}).`, retryAfterMs: null };
}
