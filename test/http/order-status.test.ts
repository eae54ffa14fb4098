/** Where an order stands, for people, for programs and as it happens: the same truth in three forms. */
import { describe, expect, test } from "bun:test";
import { orderRequest, type ShopProcess, testShop } from "../kit/shop.ts";
import { describedApi } from "./described-api.ts";

// The bank's own memory will do: nobody lays its books beside ours here.
const shop = await testShop({ processes: 2, books: "memory" });
const [here, there] = shop.processes as [ShopProcess, ShopProcess];
const api = await describedApi(shop);

describe("an order's address", () => {
  test("answers programs with JSON as described, in every state that an order can have", async () => {
    const { orders } = shop.parts;
    const look = async (id: number) => {
      const response = await there.fetch(shop.linkOf(id), { headers: { accept: "application/json" } });
      const body = (await response.json()) as {
        status: string;
        statusText: string;
        canCancel: boolean;
        canRetryPayment: boolean;
      };
      expect(api.complaints("GET /orders/{number}/{key}", response, body)).toEqual([]);
      expect(body.statusText.length).toBeGreaterThan(10);
      return body;
    };
    const id = await here.placed(
      orderRequest(["MUG", ["SET", 2], "CARD"], { promotionCode: "TEN", phone: "+47 22 22 22 22" }),
    );
    expect(await look(id)).toMatchObject({ status: "received", canCancel: true });
    await here.work();
    expect(await look(id)).toMatchObject({ status: "paid", canCancel: true, canRetryPayment: false });
    await orders.fulfil(id, "packed", null);
    expect((await look(id)).status).toBe("packed");
    await orders.fulfil(id, "shipped", { carrier: "Posten", number: "1", url: "https://track.example/1" });
    expect(await look(id)).toMatchObject({ status: "shipped", canCancel: false });
    await orders.fulfil(id, "delivered", null);
    await orders.refund(id, 100, "a", "stain");
    await here.work();
    expect((await look(id)).status).toBe("part_refunded");
    const tokens = ["declined", "action_required", "error"] as const;
    for (const token of tokens) {
      const other = await here.placed(orderRequest(["MUG"], { payment: { provider: "sandbox", token } }));
      await here.work();
      await look(other);
      await orders.announceDelay(other, "A little later.");
      await look(other);
    }
    const gone = await here.placed(orderRequest(["MUG"]));
    await orders.cancel(gone, "no");
    expect(await look(gone)).toMatchObject({ status: "cancelled", canCancel: false });
  });

  const accepts: readonly (readonly [string | null, "json" | "html"])[] = [
    ["application/json", "json"],
    ["application/problem+json, application/json", "json"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"],
    ["text/html, application/json", "html"],
    ["*/*", "html"],
    [null, "html"],
    ["", "html"],
  ];
  for (const [accept, form] of accepts) {
    test(`answers ${accept === null ? "whoever says nothing" : `"${accept}"`} with ${form}`, async () => {
      const link = shop.linkOf(await here.placed(orderRequest(["MUG"])));
      for (const [path, status] of [
        [link, 200],
        [`${link}x`, 404],
      ] as const) {
        const response = await shop.fetch(path, { headers: accept === null ? {} : { accept } });
        const type = response.headers.get("content-type") ?? "";
        expect([response.status, type.includes("json") ? "json" : "html"]).toEqual([status, form]);
        if (form === "json") JSON.parse(await response.text());
      }
    });
  }

  test("holds what was ordered as it was then, when the product has changed or gone since", async () => {
    const id = await here.placed(orderRequest(["MUG"]));
    await shop.parts.catalogueStore.schedulePrice("MUG", { atMs: Date.now() - 1000, price: 1, compareAt: null });
    await shop.parts.catalogueStore.publish("mug", null);
    await here.parts.catalogue.refresh();
    const response = await here.fetch(shop.linkOf(id), { headers: { accept: "application/json" } });
    expect(await response.json()).toMatchObject({
      lines: [{ title: "Stone Mug", unitPrice: { amount: 2000 }, total: { amount: 2000 } }],
      total: { amount: 2490 },
    });
    expect((await here.fetch(shop.linkOf(id))).status).toBe(200);
  });
});

type News = { event: string; data: string; comment: string };

/** Reads an event stream one piece of news at a time. */
async function* newsOf(response: Response): AsyncGenerator<News> {
  let buffer = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    buffer += decoder.decode(chunk, { stream: true });
    for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
      const news: News = { event: "", data: "", comment: "" };
      for (const line of buffer.slice(0, end).split("\n")) {
        const at = line.indexOf(":");
        const value = line.slice(at + 1).replace(/^ /, "");
        if (at === 0) news.comment = value;
        else if (line.startsWith("event")) news.event = value;
        else if (line.startsWith("data")) news.data += value;
      }
      buffer = buffer.slice(end + 2);
      if (news.event !== "") yield news;
    }
  }
}

describe("an order's live news", () => {
  test("begin with how it stands and tell each change, whichever process made it", async () => {
    const id = await here.placed(orderRequest(["MUG"]));
    const stopping = new AbortController();
    const response = await here.fetch(`${shop.linkOf(id)}/events`, { signal: stopping.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toContain("no-store");
    const news = newsOf(response);
    const nextStatus = async (wanted: string) => {
      for (;;) {
        const { value, done } = await news.next();
        if (done === true) throw new Error(`the news ended before ${wanted}`);
        const { status } = JSON.parse(value.data) as { status: string };
        if (status === wanted) return JSON.parse(value.data) as { events: unknown[] };
      }
    };
    await nextStatus("received");
    await there.work();
    await nextStatus("paid");
    await there.parts.orders.fulfil(id, "packed", null);
    await nextStatus("packed");
    await there.parts.orders.fulfil(id, "shipped", null);
    expect((await nextStatus("shipped")).events).toHaveLength(4);
    stopping.abort();
    await news.return(undefined);
  });

  test("are the same JSON that the address answers", async () => {
    const id = await here.placed(orderRequest(["MUG"]));
    const stopping = new AbortController();
    const news = newsOf(await here.fetch(`${shop.linkOf(id)}/events`, { signal: stopping.signal }));
    const { value } = await news.next();
    const response = await here.fetch(shop.linkOf(id), { headers: { accept: "application/json" } });
    expect(JSON.parse((value as News).data)).toEqual(await response.json());
    stopping.abort();
    await news.return(undefined);
  });

  test("of one order say nothing of another", async () => {
    const [mine, theirs] = [await here.placed(orderRequest(["MUG"])), await here.placed(orderRequest(["TEE-S"]))];
    const stopping = new AbortController();
    const news = newsOf(await here.fetch(`${shop.linkOf(mine)}/events`, { signal: stopping.signal }));
    const first = JSON.parse(((await news.next()).value as News).data) as { orderNumber: string };
    await shop.parts.orders.cancel(theirs, "no");
    await shop.parts.orders.cancel(mine, "no");
    for (;;) {
      const told = JSON.parse(((await news.next()).value as News).data) as { orderNumber: string; status: string };
      expect(told.orderNumber).toBe(first.orderNumber);
      if (told.status === "cancelled") break;
    }
    stopping.abort();
    await news.return(undefined);
  });

  test("need the order's key", async () => {
    const link = shop.linkOf(await here.placed(orderRequest(["MUG"])));
    expect((await here.fetch(`${link}x/events`)).status).toBe(404);
    expect((await here.fetch(`${shop.linkOf(999_999_999)}/events`)).headers.get("content-type")).toBe(
      "text/event-stream",
    );
  });
});
