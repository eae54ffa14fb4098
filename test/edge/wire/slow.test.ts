/**
 * Those who send a byte now and then, for ever, and those who never read. Bun's timers have a grain of 4 seconds; the ceilings here
 * leave room for it and for a busy machine. All of them wait at the same time.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import http2 from "node:http2";
import net from "node:net";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { forwardTo, type RecordingOrigin, startEdge, startOrigin, statuses } from "./kit.ts";

type End = { readonly text: string; readonly seconds: number; readonly isClosed: boolean };

/** Sends `first`, then `drip` every `everyMs`, until the other side closes or `maxSeconds` are over. */
function drips(port: number, first: string, drip: string, everyMs: number, maxSeconds: number): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>();
  const startMs = performance.now();
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (data: string) => {
    text += data.slice(0, 1000);
  });
  socket.on("error", () => {});
  if (first !== "") socket.write(first, "latin1");
  const timer = drip === "" ? undefined : setInterval(() => socket.writable && socket.write(drip), everyMs);
  const end = (isClosed: boolean) => {
    clearInterval(timer);
    clearTimeout(limit);
    resolve({ text, seconds: (performance.now() - startMs) / 1000, isClosed });
    socket.destroy();
  };
  const limit = setTimeout(() => end(false), maxSeconds * 1000);
  socket.on("close", () => end(true));
  return promise;
}

let origin: RecordingOrigin;
let edge: EdgeListener;
let held: EdgeListener;
beforeAll(async () => {
  origin = await startOrigin();
  const listener = { idleTimeoutSeconds: 4, bodyTimeoutSeconds: 2, bodyMaxBytes: 2_000_000 };
  edge = startEdge(
    forwardTo(() => origin.port),
    { listener },
  );
  held = startEdge(
    async ({ path, request }) => {
      if (path === "/late") {
        await request?.text();
        await Bun.sleep(11_000);
      }
      if (path === "/events") {
        const events = new ReadableStream({
          async start(controller) {
            controller.enqueue("data: 1\n\n");
            await Bun.sleep(11_000);
            controller.enqueue("data: 2\n\n");
            controller.close();
          },
        });
        return new Response(events, { headers: { "content-type": "text/event-stream" } });
      }
      if (path === "/endless") {
        return new Response(
          new ReadableStream({
            pull(controller) {
              controller.enqueue(new Uint8Array(65_536));
            },
            cancel() {
              cancelled();
            },
          }),
        );
      }
      return new Response("ok");
    },
    { listener },
  );
});
afterAll(async () => {
  await Promise.all([edge.stop(50), held.stop(50)]);
  origin.stop();
});

let cancelled = () => {};

describe("who is slow", () => {
  const head = "POST /a HTTP/1.1\r\nHost: shop.example\r\n";
  const close = async (
    first: string,
    drip: string,
    everyMs: number,
    limitSeconds: number,
    expected: readonly number[],
  ): Promise<void> => {
    const { text, seconds, isClosed } = await drips(edge.port, first, drip, everyMs, limitSeconds);
    expect({ isClosed, statuses: statuses(text) }).toEqual({ isClosed: true, statuses: [...expected] });
    expect(seconds).toBeLessThan(limitSeconds);
  };

  test.concurrent("says nothing on a new connection: closed after 10 seconds", () => close("", "", 1, 25, []), 40_000);
  test.concurrent(
    "takes for ever for a head, a byte at a time: closed, each byte buys nothing",
    () => close("GET / HTTP/1.1\r\nHost: a\r\nX: ", "y", 300, 25, []),
    40_000,
  );
  test.concurrent(
    "takes for ever for a second head: closed after 10 seconds, too",
    () => close("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nX: ", "y", 300, 20, [200]),
    40_000,
  );
  test.concurrent(
    "asks nothing more: closed after the idle timeout",
    () => close("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", 300, 20, [200]),
    40_000,
  );
  test.concurrent(
    "takes for ever for a small body: 408",
    () => close(`${head}Content-Length: 60000\r\n\r\n`, "y", 300, 20, [408]),
    40_000,
  );
  test.concurrent(
    "takes for ever for a body, a thousand bytes at a time: 408",
    () => close(`${head}Connection: keep-alive\r\nContent-Length: 65536\r\n\r\n`, "y".repeat(1000), 150, 20, [408]),
    40_000,
  );
  test.concurrent(
    "takes too long for a large body, however steadily: 408",
    () => close(`${head}Content-Length: 1900000\r\n\r\n`, "y".repeat(20_000), 250, 20, [408]),
    40_000,
  );
  test.concurrent(
    "sends chunks that never end: 408",
    () => close(`${head}Transfer-Encoding: chunked\r\n\r\n`, "1\r\ny\r\n", 100, 20, [408]),
    40_000,
  );
  test.concurrent(
    "sends more in chunks than a body may have: 413",
    () => close(`${head}Transfer-Encoding: chunked\r\n\r\n`, `40000\r\n${"x".repeat(0x40000)}\r\n`, 50, 20, [413]),
    40_000,
  );
  test.concurrent(
    "says that it will send more than a body may have: 413 at once",
    () => close(`${head}Content-Length: 2000001\r\n\r\n`, "y", 300, 20, [413]),
    40_000,
  );

  test.concurrent("takes for ever for a body by HTTP/2, while other requests keep the connection awake: 408, for this one only", async () => {
    const session = http2.connect(`http://127.0.0.1:${edge.port}`);
    session.on("error", () => {});
    const slow = session.request({ ":method": "POST", ":path": "/a", "content-length": "60000" }, { endStream: false });
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    slow.on("response", (fields) => resolve(fields[":status"]));
    slow.on("error", () => {});
    slow.on("close", () => resolve(undefined));
    let answered = 0;
    const get = () => {
      const other = session.request({ ":path": "/" });
      other.on("response", () => answered++);
      other.on("error", () => {});
      other.resume();
      other.end();
    };
    const timer = setInterval(() => {
      if (slow.writable) slow.write("y");
      get();
    }, 200);
    expect(await promise).toBe(408);
    const before = answered;
    while (answered < before + 3) await Bun.sleep(20);
    clearInterval(timer);
    session.destroy();
  }, 40_000);

  test.concurrent("asks again and again, closer together than the idle timeout: stays connected", async () => {
    const request = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    const { text, isClosed } = await drips(held.port, request, request, 3000, 14);
    expect(isClosed).toBe(false);
    expect(statuses(text).every((status) => status === 200)).toBe(true);
    expect(statuses(text).length).toBeGreaterThanOrEqual(5);
  }, 40_000);

  test.concurrent("does not read what it asked for: closed, and the answer is given up", async () => {
    const given = Promise.withResolvers<void>();
    cancelled = () => given.resolve();
    const socket = net.connect({ port: held.port, host: "127.0.0.1" });
    socket.on("error", () => {});
    socket.write("GET /endless HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    socket.pause();
    await given.promise;
    socket.destroy();
  }, 40_000);

  for (const [name, fields] of [
    ["that Bun guards", "Connection: keep-alive\r\n"],
    ["that is watched", ""],
  ] as const) {
    test.concurrent(`has sent a body ${name}, and waits for an origin longer than a body may take: is answered`, async () => {
      const bytes = `POST /late HTTP/1.1\r\nHost: shop.example\r\n${fields}Content-Length: 5\r\n\r\nhello`;
      const { text } = await drips(held.port, bytes, "", 1, 14);
      expect(statuses(text)).toEqual([200]);
    }, 40_000);
  }

  test.concurrent("has sent a body by HTTP/2, and waits for an origin longer than a body may take: is answered", async () => {
    const session = http2.connect(`http://127.0.0.1:${held.port}`);
    session.on("error", () => {});
    const stream = session.request({ ":method": "POST", ":path": "/late" }, { endStream: false });
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    stream.on("response", (answer) => resolve(answer[":status"]));
    stream.on("error", () => {});
    stream.on("close", () => resolve(undefined));
    stream.end("hello");
    expect(await promise).toBe(200);
    session.destroy();
  }, 40_000);

  test.concurrent("waits for an origin longer than the idle timeout: is answered", async () => {
    const { text } = await drips(
      held.port,
      "GET /late HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
      "",
      1,
      20,
    );
    expect(statuses(text)).toEqual([200]);
  }, 40_000);

  test.concurrent("listens to events that are further apart than the idle timeout: hears them", async () => {
    const { text } = await drips(
      held.port,
      "GET /events HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
      "",
      1,
      20,
    );
    expect(text).toContain("data: 1");
    expect(text).toContain("data: 2");
  }, 40_000);
});

test("what was cut off is no whole request at the origin, and has no connection there any more", async () => {
  while (origin.waiting() > 0) await Bun.sleep(10);
  expect(origin.requests().filter(({ line, isWhole }) => isWhole && line.startsWith("POST"))).toEqual([]);
});
