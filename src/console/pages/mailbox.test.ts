/** A captured message is shown, not run. */
import { expect, test } from "bun:test";
import { mailboxPage } from "./mailbox.ts";

const notice = {
  id: "n1",
  at: "2026-11-27T09:00:00Z",
  channel: "email",
  to: "a@b.example",
  subject: "<img src=x>",
  text: "<b>plain</b>",
  html: '<p onclick="x()">"quoted"</p><script>alert(1)</script>',
} as const;

test("a message's HTML stays inside its sandboxed frame", () => {
  const page = mailboxPage({ shopName: "S", locale: "en", notices: [notice], selected: "n1" }).toString();
  expect(page).not.toMatch(/<script|<img|<b>plain/);
  expect(page).toMatch(/<iframe sandbox title="[^"]*" srcdoc="&lt;p onclick=&quot;x\(\)&quot;&gt;[^"]*">/);
});

test("the newest is shown when none, or an unknown one, is asked for", () => {
  const notices = [notice, { ...notice, id: "n2", subject: "Second" }];
  for (const selected of [null, "gone"]) {
    expect(mailboxPage({ shopName: "S", locale: "en", notices, selected }).toString()).toContain(
      'href="/mailbox?notice=n1" aria-current="true"',
    );
  }
});
