/** What every sender of notices promises the outbox, whatever carries its messages. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Notice, NoticeSender } from "#commerce/notices/ports.ts";

/** What the receiving side does with a message. */
export type Reception = "take" | "refuse" | "later" | "cut" | "silent";

export type NoticeSubject = {
  readonly sender: NoticeSender;
  /** The same sender with nobody to send to. */
  readonly unreachable: NoticeSender;
  /** An address whose messages meet with that. */
  address(reception: Reception): string;
  /** No addresses at all, or ones that try to become several. */
  readonly noAddresses: readonly string[];
  /** What was taken: the text, the id by which a receiver can drop a second one, and to whom. */
  received(): readonly { readonly to: string; readonly text: string; readonly id: string }[];
  stop(): Promise<void>;
};

const patience = () => AbortSignal.timeout(3000);

export function describeNoticeSender(name: string, createSubject: () => Promise<NoticeSubject>): void {
  describe(`${name} keeps the promises of a sender`, () => {
    let subject: NoticeSubject;
    beforeEach(async () => {
      subject = await createSubject();
    });
    afterEach(() => subject.stop());

    const notice = (reception: Reception, more: Partial<Notice> = {}): Notice => ({
      messageId: "order-7/paid",
      channel: subject.sender.channel,
      to: subject.address(reception),
      subject: "Your order SP-7",
      text: "Thank you. Your order is paid.",
      html: null,
      ...more,
    });

    test("a notice that is taken was sent, once, to whom it was for", async () => {
      expect(await subject.sender.send(notice("take"), patience())).toEqual({ kind: "sent" });
      expect(subject.received()).toHaveLength(1);
      expect(subject.received()[0]).toMatchObject({ to: subject.address("take") });
      expect(subject.received()[0]?.text).toContain("Your order is paid.");
    });

    test("text in any script arrives as it was written", async () => {
      const text = "Dziękuję, Ægir! 注文は支払い済みです 🎉 {to} \\ \" ' & = %\n.\nLast line";
      await subject.sender.send(notice("take", { text }), patience());
      expect(subject.received()[0]?.text.trim()).toBe(text);
    });

    test("the same notice twice carries the same id, another notice another one", async () => {
      await subject.sender.send(notice("take"), patience());
      await subject.sender.send(notice("take"), patience());
      await subject.sender.send(notice("take", { messageId: "order-8/paid" }), patience());
      const ids = subject.received().map(({ id }) => id);
      expect(ids[0]).toBe(ids[1] ?? "");
      expect(ids[2]).not.toBe(ids[0] ?? "");
    });

    test("a receiver that says no for good is not asked again", async () => {
      expect((await subject.sender.send(notice("refuse"), patience())).kind).toBe("refused");
    });

    test("what is no address is refused without asking anybody", async () => {
      for (const to of subject.noAddresses) {
        expect((await subject.sender.send(notice("take", { to }), patience())).kind).toBe("refused");
      }
      expect(subject.received()).toEqual([]);
    });

    test("a receiver in trouble, one that hangs up and one that cannot be reached: try again later", async () => {
      for (const reception of ["later", "cut"] as const) {
        expect((await subject.sender.send(notice(reception), patience())).kind).toBe("failed");
      }
      expect((await subject.unreachable.send(notice("take"), patience())).kind).toBe("failed");
      // And the trouble was the receiver's: the next message goes through.
      expect(await subject.sender.send(notice("take"), patience())).toEqual({ kind: "sent" });
    });

    test("a receiver that says nothing is given up with the signal", async () => {
      const controller = new AbortController();
      const sending = subject.sender.send(notice("silent"), controller.signal);
      await Bun.sleep(60);
      controller.abort();
      const first = await Promise.race([sending, Bun.sleep(500).then(() => "late" as const)]);
      expect(first).toMatchObject({ kind: "failed" });
    });

    test("a call that is given up before it begins sends nothing", async () => {
      expect((await subject.sender.send(notice("take"), AbortSignal.abort())).kind).toBe("failed");
      await Bun.sleep(20);
      expect(subject.received()).toEqual([]);
    });
  });
}
