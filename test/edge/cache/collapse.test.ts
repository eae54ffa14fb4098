/** A thousand who ask at once are one request to the origin, and none of them suffers for what happens to another. */
import { afterEach, describe, expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { OriginError } from "#edge/ports.ts";
import { until } from "../../kit/until.ts";
import { forwardTo, held, settled, startClocked, startEdge } from "./harness.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function startOrigin(answer: (request: Request, count: number) => Response | Promise<Response>) {
  let count = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 30,
    fetch: (request) => {
      count += 1;
      return answer(request, count);
    },
  });
  cleanups.push(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}`, count: () => count };
}

/** An origin that writes bytes as they are. */
async function startRawOrigin(answer: (socket: Socket, count: number) => void) {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => answer(socket, ++count));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, count: () => count };
}

function edgeBefore(
  origin: { url: string },
  ...given: Parameters<typeof startEdge> extends [unknown, ...infer Rest] ? Rest : never
) {
  const edge = startEdge(forwardTo(origin.url), ...given);
  cleanups.push(() => edge.stop());
  return edge;
}

/** `fetch` keeps to 256 requests at a time in one process, the edge's own included. */
function bodyOverSocket(url: string, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`);
    });
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("end", () => resolve(text.slice(text.indexOf("\r\n\r\n") + 4)));
    socket.on("error", reject);
  });
}

const fresh = { "cache-control": "max-age=60", "content-type": "text/plain" };

describe("over real sockets", () => {
  test("a thousand simultaneous misses are one request, and everybody has the answer", async () => {
    const origin = startOrigin(async () => {
      await Bun.sleep(300);
      return new Response("lamp", { headers: fresh });
    });
    const edge = edgeBefore(origin);
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async () => await bodyOverSocket(edge.url, "/products/lamp")),
    );
    expect([new Set(answers), origin.count()]).toEqual([new Set(["lamp"]), 1]);
  }, 20_000);

  test("a follower reads the beginning before the end is written", async () => {
    const end = held();
    const origin = startOrigin(
      () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(new TextEncoder().encode("begin,"));
              await end.promise;
              controller.enqueue(new TextEncoder().encode("end"));
              controller.close();
            },
          }),
          { headers: fresh },
        ),
    );
    const edge = edgeBefore(origin);
    const clients = await Promise.all(
      Array.from({ length: 5 }, async () => (await fetch(`${edge.url}/feed`)).body?.getReader()),
    );
    for (const reader of clients) {
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("begin,");
    }
    end.keep();
    for (const reader of clients) expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("end");
    expect(origin.count()).toBe(1);
  });

  test("the one who asked first hangs up: those who wait are answered, and it is stored", async () => {
    const go = held();
    const origin = startOrigin(async () => {
      await go.promise;
      return new Response("lamp", { headers: fresh });
    });
    const edge = edgeBefore(origin);
    const first = new AbortController();
    const gone = fetch(`${edge.url}/a`, { signal: first.signal }).catch((error: Error) => error.name);
    while (origin.count() === 0) await Bun.sleep(5);
    const others = Array.from({ length: 20 }, async () => await (await fetch(`${edge.url}/a`)).text());
    await until(() => edge.underWay() === 21);
    first.abort();
    expect(await gone).toBe("AbortError");
    go.keep();
    expect(new Set(await Promise.all(others))).toEqual(new Set(["lamp"]));
    expect(await (await fetch(`${edge.url}/a`)).text()).toBe("lamp");
    expect(origin.count()).toBe(1);
  });

  test("the origin breaks off before its head: one asks again, for all", async () => {
    const origin = await startRawOrigin((socket, count) => {
      if (count === 1) setTimeout(() => socket.destroy(), 100);
      else socket.end("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nlamp");
    });
    const edge = edgeBefore(origin);
    const answers = await Promise.all(Array.from({ length: 30 }, async () => await fetch(`${edge.url}/a`)));
    // The one who led has the failure; nobody else.
    const statuses = answers.map(({ status }) => status).sort();
    expect([statuses[0], statuses.filter((status) => status === 502).length, origin.count()]).toEqual([200, 1, 2]);
  });

  test("the origin breaks off in the middle: nobody takes the half for the whole, and nothing is stored", async () => {
    let breakOff: () => void = () => undefined;
    const origin = await startRawOrigin((socket, count) => {
      if (count > 1) {
        socket.end("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\ngood");
        return;
      }
      socket.write("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      breakOff = () => socket.destroy();
    });
    const edge = edgeBefore(origin);
    // Everybody has the beginning.
    const answers = await Promise.all(Array.from({ length: 5 }, async () => await fetch(`${edge.url}/a`)));
    breakOff();
    const outcomes = await Promise.all(answers.map(async (answer) => await answer.text().catch(() => "broken")));
    expect(outcomes).toEqual(Array.from({ length: 5 }, () => "broken"));
    expect(edge.cache.stats().objects).toBe(0);
    expect(await (await fetch(`${edge.url}/a`)).text()).toBe("good");
  });

  test("a body of another length than promised is not stored", async () => {
    const origin = await startRawOrigin((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nshort");
    });
    const edge = edgeBefore(origin);
    await fetch(`${edge.url}/a`)
      .then(
        (answer) => answer.text(),
        () => {},
      )
      .catch(() => {});
    expect(edge.cache.stats().objects).toBe(0);
  });

  test("one who does not read keeps nobody waiting", async () => {
    const chunk = new Uint8Array(64 * 1024).fill(65);
    const origin = startOrigin(async () => {
      await Bun.sleep(100);
      let left = 60;
      return new Response(
        new ReadableStream({
          pull(controller) {
            if (left-- > 0) controller.enqueue(chunk);
            else controller.close();
          },
        }),
        { headers: fresh },
      );
    });
    const edge = edgeBefore(origin);
    const [idle, ...readers] = await Promise.all(Array.from({ length: 4 }, async () => await fetch(`${edge.url}/big`)));
    const sizes = await Promise.all(readers.map(async (answer) => (await answer.arrayBuffer()).byteLength));
    expect([sizes, origin.count()]).toEqual([[60 * 65_536, 60 * 65_536, 60 * 65_536], 1]);
    expect((await idle?.arrayBuffer())?.byteLength).toBe(60 * 65_536);
  });

  test("beyond the bound it is passed on whole, and neither stored nor shared", async () => {
    const chunk = new Uint8Array(64 * 1024).fill(65);
    const origin = startOrigin(() => {
      let left = 48;
      return new Response(
        new ReadableStream({
          pull(controller) {
            if (left-- > 0) controller.enqueue(chunk);
            else controller.close();
          },
        }),
        { headers: fresh },
      );
    });
    const edge = edgeBefore(origin, { objectMaxBytes: 1024 * 1024 });
    for (let turn = 0; turn < 2; turn++) {
      expect((await (await fetch(`${edge.url}/big`)).arrayBuffer()).byteLength).toBe(48 * 65_536);
    }
    expect([origin.count(), edge.cache.stats().objects, edge.cache.stats().bytes]).toEqual([2, 0, 0]);
  });
});

describe("an answer that is one person's", () => {
  for (const [name, headers] of [
    ["private", { "cache-control": "private, max-age=60" }],
    ["no-store", { "cache-control": "no-store" }],
    ["with a cookie", { "cache-control": "max-age=60", "set-cookie": "session=1" }],
    ["to be validated each time", { "cache-control": "no-cache", etag: '"a"' }],
    ["of which nothing is said", {}],
    ["an error", { status: "500" }],
  ] as const) {
    test(`${name}: nobody waits for another's, now or next time`, async () => {
      let underWay = 0;
      let most = 0;
      let all = held();
      let count = 0;
      const shop = startClocked(async () => {
        underWay += 1;
        count += 1;
        const mine = count;
        most = Math.max(most, underWay);
        // The first answers alone; the others only when all of them are here, side by side.
        if (mine > 1) {
          if (underWay === 9) all.keep();
          await all.promise;
        }
        underWay -= 1;
        return new Response(`for ${mine}`, {
          status: "status" in headers ? 500 : 200,
          headers: headers as Record<string, string>,
        });
      });
      const ask = async () => await (await shop.ask("/account")).text();
      const answers = await Promise.all(Array.from({ length: 10 }, ask));
      expect([new Set(answers).size, most]).toEqual([10, 9]);

      // It is remembered: the next nine do not wait for a first one.
      all = held();
      expect(new Set(await Promise.all(Array.from({ length: 9 }, ask))).size).toBe(9);
      expect(shop.cache.stats().flights).toBe(0);
    });
  }
});

test("those who want another variant find each other after the first answer", async () => {
  const go = held();
  const shop = startClocked(async ({ headers }) => {
    await go.promise;
    const language = headers.get("accept-language") ?? "";
    return new Response(language, { headers: { ...fresh, vary: "Accept-Language" } });
  });
  const wanted = Array.from({ length: 90 }, (_, at) => ["de", "en", "fr"][at % 3] ?? "");
  const answers = wanted.map(
    async (language) => await (await shop.ask("/", { headers: { "accept-language": language } })).text(),
  );
  await settled();
  go.keep();
  expect(await Promise.all(answers)).toEqual(wanted);
  expect(shop.asked.length).toBe(3);
});

test("the origin fails twice: everybody is told, and it was asked twice", async () => {
  const shop = startClocked(async () => {
    await settled();
    throw new OriginError("refused", false, "no");
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, async () => await shop.ask("/")));
  expect([new Set(outcomes.map(({ status }) => status)), shop.asked.length]).toEqual([new Set(["rejected"]), 2]);
});

test("one who has waited long enough asks for itself", async () => {
  const first = held();
  let count = 0;
  const shop = startClocked(
    async () => {
      count += 1;
      if (count === 1) await first.promise;
      return new Response(String(count), { headers: fresh });
    },
    { collapseMs: 20 },
  );
  const slow = shop.ask("/");
  await settled();
  expect(await (await shop.ask("/")).text()).toBe("2");
  first.keep();
  expect((await slow).status).toBe(200);
});

test("requests that may change something, or carry a body or credentials, are never joined", async () => {
  const shop = startClocked(async () => {
    await settled();
    return new Response("", { headers: { "cache-control": "max-age=60" } });
  });
  await Promise.all([
    ...Array.from({ length: 5 }, async () => await shop.ask("/a", { method: "POST", body: "x" })),
    ...Array.from({ length: 5 }, async () => await shop.ask("/b", { headers: { authorization: "Bearer x" } })),
  ]);
  expect(shop.asked.length).toBe(10);
});

test("an object that is stale is validated once for all who ask", async () => {
  const shop = startClocked(async ({ headers }) => {
    await settled();
    return headers.get("if-none-match") === '"a"'
      ? new Response(null, { status: 304, headers: { "cache-control": "max-age=10", etag: '"a"' } })
      : new Response("lamp", { headers: { "cache-control": "max-age=10", etag: '"a"' } });
  });
  await shop.ask("/");
  shop.clock.ms += 11_000;
  const answers = await Promise.all(Array.from({ length: 100 }, async () => await (await shop.ask("/")).text()));
  expect([new Set(answers), shop.asked.length]).toEqual([new Set(["lamp"]), 2]);
});
