/**
 * toxiproxy's HTTP API as a conversation: what is asked, and what it answers to it. Where the real server is on this
 * machine it is asked the same; `toxics.test.ts` says when that is skipped.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createFaultNetwork } from "#adapters/bun/fault-network.ts";
import { systemClock, systemRandom } from "#adapters/system/clock.ts";
import { createFaultApi } from "#rehearse/faults/api.ts";
import { type FaultServer, newProxy, ourFaultServer, realToxiproxy, toxiproxyProgram } from "./fault-server.ts";
import { rawClient, rawServer } from "./raw-sockets.ts";

type Exchange = readonly [method: string, path: string, body: unknown, status: number, answer: unknown];

const proxy = (more: Record<string, unknown> = {}) => ({
  name: "a",
  listen: "127.0.0.1:0",
  upstream: "localhost:1",
  enabled: true,
  toxics: [],
  ...more,
});
const latency = {
  attributes: { latency: 100, jitter: 0 },
  name: "latency_downstream",
  type: "latency",
  stream: "downstream",
  toxicity: 1,
};
const slicer = {
  attributes: { average_size: 0, size_variation: 0, delay: 0 },
  name: "x",
  type: "slicer",
  stream: "UPSTREAM",
  toxicity: 0.5,
};
const trouble = (error: string, status: number) => ({ error, status });
const badBody = trouble("bad request body: …", 400);

const conversation: readonly Exchange[] = [
  ["GET", "/proxies", undefined, 200, {}],
  ["POST", "/proxies", { name: "a", listen: "localhost:0", upstream: "localhost:1" }, 201, proxy()],
  ["POST", "/proxies", { name: "a", upstream: "localhost:1" }, 409, trouble("proxy already exists", 409)],
  ["POST", "/proxies", { upstream: "localhost:1" }, 400, trouble("missing required field: name", 400)],
  ["POST", "/proxies", { name: "b" }, 400, trouble("missing required field: upstream", 400)],
  ["POST", "/proxies", "hello", 400, badBody],
  ["POST", "/proxies", "", 400, trouble("bad request body: EOF", 400)],
  ["POST", "/proxies", { name: 1, upstream: "x:1" }, 400, badBody],
  ["POST", "/proxies", { name: "b", upstream: "x:1", enabled: "yes" }, 400, badBody],
  [
    "POST",
    "/proxies",
    { name: "b", upstream: "x", listen: "foo" },
    500,
    trouble("listen tcp: address foo: missing port in address", 500),
  ],
  [
    "POST",
    "/proxies",
    { name: "off", listen: "127.0.0.1:0", upstream: "localhost:1", enabled: false },
    201,
    proxy({ name: "off", enabled: false }),
  ],
  ["GET", "/proxies/off", undefined, 200, proxy({ name: "off", enabled: false })],
  ["DELETE", "/proxies/off", undefined, 204, ""],
  ["DELETE", "/proxies/off", undefined, 404, trouble("proxy not found", 404)],
  ["GET", "/proxies/off/toxics", undefined, 404, trouble("proxy not found", 404)],
  ["GET", "/proxies/a/toxics", undefined, 200, []],
  ["POST", "/proxies/a/toxics", { type: "latency", attributes: { latency: 1.5 } }, 400, badBody],
  ["POST", "/proxies/a/toxics", { type: "latency", attributes: { latency: "1" } }, 400, badBody],
  ["POST", "/proxies/a/toxics", { type: "latency", attributes: { latency: 100 } }, 200, latency],
  ["POST", "/proxies/a/toxics", { type: "latency" }, 409, trouble("toxic already exists", 409)],
  ["POST", "/proxies/a/toxics", { type: "nope" }, 400, trouble("invalid toxic type", 400)],
  ["POST", "/proxies/a/toxics", {}, 400, trouble("invalid toxic type", 400)],
  [
    "POST",
    "/proxies/a/toxics",
    { type: "timeout", stream: "sideways" },
    400,
    trouble("stream was invalid, can be either upstream or downstream", 400),
  ],
  ["POST", "/proxies/a/toxics", { name: "x", type: "slicer", stream: "UPSTREAM", toxicity: 0.5 }, 200, slicer],
  ["GET", "/proxies/a/toxics", undefined, 200, [slicer, latency]],
  [
    "PATCH",
    "/proxies/a/toxics/x",
    { attributes: { delay: 4 }, toxicity: 0.25, name: "another" },
    200,
    { ...slicer, attributes: { ...slicer.attributes, delay: 4 }, toxicity: 0.25 },
  ],
  [
    "POST",
    "/proxies/a/toxics/x",
    { toxicity: 0.5 },
    200,
    { ...slicer, attributes: { ...slicer.attributes, delay: 4 } },
  ],
  ["PATCH", "/proxies/a/toxics/y", {}, 404, trouble("toxic not found", 404)],
  ["PATCH", "/proxies/a/toxics/x", { attributes: { delay: "soon" } }, 400, badBody],
  ["GET", "/proxies/a/toxics/latency_downstream", undefined, 200, latency],
  ["DELETE", "/proxies/a/toxics/x", undefined, 204, ""],
  ["DELETE", "/proxies/a/toxics/x", undefined, 404, trouble("toxic not found", 404)],
  ["PATCH", "/proxies/a", { enabled: false }, 200, proxy({ enabled: false, toxics: [latency] })],
  [
    "POST",
    "/proxies/a",
    { enabled: true, upstream: "localhost:2" },
    200,
    proxy({ upstream: "localhost:2", toxics: [latency] }),
  ],
  ["PATCH", "/proxies/nobody", { enabled: true }, 404, trouble("proxy not found", 404)],
  ["GET", "/proxies", undefined, 200, { a: proxy({ upstream: "localhost:2", toxics: [latency] }) }],
  ["POST", "/reset", undefined, 204, ""],
  ["GET", "/proxies/a", undefined, 200, proxy({ upstream: "localhost:2" })],
  [
    "POST",
    "/populate",
    [
      { name: "p", upstream: "u:1", listen: "localhost:0" },
      { name: "a", upstream: "localhost:3", listen: "localhost:0", enabled: false },
    ],
    201,
    { proxies: [proxy({ name: "p", upstream: "u:1" }), proxy({ upstream: "localhost:3", enabled: false })] },
  ],
  [
    "POST",
    "/populate",
    [{ name: "q", upstream: "u:1", listen: "127.0.0.1:0" }, { name: "r" }],
    400,
    { ...trouble("missing required field: upstream at proxy 2", 400), proxies: null },
  ],
  [
    "POST",
    "/populate",
    [
      { name: "q", upstream: "u:1", listen: "127.0.0.1:0" },
      { name: "r", upstream: "u:1", listen: "nowhere" },
    ],
    500,
    {
      ...trouble("listen tcp: address nowhere: missing port in address", 500),
      proxies: [proxy({ name: "q", upstream: "u:1" })],
    },
  ],
  ["POST", "/populate", {}, 400, { ...badBody, proxies: null }],
  [
    "POST",
    "/proxies/p/toxics",
    { type: "noop" },
    200,
    { ...latency, attributes: {}, name: "noop_downstream", type: "noop" },
  ],
  [
    "POST",
    "/proxies/p/toxics",
    { TYPE: "bandwidth", attributes: { RATE: 5 }, toxicity: null },
    200,
    { ...latency, attributes: { rate: 5 }, name: "bandwidth_downstream", type: "bandwidth" },
  ],
  ["PUT", "/proxies", undefined, 405, ""],
  ["GET", "/nothing", undefined, 404, "404 page not found\n"],
];

/** Ports are what they are; after "bad request body:" each language says it in its own words; a logger is nobody's business. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (key === "Logger") return [];
      if (key === "listen")
        return [
          [
            key,
            String(inner)
              .replace(/^localhost/, "127.0.0.1")
              .replace(/:\d+$/, ":0"),
          ],
        ];
      if (key === "error" && String(inner).startsWith("bad request body:") && inner !== "bad request body: EOF")
        return [[key, "bad request body: …"]];
      return [[key, plain(inner)]];
    }),
  );
}

const names = ["ours", ...(toxiproxyProgram === undefined ? [] : ["toxiproxy"])];
for (const name of names) {
  describe(`asked one after another, ${name}`, () => {
    let server: FaultServer;
    beforeAll(async () => {
      server = name === "ours" ? await ourFaultServer() : await realToxiproxy(toxiproxyProgram as string);
    });
    afterAll(async () => await server[Symbol.asyncDispose]());

    for (const [index, [method, path, body, status, answer]] of conversation.entries()) {
      test(`${index + 1}. ${method} ${path} ${body === undefined ? "" : JSON.stringify(body).slice(0, 60)}`, async () => {
        const given = await server.ask(method, path, body);
        expect({ status: given.status, body: plain(given.body) }).toEqual({ status, body: plain(answer) });
      });
    }

    test("a port that is taken is named", async () => {
      await using there = await rawServer();
      const { status, body } = await server.ask("POST", "/proxies", {
        name: "t",
        listen: there.address,
        upstream: "u:1",
      });
      expect([status, body]).toEqual([
        500,
        { error: `listen tcp ${there.address}: bind: address already in use`, status: 500 },
      ]);
      // It was not kept.
      expect((await server.ask("GET", "/proxies/t")).status).toBe(404);
    });

    test("an update that names the same address in another way cuts nobody off", async () => {
      await using upstream = await rawServer();
      const listen = await newProxy(server, upstream.address, "stays");
      await using client = await rawClient(listen);
      await server.ask("PATCH", "/proxies/stays", { listen: listen.replace("127.0.0.1", "localhost") });
      client.socket.write("still here");
      await client.until(() => client.text() === "still here");
    });

    test("bytes are counted for each proxy and direction", async () => {
      await using upstream = await rawServer();
      const listen = await newProxy(server, upstream.address, "counted");
      await using client = await rawClient(listen);
      client.socket.write("12345");
      await client.until(() => client.bytes() === 5);
      client.socket.end();
      await client.ended;
      const metrics = async () => String((await server.ask("GET", "/metrics")).body);
      for (let tries = 0; tries < 100 && !(await metrics()).includes('proxy="counted"'); tries++) await Bun.sleep(10);
      expect(await metrics()).toContain(
        `toxiproxy_proxy_received_bytes_total{direction="upstream",listener="${listen}",proxy="counted",upstream="${upstream.address}"} 5`,
      );
    });
  });
}

describe("the door of the API", () => {
  const api = createFaultApi({ clock: systemClock, random: systemRandom, network: createFaultNetwork() });

  test("no page in a browser may use it", async () => {
    const answer = await api.handler(
      new Request("http://faults/proxies", { headers: { "user-agent": "Mozilla/5.0 (X11)" } }),
    );
    expect(answer.status).toBe(403);
  });

  test("it says which version of the API it speaks", async () => {
    const answer = await api.handler(new Request("http://faults/version"));
    expect(await answer.json()).toEqual({ version: "2.12.0" });
  });

  test("a proxy without an address to listen on is for this machine alone", async () => {
    const body = JSON.stringify({ name: "here", upstream: "localhost:1" });
    const answer = await api.handler(new Request("http://faults/proxies", { method: "POST", body }));
    expect(((await answer.json()) as { listen: string }).listen).toStartWith("127.0.0.1:");
    await api.stop();
  });
});
