/** WebSockets through the edge, between a real client and a real upstream. */
import { afterEach, expect, test } from "bun:test";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { forwardTo, send, startEdge, statuses } from "./kit.ts";

/** `received`: bytes of binary messages. `waiting`: bytes of the flood that nobody has taken from the upstream yet. `hear`: ends "deaf". */
type Seen = { headers: Headers; closed: [number, string][]; received: number; waiting: () => number; hear: () => void };
/** Pieces of 64 KiB: 200 MiB, more than the sockets on both sides of the edge hold. Two of them may take 37 MiB each (tcp_rmem, tcp_wmem). */
const flood = 3200;
const stillThere = 64 * 1024 * 1024;
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** Echoes; "close CODE" closes with that code; "flood N" sends N pieces of 64 KiB; /refused answers 403; "deaf" reads no more until `hear`. */
function startUpstream(): { port: number; seen: Seen } {
  const seen: Seen = { headers: new Headers(), closed: [], received: 0, waiting: () => 0, hear: () => {} };
  const server = Bun.serve<undefined>({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, bun) {
      seen.headers = request.headers;
      if (request.url.endsWith("/refused")) return new Response("no", { status: 403 });
      const protocol = request.headers.get("sec-websocket-protocol")?.split(", ").at(-1);
      const headers = protocol === undefined ? {} : { "sec-websocket-protocol": protocol };
      return bun.upgrade(request, { headers }) ? undefined : new Response("no WebSocket", { status: 400 });
    },
    websocket: {
      maxPayloadLength: 16 * 1024 * 1024,
      backpressureLimit: 1024 * 1024 * 1024,
      message(socket, message) {
        if (typeof message !== "string") seen.received += message.length;
        const [word, count] = typeof message === "string" ? message.split(" ") : [];
        if (word === "close") socket.close(Number(count), "as you wish");
        else if (word === "terminate") socket.terminate();
        else if (word === "deaf") {
          socket.pause();
          seen.hear = () => socket.resume();
        } else if (word === "flood") {
          for (let at = 0; at < Number(count); at++) socket.send(new Uint8Array(65_536).fill(at));
          seen.waiting = () => socket.getBufferedAmount();
        } else socket.send(message);
      },
      close(_socket, code, reason) {
        seen.closed.push([code, reason]);
      },
    },
  });
  undo.push(() => server.stop(true));
  return { port: server.port ?? 0, seen };
}

function startBoth(): { edge: EdgeListener; seen: Seen } {
  const { port, seen } = startUpstream();
  const edge = startEdge(forwardTo(() => port));
  undo.push(() => edge.stop(50));
  return { edge, seen };
}

async function open(edge: EdgeListener, path = "/", protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}${path}`, {
    protocols,
    headers: { cookie: "a=b", origin: "https://shop.example", "x-forwarded-for": "203.0.113.9" },
  });
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return socket;
}

const next = (socket: WebSocket): Promise<string | ArrayBuffer> =>
  new Promise((resolve) => {
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => resolve(data);
  });
const closed = (socket: WebSocket): Promise<[number, string]> =>
  new Promise((resolve) => {
    socket.onclose = ({ code, reason }) => resolve([code, reason]);
  });

test("text, bytes and the chosen subprotocol go through; what the client claims of its address does not", async () => {
  const { edge, seen } = startBoth();
  const socket = await open(edge, "/chat?room=1", ["v1", "v2"]);
  expect(socket.protocol).toBe("v2");
  socket.send("h\u00e9llo");
  expect(await next(socket)).toBe("h\u00e9llo");
  socket.send(new Uint8Array([0, 255, 128]));
  const back = await next(socket);
  expect(back instanceof ArrayBuffer ? [...new Uint8Array(back)] : back).toEqual([0, 255, 128]);
  expect(seen.headers.get("cookie")).toBe("a=b");
  expect(seen.headers.get("origin")).toBe("https://shop.example");
  expect(seen.headers.get("x-forwarded-for")).toBe("127.0.0.1");
  expect(seen.headers.get("via")).toBe("1.1 spillway");
  expect(edge.tunnels()).toBe(1);
  socket.close();
});

for (const code of [1000, 1001, 1011, 3000, 4999]) {
  test(`the code ${code} and its reason arrive on the other side, both ways`, async () => {
    const { edge, seen } = startBoth();
    const first = await open(edge);
    const end = closed(first);
    first.send(`close ${code}`);
    expect(await end).toEqual([code, "as you wish"]);

    const second = await open(edge);
    second.close(code, "enough");
    while (seen.closed.length < 2) await Bun.sleep(5);
    expect(seen.closed[1]).toEqual([code, "enough"]);
  });
}

test("an end that breaks off breaks the other off", async () => {
  const { edge, seen } = startBoth();
  const first = await open(edge);
  const end = closed(first);
  first.send("terminate");
  expect((await end)[0]).toBe(1006);
  const second = await open(edge);
  second.terminate();
  while (seen.closed.length < 2) await Bun.sleep(5);
  expect(seen.closed[1]?.[0]).toBe(1006);
  while (edge.tunnels() > 0) await Bun.sleep(5);
});

const handshake = (path: string, fields = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`;

test("where the upstream refuses the upgrade, the client is told its status and nothing is switched", async () => {
  const { edge } = startBoth();
  const { text } = await send(edge.port, handshake("/refused"));
  expect(statuses(text)).toEqual([403]);
});

test("where there is no upstream, the client is told at once", async () => {
  const edge = startEdge(forwardTo(() => 1));
  undo.push(() => edge.stop(50));
  const { text } = await send(edge.port, handshake("/"), {
    quietMs: 2000,
    until: (soFar) => statuses(soFar).length > 0,
  });
  expect(statuses(text)).toEqual([502]);
});

for (const [name, fields, status] of [
  ["without a key", "Sec-WebSocket-Version: 13\r\n", 400],
  ["of another version", "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 426],
] as const) {
  test(`a handshake ${name} is refused before the upstream hears of it`, async () => {
    const { edge, seen } = startBoth();
    const { text } = await send(
      edge.port,
      `GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${fields}\r\n`,
    );
    expect(statuses(text)).toEqual([status]);
    expect([...seen.headers]).toEqual([]);
  });
}

/** Looks until the number stays as it is: then the sockets between are full, however large this machine lets them grow. */
async function atRest(look: () => number): Promise<number> {
  let before = -1;
  for (let looks = 0; looks < 75; looks++) {
    const now = look();
    if (now > 0 && now === before) break;
    before = now;
    await Bun.sleep(200);
  }
  return before;
}

test("a client that does not read holds its upstream back; nothing is lost, and the edge does not keep it all", async () => {
  const { edge, seen } = startBoth();
  const socket = await open(edge);
  socket.pause();
  socket.send(`flood ${flood}`);
  expect(await atRest(() => seen.waiting())).toBeGreaterThan(stillThere);
  let count = 0;
  let wrong = 0;
  const all = new Promise<void>((resolve) => {
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      if (new Uint8Array(data)[0] !== (count & 255)) wrong++;
      count++;
      if (count === flood) resolve();
    };
  });
  socket.resume();
  await all;
  expect(wrong).toBe(0);
  expect(seen.waiting()).toBe(0);
  socket.close();
}, 30_000);

test("an upstream that does not read holds its client back; nothing is lost, and the edge does not keep it all", async () => {
  const { edge, seen } = startBoth();
  const socket = await open(edge);
  socket.send("deaf");
  const piece = new Uint8Array(65_536);
  for (let at = 0; at < flood; at++) socket.send(piece);
  expect(await atRest(() => socket.bufferedAmount)).toBeGreaterThan(stillThere);
  seen.hear();
  while (seen.received < flood * piece.length) await Bun.sleep(20);
  expect(socket.bufferedAmount).toBe(0);
  socket.close();
}, 30_000);

test("a stop tells WebSockets that the server goes away", async () => {
  const { edge } = startBoth();
  const socket = await open(edge);
  const end = closed(socket);
  await edge.stop(2000);
  expect((await end)[0]).toBe(1001);
});
