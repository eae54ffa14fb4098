/** Bodies that take their time, both ways: nothing is held back until it is whole, and who goes away is not worked for. */
import { afterEach, expect, test } from "bun:test";
import net from "node:net";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { forwardTo, type RecordingOrigin, readRequests, send, startEdge, startOrigin, statuses } from "./kit.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function startBoth(): Promise<{ edge: EdgeListener; origin: RecordingOrigin }> {
  const origin = await startOrigin();
  undo.push(() => origin.stop());
  const edge = startEdge(forwardTo(() => origin.port));
  undo.push(() => edge.stop(50));
  return { edge, origin };
}

/** An origin that answers with a head, and then what the test writes. */
async function startHeldOrigin(
  head: string,
): Promise<{ port: number; socket: Promise<net.Socket>; ended: Promise<void> }> {
  const first = Promise.withResolvers<net.Socket>();
  const ended = Promise.withResolvers<void>();
  const server = net.createServer((socket) => {
    socket.once("data", () => {
      socket.write(head);
      first.resolve(socket);
    });
    socket.on("error", () => {});
    socket.on("close", () => ended.resolve());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, socket: first.promise, ended: ended.promise };
}

test("a request's body goes on while it arrives", async () => {
  const { edge, origin } = await startBoth();
  const socket = net.connect({ port: edge.port, host: "127.0.0.1", noDelay: true });
  socket.write("POST /a HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  while (!origin.received().some((text) => text.includes("first"))) await Bun.sleep(5);
  socket.write("6\r\nsecond\r\n0\r\n\r\n");
  while (!origin.requests().some(({ isWhole }) => isWhole)) await Bun.sleep(5);
  expect(origin.requests().map(({ body }) => body)).toEqual(["firstsecond"]);
  socket.destroy();
});

test("a client that goes away within its body leaves no whole request at the origin, and no connection", async () => {
  const { edge, origin } = await startBoth();
  const socket = net.connect({ port: edge.port, host: "127.0.0.1", noDelay: true });
  socket.write("POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1000\r\n\r\nhalf");
  while (!origin.received().some((text) => text.includes("half"))) await Bun.sleep(5);
  socket.destroy();
  while (origin.connections() > 0) await Bun.sleep(5);
  expect(origin.requests().some(({ isWhole }) => isWhole)).toBe(false);
});

test("events arrive when they happen, and a client that leaves ends the stream at the origin", async () => {
  const origin = await startHeldOrigin("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  const edge = startEdge(forwardTo(() => origin.port));
  undo.push(() => edge.stop(50));
  const answer = await fetch(`http://127.0.0.1:${edge.port}/events`);
  // The head is there before the first event.
  const reader = answer.body?.getReader();
  const socket = await origin.socket;
  for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
    socket.write(event);
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(event);
  }
  await reader?.cancel();
  await origin.ended;
});

test("an answer that breaks off at the origin breaks off at the client, and does not look whole", async () => {
  for (const head of [
    "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
  ]) {
    const origin = await startHeldOrigin(head);
    const edge = startEdge(forwardTo(() => origin.port));
    undo.push(() => edge.stop(50));
    const wire = send(edge.port, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", { quietMs: 2000 });
    const socket = await origin.socket;
    await Bun.sleep(50);
    socket.destroy();
    const { text, end } = await wire;
    expect(end).not.toBe("open");
    expect(text).not.toContain("\r\n0\r\n\r\n");
  }
});

test("an origin that answers two to one is not believed", async () => {
  const { edge, origin } = await startBoth();
  origin.answer = () =>
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";
  for (let at = 0; at < 3; at++) {
    const { text } = await send(edge.port, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", {
      until: (soFar) => soFar.endsWith("first"),
    });
    expect(statuses(text).length).toBe(1);
    expect(text).not.toContain("second");
  }
});

test("fields of the origin's connection stay there, early hints go before the answer, and its own way round the edge is not told", async () => {
  const { edge, origin } = await startBoth();
  origin.answer = () =>
    [
      "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n",
      'HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nAlt-Svc: h3=":443"\r\n',
      "Link: </style.css>; rel=preload; as=style\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    ].join("");
  const { text } = await send(edge.port, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  expect(statuses(text)).toEqual([200]);
  expect(text).toStartWith(
    "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload; as=style\r\n\r\nHTTP/1.1 200 OK\r\n",
  );
  const head = text.slice(text.indexOf("HTTP/1.1 200")).toLowerCase();
  expect(head).toContain("link: </style.css>; rel=preload; as=style");
  expect(head).toContain("set-cookie: a=1");
  expect(head).toContain("set-cookie: b=2");
  expect(head).toContain("content-encoding: gzip");
  for (const gone of ["keep-alive:", "x-hop", "alt-svc"]) expect(head).not.toContain(gone);
});

test("two requests in one write are never mixed up: both are answered in order, or the connection is closed", async () => {
  const { edge, origin } = await startBoth();
  const both = (method: string) =>
    `${method} /1 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1\r\n\r\n1${method} /2 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1\r\n\r\n2`;
  const { text, end } = await send(edge.port, both("POST"));
  // Bun closes where a second request is there before the first has its answer; the client asks again (RFC 9112 9.3.2).
  const bodies = origin.requests().filter(({ isWhole }) => isWhole);
  expect(bodies.map(({ body }) => body)).toEqual(["1", "2"].slice(0, bodies.length));
  expect(statuses(text).length).toBeLessThanOrEqual(bodies.length);
  if (statuses(text).length < 2) expect(end).not.toBe("open");

  // What is answered without waiting, as from a cache, is answered in order.
  const cache = startEdge(({ target }) => new Response(`from ${target}`));
  undo.push(() => cache.stop(50));
  const answers = await send(
    cache.port,
    "GET /1 HTTP/1.1\r\nHost: shop.example\r\n\r\nGET /2 HTTP/1.1\r\nHost: shop.example\r\n\r\n",
  );
  expect(answers.text.match(/from \/\d/g)).toEqual(["from /1", "from /2"]);
});

test("a stage that throws costs its client a 500, says so, and nobody else anything", async () => {
  const troubles: string[] = [];
  const edge = startEdge(
    ({ path }) => {
      if (path === "/now") throw new Error("now");
      return path === "/later" ? Promise.reject(new Error("later")) : new Response("ok");
    },
    { listener: { onTrouble: (message) => troubles.push(message) } },
  );
  undo.push(() => edge.stop(50));
  for (const [path, status] of [
    ["/now", 500],
    ["/later", 500],
    ["/", 200],
  ] as const) {
    expect((await fetch(`http://127.0.0.1:${edge.port}${path}`)).status).toBe(status);
  }
  expect(troubles).toEqual(["A request failed: now", "A request failed: later"]);
});

test("the origin of these tests is strict itself", () => {
  expect(() => readRequests("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")).toThrow();
  expect(() =>
    readRequests("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
  ).toThrow();
  expect(() => readRequests("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n")).toThrow();
});
