/** Holds the difference between "never sent" and "nobody knows" against real sockets that break in every way. */
import { afterAll, describe, expect, test } from "bun:test";
import { callProvider, readRetryAfterMs } from "./provider-http.ts";

const cleanups: (() => unknown)[] = [];
afterAll(() => Promise.all(cleanups.map((stop) => stop())));

function listen(
  onData: (socket: { write(text: string): unknown; end(): unknown; terminate(): unknown }) => void,
): string {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: onData, open() {} } });
  cleanups.push(() => server.stop(true));
  return `http://127.0.0.1:${server.port}/`;
}
function serve(answer: () => Response): string {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  cleanups.push(() => server.stop(true));
  return server.url.href;
}
const post = (url: string, signal = AbortSignal.timeout(3000)) =>
  callProvider({ method: "POST", url, headers: {}, body: "amount=1" }, signal);

describe("a call to a provider", () => {
  test("is known not to have been sent only when nobody listens or it was given up before", async () => {
    expect((await post("http://127.0.0.1:1/")).kind).toBe("not_sent");
    expect((await post("http://127.0.0.1:1/", AbortSignal.abort())).kind).toBe("not_sent");
  });

  test("is lost when the connection breaks after it, in whatever way", async () => {
    const urls = [
      listen((socket) => socket.end()),
      listen((socket) => socket.terminate()),
      listen((socket) => {
        socket.write("this is no HTTP\r\n\r\n");
        socket.end();
      }),
      listen((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
        socket.end();
      }),
      listen(() => {}).replace("http:", "https:"),
    ];
    for (const url of urls) expect((await post(url, AbortSignal.timeout(300))).kind).toBe("lost");
  });

  test("is answered with its status and JSON; what is no JSON is undefined", async () => {
    const json = await post(serve(() => Response.json({ a: 1 }, { status: 402 })));
    expect(json).toMatchObject({ kind: "answered", status: 402, body: { a: 1 } });
    const page = await post(serve(() => new Response("<html>")));
    expect(page).toMatchObject({ kind: "answered", status: 200, body: undefined });
    const nothing = await post(serve(() => new Response(null, { status: 204 })));
    expect(nothing).toMatchObject({ kind: "answered", status: 204, body: undefined });
  });

  test("follows no redirect: the key would go along", async () => {
    let wasFollowed = false;
    const elsewhere = serve(() => {
      wasFollowed = true;
      return new Response();
    });
    const answer = await post(serve(() => Response.redirect(elsewhere, 307)));
    expect(answer).toMatchObject({ kind: "answered", status: 307 });
    expect(wasFollowed).toBe(false);
  });

  test("an endless answer is left after its bound, not after memory is full", async () => {
    let sentBytes = 0;
    const url = serve(
      () =>
        new Response(
          new ReadableStream({
            pull(stream) {
              sentBytes += 65_536;
              stream.enqueue(new Uint8Array(65_536));
            },
          }),
        ),
    );
    expect((await post(url)).kind).toBe("lost");
    expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
  });

  test("a small body that unpacks to a large one is bounded too", async () => {
    const packed = Bun.gzipSync(new Uint8Array(20 * 1024 * 1024));
    const answer = await post(serve(() => new Response(packed, { headers: { "content-encoding": "gzip" } })));
    expect(answer.kind).toBe("lost");
  });
});

describe("Retry-After", () => {
  const nowMs = Date.UTC(2030, 0, 1);
  const read = (value: string) => readRetryAfterMs(new Headers({ "retry-after": value }), nowMs);

  test("is read as seconds or as a date, within bounds", () => {
    expect(read("0")).toBe(0);
    expect(read("7")).toBe(7000);
    expect(read("999999999")).toBe(3_600_000);
    expect(read("Tue, 01 Jan 2030 00:00:30 GMT")).toBe(30_000);
    expect(read("Mon, 01 Jan 2029 00:00:00 GMT")).toBe(0);
  });

  test("is null when there is none or it says nothing", () => {
    expect(readRetryAfterMs(new Headers(), nowMs)).toBeNull();
    for (const value of ["soon", "99999999999999999999", ""]) expect(read(value)).toBeNull();
  });
});
