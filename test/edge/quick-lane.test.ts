/**
 * Two edges side by side with the same clock, luck and origin. One may answer by the quick lane, the other never does: nobody can tell
 * them apart, by the answers, the counts, the log or what is left in the buckets.
 */
import { expect, test } from "bun:test";
import { STATUS_CODES } from "node:http";
import fc from "fast-check";
import { listen } from "#adapters/bun/edge-listener.ts";
import { Http1Head } from "#adapters/bun/http1-head.ts";
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Client, Door, ReceivedRequest, Recipient } from "#edge/ports.ts";
import type { LightRequest } from "#kernel/light-request.ts";
import { WholeAnswer } from "#kernel/whole-body.ts";
import { beginMs, listenerOptions, settings, watchedEdge } from "./lane-kit.ts";
import { passFields, roomHosts, roomSettings } from "./lane-rooms.ts";
import { send, type Wire } from "./wire/kit.ts";

type Asked = {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
};
type Told = {
  readonly status: number;
  readonly text: string;
  readonly fields: readonly string[];
  readonly body: string;
};

const wordy = "What is written here is long enough to be worth compressing. ".repeat(30);

/** By the path: what kind of answer it is. */
function shop(request: LightRequest): Response | WholeAnswer | Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const said = ["x-flavour", "spillway-pass", "spillway-room", "spillway-pressure"].map((name) =>
    request.headers.get(name),
  );
  const body = `${request.method} ${pathname}${search} ${said.join(" ")} ${wordy}`;
  const fields: Record<string, string> = { "cache-control": "max-age=60", "content-type": "text/html; charset=utf-8" };
  if (pathname.includes("vary")) fields.vary = pathname.includes("pass") ? "Spillway-Pass" : "X-Flavour";
  if (pathname.includes("bought")) fields["spillway-room"] = "ordered;units=2;room=drop, release;room=cart";
  if (pathname.includes("leave")) fields["spillway-room"] = "release";
  if (pathname.includes("tagged"))
    Object.assign(fields, { etag: '"v1"', "last-modified": "Mon, 16 Nov 2026 09:00:00 GMT" });
  if (pathname.includes("short")) fields["cache-control"] = "max-age=2, stale-while-revalidate=3";
  if (pathname.includes("never")) fields["cache-control"] = "no-store";
  if (pathname.includes("private")) fields["cache-control"] = 'max-age=60, private="set-cookie"';
  if (pathname.includes("limited")) fields.ratelimit = '"theirs";r=1;t=1';
  if (pathname.includes("timed")) Object.assign(fields, { "server-timing": "db;dur=3", "spillway-pressure": "9" });
  if (pathname.includes("picture")) fields["content-type"] = "image/avif";
  if (pathname.includes("cookie")) fields["set-cookie"] = "a=1";
  if (pathname.includes("moved"))
    return new Response(null, { status: 301, headers: { ...fields, location: "/tagged" } });
  if (pathname.includes("missing")) return new Response("nothing here", { status: 404, headers: fields });
  if (pathname.includes("empty")) return new Response(null, { status: 204, headers: fields });
  if (pathname.includes("late")) return Promise.resolve(new Response(body, { headers: fields }));
  if (pathname.includes("failing")) throw new Error("the shop fails");
  if (pathname.includes("gateway")) return new Response(null, { status: 502 });
  if (!pathname.includes("program")) return new Response(body, { headers: fields });
  const more: [string, string][] = [["surrogate-key", "a b"]];
  if (pathname.includes("order")) more.push(["location", "/tagged"]);
  if (pathname.includes("busy")) return new WholeAnswer(503, [["retry-after", "9"]], Buffer.from("busy"));
  return new WholeAnswer(202, [...Object.entries(fields), ...more], new TextEncoder().encode(body));
}

async function toldBy(answer: Response, method: string): Promise<Told> {
  const body = Buffer.from(await answer.arrayBuffer());
  const { status, headers } = answer;
  if (status !== 304 && status !== 204 && method !== "HEAD") headers.set("content-length", String(body.length));
  return {
    status,
    text: answer.statusText || (STATUS_CODES[status] ?? ""),
    fields: [...headers].map(([name, value]) => `${name}: ${value}`).sort(),
    body: method === "HEAD" ? "" : body.toString("latin1"),
  };
}

/** For answers that go past the stages, as a connection would take them. */
function recipient(method: string, { resolve, reject }: PromiseWithResolvers<Told>): Recipient {
  let begun = { status: 0, lines: "" };
  return {
    begin: (status, lines) => {
      begun = { status, lines };
    },
    piece: (bytes) => {
      const headers = new Headers();
      for (const line of begun.lines.split("\r\n").slice(0, -1)) {
        const colon = line.indexOf(":");
        headers.append(line.slice(0, colon), line.slice(colon + 1));
      }
      // It may be told of a body that is not sent.
      if (method === "HEAD") headers.delete("content-length");
      const { status } = begun;
      const fields = [...headers].map(([name, value]) => `${name}: ${value}`).sort();
      const body = bytes === undefined ? "" : Buffer.from(bytes).toString("latin1");
      resolve({ status, text: STATUS_CODES[status] ?? "", fields, body });
      return true;
    },
    answer: (response) => {
      toldBy(response, method).then(resolve, reject);
    },
    broke: reject,
    hint: () => {},
  };
}

async function side(config: EdgeConfig, clock: { ms: number }, mayBeQuick: boolean) {
  const { edge, counted, left } = await watchedEdge(config, clock, { shop });
  const door: Door = {
    scheme: "http",
    addressOf: () => address,
    tunnel: () => Promise.resolve(new Response(null)),
  };
  let address = "";
  let quick = 0;
  let visits = 0;
  let checked = 0;
  const checks = (): number => counted("spillway_room_pass_checks_total", { room: "drop", outcome: "good" });
  const head = new Http1Head();

  async function ask({ method, target, fields }: Asked, from: string): Promise<Told> {
    address = from;
    const text = `${method} ${target} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
    expect(head.read(Buffer.from(text, "latin1"), 0, 16_384)).toBe(text.length);
    if (mayBeQuick) {
      const awaited = Promise.withResolvers<Told>();
      const client: Client = { awaits: () => recipient(method, awaited) };
      const before = checks();
      const ready = edge.receiver.quick?.(head, "http", from, client);
      checked += checks() - before;
      if (ready !== undefined) {
        if (ready === "awaited") {
          visits++;
          return await awaited.promise;
        }
        quick++;
        const { status, statusText, body, length } = ready;
        const all = length < 0 ? ready.fields : [...ready.fields, ["content-length", String(length)] as const];
        return {
          status,
          text: statusText || (STATUS_CODES[status] ?? ""),
          fields: all.map(([name, value]) => `${name}: ${value}`).sort(),
          body: body === null || method === "HEAD" ? "" : Buffer.from(body).toString("latin1"),
        };
      }
    }
    const answer = await edge.receiver(
      {
        method,
        target,
        url: `http://${head.get("host")}${target}`,
        headers: head.fields(),
        body: null,
        signal: new AbortController().signal,
        text: async () => "",
      },
      door,
    );
    return await toldBy(answer, method);
  }

  return {
    edge,
    ask,
    quick: () => quick,
    visits: () => visits,
    checked: () => checked,
    end: left,
  };
}

const configs: readonly EdgeConfig[] = [
  settings({ log: { accessSample: 1, traceSample: 0 }, limits: { policies: [] } }),
  settings({
    log: { accessSample: 0.5, traceSample: 0.3 },
    limits: {
      deny: ["203.0.113.66"],
      allow: ["203.0.113.1"],
      policies: [
        { name: "address", by: "address", perSecond: 2, burst: 40 },
        { name: "pages", by: "route", perSecond: 100, burst: 100, routes: ["/tagged*", "/vary"] },
        { name: "programs", by: "token", perSecond: 3, burst: 15 },
      ],
    },
  }),
  settings({
    listen: { hosts: ["shop.example"], trustedProxies: ["203.0.113.2"] },
    log: { accessSample: 1, traceSample: 1 },
    cache: { queryIgnored: ["utm_*"] },
    routes: [{ pattern: "/tagged", class: "product", challenge: true }],
    limits: { policies: [{ name: "visitor", by: "visitor", perSecond: 5, burst: 40, methods: ["GET"] }] },
  }),
  settings({ cache: { compress: false }, limits: { policies: [] } }),
];

const roomConfigs: readonly EdgeConfig[] = roomSettings.flatMap((waitingRooms) => [
  settings({ waitingRooms, log: { accessSample: 1, traceSample: 0 }, limits: { policies: [] } }),
  settings({
    waitingRooms,
    log: { accessSample: 0, traceSample: 1 },
    limits: { allow: [], policies: [{ name: "visitor", by: "visitor", perSecond: 5, burst: 40 }] },
  }),
]);

const path = fc.constantFrom(
  ...[
    "/tagged",
    "/tagged",
    "/plain",
    "/plain",
    "/vary",
    "/vary",
    "/short",
    "/never",
    "/private",
    "/limited-tagged",
    "/picture",
    "/cookie",
    "/timed-tagged",
  ],
  ...["/program-never", "/program-order", "/program-limited-timed-never", "/program-busy", "/program-tagged"],
  ...["/late-never", "/failing", "/gateway"],
  ...["/moved", "/missing", "/empty", "/.spillway/challenge"],
);
/** Where the shop says something of whoever is in, or looks at their pass. */
const pathOfRoom = fc.constantFrom(
  ...["/program-bought-never", "/program-leave-never", "/bought-never", "/leave", "/program-bought", "/vary-pass"],
  ...["/program-never", "/program-order", "/program-order"],
);
const query = fc.constantFrom("", "", "", "?a=1", "?utm_source=x", "?utm_x=1&a=1", "?");
const fields = fc.subarray(
  [
    ["Accept-Encoding", "gzip, deflate, br"],
    ["If-None-Match", '"v1"'],
    ["If-None-Match", 'W/"v2"'],
    ["If-Modified-Since", "Mon, 16 Nov 2026 10:00:00 GMT"],
    ["Range", "bytes=0-9"],
    ["X-Flavour", "sweet"],
    ["X-Flavour", "sour"],
    ["Cache-Control", "no-cache"],
    ["Pragma", "no-cache"],
    ["Authorization", "Bearer x"],
    ["X-Api-Key", "key"],
    ["Cookie", "a=b"],
    ["Cookie", "spillway_visitor=forged.xxxx"],
    ["User-Agent", "test"],
    ["Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    ["Traceparent", "nonsense"],
    ["X-Forwarded-For", "198.51.100.7"],
    ["Forwarded", "for=198.51.100.8;host=evil.example"],
    ["Connection", "keep-alive"],
    ["Connection", "X-Hop, keep-alive"],
    ["Connection", "Host"],
    ["Content-Length", "0"],
    ["Expect", "100-continue"],
    ["Spillway-Pressure", "3"],
  ] as const,
  { maxLength: 4 },
);
const asking = (
  host: fc.Arbitrary<string>,
  passes: fc.Arbitrary<readonly (readonly [string, string])[]>,
  path: fc.Arbitrary<string>,
) =>
  fc.record({
    kind: fc.constant("ask" as const),
    method: fc.constantFrom(
      "GET",
      "GET",
      "GET",
      "GET",
      "GET",
      "GET",
      "HEAD",
      "HEAD",
      "POST",
      "POST",
      "PUT",
      "OPTIONS",
      "BREW",
    ),
    path,
    query,
    host,
    passes,
    // Most requests ask for nothing unusual.
    fields: fc.oneof({ weight: 1, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fields }),
    from: fc.constantFrom("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.3", "2001:db8::7", "203.0.113.66"),
    again: fc.integer({ min: 1, max: 12 }),
  });
const step = <Request>(request: fc.Arbitrary<Request>) =>
  fc.oneof(
    { weight: 10, arbitrary: request },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 4000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("purge" as const), path, soft: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("pressure" as const), level: fc.constantFrom(null, 0, 1, 2) }),
    },
  );

async function holdTogether(
  configs: readonly EdgeConfig[],
  request: ReturnType<typeof asking>,
  { numRuns }: { readonly numRuns: number },
) {
  let quick = 0;
  let visits = 0;
  let checked = 0;
  /** Answers in which the shop says something in a room's name. */
  let said = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...configs),
      fc.array(step(request), { minLength: 5, maxLength: 40 }),
      async (config, steps) => {
        const clock = { ms: beginMs };
        const hasRooms = config.waitingRooms.rooms.length > 0;
        const [long, short] = [await side(config, clock, false), await side(config, clock, true)];
        for (const one of steps) {
          if (one.kind === "wait") clock.ms += one.ms;
          else if (one.kind === "purge") {
            for (const { edge } of [long, short]) edge.cache.purge({ url: one.path, soft: one.soft });
          } else if (one.kind === "pressure") {
            for (const { edge } of [long, short]) edge.pressure.override(one.level as 0 | 1 | 2 | null);
          } else {
            const asked: Asked = {
              method: one.method,
              target: one.path + one.query,
              fields: [["Host", one.host], ...one.passes, ...one.fields],
            };
            for (let time = 0; time < one.again; time++) {
              const failed = (error: Error) => error.message;
              const got = await short.ask(asked, one.from).catch(failed);
              expect(got).toEqual(await long.ask(asked, one.from).catch(failed));
              if (typeof got !== "string" && hasRooms) {
                expect(got.fields.filter((line) => line.startsWith("spillway-room"))).toEqual([]);
                if (/^\w+ \/\S*(?:bought|leave)/.test(got.body)) said++;
              }
              // What is done in the background is done before the next asks.
              await Bun.sleep(0);
            }
          }
        }
        expect(await short.end()).toEqual(await long.end());
        quick += short.quick();
        visits += short.visits();
        checked += short.checked();
        expect(long.quick() + long.visits()).toBe(0);
      },
    ),
    { numRuns },
  );
  return { quick, visits, checked, said };
}

test("the short ways give the same answers as the stages, and leave the same behind", async () => {
  const hosts = fc.constantFrom(
    "shop.example",
    "shop.example",
    "shop.example",
    "shop.example",
    "SHOP.example",
    "other.example",
  );
  const { quick, visits } = await holdTogether(configs, asking(hosts, fc.constant([]), path), { numRuns: 300 });
  // They are ways that are taken.
  expect(quick).toBeGreaterThan(1000);
  expect(visits).toBeGreaterThan(1000);
}, 60_000);

test("who is in a waiting room gets the same by the short ways as by the stages, is counted once, and so is what the shop says of them, which nobody sees", async () => {
  const request = asking(roomHosts, passFields, fc.oneof(path, pathOfRoom));
  const { quick, visits, checked, said } = await holdTogether(roomConfigs, request, { numRuns: 200 });
  expect(quick).toBeGreaterThan(150);
  expect(visits).toBeGreaterThan(500);
  // Of those on the short ways.
  expect(checked).toBeGreaterThan(500);
  expect(said).toBeGreaterThan(300);
}, 120_000);

test("what the shop says in a room's name is not shown to those outside of the rooms, on any way; where there are none it is an answer's field like others", async () => {
  const clock = { ms: beginMs };
  for (const waitingRooms of [{ rooms: [] }, ...roomSettings]) {
    const config = settings({ waitingRooms, limits: { policies: [] } });
    for (const mayBeQuick of [false, true]) {
      const { ask, visits, edge } = await side(config, clock, mayBeQuick);
      const fieldOf = async (method: string, target: string, host: string) => {
        const told = await ask({ method, target, fields: [["Host", host]] }, "203.0.113.3");
        await Bun.sleep(0);
        expect(told.status).toBeLessThan(300);
        return told.fields.filter((line) => line.startsWith("spillway-room")).length;
      };
      const shown = waitingRooms.rooms.length === 0 ? 1 : 0;
      const ids = waitingRooms.rooms.map(({ id }) => id);
      // Where one room goes by tags, what the shop's programs say is in it.
      const programs = ids.includes("tagged") ? [] : ["/program-leave-never", "/program-bought"];
      for (const host of ids.includes("net") ? ["shop.example", "net.example"] : ["shop.example"]) {
        for (let time = 0; time < 4; time++) {
          for (const target of ["/leave", "/bought-never", "/late-leave-never", ...programs])
            expect([host, target, await fieldOf("GET", target, host)]).toEqual([host, target, shown]);
          for (const target of ["/leave-posted", ...programs])
            expect([host, target, await fieldOf("POST", target, host)]).toEqual([host, target, shown]);
        }
      }
      // Kept answers and new ones are both among them, and so is the short way to the shop.
      expect(edge.cache.stats().hits).toBeGreaterThan(0);
      expect(visits() > 0).toBe(mayBeQuick);
    }
  }
}, 30_000);

test("a page that everybody wants is answered by the quick lane from its second request on", async () => {
  const clock = { ms: beginMs };
  const { ask, quick } = await side(configs[1] as EdgeConfig, clock, true);
  for (let time = 0; time < 10; time++) {
    await ask({ method: "GET", target: "/picture", fields: [["Host", "shop.example"]] }, "203.0.113.3");
    await Bun.sleep(0);
  }
  expect(quick()).toBe(9);
});

test("on the wire a quick answer is the same bytes as a long one: whole, HEAD, 304, to HTTP/1.0, several at once, and on the last of a connection", async () => {
  const clock = { ms: beginMs };
  const { edge } = await side(configs[0] as EdgeConfig, clock, false);
  let quick = 0;
  let mayBeQuick = false;
  const listener = listen(
    listenerOptions,
    Object.assign((request: ReceivedRequest, door: Door) => edge.receiver(request, door), {
      quick: (...given: Parameters<NonNullable<typeof edge.receiver.quick>>) => {
        const answer = mayBeQuick ? edge.receiver.quick?.(...given) : undefined;
        if (answer !== undefined) quick++;
        return answer;
      },
    }),
  );
  const head = (method: string, version: string, fields = "") =>
    `${method} /tagged HTTP/${version}\r\nHost: shop.example\r\n${fields}\r\n`;
  const asked = [
    head("GET", "1.1"),
    head("HEAD", "1.1"),
    head("GET", "1.1", 'If-None-Match: "v1"\r\n'),
    head("GET", "1.0"),
    head("GET", "1.0", "Connection: keep-alive\r\n"),
    head("GET", "1.1", "Connection: close\r\n"),
    head("GET", "1.1") + head("HEAD", "1.1") + head("GET", "1.1"),
  ];
  const lines = ({ text, end }: Wire) => ({
    end,
    lines: text
      .split("\r\n")
      .map((line) => (/^[a-z-]+:/i.test(line) ? line.toLowerCase() : line))
      .sort(),
  });
  try {
    for (let time = 0; time < 4; time++) await send(listener.port, asked[0] ?? "", { quietMs: 30 });
    mayBeQuick = true;
    await send(listener.port, asked[0] ?? "", { quietMs: 30 });
    for (const one of asked) {
      mayBeQuick = false;
      const long = await send(listener.port, one, { quietMs: 50 });
      mayBeQuick = true;
      const before = quick;
      const short = await send(listener.port, one, { quietMs: 50 });
      expect(quick).toBeGreaterThan(before);
      expect(lines(short)).toEqual(lines(long));
    }
  } finally {
    await listener.stop(50);
  }
});

test("under pressure hits and orders take the short ways too, and say how hard it is", async () => {
  const { ask, edge, quick, visits } = await side(configs[0] as EdgeConfig, { ms: 1_795_000_000_000 }, true);
  const asked = (method: string, target: string): Asked => ({ method, target, fields: [["Host", "shop.example"]] });
  for (let time = 0; time < 5; time++) {
    await ask(asked("GET", "/timed-picture"), "203.0.113.3");
    await Bun.sleep(0);
  }
  edge.pressure.override(2);
  const [before, visited] = [quick(), visits()];
  const hit = await ask(asked("GET", "/timed-picture"), "203.0.113.3");
  expect(hit.fields).toContain("spillway-pressure: 2");
  expect(hit.fields).toContain('server-timing: db;dur=3, pressure;desc="2"');
  const order = await ask(asked("POST", "/program-order"), "203.0.113.3");
  expect(order.fields).toContain("spillway-pressure: 2");
  // The shop was told as well: it writes what it heard.
  expect(order.body).toMatch(/^POST \/program-order +2 /);
  expect([quick() - before, visits() - visited]).toEqual([1, 1]);
});
