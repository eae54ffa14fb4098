/** Runs the senders' suite: e-mail in a real SMTP conversation, text messages against a small HTTP server. */
import { describe, expect, test } from "bun:test";
import { createEmailSmtpSender, type EmailSmtpOptions } from "#adapters/notices/email-smtp.ts";
import { createSmsHttpSender } from "#adapters/notices/sms-http.ts";
import type { Notice } from "#commerce/notices/ports.ts";
import { describeNoticeSender, type Reception } from "./notice-sender.suite.ts";
import { type ReceivedMail, type SmtpStandInOptions, startSmtpStandIn, testCertificate } from "./smtp-stand-in.ts";

const header = (mail: ReceivedMail, name: string) =>
  new RegExp(`^${name}: (.*)$`, "im").exec(mail.text.replace(/\r\n[ \t]+/g, " "))?.[1] ?? "";

/** The text of a message in one part, as nodemailer encodes it. */
function textOf(mail: ReceivedMail): string {
  const body = mail.text.slice(mail.text.indexOf("\r\n\r\n") + 4);
  const encoding = header(mail, "Content-Transfer-Encoding");
  if (encoding === "base64") return Buffer.from(body, "base64").toString();
  if (encoding !== "quoted-printable") return body.replaceAll("\r\n", "\n");
  const bytes = body
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString().replaceAll("\r\n", "\n");
}

const relay = { host: "localhost", auth: null, from: "Spillway Shop <orders@shop.example>" };

for (const tls of ["none", "starttls", "implicit"] as const) {
  describeNoticeSender(`e-mail over SMTP (TLS: ${tls})`, async () => {
    const standIn = await startSmtpStandIn({ tls });
    const sender = createEmailSmtpSender({ ...relay, port: standIn.port, tls, ca: testCertificate });
    const unreachable = createEmailSmtpSender({ ...relay, port: 1, tls, ca: testCertificate });
    const names: Record<Reception, string> = {
      take: "ada",
      refuse: "nobody",
      later: "later",
      cut: "cut",
      silent: "silent",
    };
    return {
      sender,
      unreachable,
      address: (reception) => `${names[reception]}@example.com`,
      noAddresses: [
        "",
        "ada",
        "a@b, c@d",
        "ada@example.com\r\nBcc: eve@example.com",
        "<ada@example.com>",
        "Ada <ada@example.com>",
      ],
      received: () =>
        standIn.mails.map((mail) => ({ to: mail.to.join(","), text: textOf(mail), id: header(mail, "Message-ID") })),
      async stop() {
        sender.close();
        unreachable.close();
        await standIn.stop();
      },
    };
  });
}

for (const format of ["json", "form"] as const) {
  describeNoticeSender(`text messages over HTTP (${format})`, async () => {
    const taken: { to: string; text: string; id: string }[] = [];
    const numbers: Record<Reception, string> = {
      take: "+48600000001",
      refuse: "+48600000002",
      later: "+48600000003",
      cut: "+48600000004",
      silent: "+48600000005",
    };
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      async fetch(request) {
        const body = await request.text();
        const fields = format === "json" ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));
        if (request.headers.get("authorization") !== "Bearer secret") return new Response(null, { status: 401 });
        switch (fields.To) {
          case numbers.refuse:
            return Response.json({ message: "not a valid number" }, { status: 400 });
          case numbers.later:
            return new Response(null, { status: 503, headers: { "retry-after": "7" } });
          case numbers.cut:
            return new Response(" ".repeat(10 * 1024 * 1024));
          case numbers.silent:
            return new Promise(() => {});
          default:
            taken.push({ to: fields.To, text: fields.Body, id: request.headers.get("idempotency-key") ?? "" });
            return Response.json({ sid: "SM1" }, { status: 201 });
        }
      },
    });
    const options = {
      clock: { now: () => Date.now(), sleep: (ms: number) => Bun.sleep(ms) },
      authorization: "Bearer secret",
      format,
      fields: { To: "{to}", From: "Shop", Body: "{text}" },
    };
    return {
      sender: createSmsHttpSender({ ...options, url: server.url.href }),
      unreachable: createSmsHttpSender({ ...options, url: "http://127.0.0.1:1/" }),
      address: (reception) => numbers[reception],
      noAddresses: [
        "",
        "600000001",
        "+0123456789",
        "+48 600 000 001",
        "+48600000001,+48600000009",
        "+4860000000112345678",
      ],
      received: () => taken,
      stop: () => server.stop(true),
    };
  });
}

describe("e-mail over SMTP", () => {
  const notice = (more: Partial<Notice> = {}): Notice => ({
    messageId: "order-7/paid",
    channel: "email",
    to: "ada@example.com",
    subject: "Order SP-7 – bezahlt",
    text: "Paid.",
    html: null,
    ...more,
  });

  async function withRelay<Value>(
    server: SmtpStandInOptions,
    client: Partial<EmailSmtpOptions>,
    work: (
      sender: ReturnType<typeof createEmailSmtpSender>,
      standIn: Awaited<ReturnType<typeof startSmtpStandIn>>,
    ) => Promise<Value>,
  ): Promise<Value> {
    const standIn = await startSmtpStandIn(server);
    const sender = createEmailSmtpSender({
      ...relay,
      port: standIn.port,
      tls: server.tls,
      ca: testCertificate,
      ...client,
    });
    try {
      return await work(sender, standIn);
    } finally {
      sender.close();
      await standIn.stop();
    }
  }
  const send = (sender: ReturnType<typeof createEmailSmtpSender>, more: Partial<Notice> = {}) =>
    sender.send(notice(more), AbortSignal.timeout(3000));

  test("a message has both parts, our name, an id of our domain, and asks machines not to answer", () =>
    withRelay({ tls: "starttls" }, {}, async (sender, { mails }) => {
      expect((await send(sender, { html: "<p>Paid.</p>" })).kind).toBe("sent");
      const [mail] = mails;
      if (mail === undefined) throw new Error("nothing arrived");
      expect(mail).toMatchObject({ from: "orders@shop.example", to: ["ada@example.com"], wasEncrypted: true });
      expect(header(mail, "From")).toBe("Spillway Shop <orders@shop.example>");
      expect(header(mail, "Message-ID")).toBe("<order-7%2Fpaid@shop.example>");
      expect(header(mail, "Auto-Submitted")).toBe("auto-generated");
      expect(header(mail, "Subject")).toBe("=?UTF-8?Q?Order_SP-7_=E2=80=93_bezahlt?=");
      expect(mail.text).toContain("multipart/alternative");
      expect(mail.text).toContain("<p>Paid.</p>");
    }));

  test("a subject cannot smuggle in a header", () =>
    withRelay({ tls: "none" }, {}, async (sender, { mails }) => {
      await send(sender, { subject: "Paid\r\nBcc: eve@example.com\r\n\r\nHello" });
      expect(mails[0]?.to).toEqual(["ada@example.com"]);
      expect(mails[0]?.text).not.toMatch(/^Bcc:/im);
    }));

  test("many messages share a few connections; one that the relay has closed meanwhile is made anew", () =>
    withRelay({ tls: "none" }, { connectionsMax: 2 }, async (sender, standIn) => {
      await Promise.all(Array.from({ length: 20 }, () => send(sender)));
      expect(standIn.mails).toHaveLength(20);
      expect(standIn.connections()).toBeLessThanOrEqual(2);
      standIn.hangUp();
      expect((await send(sender)).kind).toBe("sent");
    }));

  test("without TLS, or with a certificate nobody vouches for, nothing is sent", async () => {
    await withRelay({ tls: "none" }, { tls: "starttls" }, async (sender, { mails }) => {
      expect((await send(sender)).kind).toBe("failed");
      expect(mails).toEqual([]);
    });
    for (const tls of ["starttls", "implicit"] as const) {
      await withRelay({ tls }, { ca: "" }, async (sender, { mails }) => {
        expect((await send(sender)).kind).toBe("failed");
        expect(mails).toEqual([]);
      });
    }
  });

  test("a password is used; a wrong one, a missing one and a sender the relay does not like are ours to put right", async () => {
    const server = { tls: "starttls", password: "open sesame" } as const;
    const auth = { username: "shop", password: "open sesame" };
    await withRelay(server, { auth }, async (sender, { mails }) => {
      expect((await send(sender)).kind).toBe("sent");
      expect(mails[0]).toMatchObject({ user: "shop" });
    });
    for (const client of [
      { auth: { ...auth, password: "wrong" } },
      { auth: null },
      { auth, from: "stranger@shop.example" },
    ]) {
      await withRelay(server, client, async (sender) => expect((await send(sender)).kind).toBe("failed"));
    }
  });

  test("a message that is refused after it was read is refused for good", () =>
    withRelay({ tls: "none" }, {}, async (sender) => {
      const outcome = await send(sender, { to: "spam@example.com" });
      expect(outcome).toEqual({ kind: "refused", reason: "The mail server refused it for good (554)." });
    }));

  test("an address to send from that is none is told at the start", () => {
    for (const from of ["", "Shop", "Shop <>", "a@b\r\nBcc: c@d"]) {
      expect(() => createEmailSmtpSender({ ...relay, port: 1, tls: "none", from })).toThrow("no address to send from");
    }
  });
});

describe("text messages over HTTP", () => {
  async function answered(status: number, headers: Record<string, string> = {}) {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(null, { status, headers }) });
    const sender = createSmsHttpSender({
      clock: { now: () => Date.UTC(2030, 0, 1), sleep: async () => {} },
      url: server.url.href,
      authorization: "Basic abc",
      format: "json",
      fields: {},
    });
    const notice: Notice = { messageId: "m", channel: "sms", to: "+48600000001", subject: "", text: "t", html: null };
    const outcome = await sender.send(notice, AbortSignal.timeout(3000));
    await server.stop(true);
    return outcome;
  }

  test("the provider's wish when to come again is passed on", async () => {
    expect(await answered(429, { "retry-after": "30" })).toMatchObject({ kind: "failed", retryAfterMs: 30_000 });
    const date = "Tue, 01 Jan 2030 00:01:00 GMT";
    expect(await answered(503, { "retry-after": date })).toMatchObject({ kind: "failed", retryAfterMs: 60_000 });
    expect(await answered(500)).toMatchObject({ kind: "failed", retryAfterMs: null });
  });

  test("only a refusal of this message is final; wrong settings are not", async () => {
    const kinds = [];
    for (const status of [200, 202, 204, 302, 400, 401, 403, 404, 422, 500]) kinds.push((await answered(status)).kind);
    expect(kinds).toEqual([
      "sent",
      "sent",
      "sent",
      "failed",
      "refused",
      "failed",
      "failed",
      "failed",
      "refused",
      "failed",
    ]);
  });
});
