/** What the sandbox's books promise, in memory or in a database: each call is one atomic step, and keys decide once. */
import { beforeEach, describe, expect, test } from "bun:test";
import type { SandboxBooks, SandboxCharge } from "#adapters/payment-sandbox/ports.ts";

export function describeSandboxBooks(name: string, createBooks: () => Promise<SandboxBooks>): void {
  describe(`${name} keep the sandbox's books`, () => {
    let books: SandboxBooks;
    beforeEach(async () => {
      books = await createBooks();
    });

    const charge = (attemptKey: string, more: Partial<SandboxCharge> = {}): SandboxCharge => ({
      attemptKey,
      orderNumber: "SP-1",
      amount: { amount: 1000, currency: "EUR" },
      token: "ok",
      returnUrl: "https://shop.example/orders/SP-1",
      state: "succeeded",
      refunded: 0,
      createdAtMs: 1_000_000,
      settlesAtMs: 1_000_500,
      ...more,
    });
    const refund = (refundKey: string, amount: number, attemptKey = "a") => ({
      refundKey,
      attemptKey,
      amount,
      createdAtMs: 2_000_000,
    });

    test("a charge is recorded once, and comes back as it was", async () => {
      expect(await books.findCharge("a")).toBeNull();
      expect(await books.recordCharge(charge("a"))).toEqual({ charge: charge("a"), isNew: true });
      const other = charge("a", { token: "declined", state: "declined" });
      expect(await books.recordCharge(other)).toEqual({ charge: charge("a"), isNew: false });
      expect(await books.findCharge("a")).toEqual(charge("a"));
    });

    test("of many who record the same charge at once, one does", async () => {
      const all = await Promise.all(Array.from({ length: 20 }, () => books.recordCharge(charge("a"))));
      expect(all.filter(({ isNew }) => isNew)).toHaveLength(1);
    });

    test("a challenge ends once, whoever is first; what is no challenge stays as it is", async () => {
      await books.recordCharge(charge("a", { state: "challenge" }));
      const ends = await Promise.all([
        books.endChallenge("a", "cancelled", 1_000_700),
        books.endChallenge("a", "succeeded", 1_000_800),
      ]);
      expect(ends[0]?.state).toBe(ends[1]?.state ?? "challenge");
      const ended = await books.findCharge("a");
      expect(ended).toEqual(ends[0] ?? null);
      expect(ended?.settlesAtMs).toBe(ended?.state === "cancelled" ? 1_000_700 : 1_000_800);
      await books.recordCharge(charge("b", { state: "declined" }));
      expect((await books.endChallenge("b", "succeeded", 1_000_700))?.state).toBe("declined");
      expect(await books.endChallenge("nothing", "succeeded", 1_000_700)).toBeNull();
    });

    test("a refund is recorded once, and never more than was charged", async () => {
      await books.recordCharge(charge("a"));
      expect(await books.recordRefund(refund("r1", 600))).toEqual(refund("r1", 600));
      expect(await books.recordRefund({ ...refund("r1", 600), createdAtMs: 3_000_000 })).toEqual(refund("r1", 600));
      expect(await books.recordRefund(refund("r2", 401))).toBeNull();
      expect((await books.findCharge("a"))?.refunded).toBe(600);
      const rush = await Promise.all(
        Array.from({ length: 10 }, (_, index) => books.recordRefund(refund(`s${index}`, 100))),
      );
      expect(rush.filter((recorded) => recorded !== null)).toHaveLength(4);
      expect((await books.findCharge("a"))?.refunded).toBe(1000);
    });

    test("what has not succeeded cannot be refunded", async () => {
      await books.recordCharge(charge("a", { state: "challenge" }));
      await books.recordCharge(charge("b", { state: "declined" }));
      expect(await books.recordRefund(refund("r1", 1, "a"))).toBeNull();
      expect(await books.recordRefund(refund("r2", 1, "b"))).toBeNull();
      expect(await books.recordRefund(refund("r3", 1, "nothing"))).toBeNull();
    });

    test("charges are listed by time and key, page after page, none twice and none left out", async () => {
      for (const [key, createdAtMs] of [
        ["d", 2000],
        ["b", 1000],
        ["c", 2000],
        ["a", 3000],
        ["early", 999],
      ] as const) {
        await books.recordCharge(charge(key, { createdAtMs }));
      }
      const keys: string[] = [];
      let place = { createdAtMs: 1000, attemptKey: "" };
      for (;;) {
        const page = await books.chargesAfter(place, 2);
        expect(page.length).toBeLessThanOrEqual(2);
        keys.push(...page.map(({ attemptKey }) => attemptKey));
        const last = page.at(-1);
        if (last === undefined) break;
        place = last;
      }
      expect(keys).toEqual(["b", "c", "d", "a"]);
    });
  });
}
