/** A stream of requests means the same in whatever pieces it arrives: the same exchanges, with the same bodies, answered in order. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import net from "node:net";
import fc from "fast-check";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { startEdge } from "./kit.ts";

let seen: string[] = [];
let edge: EdgeListener;
beforeAll(() => {
  edge = startEdge(async ({ method, target, headers, request }) => {
    // Some read their body late, and some not at all.
    if (target.includes("late")) await Bun.sleep(2);
    const body = target.includes("unread") ? "" : ((await request?.text()) ?? "");
    seen.push(`${method} ${target} ${headers.get("x-number")} ${body}`);
    return new Response(`[${headers.get("x-number")} ${body.length}]`);
  });
});
afterAll(() => edge.stop(50));

const text = fc.stringMatching(/^[\x20-\x7e\r\n]{0,60}$/);
const asked = fc.record({
  target: fc.constantFrom("/", "/late", "/a?b=c"),
  kind: fc.constantFrom("get", "head", "length", "chunked", "empty"),
  body: fc.oneof(
    text,
    text.map((one) => one.repeat(400)),
  ),
  pieces: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
});
type Asked = typeof asked extends fc.Arbitrary<infer One> ? One : never;

function chunks(body: string, sizes: readonly number[]): string {
  let out = "";
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const piece = body.slice(at, at + (sizes[turn % sizes.length] ?? 1) * 7);
    out += `${piece.length.toString(16)}${turn % 3 === 0 ? ";a=b" : ""}\r\n${piece}\r\n`;
    at += piece.length;
  }
  return `${out}0\r\n${body.length % 2 === 0 ? "X-Trailer: 1\r\n" : ""}\r\n`;
}

function written({ target, kind, body, pieces }: Asked, number: number): string {
  const start = `${target} HTTP/1.1\r\nHost: shop.example\r\nX-Number: ${number}\r\n`;
  if (kind === "get") return `GET ${start}\r\n`;
  if (kind === "head") return `HEAD ${start}\r\n`;
  if (kind === "empty") return `POST ${start}Content-Length: 0\r\n\r\n`;
  if (kind === "length") return `POST ${start}Content-Length: ${body.length}\r\n\r\n${body}`;
  return `POST ${start}Transfer-Encoding: chunked\r\n\r\n${chunks(body, pieces)}`;
}

const methodOf = (kind: string): string => (kind === "get" ? "GET" : kind === "head" ? "HEAD" : "POST");

async function sendInPieces(stream: string, cuts: readonly number[], last: string): Promise<string> {
  const socket = net.connect({ port: edge.port, host: "127.0.0.1", noDelay: true });
  let got = "";
  const done = new Promise<void>((resolve) => {
    socket.setEncoding("latin1");
    socket.on("data", (data: string) => {
      got += data;
      if (got.includes(last)) resolve();
    });
    socket.on("close", () => resolve());
    socket.on("error", () => resolve());
  });
  await new Promise((resolve) => socket.once("connect", resolve));
  let at = 0;
  for (const cut of [...new Set(cuts.map((share) => Math.floor(share * stream.length)))].sort((a, b) => a - b)) {
    if (cut > at) socket.write(stream.slice(at, cut), "latin1");
    at = Math.max(at, cut);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write(stream.slice(at), "latin1");
  await done;
  socket.destroy();
  return got;
}

test("requests in one stream are the same exchanges however the stream is cut", async () => {
  const share = fc.double({ min: 0, max: 0.999, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      fc.array(asked, { minLength: 1, maxLength: 6 }),
      fc.array(share, { maxLength: 25 }),
      async (all, cuts) => {
        seen = [];
        const last = "GET /last HTTP/1.1\r\nHost: shop.example\r\nX-Number: last\r\n\r\n";
        const stream = all.map(written).join("") + last;
        const got = await sendInPieces(stream, cuts, "[last 0]");
        const bodyOf = ({ kind, body }: Asked) => (kind === "length" || kind === "chunked" ? body : "");
        expect(seen).toEqual([
          ...all.map((one, number) => `${methodOf(one.kind)} ${one.target} ${number} ${bodyOf(one)}`),
          "GET /last last ",
        ]);
        const answers = all.flatMap((one, number) =>
          one.kind === "head" ? [] : [`[${number} ${bodyOf(one).length}]`],
        );
        expect([...(got.match(/\[\w+ \d+\]/g) ?? [])]).toEqual([...answers, "[last 0]"]);
      },
    ),
    { numRuns: 150 },
  );
}, 30_000);

test("a body that nobody read does not become the next request", async () => {
  const body = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n";
  seen = [];
  const stream = `POST /unread HTTP/1.1\r\nHost: shop.example\r\nX-Number: 1\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /last HTTP/1.1\r\nHost: shop.example\r\nX-Number: last\r\n\r\n`;
  const got = await sendInPieces(stream, [], "[last 0]");
  expect(seen).toEqual(["POST /unread 1 ", "GET /last last "]);
  expect(got.match(/\[\w+ \d+\]/g)).toEqual(["[1 0]", "[last 0]"]);
});

test("a client that writes a thousand requests ahead gets all its answers, in order", async () => {
  const stream = Array.from(
    { length: 1000 },
    (_one, number) =>
      `GET /late HTTP/1.1\r\nHost: shop.example\r\nX-Number: ${number}\r\nX-Fill: ${"y".repeat(300)}\r\n\r\n`,
  ).join("");
  seen = [];
  const got = await sendInPieces(stream, [], "[999 0]");
  expect(got.match(/\[\d+ 0\]/g)?.length).toBe(1000);
  expect(seen.map((line) => line.split(" ")[2])).toEqual(
    Array.from({ length: 1000 }, (_one, number) => String(number)),
  );
}, 30_000);

test("HTTP/1.0 is answered without chunks, and its connection ends unless it asked otherwise", async () => {
  const stream = startEdge(
    () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue("one ");
            await Bun.sleep(5);
            controller.enqueue("two");
            controller.close();
          },
        }),
      ),
  );
  const { send } = await import("./kit.ts");
  const plain = await send(stream.port, "GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n");
  expect(plain.text).toEndWith("\r\n\r\none two");
  expect(plain.text.toLowerCase()).not.toContain("chunked");
  expect(plain.end).toBe("closed");
  const kept = await send(
    edge.port,
    "GET / HTTP/1.0\r\nHost: shop.example\r\nX-Number: 1\r\nConnection: keep-alive\r\n\r\n",
  );
  expect(kept.text.toLowerCase()).toContain("connection: keep-alive");
  expect(kept.end).toBe("open");
  await stream.stop(50);
});

test("who asks whether to send a body is told when somebody wants it, and not when nobody does", async () => {
  const { send } = await import("./kit.ts");
  const head = (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: shop.example\r\nX-Number: 1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`;
  const wanted = await send(edge.port, head("/"), {
    until: (got) => got.includes("100 Continue\r\n\r\n"),
    next: "hello",
  });
  expect(wanted.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  expect(wanted.text).toContain("[1 5]");
  const unwanted = await send(edge.port, head("/unread"));
  expect(unwanted.text).toStartWith("HTTP/1.1 200 OK");
  expect(unwanted.end).toBe("closed");
});
