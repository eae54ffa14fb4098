/** The edge's settings: what is left out is filled in, what is wrong is told all at once with a hint, later sources win. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Compile } from "typebox/compile";
import { SpillwayError } from "#kernel/error.ts";
import { type EdgeConfigFile, type EdgeConfigSources, edgeConfigSchemaJson, readEdgeConfig } from "./edge-config.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway-edge-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const fileOf = (text: string, ending = "json"): string => {
  files += 1;
  const path = join(folder, `config-${files}.${ending}`);
  writeFileSync(path, text);
  return path;
};
const origin = "https://shop.example";
const read = (sources: Partial<EdgeConfigSources>) => readEdgeConfig({ env: {}, args: [], folder, ...sources });
const readObject = (config: unknown) =>
  read({ file: fileOf(JSON.stringify({ upstreams: [{ url: origin }], ...(config as object) })) });

async function complaint(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    (value) => new Error(`No complaint about ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SpillwayError)) throw error;
  expect(error.code).toBe("bad_config");
  return error.message;
}

describe("where settings come from", () => {
  test("an origin is enough: everything else has a value", async () => {
    const config = await read({ args: ["--origin", "https://shop.example/", "--origin=http://10.0.0.7:8080"] });
    expect(config.upstreams).toEqual([{ url: "https://shop.example" }, { url: "http://10.0.0.7:8080" }]);
    expect(config.listen.port).toBe(8000);
    expect(config.routes[0]).toEqual({ pattern: "/checkout/*", class: "paying" });
    expect(config.cache.maxBytes).toBe(256 * 1024 * 1024);
  });

  test("the command line wins over the environment, that over the file, that over the defaults", async () => {
    const typed: EdgeConfigFile = {
      listen: { port: 1001, http2: false },
      opsPort: 1002,
      cache: { maxBytes: 9_000_000 },
    };
    const file = fileOf(JSON.stringify(typed));
    const env = {
      PORT: "2001",
      SPILLWAY_OPS_PORT: "2002",
      SPILLWAY_ORIGINS: "http://a.example, http://b.example",
      SPILLWAY_TRUSTED_PROXIES: "10.0.0.0/8,::1",
      SPILLWAY_SITE_NAME: "Nordlys",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
    };
    const config = await read({ file, env, args: ["--port", "3001"] });
    expect(config.listen).toMatchObject({ port: 3001, http2: false, trustedProxies: ["10.0.0.0/8", "::1"] });
    expect([config.opsPort, config.cache.maxBytes, config.cache.objectMaxBytes]).toEqual([
      2002,
      9_000_000,
      8 * 1024 * 1024,
    ]);
    expect(config.upstreams.map(({ url }) => url)).toEqual(["http://a.example", "http://b.example"]);
    expect(config.fallback.siteName).toBe("Nordlys");
    const both = await read({ file, env: { ...env, SPILLWAY_EDGE_PORT: "2003", SPILLWAY_EDGE_SECRET: "s" } });
    expect(both.listen.port).toBe(2003);
  });

  test("a typed file is read afresh each time, as a reload needs it", async () => {
    const file = fileOf(`export default { upstreams: [{ url: "http://one.example" }] };`, "ts");
    expect((await read({ file })).upstreams[0]?.url).toBe("http://one.example");
    writeFileSync(file, `const url: string = "http://two.example"; export default { upstreams: [{ url }] };`);
    expect((await read({ args: ["--config", file] })).upstreams[0]?.url).toBe("http://two.example");
    const again = await read({ env: { SPILLWAY_EDGE_CONFIG: file } });
    expect(again.upstreams[0]?.url).toBe("http://two.example");
  });

  test("without a name, spillway.config.ts or .json where it stands; with both, which one is asked", async () => {
    const place = mkdtempSync(join(folder, "place-"));
    writeFileSync(join(place, "spillway.config.json"), JSON.stringify({ upstreams: [{ url: origin }], opsPort: 9 }));
    expect((await read({ folder: place })).opsPort).toBe(9);
    writeFileSync(join(place, "spillway.config.ts"), "export default {};");
    expect(await complaint(read({ folder: place }))).toContain("keep one, or say --config FILE");
  });

  test("the shop's own edge needs no origin", async () => {
    expect((await read({ originNeeded: false })).upstreams).toEqual([]);
    // Nor are its ports those of the file.
    expect((await read({ originNeeded: false, env: { PORT: "8001" } })).listen.port).toBe(8001);
    expect(await complaint(read({}))).toContain("--origin https://shop.example");
  });

  test("one reading never changes what the next one gets", async () => {
    const first = await read({ args: ["--origin", origin] });
    (first.routes as unknown[]).length = 0;
    first.limits.policies.length = 0;
    const second = await read({ args: ["--origin", origin] });
    expect(second.routes.length).toBeGreaterThan(5);
    expect(second.limits.policies).toHaveLength(1);
  });
});

describe("a file that is no config at all", () => {
  test.each([
    ["{ port: 1 }", "json", "is not JSON"],
    ['{"a":1,}', "json", "commas at an end belong in a .ts file"],
    ["[]", "json", "must hold one object"],
    ["null", "json", "must hold one object"],
    ["export const x = 1;", "ts", "has no default export"],
    ["export default {", "ts", "cannot be loaded"],
    ["export default { upstreams: [], log: () => 1 };", "ts", "plain data alone"],
    ['throw new Error("my own mistake");', "ts", "my own mistake"],
    ["port = 1", "toml", "must end in .ts, .js, .yaml or .json"],
  ])("%s (%s): %s", async (text, ending, expected) => {
    const file = fileOf(text, ending);
    const message = await complaint(read({ file }));
    expect(message).toContain(expected);
    expect(message).toContain(file);
  });

  test("that is not there", async () => {
    expect(await complaint(read({ file: "nowhere.json" }))).toContain("is not there");
  });
});

describe("a wrong field is told with its place and a hint", () => {
  const tls = { certFile: "no-cert.pem", keyFile: "no-key.pem" };
  const route = (pattern: string, more: object = {}) => ({ pattern, class: "browsing", ...more });
  test.each([
    [{ cache: { maxByte: 1 } }, '/cache/maxByte is no setting; did you mean "maxBytes"?'],
    [{ cache: { maxBtyes: 1 } }, 'did you mean "maxBytes"?'],
    [{ maxBytes: 1 }, "/maxBytes is no setting; it belongs at /cache/maxBytes"],
    [{ port: 80 }, "/port is no setting; it belongs at /listen/port"],
    [{ cash: {} }, '/cash is no setting; did you mean "cache"?'],
    [{ upstream: [] }, 'did you mean "upstreams"?'],
    [{ fallback: { zzz: 1 } }, "there are snapshotDir, retryAfterSeconds, siteName"],
    [{ cache: { maxBytes: "1 GB" } }, '/cache/maxBytes must be a whole number, not "1 GB"'],
    [{ cache: { variantsMax: 5000 } }, "/cache/variantsMax must be at most 1000, not 5000"],
    [{ log: { accessSample: -1 } }, "/log/accessSample must be at least 0, not -1"],
    [{ cache: null }, "/cache must be an object { … }, not null"],
    [{ routes: {} }, "/routes must be a list [ … ], not {}"],
    [{ cache: { enabled: "yes" } }, '/cache/enabled must be true or false, not "yes"'],
    [{ routes: [{ pattern: "/x" }] }, "/routes/0/class is missing"],
    [{ routes: [route("/x", { class: "payin" })] }, 'not "payin"; did you mean "paying"?'],
    [
      { shedding: { algorithm: "aimd" } },
      '/shedding/algorithm must be one of "gradient", "vegas", "fixed", not "aimd"',
    ],
    [{ upstreams: [{ url: "shop.example" }] }, "/upstreams/0/url must be written like https://shop.example"],
    [{ upstreams: [{ url: "https://shop.example/path" }] }, "with no path"],
    [{ upstreams: [{ url: "https://a b" }] }, "/upstreams/0/url"],
    [{ upstreams: [{ url: "https://me:secret@a.example" }] }, "must hold no user name"],
    [{ upstreams: [{ url: "http://localhost:8000" }] }, "leads back to the edge itself"],
    [{ upstreams: [{ url: "http://a.example" }, { url: "http://a.example:80" }] }, "is the address of upstream 0 too"],
    [
      {
        upstreams: [
          { name: "a", url: "http://a.example" },
          { name: "a", url: "http://b.example" },
        ],
      },
      '/upstreams/1/name "a" is the name of upstream 0 too',
    ],
    [{ listen: { http3: true } }, "/listen/http3 needs listen.tls"],
    [{ listen: { tls } }, "/listen/tls/certFile cannot be read"],
    [{ listen: { tls } }, "/listen/tls/keyFile cannot be read"],
    [{ listen: { tls: { certFile: "x" } } }, "/listen/tls/keyFile is missing (PEM)"],
    [{ listen: { trustedProxies: ["10.0.0.0/33"] } }, "/listen/trustedProxies/0 must be an address or a CIDR"],
    [{ listen: { trustedProxies: ["::1/129"] } }, '"2001:db8::/32", not "::1/129"'],
    [{ limits: { allow: ["localhost"] } }, "/limits/allow/0 must be an address or a CIDR"],
    [{ limits: { deny: ["1.2.3.4", "1.2.3.4/8/8"] } }, "/limits/deny/1 must be an address or a CIDR"],
    [{ listen: { hosts: ["https://shop.example"] } }, "/listen/hosts/0 must be a host name"],
    [{ listen: { port: 9000 }, opsPort: 9000 }, "/opsPort is 9000 like /listen/port"],
    [{ routes: [route("/*"), route("/cart")] }, '/routes/1/pattern "/cart" is never reached: "/*" (route 0)'],
    [
      { routes: [route("/a", { methods: ["get"] })] },
      '/routes/0/methods/0 must be a method in capitals such as "POST"',
    ],
    [{ routes: [route("/a/*/b")] }, '/routes/0/pattern "/a/*/b" may have one "*", at its very end'],
    [{ routes: [route("cart")] }, '/routes/0/pattern must begin with "/"'],
    [
      {
        limits: {
          policies: [
            { name: "a", by: "address", perSecond: 1, burst: 1 },
            { name: "a", by: "route", perSecond: 1, burst: 1 },
          ],
        },
      },
      '/limits/policies/1/name "a" is the name of policy 0 too',
    ],
    [{ limits: { policies: [{ name: "Not so", by: "address" }] } }, "/limits/policies/0/name must be of small letters"],
    [
      { limits: { policies: [{ name: "a", by: "ip" }] } },
      '/limits/policies/0/by must be one of "address", "visitor", "token", "route"',
    ],
    [{ limits: { policies: [{ name: "a", by: "address", routes: ["/a?b"] }] } }, "/limits/policies/0/routes/0"],
    [{ shedding: { least: 10, most: 5 } }, "/shedding/least is 10, more than most (5)"],
    [{ shedding: { initial: 5 } }, "/shedding/initial is 5"],
    [{ pressure: { queueWaitMs: [100, 20, 400] } }, "/pressure/queueWaitMs must rise"],
    [{ pressure: { slowdown: [1, 2] } }, "/pressure/slowdown must have at least 3 values, not 2"],
    [{ cache: { maxBytes: 1000, objectMaxBytes: 2000 } }, "/cache/objectMaxBytes is 2000, more than the whole cache"],
    [{ adminToken: "short" }, "/adminToken must have at least 16 characters"],
    [{ adminToken: "a token with spaces in it" }, "/adminToken must have 16 to 200 printable characters"],
    [{ log: { otlpUrl: "collector:4318" } }, "/log/otlpUrl must be an address"],
  ])("%j", async (config, expected) => {
    expect(await complaint(readObject(config))).toContain(expected);
  });

  test("all of them at once, each once", async () => {
    const message = await complaint(
      readObject({
        cache: { maxByte: 1, variantsMax: 0 },
        listen: { http3: true, trustedProxies: ["x", "y"] },
        routes: [
          { pattern: "/*", class: "browsing" },
          { pattern: "/cart", class: "crt" },
        ],
        upstreams: [{ url: "ftp://x" }],
        shedding: 7,
      }),
    );
    for (const pointer of [
      "/cache/maxByte",
      "/cache/variantsMax",
      "/listen/http3",
      "/listen/trustedProxies/0",
      "/listen/trustedProxies/1",
      "/routes/1/class",
      "/routes/1/pattern",
      "/upstreams/0/url",
      "/shedding",
    ])
      expect(message).toContain(`  ${pointer} `);
    const lines = message.split("\n");
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines[0]).toContain("9 things are wrong");
  });

  test("a hundred wrong things are a hundred lines, not eight", async () => {
    const routes = Array.from({ length: 60 }, (_value, index) => ({ pattern: `/r${index}`, class: "none" }));
    expect((await complaint(readObject({ routes }))).split("\n")).toHaveLength(62);
  });
});

describe("a wrong word outside of the file is called by its own name", () => {
  test.each([
    [{ env: { PORT: "eighty" } }, 'PORT=eighty (/listen/port) must be a whole number, not "eighty"'],
    [{ env: { SPILLWAY_CACHE_BYTES: "-1" } }, "SPILLWAY_CACHE_BYTES=-1 (/cache/maxBytes) must be at least 0"],
    [{ env: { SPILLWAY_ORIGINS: "shop.example" } }, "SPILLWAY_ORIGINS=shop.example (/upstreams) must be written like"],
    [{ env: { SPILLWAY_EDGE_PROT: "1" } }, "SPILLWAY_EDGE_PROT is no setting; did you mean SPILLWAY_EDGE_PORT?"],
    [{ args: ["--port", "70000"] }, "--port 70000 must be at most 65535"],
    [{ args: ["--origin", "shop"] }, "--origin shop must be written like"],
    [{ args: ["--orign", "https://x.example"] }, "did you mean --origin?"],
    [{ args: ["--port"] }, "--port needs a value"],
    [{ args: ["https://x.example"] }, "Write --origin https://x.example"],
  ])("%j", async (sources, expected) => {
    expect(await complaint(read(sources as Partial<EdgeConfigSources>))).toContain(expected);
  });

  test("a token is never repeated", async () => {
    const message = await complaint(read({ env: { SPILLWAY_ADMIN_TOKEN: "hunter2" }, args: ["--origin", origin] }));
    expect(message).toContain("SPILLWAY_ADMIN_TOKEN (/adminToken) must have");
    expect(message).not.toContain("hunter2");
  });
});

test("whatever stands in a file, it is taken or complained of with a place, and never ends otherwise", async () => {
  const schema = JSON.parse(edgeConfigSchemaJson()) as { properties: Record<string, { properties?: object }> };
  const places = Object.entries(schema.properties).flatMap(([group, { properties }]) =>
    properties === undefined ? [[group]] : [[group], ...Object.keys(properties).map((name) => [group, name])],
  );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.integer(),
    fc.constantFrom(
      "/a",
      "https://a.example",
      "::1/64",
      ["/*"],
      [{ pattern: "/x/*/", class: "cart" }],
      [{ url: null }],
    ),
    fc.array(fc.record({ pattern: fc.string(), name: fc.jsonValue(), url: fc.webUrl(), class: fc.constant("cart") })),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...places), value), { minLength: 1, maxLength: 4 }),
      async (changes) => {
        const config: Record<string, unknown> = { upstreams: [{ url: origin }] };
        for (const [[group = "", name], given] of changes) {
          const inside = config[group];
          if (name === undefined) config[group] = given;
          else if (typeof inside === "object" && inside !== null) Object.assign(inside, { [name]: given });
          else config[group] = { [name]: given };
        }
        const message = await read({ file: fileOf(JSON.stringify(config)) }).then(
          () => undefined,
          (error: unknown) =>
            error instanceof SpillwayError && error.code === "bad_config" ? error.message : String(error),
        );
        if (message !== undefined) expect(message).toMatch(/wrong\.\n {2}\S/);
      },
    ),
    { numRuns: 400 },
  );
}, 60_000);

test("the published schema takes a file with nothing but an upstream, and describes its fields", () => {
  const schema = JSON.parse(edgeConfigSchemaJson());
  const check = Compile(schema);
  expect(check.Check({ upstreams: [{ url: origin }] })).toBe(true);
  expect(check.Check({ cache: {}, routes: [{ pattern: "/x", class: "cart" }] })).toBe(true);
  expect(check.Check({ routes: [{ pattern: "/x" }] })).toBe(false);
  expect(check.Check({ cash: {} })).toBe(false);
  expect(schema.properties.cache.properties.maxBytes.description).toBeString();
  expect(schema.$schema).toContain("2020-12");
});

describe("waiting rooms", () => {
  const withRooms = (rooms: unknown, more: object = {}) => readObject({ waitingRooms: { rooms, ...more } });

  test("need an id and little else", async () => {
    const { waitingRooms } = await withRooms([{ id: "drop", match: { paths: ["/products/drop"] } }]);
    expect(waitingRooms.rooms[0]).toMatchObject({ kind: "sale", outflowPerMinute: 600, renews: true, page: "product" });
    expect((await readObject({})).waitingRooms.rooms).toEqual([]);
  });

  test("that are wrong are told all at once, each with its place and a hint", async () => {
    const said = await complaint(
      withRooms(
        [
          { id: "a", opensAt: "tomorrow", match: { paths: ["/x", "y"], hosts: ["shop.example:80"] } },
          { id: "a", preQueueMinutes: 15, match: { paths: ["/y"] } },
          { id: "b", opensAt: "2026-11-27T09:00:00Z", closesAt: "2026-11-27T08:00:00Z", match: { paths: ["/z"] } },
          {
            id: "c",
            kind: "safety-net",
            opensAt: "2026-11-27T09:00:00Z",
            failMode: "floor",
            floorPerMinute: 0,
            match: { paths: ["/c"] },
          },
          {
            id: "d",
            match: { paths: ["/d"] },
            bypass: { addresses: ["10.0.0.0/64"], tokens: ["secret"], bots: ["nobody"] },
          },
          { id: "all" },
          { id: "never", match: { paths: ["/never"] } },
        ],
        { smtpUrl: "http://mail.example" },
      ),
    );
    for (const words of [
      "rooms/0/opensAt must be a date and time with its zone",
      'rooms/0/match/paths/1 "y" must begin with "/"',
      "rooms/0/match/hosts/0 must be a host name without a port",
      'rooms/1/id "a" is the id of room 0 too',
      "rooms/1/preQueueMinutes needs opensAt",
      "rooms/2/closesAt is not after opensAt",
      "rooms/3/opensAt is for a sale",
      "rooms/3/floorPerMinute is 0",
      "rooms/4/bypass/addresses/0 must be an address or a CIDR",
      "rooms/4/bypass/tokens/0 must be a SHA-256",
      "rooms/4/bypass/bots/0 must be a domain",
      'rooms/6/match is never reached: room 5 ("all")',
      "smtpUrl must be an address",
      "mailFrom is missing",
    ])
      expect(said).toContain(words);
  });

  test("are told where a misspelt setting belongs", async () => {
    expect(await complaint(withRooms([{ id: "a", outflowPerMinut: 3 }]))).toContain('did you mean "outflowPerMinute"?');
    expect(await complaint(withRooms([{ id: "A B" }]))).toContain("small letters");
  });
});
