/** A slow, hanging, resetting, truncating, lying origin: one answer for one request, whole or with an error, never another's. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { OriginError } from "#edge/ports.ts";
import { standstill, until } from "../../kit/until.ts";
import { certificate, key } from "./certificate.ts";
import { always, originAt, outcome, type RawOrigin, rawOrigin, request } from "./raw-origin.ts";

const ok = "HTTP/1.1 200 OK\r\n";
const whole = `${ok}Content-Length: 3\r\n\r\nabc`;
const open: RawOrigin[] = [];
async function origin(...how: Parameters<typeof rawOrigin>): Promise<RawOrigin> {
  const raw = await rawOrigin(...how);
  open.push(raw);
  return raw;
}
afterEach(async () => {
  for (const raw of open.splice(0)) await raw.close();
});

/** Longer than a busy machine stands still: where time is not what is tried, it must not decide. */
const patientMs = 20_000;

/** What two requests get, one after the other, on the same connection if it may be used again. */
async function twice(
  answer: (socket: Socket, piece: string, index: number) => unknown,
  more = {},
  limitMs: number = patientMs,
) {
  const raw = await origin(answer);
  const client = originAt(raw.url, { answerMs: limitMs, bodyIdleMs: limitMs });
  const outcomes = [await outcome(client, more), await outcome(client, more)];
  client.close();
  return { outcomes, connections: raw.received.length };
}

describe("what is sent", () => {
  test("is the request as it was given, with its own framing and nothing else", async () => {
    const raw = await origin(always(whole));
    const client = originAt(raw.url);
    await outcome(client, {
      target: "/a/../b?c=%zz&d[]=//./e",
      headers: new Headers({ host: "shop.example:8000", accept: "text/html", "x-name": "caf\u00e9" }),
    });
    expect(raw.received).toEqual([
      "GET /a/../b?c=%zz&d[]=//./e HTTP/1.1\r\nHost: shop.example:8000\r\naccept: text/html\r\nx-name: caf\u00e9\r\n\r\n",
    ]);
    client.close();
  });

  test("names the upstream's own host when that is wanted", async () => {
    const raw = await origin(always(whole));
    const client = originAt(raw.url, { hostHeader: "upstream" });
    await outcome(client);
    expect(raw.received[0]).toContain(`\r\nHost: ${new URL(raw.url).host}\r\n`);
    client.close();
  });

  test("frames a body by its length when that is known, in chunks when not, and says so when there is none", async () => {
    const raw = await origin((socket, piece) => {
      if (/hello|0\r\n\r\n|Length: 0/.test(piece)) socket.write(whole);
    });
    const client = originAt(raw.url);
    const body = () => new Response("hello").body;
    const headers = { host: "a", "transfer-encoding": "gzip", connection: "upgrade", expect: "100-continue" };
    await outcome(client, {
      method: "POST",
      headers: new Headers({ ...headers, "content-length": "5" }),
      body: body(),
    });
    await outcome(client, { method: "POST", headers: new Headers(headers), body: body() });
    await outcome(client, { method: "POST", headers: new Headers({ ...headers, "content-length": "5" }), body: null });
    expect(raw.received.join("")).toBe(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" +
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" +
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    );
    client.close();
  });

  test("never has a second request in its target or method", async () => {
    const raw = await origin(always(whole));
    const client = originAt(raw.url);
    for (const target of ["/ HTTP/1.1\r\nX: y", "/a b", "/\u00e9", "/\n"])
      expect(await outcome(client, { target })).toBe("TypeError");
    expect(await outcome(client, { method: "GET /x HTTP/1.1\r\n" })).toBe("TypeError");
    expect(raw.received).toEqual([]);
  });

  test("a body shorter or longer than its length is an error, and its connection is not used again", async () => {
    const raw = await origin((socket, piece) => {
      if (piece.includes("GET")) socket.write(whole);
    });
    const client = originAt(raw.url);
    for (const length of ["4", "6"]) {
      const headers = new Headers({ host: "a", "content-length": length });
      expect(await outcome(client, { method: "POST", headers, body: new Response("hello").body })).toBe("TypeError");
      expect(await outcome(client)).toBe("200 abc");
    }
    expect(raw.received.filter((text) => /POST(?:.|\s)*GET/.test(text))).toEqual([]);
    client.close();
  });
});

describe("an answer that is whole", () => {
  const answers: [string, string, string, number][] = [
    ["by its length", whole, "200 abc", 1],
    ["in chunks", `${ok}Transfer-Encoding: chunked\r\n\r\n2;x="y"\r\nab\r\n1\r\nc\r\n0\r\nT: x\r\n\r\n`, "200 abc", 1],
    ["without a body", "HTTP/1.1 204 No Content\r\n\r\n", "204 ", 1],
    ["that says it has not changed", "HTTP/1.1 304 Not Modified\r\nContent-Length: 30\r\n\r\n", "304 ", 1],
    [
      "after interim ones",
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${whole}`,
      "200 abc",
      1,
    ],
    ["with its connection's end announced", `${ok}Connection: Close\r\nContent-Length: 3\r\n\r\nabc`, "200 abc", 2],
  ];
  for (const [what, bytes, expected, connections] of answers) {
    test(`${what} is passed on, and its connection is used again only when that is safe`, async () => {
      const all = await twice(always(bytes));
      expect(all).toEqual({ outcomes: [expected, expected], connections });
    });

    test(`${what} is the same when it comes byte by byte`, async () => {
      const raw = await origin(async (socket) => {
        for (const byte of Buffer.from(bytes, "latin1")) {
          socket.write(new Uint8Array([byte]));
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      const client = originAt(raw.url);
      expect(await outcome(client)).toBe(expected);
      client.close();
    });
  }

  test("to HEAD has a length and no body", async () => {
    const raw = await origin(always(`${ok}Content-Length: 30\r\n\r\n`));
    const client = originAt(raw.url);
    const response = await client.send(request({ method: "HEAD" }));
    expect([response.headers.get("content-length"), response.body]).toEqual(["30", null]);
    client.close();
  });

  test("up to the connection's end is whole when that end is clean", async () => {
    const { outcomes, connections } = await twice((socket) => void socket.end(`${ok}\r\nabc`));
    expect([outcomes, connections]).toEqual([["200 abc", "200 abc"], 2]);
  });

  test("keeps its fields apart and its encoding as it is", async () => {
    const raw = await origin(
      always(
        `${ok}Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Encoding: gzip\r\nX: \u00e9\u00ff\r\nContent-Length: 3\r\n\r\nabc`,
      ),
    );
    const client = originAt(raw.url);
    const { headers } = await client.send(request());
    expect([headers.getSetCookie(), headers.get("content-encoding"), headers.get("x")]).toEqual([
      ["a=1", "b=2"],
      "gzip",
      "\u00e9\u00ff",
    ]);
    client.close();
  });

  test("of many megabytes reaches a slow reader byte for byte, and waits at the origin meanwhile", async () => {
    // More than any machine's socket buffers hold.
    const size = 64 * 1024 * 1024;
    let written = 0;
    for (const framing of [`Content-Length: ${size}`, "Connection: close"]) {
      const raw = await origin((socket) => {
        written = 0;
        socket.write(`${ok}${framing}\r\n\r\n`);
        const more = (): void => {
          while (written < size) {
            const piece = Buffer.alloc(65_536, written / 65_536);
            written += piece.length;
            if (!socket.write(piece)) {
              socket.once("drain", more);
              return;
            }
          }
          socket.end();
        };
        more();
      });
      const client = originAt(raw.url, { bodyIdleMs: 100 });
      const response = await client.send(request());
      // Longer than the limit between two pieces: it is the reader that is slow.
      await standstill(() => written, 250);
      expect(written).toBeLessThan(size);
      let got = 0;
      for await (const piece of response.body as ReadableStream<Uint8Array>) {
        for (let at = 0; at < piece.length; at += 4096) {
          if (piece[at] !== (((got + at) / 65_536) & 255)) throw new Error(`another byte at ${got + at}`);
        }
        got += piece.length;
      }
      expect(got).toBe(size);
      client.close();
    }
  }, 30_000);
});

describe("an answer that is cut off", () => {
  const cut: [string, string][] = [
    ["before its length", `${ok}Content-Length: 10\r\n\r\nabc`],
    ["within a chunk", `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nabc`],
    ["between two chunks", `${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`],
  ];
  for (const [where, bytes] of cut) {
    test(`${where} is an error to whoever reads it, never a short body`, async () => {
      const { outcomes, connections } = await twice((socket) => void socket.end(bytes));
      expect([outcomes, connections]).toEqual([["200 then reset", "200 then reset"], 2]);
    });

    test(`${where} by a reset, too`, async () => {
      const { outcomes } = await twice((socket) => {
        socket.write(bytes);
        setTimeout(() => socket.resetAndDestroy(), 20);
      });
      expect(outcomes).toEqual(["200 then reset", "200 then reset"]);
    });

    test(`${where} and left so is given up after its time`, async () => {
      const { outcomes } = await twice((socket) => void socket.write(bytes), {}, 200);
      expect(outcomes).toEqual(["200 then timeout", "200 then timeout"]);
    });
  }

  test("by a reset is an error even when only the connection's end tells its length", async () => {
    const { outcomes } = await twice((socket) => {
      socket.write(`${ok}\r\nabc`);
      setTimeout(() => socket.resetAndDestroy(), 20);
    });
    expect(outcomes).toEqual(["200 then reset", "200 then reset"]);
  });

  test("within its head is no answer", async () => {
    for (const bytes of ["", "HTTP/1.1 200", `${ok}Content-Le`]) {
      const { outcomes } = await twice((socket) => void socket.end(bytes));
      expect(outcomes).toEqual(["reset", "reset"]);
    }
  });
});

describe("a lying origin", () => {
  const lies: [string, string][] = [
    ["two lengths", `${ok}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde`],
    ["two lengths in one field", `${ok}Content-Length: 3, 5\r\n\r\nabcde`],
    ["a negative length", `${ok}Content-Length: -3\r\n\r\nabc`],
    ["a length with a sign", `${ok}Content-Length: +3\r\n\r\nabc`],
    ["a length of twenty digits", `${ok}Content-Length: 99999999999999999999\r\n\r\nabc`],
    ["a length and chunks", `${ok}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
    ["a coding nobody asked for", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
    ["an unknown coding", `${ok}Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
    ["chunks twice", `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a folded field", `${ok}X: a\r\n b\r\nContent-Length: 3\r\n\r\nabc`],
    ["a space before the colon", `${ok}Content-Length : 3\r\n\r\nabc`],
    ["a field without a name", `${ok}: 3\r\n\r\nabc`],
    ["a field without a colon", `${ok}Content-Length\r\n\r\nabc`],
    ["a field split by a bare line feed", `${ok}X: a\nSet-Cookie: b\r\nContent-Length: 3\r\n\r\nabc`],
    ["a field split by a bare return", `${ok}X: a\rSet-Cookie: b\r\nContent-Length: 3\r\n\r\nabc`],
    ["a NUL", `${ok}X: a\0b\r\nContent-Length: 3\r\n\r\nabc`],
    ["another version", "HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"],
    ["no status", "HTTP/1.1 OK\r\nContent-Length: 3\r\n\r\nabc"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 3\r\n\r\nabc"],
    ["a status that is none", "HTTP/1.1 999 OK\r\nContent-Length: 3\r\n\r\nabc"],
    ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["a page without a head", "<html>"],
    ["an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nabc"],
    ["a reset that has a body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 3\r\n\r\nabc"],
    ["a storm of interim answers", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(5000) + whole],
    ["more fields than anyone needs", `${ok}${"X: y\r\n".repeat(500)}Content-Length: 3\r\n\r\nabc`],
  ];
  for (const [what, bytes] of lies) {
    test(`with ${what} is not believed, and its connection is closed`, async () => {
      const { outcomes, connections } = await twice(always(bytes));
      expect([outcomes, connections]).toEqual([["protocol", "protocol"], 2]);
    });
  }

  const inBody: [string, string][] = [
    ["no number", "zz\r\nabc\r\n0\r\n\r\n"],
    ["no digits", "\r\nabc\r\n0\r\n\r\n"],
    ["a number that overflows", "fffffffffffffffff\r\nabc"],
    ["a bare line feed", "3\nabc\r\n0\r\n\r\n"],
    ["too small", "2\r\nabc\r\n0\r\n\r\n"],
    ["an endless extension", `3;${"x".repeat(100_000)}`],
  ];
  for (const [what, bytes] of inBody) {
    test(`whose chunk's size is ${what} is an error to whoever reads it`, async () => {
      const { outcomes, connections } = await twice(always(`${ok}Transfer-Encoding: chunked\r\n\r\n${bytes}`));
      expect([outcomes, connections]).toEqual([["200 then protocol", "200 then protocol"], 2]);
    });
  }

  test("whose head never ends is cut off at 64 KiB", async () => {
    let written = 0;
    const raw = await origin((socket) => {
      socket.write(ok);
      const more = setInterval(() => {
        if (!socket.writable) clearInterval(more);
        else written += Number(socket.write(`X-A: ${"b".repeat(8000)}\r\n`)) * 8000;
      }, 1);
    });
    const client = originAt(raw.url);
    expect(await outcome(client)).toBe("protocol");
    expect(written).toBeLessThan(1_000_000);
  });

  test("whose trailers never end is cut off", async () => {
    const raw = await origin((socket) => {
      socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n`);
      const more = setInterval(() => {
        if (!socket.writable) clearInterval(more);
        else socket.write(`X-A: ${"b".repeat(8000)}\r\n`);
      }, 1);
    });
    const client = originAt(raw.url);
    expect(await outcome(client)).toBe("200 then protocol");
  });

  test("that gives two answers to one request has only the first believed", async () => {
    const evil = `${ok}Content-Length: 4\r\n\r\nevil`;
    expect(await twice(always(whole + evil))).toEqual({ outcomes: ["200 abc", "200 abc"], connections: 2 });
    const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
    expect(await twice(always(chunked + evil))).toEqual({ outcomes: ["200 abc", "200 abc"], connections: 2 });
    expect((await twice(always(`HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nevil`))).outcomes).toEqual([
      "204 ",
      "204 ",
    ]);
    const toHead = await twice(always(whole), { method: "HEAD" });
    expect(toHead).toEqual({ outcomes: ["200 ", "200 "], connections: 2 });
  });

  test("that answers later once more, when nobody asks, is not heard", async () => {
    const raw = await origin((socket) => {
      socket.write(whole);
      setTimeout(() => socket.write(`${ok}Content-Length: 4\r\n\r\nevil`), 20);
    });
    const client = originAt(raw.url);
    expect(await outcome(client)).toBe("200 abc");
    await until(() => client.connections().idle === 0);
    expect(client.connections()).toEqual({ busy: 0, idle: 0 });
    expect(await outcome(client)).toBe("200 abc");
    expect(raw.received.length).toBe(2);
    client.close();
  });

  test("that answers before it has the whole request is believed, and its connection is closed", async () => {
    const raw = await origin((socket) => void socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nabc"));
    const client = originAt(raw.url);
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await Bun.sleep(2);
        controller.enqueue(new Uint8Array(1000));
      },
      cancel() {
        cancelled = true;
      },
    });
    expect(await outcome(client, { method: "POST", body: endless })).toBe("413 abc");
    expect(client.connections()).toEqual({ busy: 0, idle: 0 });
    await until(() => cancelled);
  });
});

describe("an origin in trouble", () => {
  test("that is not there refuses, and nothing was sent", async () => {
    const raw = await rawOrigin(always(whole));
    await raw.close();
    const body = new Response("hello").body as ReadableStream<Uint8Array>;
    const client = originAt(raw.url);
    expect(await outcome(client, { method: "POST", body })).toBe("refused, nothing sent");
    // The body may go elsewhere.
    expect([body.locked, await new Response(body).text()]).toEqual([false, "hello"]);
  });

  test("whose name nobody knows cannot be reached, and nothing was sent", async () => {
    expect(await outcome(originAt("http://nobody.invalid"))).toBe("unreachable, nothing sent");
  });

  test("that takes a connection and says nothing is given up after its time", async () => {
    const raw = await origin(() => undefined);
    const client = originAt(raw.url, { answerMs: 80 });
    expect(await outcome(client)).toBe("timeout");
    expect(client.connections()).toEqual({ busy: 0, idle: 0 });
  });

  test("that takes no byte of a body is given up after its time", async () => {
    const raw = await origin(
      () => undefined,
      (socket) => void socket.pause(),
    );
    const client = originAt(raw.url, { bodyIdleMs: 150 });
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(262_144)),
    });
    expect(await outcome(client, { method: "POST", body: endless })).toBe("timeout");
  });

  test("that closes a kept connection is asked again at once for what may be asked twice, and only for that", async () => {
    const raw = await origin((socket, _, index) => {
      if (index === 0) socket.write(whole);
      else socket.destroy();
    });
    const client = originAt(raw.url);
    expect([await outcome(client), await outcome(client), await outcome(client)]).toEqual(Array(3).fill("200 abc"));
    expect(await outcome(client, { method: "POST" })).toBe("reset");
    client.close();
  });

  test("that closes what waits, as it said it would, is not given a request then", async () => {
    let asked = 0;
    const raw = await origin((socket) => {
      asked += 1;
      socket.write(`${ok}Keep-Alive: timeout=1\r\nContent-Length: 3\r\n\r\nabc`);
      setTimeout(() => socket.destroy(), 1000);
    });
    const client = originAt(raw.url);
    await outcome(client, { method: "POST" });
    await Bun.sleep(600);
    expect(client.connections().idle).toBe(0);
    expect([await outcome(client, { method: "POST" }), asked]).toEqual(["200 abc", 2]);
    client.close();
  });

  test("is left alone when the one who asked has gone", async () => {
    const raw = await origin((socket, piece) => {
      if (piece.includes("GET / ")) socket.write(`${ok}Content-Length: 9\r\n\r\nabc`);
    });
    const client = originAt(raw.url);
    const gone = new AbortController();
    const response = await client.send(request({ signal: gone.signal }));
    const silent = client.send(request({ target: "/silent", signal: gone.signal })).catch((error: Error) => error.name);
    await Bun.sleep(10);
    gone.abort();
    expect(await response.text().catch((error: Error) => error.name)).toBe("AbortError");
    expect(await silent).toBe("AbortError");
    expect(client.connections()).toEqual({ busy: 0, idle: 0 });
  });

  test("is left alone when nobody reads its answer to the end", async () => {
    const raw = await origin(always(`${ok}Content-Length: 9\r\n\r\nabc`));
    const client = originAt(raw.url);
    const response = await client.send(request());
    await response.body?.cancel();
    expect(client.connections()).toEqual({ busy: 0, idle: 0 });
  });
});

describe("TLS", () => {
  const serve = () => {
    let asked = 0;
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: certificate, key },
      fetch: () => new Response(`answer ${++asked}`),
    });
    return { server, asked: () => asked };
  };

  test("an upstream is asked by its name at its address, when its certificate is one to trust", async () => {
    const { server } = serve();
    const client = originAt(`https://shop.test:${server.port}`, { address: "127.0.0.1", ca: certificate });
    expect([await outcome(client), await outcome(client)]).toEqual(["200 answer 1", "200 answer 2"]);
    expect(client.connections()).toEqual({ busy: 0, idle: 1 });
    client.close();
    await server.stop(true);
  });

  test("nothing is sent to one that nobody vouches for, or that has another's certificate", async () => {
    const { server, asked } = serve();
    const body = () => new Response("secret").body;
    for (const [url, ca] of [
      ["https://shop.test", undefined],
      ["https://other.test", certificate],
    ] as const) {
      const client = originAt(`${url}:${server.port}`, { address: "127.0.0.1", ...(ca === undefined ? {} : { ca }) });
      expect(await outcome(client, { method: "POST", body: body() })).toBe("unreachable, nothing sent");
      expect(client.connections()).toEqual({ busy: 0, idle: 0 });
    }
    expect(asked()).toBe(0);
    await server.stop(true);
  });

  test("one that takes the connection and never shakes hands is given up after its time", async () => {
    const raw = await origin(() => undefined);
    const client = originAt(raw.url.replace("http:", "https:"), { connectMs: 100 });
    expect(await outcome(client)).toBe("timeout, nothing sent");
  });

  test("one that speaks without it cannot be reached, and nothing was sent", async () => {
    const raw = await origin(always(whole), always(whole));
    const client = originAt(raw.url.replace("http:", "https:"));
    expect(await outcome(client)).toMatch(/^(unreachable|reset|protocol), nothing sent$/);
  });
});

test("no more connections than allowed, and who comes then is told at once", async () => {
  const waiting: Socket[] = [];
  const raw = await origin((socket) => void waiting.push(socket));
  const client = originAt(raw.url, { connectionsMax: 3 });
  const three = [outcome(client), outcome(client), outcome(client)];
  expect(client.isFull()).toBe(true);
  expect(await outcome(client)).toBe("refused, nothing sent");
  while (waiting.length < 3) await Bun.sleep(1);
  for (const socket of waiting) socket.write(whole);
  expect(await Promise.all(three)).toEqual(["200 abc", "200 abc", "200 abc"]);
  expect([client.isFull(), client.connections()]).toEqual([false, { busy: 0, idle: 3 }]);
  client.close();
  expect(client.connections()).toEqual({ busy: 0, idle: 0 });
});

test("a thousand requests at once, of all kinds of answers, each get their own", async () => {
  const raw = await origin((socket, piece) => {
    for (const [, id] of piece.matchAll(/GET \/(\d+) /g)) {
      const body = `${id}:${"x".repeat(Number(id) % 3000)}`;
      const kind = Number(id) % 5;
      const later = () => {
        if (kind === 0) socket.write(`${ok}Content-Length: ${body.length}\r\n\r\n${body}`);
        else if (kind === 1)
          socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
        else if (kind === 2) socket.end(`${ok}\r\n${body}`);
        else if (kind === 3) {
          socket.write(`${ok}Content-Length: ${body.length}\r\n\r\n`);
          setTimeout(() => socket.write(body), 1);
        } else socket.write(`${ok}Content-Length: ${body.length}\r\n\r\n${body}HTTP/1.1 200 OK\r\n\r\nevil`);
      };
      setTimeout(later, Number(id) % 7);
    }
  });
  const client = originAt(raw.url, { connectionsMax: 1000 });
  for (let round = 0; round < 2; round++) {
    const outcomes = await Promise.all(Array.from({ length: 500 }, (_, id) => outcome(client, { target: `/${id}` })));
    for (const [id, text] of outcomes.entries()) expect(text).toBe(`200 ${id}:${"x".repeat(id % 3000)}`);
  }
  client.close();
});

test("what an origin cuts off is cut off for the shopper, and never looks whole", async () => {
  for (const head of ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]) {
    const raw = await origin((socket) => {
      socket.write(ok + head);
      setTimeout(() => socket.end(), 20);
    });
    const client = originAt(raw.url);
    const edge = Bun.serve({ hostname: "127.0.0.1", port: 0, development: false, fetch: () => client.send(request()) });
    const shopper = await fetch(`http://127.0.0.1:${edge.port}/`);
    expect(await shopper.text().catch(() => "cut off")).toBe("cut off");
    await edge.stop(true);
  }
});

test("errors say what happened and to whom", async () => {
  const raw = await origin(always(`${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nabc`));
  const error: unknown = await originAt(raw.url)
    .send(request())
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(OriginError);
  expect((error as OriginError).message).toBe(
    `${new URL(raw.url).host} gave a malformed answer: it has two Content-Length fields`,
  );
});
