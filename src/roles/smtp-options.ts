/** An address such as smtp://user:password@host:587 as what the sender of e-mails is told. */
import type { EmailSmtpOptions } from "#adapters/notices/email-smtp.ts";

/** smtps is TLS from the first byte; smtp upgrades, except to this machine, where relays often speak in the clear. */
export function smtpOptions(address: string, from: string): EmailSmtpOptions {
  const url = new URL(address);
  const implicit = url.protocol === "smtps:";
  const local = url.hostname === "localhost" || url.hostname.startsWith("127.");
  return {
    host: url.hostname,
    port: url.port === "" ? (implicit ? 465 : 587) : Number(url.port),
    tls: implicit ? "implicit" : local ? "none" : "starttls",
    auth:
      url.username === ""
        ? null
        : { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
    from,
  };
}
