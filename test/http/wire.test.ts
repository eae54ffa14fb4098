/**
 * The shop behind its real server, spoken to byte by byte: requests that are cut short, too long, in pieces, doubled or
 * forged get an answer or a closed door, and the next shopper is served as if nothing had been.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { serve } from "#adapters/bun/http-server.ts";
import { orderRequest, testShop } from "../kit/shop.ts";

// Before the shop's own hook, which closes what the server answers with.
afterAll(async () => await server.stop(500));
const shop = await testShop();
const server = serve({ port: 0, fetch: shop.shop.handler, bodyMaxBytes: 32 * 1024 * 1024 });

/** Sends bytes as they are and reads until the other side closes or has said enough. */
const speak = async (...pieces: readonly (string | Uint8Array)[]) => await converse(pieces, 3000);
/** Sends bytes and goes away. */
const hangUp = async (...pieces: readonly string[]) => await converse(pieces, 30);

async function converse(pieces: readonly (string | Uint8Array)[], patienceMs: number): Promise<string> {
  let heard = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: {
      data(_socket, bytes) {
        heard += Buffer.from(bytes).toString("latin1");
        // Each of these requests asks to be the last one of its connection.
        if (/\r\n0\r\n\r\n$/.test(heard) || isWhole(heard)) resolve();
      },
      close: () => resolve(),
      error: () => resolve(),
    },
  });
  for (const piece of pieces) {
    socket.write(piece);
    await Bun.sleep(2);
  }
  await Promise.race([promise, Bun.sleep(patienceMs)]);
  socket.end();
  return heard;
}

function isWhole(heard: string): boolean {
  const head = heard.indexOf("\r\n\r\n");
  const length = /\r\ncontent-length: (\d+)/i.exec(heard)?.[1];
  return head > 0 && length !== undefined && heard.length >= head + 4 + Number(length);
}

const statusOf = (heard: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1] ?? 0);

const order = () => JSON.stringify(orderRequest(["MUG"]));
const head = (length: string, more = "") =>
  `POST /api/orders HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nIdempotency-Key: ${crypto.randomUUID()}\r\nContent-Type: application/json\r\n${length}${more}\r\n`;
const orderCount = async () => (await shop.parts.orders.list({ limit: 100 })).length;

describe("an order on the wire", () => {
  test("is placed, whole or in pieces, with its size told or not", async () => {
    const body = order();
    expect(statusOf(await speak(head(`Content-Length: ${Buffer.byteLength(body)}\r\n`) + body))).toBe(202);
    const half = body.length >> 1;
    const told = head(`Content-Length: ${Buffer.byteLength(body)}\r\n`);
    expect(statusOf(await speak(told.slice(0, 20), told.slice(20), body.slice(0, half), body.slice(half)))).toBe(202);
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    const pieces = [chunk(body.slice(0, 10)), chunk(body.slice(10)), "0\r\n\r\n"];
    expect(statusOf(await speak(head("Transfer-Encoding: chunked\r\n"), ...pieces))).toBe(202);
    expect(await orderCount()).toBe(3);
  });

  test("that is cut off is no order", async () => {
    const body = order();
    await hangUp(head(`Content-Length: ${Buffer.byteLength(body)}\r\n`) + body.slice(0, -5));
    await hangUp(head("Transfer-Encoding: chunked\r\n"), `5\r\n${body.slice(0, 5)}\r\n`);
    await hangUp(head(`Content-Length: ${Buffer.byteLength(body)}\r\n`));
    expect(await orderCount()).toBe(0);
  });

  test("with two idempotency keys, or two lengths, is no order", async () => {
    const body = order();
    const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    expect(statusOf(await speak(head(length, "Idempotency-Key: another\r\n") + body))).toBe(400);
    expect([0, 400]).toContain(statusOf(await speak(head(`${length}Content-Length: 5\r\n`) + body)));
    expect([0, 400]).toContain(statusOf(await speak(head(`${length}Transfer-Encoding: chunked\r\n`) + body)));
    expect(await orderCount()).toBe(0);
  });

  test("larger than any order is refused before it is read to its end", async () => {
    const large = " ".repeat(70_000);
    expect(statusOf(await speak(head(`Content-Length: ${large.length}\r\n`), large))).toBe(413);
    const chunk = `4000\r\n${" ".repeat(0x4000)}\r\n`;
    expect(statusOf(await speak(head("Transfer-Encoding: chunked\r\n"), ...Array(8).fill(chunk)))).toBe(413);
    expect([0, 413]).toContain(statusOf(await speak(head("Content-Length: 99999999999\r\n"), large)));
    expect(await orderCount()).toBe(0);
  });

  for (const length of ["-1", "abc", "0x10", "1e3", "9".repeat(40), "+5", ""]) {
    test(`with the length "${length.slice(0, 12)}" is no order`, async () => {
      expect([0, 400, 413]).toContain(statusOf(await speak(head(`Content-Length: ${length}\r\n`) + order())));
      expect(await orderCount()).toBe(0);
    });
  }

  test("with a body that is not what its head says about its encoding is refused", async () => {
    const zipped = Bun.gzipSync(Buffer.from(order()));
    const heard = await speak(head(`Content-Length: ${zipped.length}\r\n`, "Content-Encoding: gzip\r\n"), zipped);
    expect(statusOf(heard)).toBe(400);
    expect(await orderCount()).toBe(0);
  });
});

describe("a request line", () => {
  const lines: readonly string[] = [
    "GET /%zz HTTP/1.1",
    "GET /products/%ff HTTP/1.1",
    `GET /${"a".repeat(7000)} HTTP/1.1`,
    `GET /search?q=${"a".repeat(7000)} HTTP/1.1`,
    `GET /${"a".repeat(40_000)} HTTP/1.1`,
    "GET http://evil.example/ HTTP/1.1",
    "GET // HTTP/1.1",
    "GET /\u0000 HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET",
    "BREW /pot HTTP/1.1",
    "get / HTTP/1.1",
    "PRI * HTTP/2.0",
    "OPTIONS * HTTP/1.1",
    "CONNECT shop.test:443 HTTP/1.1",
    "TRACE / HTTP/1.1",
    "GET / HTTP/9.9",
    "\u0016\u0003\u0001\u0002\u0000\u0001",
  ];
  for (const line of lines) {
    test(`${JSON.stringify(line.slice(0, 40))} gets an answer below 500, or a closed door`, async () => {
      const heard = await speak(`${line}\r\nHost: shop.test\r\nConnection: close\r\n\r\n`);
      expect([statusOf(heard) < 500 || statusOf(heard) === 505, heard.slice(0, 100)]).toEqual([
        true,
        expect.any(String),
      ]);
      expect((await fetch(`http://127.0.0.1:${server.port}/help`)).status).toBe(200);
    });
  }

  test("with headers that are too many or too long gets no page and leaves the shop as it is", async () => {
    const long = `GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nCookie: ${"a=b; ".repeat(6000)}\r\n\r\n`;
    expect(statusOf(await speak(long))).toBeLessThan(500);
    const many = `GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${"X-A: b\r\n".repeat(3000)}\r\n`;
    expect(statusOf(await speak(many))).toBeLessThan(500);
    expect((await fetch(`http://127.0.0.1:${server.port}/help`)).status).toBe(200);
  });

  test("asked for its head only answers with the head of the page and nothing behind it", async () => {
    for (const path of ["/", "/products/mug", "/api/products", "/nothing"]) {
      const full = await fetch(`http://127.0.0.1:${server.port}${path}`);
      const only = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: "HEAD" });
      expect([path, only.status, await only.text()]).toEqual([path, full.status, ""]);
      expect(only.headers.get("content-type")).toBe(full.headers.get("content-type") as string);
      await full.text();
    }
  });

  test("smuggled behind another's body is not taken for a request", async () => {
    const body = "sku=MUG&quantity=1";
    const inner = `POST /api/orders HTTP/1.1\r\nHost: shop.test\r\nIdempotency-Key: smuggled\r\nContent-Length: ${order().length}\r\n\r\n${order()}`;
    await hangUp(
      `POST /cart/lines HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    );
    await hangUp(
      `POST /cart/lines HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding : chunked\r\nContent-Length: ${body.length}\r\n\r\n${body}${inner}`,
    );
    // Behind a complete request on the same connection it is one of its own, and is its sender's.
    const keys = await shop.sql.unsafe("select key from orders");
    expect(keys.length).toBeLessThanOrEqual(1);
  });
});

test("a form from another host is refused by the host that the wire says", async () => {
  const send = async (origin: string) =>
    statusOf(
      await speak(
        `POST /cart/lines HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nOrigin: ${origin}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 18\r\n\r\nsku=MUG&quantity=1`,
      ),
    );
  expect(await send("https://evil.example")).toBe(403);
  expect(await send(`http://127.0.0.1:${server.port}`)).toBe(303);
  expect(await send(`http://127.0.0.1:${server.port + 1}`)).toBe(403);
});
