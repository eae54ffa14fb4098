/** The crowd's connections against real sockets: every way in which an answer may end, and every way in which there is none. */
import { afterAll, expect, test } from "bun:test";
import type { Socket, TCPSocketListener } from "bun";
import { CrowdWire } from "#adapters/bun/crowd-wire.ts";
import type { Answer, Exchange } from "#rehearse/ports.ts";
import { hasOpenssl, makeCertificate } from "../../edge/wire/certificate.ts";

type Told = {
  status?: number;
  text?: string;
  bytes?: number;
  fields?: readonly string[];
  failure?: string;
  detail?: string;
};
type Server = { readonly url: string; readonly connections: () => number };

const listeners: TCPSocketListener<{ number: number }>[] = [];
const wires: CrowdWire[] = [];
afterAll(() => {
  for (const wire of wires) wire.close();
  for (const listener of listeners) listener.stop(true);
});

/** Calls back with each request that came; it writes what it likes. */
function serverOf(answer: (socket: Socket<{ number: number }>, request: string, nth: number) => unknown): Server {
  let connections = 0;
  let requests = 0;
  const listener = Bun.listen<{ number: number }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        connections += 1;
        socket.data = { number: connections };
      },
      data(socket, chunk) {
        requests += 1;
        void answer(socket, chunk.toString("latin1"), requests);
      },
    },
  });
  listeners.push(listener);
  return { url: `http://127.0.0.1:${listener.port}`, connections: () => connections };
}

function wireTo(
  url: string,
  more: { connectionsMax?: number; timeoutMs?: number; trustAnyCertificate?: boolean } = {},
) {
  const wire = new CrowdWire({
    url,
    trustAnyCertificate: false,
    connectionsMax: 100,
    timeoutMs: 5000,
    now: () => performance.now(),
    afterwards: () => undefined,
    ...more,
  });
  wires.push(wire);
  return wire;
}

async function ask(wire: CrowdWire, given: Partial<Exchange> & { path?: string; method?: string } = {}): Promise<Told> {
  const { path = "/", method = "GET", ...more } = given;
  return await new Promise((resolve) => {
    wire.send({
      request: Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`),
      isHead: method === "HEAD",
      isSafe: method === "GET" || method === "HEAD",
      keepBytes: 10_000,
      bytesPerSecond: 0,
      owner: 0,
      tries: 0,
      sentAtMs: 0,
      answered: (answer: Answer) =>
        resolve({
          status: answer.status,
          text: answer.text(),
          bytes: answer.bytes,
          fields: answer.fields("set-cookie"),
        }),
      failed: (failure, detail) => resolve({ failure, detail }),
      ...more,
    });
  });
}

test("an answer ends by its length, its chunks, its status, its method or its connection", async () => {
  const answers = new Map([
    ["/length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\nhello"],
    [
      "/chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: 1\r\n\r\n",
    ],
    ["/empty", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["/unchanged", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"],
    ["/head", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"],
    ["/hints", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
  ]);
  for (const isInPieces of [false, true]) {
    const server = serverOf(async (socket, request) => {
      const text = answers.get(request.split(" ")[1] ?? "") ?? "";
      if (!isInPieces) {
        socket.write(text);
        return;
      }
      for (const letter of text) {
        socket.write(letter);
        await Bun.sleep(0);
      }
    });
    const wire = wireTo(server.url);
    expect(await ask(wire, { path: "/length" })).toMatchObject({ status: 200, text: "hello", fields: ["a=1", "b=2"] });
    expect(await ask(wire, { path: "/chunks" })).toMatchObject({ status: 200, text: "hello" });
    expect(await ask(wire, { path: "/empty" })).toMatchObject({ status: 204, text: "" });
    expect(await ask(wire, { path: "/unchanged" })).toMatchObject({ status: 304 });
    expect(await ask(wire, { path: "/head", method: "HEAD" })).toMatchObject({ status: 200 });
    expect(await ask(wire, { path: "/hints" })).toMatchObject({ status: 200, text: "ok" });
    expect(server.connections()).toBe(1);
    expect(wire.state).toMatchObject({ open: 1, busy: 0, waiting: 0, capped: 0 });
  }
  const closing = serverOf((socket) => {
    socket.write("HTTP/1.0 200 OK\r\n\r\nuntil I close");
    socket.end();
  });
  expect(await ask(wireTo(closing.url))).toMatchObject({ status: 200, text: "until I close" });
});

test("why there is no answer is told by kind, in a sentence", async () => {
  const unused = serverOf(() => undefined);
  listeners.at(-1)?.stop(true);
  expect(await ask(wireTo(unused.url))).toMatchObject({ failure: "refused" });

  const dropping = serverOf((socket) => socket.end());
  expect(await ask(wireTo(dropping.url))).toMatchObject({ failure: "reset" });

  const halfway = serverOf((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    socket.end();
  });
  expect(await ask(wireTo(halfway.url))).toMatchObject({ failure: "reset" });

  const silent = serverOf(() => undefined);
  expect(await ask(wireTo(silent.url, { timeoutMs: 100 }))).toMatchObject({ failure: "timeout" });

  for (const nonsense of [
    "SSH-2.0-OpenSSH\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nmore than that",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"y".repeat(70_000)}`,
  ]) {
    const server = serverOf((socket) => socket.write(nonsense));
    const told = await ask(wireTo(server.url));
    expect(told.failure, JSON.stringify(told)).toBe("malformed");
    expect(told.detail).toStartWith("its answer was not understood: ");
  }
});

test("a kept connection that the server has closed costs a GET nothing, and is told where asking twice could order twice", async () => {
  const stale = serverOf((socket, _request, nth) => {
    if (socket.data.number === 1 && nth > 1) socket.terminate();
    else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const wire = wireTo(stale.url);
  expect(await ask(wire)).toMatchObject({ status: 200 });
  expect(await ask(wire)).toMatchObject({ status: 200 });
  expect(stale.connections()).toBe(2);

  const again = serverOf((socket, _request, nth) => {
    if (nth > 1) socket.terminate();
    else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const other = wireTo(again.url);
  expect(await ask(other)).toMatchObject({ status: 200 });
  expect(await ask(other, { method: "POST" })).toMatchObject({ failure: "reset" });
});

test("connections are never more than allowed: whoever is too many waits, and is counted", async () => {
  const server = serverOf(async (socket) => {
    await Bun.sleep(20);
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const wire = wireTo(server.url, { connectionsMax: 3 });
  const told = await Promise.all(Array.from({ length: 20 }, async () => await ask(wire)));
  expect(told.every(({ status }) => status === 200)).toBe(true);
  expect(server.connections()).toBe(3);
  expect(wire.state).toMatchObject({ openMax: 3, capped: 17, waiting: 0, busy: 0 });
});

test("a shopper with a connection of their own shares it with nobody, and it is closed when they leave", async () => {
  const server = serverOf((socket) => {
    const body = String(socket.data.number);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  const wire = wireTo(server.url);
  const texts: (string | undefined)[] = [];
  for (const owner of [1, 1, 2, 1, 2]) texts.push((await ask(wire, { owner })).text);
  expect(texts).toEqual(["1", "1", "2", "1", "2"]);
  wire.release(1);
  wire.release(2);
  expect(wire.state.open).toBe(0);
});

test("a slow device takes an answer no faster than it can, and an endless one is given up on with its memory bounded", async () => {
  const body = "x".repeat(40_000);
  const server = serverOf((socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
  const begunMs = performance.now();
  const told = await ask(wireTo(server.url), { bytesPerSecond: 100_000 });
  expect(told.status).toBe(200);
  expect(performance.now() - begunMs).toBeGreaterThan(395);

  // Ten gigabytes, as fast as they are taken.
  const piece = Buffer.alloc(1024 * 1024, 120);
  const pour = (socket: Socket<unknown>): void => {
    while (socket.write(piece) === piece.length);
  };
  const endless = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n");
        pour(socket);
      },
      drain: pour,
    },
  });
  const before = process.memoryUsage().rss;
  const given = await ask(wireTo(`http://127.0.0.1:${endless.port}`, { timeoutMs: 30_000 }));
  endless.stop(true);
  expect(given).toEqual({ failure: "malformed", detail: "its answer was not understood: it is longer than 256 MB" });
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
}, 60_000);

if (!hasOpenssl && process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1")
  test("nothing is skipped", () => {
    throw new Error("openssl is not installed, and nothing may be skipped");
  });

test.skipIf(!hasOpenssl)("over TLS a certificate is to be trusted, unless the plan says that any is", async () => {
  const files = makeCertificate("spillway test");
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: Bun.file(files.certFile), key: Bun.file(files.keyFile) },
    fetch: () => new Response("over TLS"),
  });
  const url = `https://127.0.0.1:${server.port}`;
  const refused = await ask(wireTo(url));
  expect(refused.failure).toBe("refused");
  expect(refused.detail).toStartWith("its certificate is not to be trusted: ");
  const wire = wireTo(url, { trustAnyCertificate: true });
  for (let time = 0; time < 3; time++) expect(await ask(wire)).toMatchObject({ status: 200, text: "over TLS" });
  expect(wire.state.openMax).toBe(1);
  await server.stop(true);
  files.remove();
});
