/**
 * The notices that were captured instead of sent: a shop that runs on one machine has no mail server, and whoever tries
 * it wants to see what shoppers would get. HTML is shown in a sandboxed frame; a frame from `srcdoc` inherits the page's
 * content security policy, so this page's policy must allow inline styles.
 */
import { type Html, html } from "#storefront/html.ts";
import { consoleLayout, stamp } from "../layout.ts";

export type CapturedNotice = {
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  readonly channel: "email" | "sms";
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
};

export type MailboxProps = {
  readonly shopName: string;
  readonly locale: string;
  /** Newest first. */
  readonly notices: readonly CapturedNotice[];
  /** From `?notice=`; null shows the newest. */
  readonly selected: string | null;
  readonly links?: readonly { readonly href: string; readonly text: string }[];
};

const standardLinks = [
  { href: "/", text: "Overview" },
  { href: "/mailbox", text: "Mailbox" },
] as const;

export function mailboxPage(props: MailboxProps): Html {
  const { notices, locale } = props;
  const shown = notices.find((notice) => notice.id === props.selected) ?? notices[0];
  return consoleLayout({
    shopName: props.shopName,
    title: shown === undefined ? "Mailbox" : `${shown.subject === "" ? "Text message" : shown.subject} – Mailbox`,
    links: props.links ?? standardLinks,
    path: "/mailbox",
    main: html`<h1>Mailbox</h1><p class="facts">Captured here, not sent. ${notices.length} ${notices.length === 1 ? "notice" : "notices"}.</p>
${
  shown === undefined
    ? html`<p class="nothing">Nothing yet. Place an order in the shop and its first notice shows here.</p>`
    : html`<div class="mailbox"><nav aria-label="Notices"><ul class="list">${notices.map(
        (notice) =>
          html`<li><a href="/mailbox?notice=${notice.id}" aria-current=${notice.id === shown.id && "true"}><b>${
            notice.subject === "" ? notice.text : notice.subject
          }</b><span class="soft">${stamp(locale, notice.at)}</span><span class="soft">${notice.channel === "sms" ? "SMS" : "E-mail"} to ${notice.to}</span></a></li>`,
      )}</ul></nav>${message(locale, shown)}</div>`
}`,
  });
}

function message(locale: string, notice: CapturedNotice): Html {
  return html`<article class="message" aria-labelledby="subject"><h2 id="subject">${
    notice.subject === "" ? "Text message" : notice.subject
  }</h2><dl><dt>To</dt><dd>${notice.to}</dd><dt>At</dt><dd>${stamp(locale, notice.at, true)}</dd></dl>${
    notice.html === null
      ? html`<pre>${notice.text}</pre>`
      : html`<iframe sandbox title="The message as HTML" srcdoc="${notice.html}"></iframe><details><summary>The message as plain text</summary><pre>${notice.text}</pre></details>`
  }</article>`;
}
