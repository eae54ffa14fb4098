/** The shoppers of `bench peers`: they count what was confirmed, go home when all is gone, and survive a shop that falls over. */
import { expect, test } from "bun:test";
import { type Buy, NotBought, runSale } from "../../bench/peers/driver.ts";
import { spillwayBuyer } from "../../bench/peers/journeys.ts";

test("shoppers buy what there is, and go home when they were told three times that it is gone", async () => {
  let left = 5;
  const buy: Buy = async () => ({
    last: async () => {
      if (left === 0) throw new NotBought("sold out", "gone");
      left -= 1;
      return `order-${left}`;
    },
  });
  const result = await runSale(buy, { sku: "LAMP", shoppers: 3, seconds: 60, tag: "t" });
  expect(result.confirmed.toSorted()).toEqual(["order-0", "order-1", "order-2", "order-3", "order-4"]);
  expect(result).toMatchObject({ soldOut: 9, failed: 0, begun: 14 });
  expect([result.whole.count, result.last.count]).toEqual([5, 5]);
});

test("a refusal is counted with an example of each kind, and a shop that is gone is not hammered", async () => {
  let asked = 0;
  const buy: Buy = async () => {
    asked += 1;
    throw asked === 1 ? new NotBought("refused", "500 oops 17") : new NotBought("unreachable", "ECONNREFUSED");
  };
  const result = await runSale(buy, { sku: "LAMP", shoppers: 1, seconds: 1, tag: "t" });
  expect(result.examples).toEqual(["500 oops 17", "ECONNREFUSED"]);
  expect(result.failed).toBe(asked);
  expect(asked).toBeLessThan(10);
});

test("Spillway's answers are told apart: an order, sold out, and everything else", async () => {
  let answer = () => Response.json({ orderNumber: "S1" }, { status: 202 });
  const shop = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer() });
  try {
    const buy = spillwayBuyer(`http://127.0.0.1:${shop.port}`);
    const reason = async () =>
      await (await buy("LAMP", "a@example.com")).last().catch((error: NotBought) => error.reason);
    expect(await reason()).toBe("S1");
    answer = () => Response.json({ code: "sold_out", title: "Sold out" }, { status: 409 });
    expect(await reason()).toBe("sold out");
    answer = () => new Response("<html>", { status: 502 });
    expect(await reason()).toBe("refused");
    await shop.stop(true);
    expect(await reason()).toBe("unreachable");
  } finally {
    await shop.stop(true);
  }
});
