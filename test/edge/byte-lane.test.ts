/**
 * Two edges side by side on real sockets, each before origins of its own that say the same. One may send requests on as bytes, the
 * other never does: nobody can tell them apart, by what clients get, by what origins are asked, by the counts, the log or the health
 * of upstreams.
 */
import { afterAll, expect, test } from "bun:test";
import net from "node:net";
import fc from "fast-check";
import { listen } from "#adapters/bun/edge-listener.ts";
import { createSocketOrigin } from "#adapters/bun/socket-origin.ts";
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Door, ReceivedRequest } from "#edge/ports.ts";
import { type RawOrigin, rawOrigin } from "./balancing/raw-origin.ts";
import { beginMs, listenerOptions, settings, watchedEdge } from "./lane-kit.ts";
import { passFields, roomHosts, roomSettings } from "./lane-rooms.ts";

const long = "What is long comes in many pieces. ".repeat(10_000);
const ok = "HTTP/1.1 200 OK\r\n";
const date = "Date: Mon, 16 Nov 2026 09:00:00 GMT\r\n";
const sized = (body: string): string => `Content-Length: ${body.length}\r\n\r\n${body}`;
const chunk = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n`;

type Said = { readonly pieces: readonly string[]; readonly after?: "end" | "reset" };

/** By the kind that the path names. Fields of any answer are put behind its first line. */
const kinds: Readonly<Record<string, Said>> = {
  whole: { pieces: [`${ok}${date}${sized("whole")}`] },
  undated: { pieces: [`${ok}${sized("undated")}`] },
  long: { pieces: [`${ok}${date}${sized(long)}`] },
  slow: { pieces: [`${ok}${date}Content-Length: 10\r\n\r\n01`, "23456", "789"] },
  cut: { pieces: [`${ok}${date}Conte`, `nt-Length: 3\r\n\r\nc`, "ut"] },
  chunked: { pieces: [`${ok}Transfer-Encoding: chunked\r\n\r\n${chunk("one")}${chunk("two")}0\r\n\r\n`] },
  chunks: { pieces: [`${ok}Transfer-Encoding: chunked\r\n\r\n${chunk("one")}`, `${chunk("two")}0\r\n\r\n`] },
  unsized: { pieces: [`${ok}${date}\r\nuntil the end`], after: "end" },
  old: { pieces: [`HTTP/1.0 200 OK\r\n${sized("old")}`], after: "end" },
  last: { pieces: [`${ok}Connection: close\r\n${sized("last")}`], after: "end" },
  kept: { pieces: [`${ok}Connection: keep-alive\r\nKeep-Alive: timeout=5, max=9\r\n${sized("kept")}`] },
  brief: { pieces: [`${ok}Keep-Alive: timeout=0\r\n${sized("brief")}`] },
  hop: {
    pieces: [
      `${ok}Connection: x-hop\r\nX-Hop: 1\r\nProxy-Connection: x\r\nTE: x\r\nTrailer: x\r\nAlt-Svc: h3=":443"\r\n${sized("hop")}`,
    ],
  },
  round: { pieces: [`${ok}Alt-Svc: h3=":443"\r\nUpgrade: h2c\r\n${sized("round")}`] },
  inner: {
    pieces: [`${ok}Surrogate-Key: a b\r\nCache-Tag: c\r\nSpillway-Cache-Control: no-store\r\n${sized("inner")}`],
  },
  cookies: { pieces: [`${ok}Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\n${sized("cookies")}`] },
  cached: { pieces: [`${ok}Cache-Status: Shield; hit\r\nAge: 7\r\n${sized("cached")}`] },
  limited: { pieces: [`${ok}RateLimit: "theirs";r=1;t=1\r\nRateLimit-Policy: "theirs";q=1\r\n${sized("limited")}`] },
  timed: { pieces: [`${ok}Server-Timing: db;dur=3\r\nSpillway-Pressure: 9\r\n${sized("timed")}`] },
  odd: { pieces: [`HTTP/1.1 200\r\nx-empty:\r\nX-Odd:\tä\xff  \r\n${sized("odd")}`] },
  varied: { pieces: [`${ok}Vary: X-Flavour\r\n${sized("varied")}`] },
  interim: { pieces: [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok}${sized("interim")}`] },
  early: { pieces: [`HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n`, `${ok}${sized("early")}`] },
  empty: { pieces: [`${ok}Content-Length: 0\r\n\r\n`] },
  none: { pieces: [`HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n`] },
  sizedNone: { pieces: [`HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n`] },
  same: { pieces: [`HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 77\r\n\r\n`] },
  reset205: { pieces: [`HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n`] },
  bought: { pieces: [`${ok}Spillway-Room: ordered;units=2;room=drop, release;room=cart\r\n${sized("bought")}`] },
  leave: { pieces: [`${ok}Set-Cookie: a=1\r\nSpillway-Room: release\r\nContent-Type: text/html\r\n${sized("leave")}`] },
  leave404: { pieces: [`HTTP/1.1 404 Gone\r\nSpillway-Room: release\r\n${sized("gone")}`] },
  variedByPass: { pieces: [`${ok}Vary: Spillway-Pass\r\n${sized("varied")}`] },
  page: { pieces: [`${ok}Content-Type: text/html\r\n${sized("page")}`] },
  moved: { pieces: [`HTTP/1.1 302 Found\r\nLocation: /whole\r\n${sized("moved")}`] },
  missing: { pieces: [`HTTP/1.1 404 Not Found\r\n${sized("missing")}`] },
  many: { pieces: [`HTTP/1.1 429 Too Many Requests\r\n${sized("many")}`] },
  error: { pieces: [`HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n${sized("error")}`] },
  bare502: { pieces: [`HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n`] },
  worded503: { pieces: [`HTTP/1.1 503 No\r\nContent-Type: text/plain\r\n${sized("busy")}`] },
  bare504: { pieces: [`HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n`] },
  short: { pieces: [`${ok}${date}Content-Length: 10\r\n\r\n0123`], after: "end" },
  broken: { pieces: [`${ok}${date}Content-Length: 10\r\n\r\n0123`], after: "reset" },
  torn: { pieces: [`${ok}Transfer-Encoding: chunked\r\n\r\n${chunk("one")}`], after: "end" },
  silent: { pieces: [], after: "end" },
  reset: { pieces: [], after: "reset" },
  more: { pieces: [`${ok}${sized("more")}HTTP/1.1 200 OK\r\n`] },
  nonsense: { pieces: ["nonsense\r\n\r\n"] },
  spaced: { pieces: [`${ok}X-A : b\r\n${sized("spaced")}`] },
  twoLengths: { pieces: [`${ok}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`] },
  both: { pieces: [`${ok}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc`] },
  folded: { pieces: [`${ok}X-A: b\r\n c\r\n${sized("folded")}`] },
  bell: { pieces: [`${ok}X-A: \x07\r\n${sized("bell")}`] },
  switched: { pieces: ["HTTP/1.1 101 Switching Protocols\r\n\r\n"] },
};

/** By the next part of the path, and by how often it was asked for: what is said about keeping the answer. */
const caching: Readonly<Record<string, (time: number) => string>> = {
  never: () => "Cache-Control: no-store\r\n",
  private: () => "Cache-Control: private, max-age=60\r\n",
  later: (time) => (time < 3 ? "Cache-Control: no-store\r\n" : "Cache-Control: max-age=5\r\n"),
  until: (time) => (time < 2 ? "Cache-Control: max-age=5\r\n" : "Cache-Control: no-store\r\n"),
  stale: (time) => (time % 2 === 0 ? "Cache-Control: no-store\r\n" : 'Cache-Control: max-age=1\r\nETag: "a"\r\n'),
  nothing: () => "",
};

const opened: RawOrigin[] = [];
afterAll(async () => {
  for (const origin of opened) await origin.close();
});

async function opening(answer: (socket: net.Socket, text: string) => void): Promise<RawOrigin> {
  const origin = await rawOrigin(answer);
  opened.push(origin);
  return origin;
}

/** Answers whole requests, one after the other. `asked`: what came, as it is compared. */
async function scriptedOrigin(asked: string[]): Promise<RawOrigin> {
  const times = new Map<string, number>();
  return await opening((socket, text) => {
    const [line = "", ...lines] = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n");
    asked.push([line, ...joined(lines)].join("\n"));
    const [method = "", target = ""] = line.split(" ");
    const [, kind = "", how = ""] = (target.split("?")[0] ?? "").split("/");
    const time = times.get(target) ?? 0;
    times.set(target, time + 1);
    const said = kinds[kind] ?? { pieces: [`HTTP/1.1 404 Not Found\r\n${sized("nothing")}`] };
    const marked = said.pieces.map((piece) =>
      /^HTTP\/1.1 (?!1)/.test(piece) || piece.startsWith("HTTP/1.0")
        ? piece.replace("\r\n", `\r\n${caching[how]?.(time) ?? ""}`)
        : piece.replace(`\r\n\r\n${ok}`, `\r\n\r\n${ok}${caching[how]?.(time) ?? ""}`),
    );
    const pieces = method === "HEAD" ? [headOf(marked.join(""))] : marked;
    void (async () => {
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) await Bun.sleep(2);
        if (socket.destroyed) return;
        socket.write(Buffer.from(piece, "latin1"));
      }
      if (said.after === "end") socket.end();
      else if (said.after === "reset") {
        // After what was written has gone out.
        await Bun.sleep(2);
        socket.resetAndDestroy();
      }
    })();
  });
}

/** Fields by name; several of one mean the same as one of them all (RFC 9110 5.3, RFC 6265 5.4), and where `Headers` were made, are that. */
function joined(lines: readonly string[]): readonly string[] {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^:]+):[ \t]*(.*)$/.exec(line) ?? [];
    const before = fields.get(name.toLowerCase());
    const between = name.toLowerCase() === "cookie" ? "; " : ", ";
    fields.set(name.toLowerCase(), before === undefined ? value : `${before}${between}${value}`);
  }
  return [...fields].map(([name, value]) => `${name}: ${value}`).sort();
}

/** Up to its last empty line that belongs to a head. */
function headOf(text: string): string {
  const final = /HTTP\/1\.[01] [2-5]/.exec(text)?.index ?? 0;
  const end = text.indexOf("\r\n\r\n", final);
  return end < 0 ? text : text.slice(0, end + 4);
}

type Told = {
  readonly interim: readonly string[];
  readonly status: string;
  readonly fields: readonly string[];
  readonly body: string;
  readonly isWhole: boolean;
};

/** One client of one edge: its connection is used again while the edge keeps it. */
class Browser {
  readonly #port: number;
  #socket: net.Socket | undefined;
  #received = "";
  #isOver = false;
  #wake: () => void = () => {};

  constructor(port: number) {
    this.#port = port;
  }

  async ask(text: string, isHead: boolean): Promise<Told> {
    if (this.#socket === undefined || this.#isOver) this.#connect();
    this.#socket?.write(text, "latin1");
    const interim: string[] = [];
    for (;;) {
      const end = await this.#until(() => this.#received.indexOf("\r\n\r\n"));
      if (end < 0) return { interim, status: "", fields: [], body: "", isWhole: false };
      const [line = "", ...lines] = this.#received.slice(0, end).split("\r\n");
      this.#received = this.#received.slice(end + 4);
      const status = line.slice("HTTP/1.1 ".length);
      if (status.startsWith("1")) {
        interim.push([line, ...lines].join("\n").toLowerCase());
        continue;
      }
      const merged = new Map<string, string>();
      for (const field of lines) {
        const name = field.slice(0, field.indexOf(":")).toLowerCase();
        const value = field.slice(field.indexOf(":") + 1).trim();
        merged.set(name, merged.has(name) ? `${merged.get(name)}, ${value}` : value);
      }
      const { body, isWhole } = await this.#body(merged, isHead || /^(204|304)/.test(status));
      if (merged.get("connection") === "close") await this.#until(() => (this.#isOver ? 0 : -1));
      const bare = body === "" && (isHead || status.startsWith("304"));
      const fields = [...merged]
        // How a body is framed is for each connection to say.
        .filter(([name]) => name !== "transfer-encoding" && (bare || name !== "content-length"))
        .map(([name, value]) => (name === "date" && !value.includes("Nov 2026 09:00:00") ? name : `${name}: ${value}`));
      return { interim, status, fields: fields.sort(), body, isWhole };
    }
  }

  async #body(fields: ReadonlyMap<string, string>, isBare: boolean): Promise<{ body: string; isWhole: boolean }> {
    if (isBare) return { body: "", isWhole: true };
    const length = fields.get("content-length");
    if (length !== undefined) {
      const isWhole = (await this.#until(() => (this.#received.length >= Number(length) ? 0 : -1))) >= 0;
      const body = this.#received.slice(0, Number(length));
      this.#received = this.#received.slice(Number(length));
      return { body, isWhole };
    }
    if (fields.get("transfer-encoding") !== "chunked") {
      await this.#until(() => (this.#isOver ? 0 : -1));
      return { body: this.#received, isWhole: true };
    }
    let body = "";
    for (;;) {
      const lineEnd = await this.#until(() => this.#received.indexOf("\r\n"));
      if (lineEnd < 0) return { body, isWhole: false };
      const size = Number.parseInt(this.#received.slice(0, lineEnd), 16);
      const end = lineEnd + 2 + size;
      if ((await this.#until(() => (this.#received.length >= end + 2 ? 0 : -1))) < 0) return { body, isWhole: false };
      body += this.#received.slice(lineEnd + 2, end);
      this.#received = this.#received.slice(end + 2);
      if (size === 0) return { body, isWhole: true };
    }
  }

  /** What `look` finds, or -1 when the connection has ended without. */
  async #until(look: () => number): Promise<number> {
    for (;;) {
      const found = look();
      if (found >= 0 || this.#isOver) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #connect(): void {
    this.#socket?.destroy();
    this.#received = "";
    this.#isOver = false;
    const socket = net.connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    this.#socket = socket;
    socket.setEncoding("latin1");
    const isCurrent = () => this.#socket === socket;
    socket.on("data", (data: string) => {
      if (!isCurrent()) return;
      this.#received += data;
      this.#wake();
    });
    const over = () => {
      if (!isCurrent()) return;
      this.#isOver = true;
      this.#wake();
    };
    socket.on("error", over);
    socket.on("close", over);
  }

  close(): void {
    this.#socket?.destroy();
  }
}

async function side(
  config: EdgeConfig,
  clock: { ms: number },
  mayGoAsBytes: boolean,
  answer?: (socket: net.Socket, text: string) => void,
) {
  const asked: string[] = [];
  const origins = await Promise.all(
    config.upstreams.map(async () => (answer === undefined ? await scriptedOrigin(asked) : await opening(answer))),
  );
  const placed = { ...config, upstreams: origins.map(({ url }, index) => ({ url, name: `u${index}` })) };
  const { edge, counted, left } = await watchedEdge(placed, clock, {
    open: (balancing, url, address) => createSocketOrigin({ ...balancing, url, address }),
  });
  let carried = 0;
  let checked = 0;
  const checks = (): number => counted("spillway_room_pass_checks_total", { room: "drop", outcome: "good" });
  const listener = listen(
    listenerOptions,
    Object.assign((request: ReceivedRequest, door: Door) => edge.receiver(request, door), {
      quick: (...[head, scheme, address, client]: Parameters<NonNullable<typeof edge.receiver.quick>>) => {
        const before = checks();
        const answer = edge.receiver.quick?.(head, scheme, address, mayGoAsBytes ? client : undefined);
        if (answer === "awaited") {
          carried++;
          checked += checks() - before;
        }
        return answer;
      },
    }),
  );
  const browser = new Browser(listener.port);
  return {
    edge,
    listener,
    origins,
    carried: () => carried,
    checked: () => checked,
    async ask(text: string, isHead: boolean): Promise<Told> {
      const told = await browser.ask(text, isHead);
      // Whatever is done in the background is done before the next asks.
      for (let look = 0; look < 1000; look++) {
        const isQuiet = listener.inFlight() === 0 && edge.seeing.underWay() === 0 && edge.cache.stats().flights === 0;
        if (isQuiet) break;
        await Bun.sleep(1);
      }
      return told;
    },
    /** Numbers of ports differ, names do not. */
    asked: () => asked,
    async end() {
      browser.close();
      const common = await left();
      const upstreams = edge.balancer?.upstreams().map(({ url: _url, ...upstream }) => upstream);
      const shedding = edge.shedding.stats();
      const pressure = edge.pressure.stats();
      await listener.stop(20);
      edge.balancer?.stop();
      return { ...common, upstreams, shedding, pressure };
    },
  };
}

const configs: readonly EdgeConfig[] = [
  settings({ log: { accessSample: 1, traceSample: 0 }, limits: { policies: [] } }, 1),
  settings(
    {
      log: { accessSample: 0.5, traceSample: 0.3 },
      limits: {
        allow: [],
        policies: [
          { name: "address", by: "address", perSecond: 2, burst: 60 },
          { name: "programs", by: "token", perSecond: 3, burst: 15 },
        ],
      },
    },
    2,
  ),
  settings(
    {
      listen: { trustedProxies: ["127.0.0.0/8"] },
      log: { accessSample: 1, traceSample: 1 },
      cache: { queryIgnored: ["utm_*"], objectMaxBytes: 4096 },
      limits: { allow: [], policies: [{ name: "visitor", by: "visitor", perSecond: 5, burst: 40 }] },
    },
    1,
  ),
  settings({ cache: { enabled: false }, limits: { policies: [] }, balancing: { hostHeader: "upstream" } }, 2),
];

const roomConfigs: readonly EdgeConfig[] = roomSettings.flatMap((waitingRooms) => [
  settings({ waitingRooms, log: { accessSample: 1, traceSample: 0.3 }, limits: { policies: [] } }, 1),
  settings({ waitingRooms, cache: { enabled: false }, limits: { policies: [] } }, 2),
]);

const fields = fc.subarray(
  [
    ["If-None-Match", '"a"'],
    ["Range", "bytes=0-1"],
    ["X-Flavour", "sweet"],
    ["X-Flavour", "sour"],
    ["Cache-Control", "no-cache"],
    ["Authorization", "Bearer x"],
    ["Cookie", "a=b"],
    ["Cookie", "c=d"],
    ["User-Agent", "test"],
    ["Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    ["Tracestate", "a=b"],
    ["Traceparent", "nonsense"],
    ["X-Forwarded-For", "198.51.100.7"],
    ["X-Real-IP", "198.51.100.7"],
    ["Via", "1.1 other"],
    ["Via", "1.1 spillway"],
    ["Connection", "keep-alive"],
    ["Connection", "X-Flavour, keep-alive"],
    ["Connection", "close"],
    ["Keep-Alive", "timeout=5"],
    ["TE", "trailers"],
    ["Content-Length", "0"],
    ["Expect", "100-continue"],
    ["Accept", "application/json"],
    ["Accept", "text/html"],
    ["Proxy-Authorization", "x"],
    ["Spillway-Pressure", "3"],
    ["X-Odd", "ä\xff"],
  ] as const,
  { maxLength: 4 },
);
const asking = (
  host: fc.Arbitrary<string>,
  passes: fc.Arbitrary<readonly (readonly [string, string])[]>,
  kind: fc.Arbitrary<string>,
) =>
  fc.record({
    kind: fc.constant("ask" as const),
    method: fc.constantFrom("GET", "GET", "GET", "GET", "HEAD", "OPTIONS"),
    host,
    passes,
    path: fc.tuple(kind, fc.constantFrom("never", ...Object.keys(caching))),
    query: fc.constantFrom("", "", "", "?a=1", "?utm_source=x"),
    version: fc.constantFrom("1.1", "1.1", "1.1", "1.1", "1.0"),
    fields: fc.oneof({ weight: 1, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fields }),
    again: fc.integer({ min: 1, max: 5 }),
  });
const step = <Request>(request: fc.Arbitrary<Request>) =>
  fc.oneof(
    { weight: 12, arbitrary: request },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 8000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("purge" as const), soft: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("pressure" as const), level: fc.constantFrom(null, 1, 2) }),
    },
  );

async function holdTogether(
  configs: readonly EdgeConfig[],
  request: ReturnType<typeof asking>,
  { numRuns }: { readonly numRuns: number },
) {
  let carried = 0;
  let checked = 0;
  /** Answers in which the origin says something in a room's name. */
  let said = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...configs),
      fc.array(step(request), { minLength: 3, maxLength: 12 }),
      async (config, steps) => {
        const clock = { ms: beginMs };
        const hasRooms = config.waitingRooms.rooms.length > 0;
        const [stages, bytes] = [await side(config, clock, false), await side(config, clock, true)];
        for (const one of steps) {
          if (one.kind === "wait") clock.ms += one.ms;
          else if (one.kind === "purge") {
            for (const { edge } of [stages, bytes]) edge.cache.purge({ prefix: "/", soft: one.soft });
          } else if (one.kind === "pressure") {
            for (const { edge } of [stages, bytes]) edge.pressure.override(one.level as 1 | 2 | null);
          } else {
            const target = `/${one.path.join("/")}${one.query}`;
            const lines = [["Host", one.host], ...one.passes, ...one.fields].map(
              ([name, value]) => `${name}: ${value}\r\n`,
            );
            const text = `${one.method} ${target} HTTP/${one.version}\r\n${lines.join("")}\r\n`;
            for (let time = 0; time < one.again; time++) {
              const isHead = one.method === "HEAD";
              const [expected, got] = await Promise.all([stages.ask(text, isHead), bytes.ask(text, isHead)]);
              expect({ text, ...got }).toEqual({ text, ...expected });
              if (!hasRooms) continue;
              expect(got.fields.filter((line) => line.startsWith("spillway-room"))).toEqual([]);
              if (/^(?:bought|leave|gone)$/.test(got.body)) said++;
            }
          }
        }
        carried += bytes.carried();
        checked += bytes.checked();
        expect(stages.carried()).toBe(0);
        const hosts = (side: typeof bytes) =>
          side
            .asked()
            .map((text) => side.origins.reduce((all, { url }) => all.replaceAll(url.slice(7), "ORIGIN"), text));
        expect(hosts(bytes)).toEqual(hosts(stages));
        expect(await bytes.end()).toEqual(await stages.end());
      },
    ),
    { numRuns },
  );
  return { carried, checked, said };
}

const kind = fc.constantFrom("whole", ...Object.keys(kinds));

test("a request that goes on as bytes gets the same answer as one that meets the stages, and leaves the same behind", async () => {
  const request = asking(fc.constant("shop.example"), fc.constant([]), kind);
  const { carried } = await holdTogether(configs, request, { numRuns: 100 });
  // It is a way that is taken.
  expect(carried).toBeGreaterThan(250);
}, 120_000);

test("a request from inside of a waiting room goes on as bytes as it would by the stages: its passes, its counts, and what the shop says of who sent it, which nobody sees", async () => {
  const usual = fc.constantFrom("whole", "page", "bought", "leave", "leave404", "variedByPass", "inner", "cookies");
  const { carried, checked, said } = await holdTogether(
    roomConfigs,
    asking(roomHosts, passFields, fc.oneof(usual, kind)),
    {
      numRuns: 100,
    },
  );
  expect(carried).toBeGreaterThan(250);
  // Of those that went on as bytes.
  expect(checked).toBeGreaterThan(100);
  expect(said).toBeGreaterThan(100);
}, 120_000);

test("what the shop says in a room's name is not shown to those outside of the rooms, as bytes or by the stages; where there are none it is passed back", async () => {
  for (const waitingRooms of [{ rooms: [] }, ...roomSettings]) {
    for (const enabled of [false, true]) {
      const config = settings({ waitingRooms, cache: { enabled }, limits: { policies: [] } }, 1);
      for (const mayGoAsBytes of [false, true]) {
        const { ask, carried, end } = await side(config, { ms: beginMs }, mayGoAsBytes);
        const shown = waitingRooms.rooms.length === 0 ? 1 : 0;
        const isStandby = waitingRooms.rooms.some(({ id }) => id === "net");
        for (const host of isStandby ? ["shop.example", "net.example"] : ["shop.example"]) {
          for (const target of [
            "/leave/never",
            "/leave404/never",
            "/bought/later",
            "/bought/until",
            "/bought/nothing",
          ]) {
            for (let time = 0; time < 4; time++) {
              const told = await ask(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, false);
              const found = told.fields.filter((line) => line.startsWith("spillway-room")).length;
              expect([host, target, time, told.body.length > 0, found]).toEqual([host, target, time, true, shown]);
            }
          }
        }
        expect(carried() > 0).toBe(mayGoAsBytes);
        await end();
      }
    }
  }
}, 60_000);

/** One edge that sends on as bytes, before an origin that does what `answer` does. */
async function before(answer: (socket: net.Socket, text: string) => void) {
  const config = configs[3] as EdgeConfig;
  const bytes = await side({ ...config, upstreams: config.upstreams.slice(0, 1) }, { ms: beginMs }, true, answer);
  const socket = net.connect({ port: bytes.listener.port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  return { ...bytes, socket };
}
const ask = (path: string): string => `GET /${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`;

async function holds(what: () => boolean): Promise<void> {
  for (let look = 0; look < 2000 && !what(); look++) await Bun.sleep(5);
  expect(what()).toBe(true);
}

test("a client that reads slowly holds back the origin, and gets every byte in the end", async () => {
  const piece = Buffer.alloc(65_536, "0123456789abcdef");
  const pieces = 1000;
  let written = 0;
  const { socket, carried, end } = await before((origin) => {
    origin.write(`${ok}Content-Length: ${pieces * piece.length}\r\n\r\n`);
    const more = (): void => {
      while (written < pieces) {
        written++;
        if (!origin.write(piece)) {
          origin.once("drain", more);
          return;
        }
      }
    };
    more();
  });
  socket.pause();
  socket.write(ask("long"));
  // It stands still when every buffer between the two is full.
  let last = -1;
  for (let still = 0; still < 20; still = written === last && written > 0 ? still + 1 : 0) {
    last = written;
    await Bun.sleep(20);
  }
  expect(written).toBeLessThan(pieces);
  expect(carried()).toBe(1);
  let received = 0;
  socket.on("data", (data) => {
    received += data.length;
  });
  socket.resume();
  await holds(() => received > pieces * piece.length);
  socket.destroy();
  await end();
}, 30_000);

test("when a client goes away its request ends at the origin, and nothing of it is under way any more", async () => {
  let isOpen = false;
  const { socket, edge, listener, carried, end } = await before((origin) => {
    isOpen = true;
    origin.on("close", () => {
      isOpen = false;
    });
  });
  socket.write(ask("waiting"));
  await holds(() => isOpen);
  expect(edge.shedding.stats().inFlight).toBe(1);
  socket.destroy();
  await holds(() => !isOpen && listener.inFlight() === 0);
  expect(carried()).toBe(1);
  expect(edge.shedding.stats().inFlight).toBe(0);
  expect(edge.seeing.underWay()).toBe(0);
  expect(edge.balancer?.upstreams()[0]).toMatchObject({ inFlight: 0, failures: 0 });
  await end();
});

test("what a client asks at once is answered in order, and a body that breaks off breaks off the connection", async () => {
  let asked = 0;
  const { socket, carried, end } = await before((origin, text) => {
    asked++;
    if (text.includes("/broken")) origin.end(`${ok}Content-Length: 10\r\n\r\n0123`);
    else setTimeout(() => origin.write(`${ok}${sized(`answer ${asked}`)}`), 10 - asked);
  });
  let text = "";
  let isOver = false;
  socket.setEncoding("latin1");
  socket.on("data", (data) => {
    text += data;
  });
  socket.on("close", () => {
    isOver = true;
  });
  socket.write(ask("a") + ask("b") + ask("c") + ask("broken") + ask("never"));
  await holds(() => isOver);
  expect(text.match(/answer \d/g)).toEqual(["answer 1", "answer 2", "answer 3"]);
  expect(text.endsWith("\r\n\r\n0123")).toBe(true);
  expect(asked).toBe(4);
  expect(carried()).toBe(4);
  await end();
});
