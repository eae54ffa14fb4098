/** What is there already becomes a plan: small sources of our own, and real public files where a folder of them is given. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Value } from "typebox/value";
import { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import { createLogImport } from "#rehearse/import/access-log.ts";
import { importHar } from "#rehearse/import/har.ts";
import type { Imported } from "#rehearse/import/imported.ts";
import { importK6 } from "#rehearse/import/k6-options.ts";
import { importOpenApi } from "#rehearse/import/openapi.ts";
import { importSitemap } from "#rehearse/import/sitemap.ts";
import { k6Script } from "#rehearse/report/k6-script.ts";
import { truthOf } from "#roles/rehearsal/truth-of.ts";
import { importTool } from "#roles/tools/rehearse-import.ts";

/** Whatever comes out must be a plan as the schema has it. */
function valid(imported: Imported): Imported {
  expect([...Value.Errors(RehearsalPlan, imported.plan)]).toEqual([]);
  return imported;
}

const entry = (startedMs: number, method: string, url: string, more: Record<string, unknown> = {}) => ({
  startedDateTime: new Date(1_790_000_000_000 + startedMs).toISOString(),
  time: 100,
  request: { method, url, headers: [], ...(more.request as object) },
  response: { status: 200, content: { mimeType: "text/html", text: "" }, ...(more.response as object) },
});
const har = (entries: unknown[]) =>
  JSON.stringify({ log: { version: "1.2", pages: [{ title: "A purchase" }], entries } });

describe("a browser's recording", () => {
  const shop = "https://shop.example";
  const token = "f3A9zq81LmX0";
  const recording = har([
    entry(0, "GET", `${shop}/`, {
      response: { status: 200, content: { mimeType: "text/html", text: `<input name="csrf" value="${token}">` } },
    }),
    entry(150, "GET", `${shop}/style.css`, { response: { status: 200, content: { mimeType: "text/css" } } }),
    entry(160, "GET", "https://cdn.tracker.example/t.js"),
    entry(5100, "POST", `${shop}/cart`, {
      request: {
        headers: [
          { name: "Cookie", value: "s=1" },
          { name: "Authorization", value: "Bearer secret" },
          { name: "Content-Type", value: "application/x-www-form-urlencoded" },
          { name: ":authority", value: "shop.example" },
        ],
        postData: { mimeType: "application/x-www-form-urlencoded", text: `csrf=${token}&sku=LAMP` },
      },
    }),
    entry(5300, "POST", `${shop}/checkout`, {
      request: { headers: [{ name: "X-CSRF-Token", value: "nowhere-to-be-found" }] },
    }),
  ]);

  test("becomes one journey with its pauses, without other hosts and static files", () => {
    const { plan, notes } = valid(importHar(recording));
    expect(plan.target.url).toBe(shop);
    expect(plan.journeys.map(({ name }) => name)).toEqual(["A purchase"]);
    const [home, cart, checkout] = plan.journeys[0]?.steps ?? [];
    expect(home).toMatchObject({ name: "GET /", path: "/", think: 5, expectedMs: 100 });
    expect(cart).toMatchObject({ method: "POST", path: "/cart" });
    expect(cart?.think).toBeUndefined();
    expect(checkout?.path).toBe("/checkout");
    expect(notes.join(" ")).toContain("cdn.tracker.example");
    expect(notes.join(" ")).toContain("1 static files");
  });

  test("gives each shopper a token of their own where the recording shows its source, and points out where not", () => {
    const { plan, notes } = importHar(recording);
    const [home, cart] = plan.journeys[0]?.steps ?? [];
    const [extract] = home?.extract ?? [];
    expect(extract?.name).toBe("csrf");
    expect(new RegExp(extract?.pattern ?? "").exec(`<p><input name="csrf" value="other-1"></p>`)?.[1]).toBe("other-1");
    expect(cart?.body).toBe("csrf={{csrf}}&sku=LAMP");
    expect(notes.some((note) => note.includes("x-csrf-token") && note.includes("no answer"))).toBe(true);
  });

  test("never carries credentials over", () => {
    const { plan, notes } = importHar(recording);
    expect(JSON.stringify(plan)).not.toContain("secret");
    expect(JSON.stringify(plan)).not.toContain("s=1");
    expect(notes.some((note) => note.startsWith("Authorization"))).toBe(true);
  });

  test("that is none, or is empty, is refused in a sentence", () => {
    expect(() => importHar("<html>")).toThrow("not JSON");
    expect(() => importHar("{}")).toThrow('no "log"');
    expect(() => importHar(har([]))).toThrow("no request");
    expect(() => importHar(har([entry(0, "GET", "data:text/plain,x")]))).toThrow("no request");
  });
});

describe("an OpenAPI document", () => {
  const document = {
    openapi: "3.1.0",
    info: { title: "Shop" },
    servers: [{ url: "https://api.shop.example/{version}", variables: { version: { default: "v2" } } }],
    paths: {
      "/orders/{id}": {
        parameters: [{ name: "id", in: "path", required: true, schema: { type: "string", format: "uuid" } }],
        get: { operationId: "getOrder", parameters: [{ name: "verbose", in: "query", schema: { type: "boolean" } }] },
      },
      "/orders": {
        post: {
          requestBody: { $ref: "#/components/requestBodies/Order" },
          parameters: [{ name: "dry", in: "query", required: true, schema: { type: "boolean" } }],
        },
      },
    },
    components: {
      requestBodies: { Order: { content: { "application/json": { schema: { $ref: "#/components/schemas/Order" } } } } },
      schemas: {
        Order: {
          type: "object",
          required: ["email", "lines"],
          properties: {
            id: { type: "integer", readOnly: true },
            email: { type: "string", format: "email" },
            lines: { type: "array", minItems: 2, items: { $ref: "#/components/schemas/Line" } },
            parent: { $ref: "#/components/schemas/Order" },
          },
        },
        Line: {
          allOf: [
            { type: "object", properties: { sku: { type: "string", example: "LAMP" } } },
            { type: "object", properties: { quantity: { type: ["integer", "null"], minimum: 1 } } },
          ],
        },
      },
    },
  };

  test("becomes a journey for each operation, its body made from the schema", () => {
    const { plan, notes } = valid(importOpenApi(document));
    expect(plan.target.url).toBe("https://api.shop.example");
    const [get, post] = plan.journeys.map(({ steps }) => steps[0]);
    expect(get).toMatchObject({ name: "getOrder", method: "GET", path: "/v2/orders/{{uuid}}" });
    expect(post).toMatchObject({
      name: "POST /orders",
      path: "/v2/orders?dry=true",
      headers: { "content-type": "application/json" },
    });
    const body = post?.body as Record<string, unknown>;
    expect(body).toMatchObject({
      email: "shopper-{{number}}@example.com",
      lines: [
        { sku: "LAMP", quantity: 1 },
        { sku: "LAMP", quantity: 1 },
      ],
    });
    expect(body.id).toBeUndefined();
    expect(notes.some((note) => note.includes("change something") && note.includes("POST /orders"))).toBe(true);
  });

  test("of another version, or of another document, is refused", () => {
    expect(() => importOpenApi({ swagger: "2.0" })).toThrow("Swagger 2.0");
    expect(() => importOpenApi([])).toThrow("no OpenAPI 3");
    expect(() => importOpenApi({ openapi: "3.0.0", paths: {} })).toThrow("no operation");
  });
});

test("a sitemap becomes looking around, each kind of page as often as there are such pages", () => {
  const { plan, files, notes } = valid(
    importSitemap([
      "https://shop.example/",
      "https://shop.example/products/a",
      "https://shop.example/products/b,c",
      "https://other.example/x",
      "nonsense",
    ]),
  );
  expect(plan.journeys.map(({ name, weight }) => [name, weight])).toEqual([
    ["products", 2],
    ["pages", 1],
  ]);
  expect(files[0]?.text).toBe('path\n/products/a\n"/products/b,c"\n');
  expect(plan.journeys[0]?.data?.file).toBe(files[0]?.file ?? "");
  expect(notes[0]).toContain("1 addresses of other hosts");
  expect(() => importSitemap([])).toThrow("no address");
});

describe("an access log", () => {
  const agent = "Mozilla/5.0 (X11) Firefox/140";
  const line = (client: string, time: string, request: string, status = 200, by = agent) =>
    `${client} - - [27/Nov/2026:${time} +0100] "${request} HTTP/1.1" ${status} 512 "-" "${by}"`;
  const combined = [
    line("10.0.0.1", "09:00:00", "GET /"),
    line("10.0.0.1", "09:00:20", "GET /products/lamp?x=1"),
    line("10.0.0.2", "09:00:30", "GET /"),
    line("10.0.0.2", "09:00:50", "GET /products/chair"),
    line("10.0.0.3", "09:02:00", "GET /search?q=a,b"),
    line("10.0.0.1", "09:45:00", "GET /search?q=late"),
    line("10.0.0.1", "09:00:21", "GET /logo.png"),
    line("10.0.0.1", "09:00:22", "POST /cart"),
    line("10.0.0.1", "09:00:23", "GET /gone", 404),
    line("10.0.0.9", "09:00:24", "GET /", 200, "Googlebot/2.1"),
    "nonsense",
  ];
  const read = (lines: readonly string[]) => {
    const log = createLogImport();
    for (const text of lines) log.add(text);
    return valid(log.result());
  };

  test("becomes the visits that were made, with their pages, pauses and minutes", () => {
    const { plan, files, notes } = read(combined);
    expect(plan.journeys.map(({ name, weight }) => [name, weight])).toEqual([
      ["home > products/…", 2],
      ["search", 2],
    ]);
    expect(plan.journeys[0]?.steps[0]).toMatchObject({
      name: "home",
      path: "{{page1}}",
      think: { least: 20, most: 20 },
    });
    expect(files[0]?.text).toBe("page1,page2\n/,/products/lamp?x=1\n/,/products/chair\n");
    expect(files[1]?.text).toContain('"/search?q=a,b"');
    const minutes = files.find(({ file }) => file === "arrivals.csv")?.text.split("\n") ?? [];
    expect(minutes.slice(0, 4)).toEqual([
      "minute,visits",
      "2026-11-27T08:00,2",
      "2026-11-27T08:01,0",
      "2026-11-27T08:02,1",
    ]);
    expect(plan.arrivals).toMatchObject({ shape: "history", file: "arrivals.csv", peakPerSecond: 0.034 });
    for (const word of ["POST", "static", "error", "bots", "no format"]) expect(notes.join(" ")).toContain(word);
  });

  test("says the same as JSON lines", () => {
    const json = combined.slice(0, 6).map((text) => {
      const [, client, time, method, path] = /^(\S+) .*2026:(\S+) .*"([A-Z]+) (\S+) HTTP/.exec(text) ?? [];
      return JSON.stringify({
        remote_addr: client,
        time_iso8601: `2026-11-27T${time}+01:00`,
        request: `${method} ${path} HTTP/1.1`,
        status: "200",
        http_user_agent: agent,
      });
    });
    expect(read(json).plan.journeys).toEqual(read(combined.slice(0, 6)).plan.journeys);
    expect(read(json).files).toEqual(read(combined.slice(0, 6)).files);
  });

  test("that is empty or in another format is refused in a sentence", () => {
    expect(() => read([])).toThrow("empty");
    expect(() => read(["what", "is", "this"])).toThrow("combined format");
  });

  test("is never so strange that it breaks the reader", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom(...combined), fc.json()), { maxLength: 30 }),
        (lines) => {
          const log = createLogImport();
          for (const text of lines) log.add(text);
          try {
            valid(log.result());
          } catch (error) {
            expect((error as { code?: string }).code).toBe("bad_usage");
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("the options of k6", () => {
  test("become arrivals and thresholds, without any of the script being run", () => {
    const { plan, notes } = valid(
      importK6(`import http from 'k6/http'; // a comment with { braces
        export const options: Options = {
          scenarios: {
            calm: { executor: 'constant-arrival-rate', rate: 600, timeUnit: '1m', duration: '1m30s', preAllocatedVUs: 5, },
            "rush": { executor: "ramping-arrival-rate", startTime: '30s', startRate: 0, stages: [ { target: 100, duration: '10s' }, { target: 100, duration: \`20s\` } ] },
          },
          thresholds: {
            http_req_duration: ['p(99.9)<1500', 'avg<200', { threshold: 'med<100', abortOnFail: true }],
            http_req_failed: ['rate<0.01'], http_reqs: ['rate>=50'],
            'http_req_duration{name:buy/pay}': ['p(95)<250'],
            'http_req_duration{static:yes}': ['p(95)<50'],
          },
          tags: { run: __ENV.RUN || 'x' },
        } as const;
        export default function () { http.get('https://shop.example/start?a=1'); }`),
    );
    expect(plan.target.url).toBe("https://shop.example");
    expect(plan.arrivals).toMatchObject({ shape: "steps" });
    const steps = plan.arrivals?.shape === "steps" ? plan.arrivals.steps : [];
    expect(steps.reduce((sum, step) => sum + step.perSecond * step.seconds, 0)).toBeCloseTo(10 * 90 + 500 + 2000, 3);
    expect(steps.at(0)).toEqual({ perSecond: 10, seconds: 30 });
    expect(steps.at(-1)).toEqual({ perSecond: 10, seconds: 30 });
    expect(plan.journeys.map(({ name, weight }) => [name, weight])).toEqual([
      ["calm", 900],
      ["rush", 2500],
    ]);
    expect(plan.journeys[0]?.steps[0]?.path).toBe("/start?a=1");
    expect(plan.thresholds).toEqual([
      { of: "service.p99.9", below: 1500 },
      { of: "service.mean", below: 200 },
      { of: "service.p50", below: 100 },
      { of: "errors.share", below: 0.01 },
      { of: "requests.perSecond", above: 50 },
      { of: "service.p95", below: 250, step: "buy/pay" },
    ]);
    expect(notes.some((note) => note.includes("__ENV.RUN"))).toBe(true);
    expect(notes.some((note) => note.includes("static:yes"))).toBe(true);
  });

  test("that are a closed model stay one", () => {
    expect(valid(importK6('{"vus": 20, "duration": "2m"}')).plan).toMatchObject({
      model: "closed",
      closed: { users: 20, seconds: 120 },
    });
    expect(
      importK6("export let options = { stages: [{ duration: '1m', target: 30 }, { duration: '30s', target: 0 }] };")
        .plan.closed,
    ).toEqual({ users: 30, seconds: 90 });
    expect(importK6("module.exports.options = { vus: 2 * 5, iterations: 100 }").plan.closed?.users).toBe(10);
  });

  test("that are not there are refused", () => {
    expect(() => importK6("export default function () {}")).toThrow("export const options");
    expect(() => importK6("{}")).toThrow("nothing of a crowd");
  });

  test("are never so strange that the reader does not end", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."{}[]():,;'\"`/*.0a \n") }), (text) => {
        try {
          importK6(`export const options = { vus: 1, x: ${text}`);
        } catch (error) {
          expect((error as { code?: string }).code).toBe("bad_usage");
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("a k6 script of a plan", () => {
  const { plan } = importOpenApi({ openapi: "3.0.0", paths: { "/a": { get: {} } } });
  const withArrivals = (arrivals: NonNullable<typeof plan.arrivals>, more: Partial<typeof plan> = {}) => ({
    ...plan,
    arrivals,
    ...more,
  });

  test("is a script that parses, and read again it says the same arrivals and limits", () => {
    const cases = [
      { shape: "constant", perSecond: 20, seconds: 60 },
      { shape: "constant", perSecond: 0.5, seconds: 60 },
      { shape: "ramp", fromPerSecond: 5, toPerSecond: 50, seconds: 30 },
    ] as const;
    for (const arrivals of cases) {
      const text = k6Script(
        withArrivals(arrivals, {
          thresholds: [
            { of: "service.p99", below: 800 },
            { of: "errors.share", step: "a/b", below: 0.01 },
          ],
        }),
      );
      new Bun.Transpiler({ loader: "js" }).transformSync(text);
      const again = importK6(text).plan;
      expect(again.arrivals).toEqual(arrivals);
      expect(again.thresholds).toEqual([
        { of: "service.p99", below: 800 },
        { of: "errors.share", step: "a/b", below: 0.01 },
      ]);
    }
  });

  test("keeps the amount of a spike and of steps, at the plan's scale", () => {
    const spike = {
      shape: "spike",
      basePerSecond: 10,
      peakPerSecond: 200,
      beforeSeconds: 20,
      riseSeconds: 10,
      holdSeconds: 30,
      fallSeconds: 20,
      afterSeconds: 20,
    } as const;
    const amount = (text: string) => {
      const { arrivals } = importK6(text).plan;
      return arrivals?.shape === "steps"
        ? arrivals.steps.reduce((sum, step) => sum + step.perSecond * step.seconds, 0)
        : 0;
    };
    expect(amount(k6Script(withArrivals(spike, { scale: 2 })))).toBeCloseTo(2 * (200 + 1050 + 6000 + 2100 + 200), 2);
    const steps = {
      shape: "steps",
      steps: [
        { perSecond: 5, seconds: 10 },
        { perSecond: 50, seconds: 10 },
      ],
    } as const;
    expect(amount(k6Script(withArrivals({ ...steps, steps: [...steps.steps] })))).toBeCloseTo(550, 3);
  });

  test("plays the journeys: what an answer brought is sent on, gaps are filled, an error ends the journey", async () => {
    const folder = await mkdtemp(join(tmpdir(), "k6-script-"));
    try {
      const stubs: Record<string, string> = {
        http: `export default { expectedStatuses: (...all) => all, request: (method, url, body, params) => {
          globalThis.k6Asked.push({ method, url, body, params });
          return url.includes("/cart") ? { status: 201, body: '{"cart":{"id":"c 1"}}', headers: { "X-Token": "t9" } } : { status: url.includes("/fails") ? 500 : 200, body: "", headers: {} };
        } };`,
        k6: "export const check = () => true; export const sleep = (seconds) => globalThis.k6Slept.push(seconds);",
        data: "export class SharedArray { constructor(_name, make) { return make(); } }",
        execution: "export default { scenario: { iterationInTest: 4 } };",
      };
      for (const [name, text] of Object.entries(stubs)) await Bun.write(join(folder, `${name}.js`), text);
      const step = { headers: {}, expect: [], expectedMs: 0, extract: [] };
      const script = k6Script(
        withArrivals(
          { shape: "constant", perSecond: 1, seconds: 1 },
          {
            target: { ...plan.target, url: "https://shop.example" },
            journeys: [
              {
                name: "buy",
                weight: 1,
                data: { file: "people.csv", order: "in turn" },
                steps: [
                  {
                    ...step,
                    name: "cart",
                    method: "POST",
                    path: "/cart",
                    body: { email: "{{email}}", key: "{{uuid}}" },
                    expect: [201],
                    think: 2,
                    extract: [
                      { name: "cart", json: "/cart/id" },
                      { name: "token", header: "x-token" },
                    ],
                  },
                  {
                    ...step,
                    name: "pay",
                    method: "PUT",
                    path: "/fails/{{cart}}?n={{number}}",
                    headers: { authorization: "{{token}}" },
                  },
                  { ...step, name: "never", method: "GET", path: "/never" },
                ],
              },
            ],
          },
        ),
      );
      const local = script.replace(/from "k6(?:\/(\w+))?"/g, (_whole, name) => `from "./${name ?? "k6"}.js"`);
      await Bun.write(join(folder, "script.js"), local);
      const scope = globalThis as unknown as { k6Asked: Record<string, unknown>[]; k6Slept: number[]; open: unknown };
      Object.assign(scope, {
        k6Asked: [],
        k6Slept: [],
        open: () => 'name,email\n"Ada, L.",ada@example.com\nBo,bo@example.com\n',
      });
      const { default: shopper } = (await import(join(folder, "script.js"))) as { default: () => void };
      shopper();
      expect(scope.k6Slept).toEqual([2]);
      expect(scope.k6Asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
        "POST https://shop.example/cart",
        "PUT https://shop.example/fails/c 1?n=5",
      ]);
      expect(JSON.parse(String(scope.k6Asked[0]?.body))).toMatchObject({
        email: "ada@example.com",
        key: expect.stringMatching(/^[0-9a-f]{8}-/),
      });
      expect(scope.k6Asked[0]?.params).toMatchObject({
        headers: { "content-type": "application/json" },
        responseCallback: [201],
        tags: { name: "buy/cart" },
      });
      expect(scope.k6Asked[1]?.params).toMatchObject({ headers: { authorization: "t9" } });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("says in its head what k6 does not know, and nothing of a plan ends a comment or a text", () => {
    const text = k6Script(
      withArrivals(
        { shape: "constant", perSecond: 1, seconds: 1 },
        {
          name: "line\nbreak();",
          thresholds: [{ of: "truth.oversold", below: 1 }],
          drills: [{ file: "x.json", atSeconds: 1 }],
          journeys: [
            {
              name: '"; evil(); "',
              weight: 1,
              steps: [
                {
                  ...(plan.journeys[0]?.steps[0] as never as (typeof plan.journeys)[0]["steps"][0]),
                  body: { a: "{{uuid}}" },
                },
              ],
              data: { file: "people.csv", order: "once" },
            },
          ],
        },
      ),
    );
    new Bun.Transpiler({ loader: "js" }).transformSync(text);
    expect(text).toContain("// - The threshold on truth.oversold has no like in k6.");
    expect(text).toContain("// - Drills are not played.");
    expect(text).not.toContain("\nbreak();");
  });
});

test("a log of a thousand different ways is told by as many journeys as a plan may have, and no visit is lost", () => {
  const log = createLogImport();
  for (let visit = 0; visit < 1000; visit += 1)
    for (const [at, page] of [...visit.toString(4).padStart(5, "0")].entries())
      log.add(
        `10.0.${visit >> 8}.${visit & 255} - - [27/Nov/2026:09:00:0${at} +0000] "GET /k${page} HTTP/1.1" 200 1 "-" "Firefox"`,
      );
  const { plan } = valid(log.result());
  expect(plan.journeys.length).toBeLessThanOrEqual(100);
  expect(plan.journeys.reduce((sum, { weight }) => sum + weight, 0)).toBe(1000);
});

describe("the tool", () => {
  const inFolder = async (work: (folder: string) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), "rehearse-import-"));
    try {
      await work(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  test("writes a plan and its data files beside it, from a packed log, and never over what is there", async () => {
    await inFolder(async (folder) => {
      const lines = Array.from(
        { length: 50 },
        (_, visit) =>
          `10.0.0.${visit} - - [27/Nov/2026:09:00:${String(visit).padStart(2, "0")} +0000] "GET /products/${visit} HTTP/1.1" 200 1 "-" "Firefox"`,
      );
      await Bun.write(join(folder, "access.log.gz"), Bun.gzipSync(Buffer.from(lines.join("\n"))));
      const given = [
        "log",
        join(folder, "access.log.gz"),
        "--url",
        "http://127.0.0.1:8080",
        "--out",
        join(folder, "plan"),
      ];
      expect(await importTool(given)).toBe(0);
      const plan = JSON.parse(await Bun.file(join(folder, "plan", "plan.json")).text());
      expect(plan.target).toEqual({ url: "http://127.0.0.1:8080" });
      expect(await Bun.file(join(folder, "plan", plan.journeys[0].data.file)).text()).toContain("/products/7\n");
      expect(String(await importTool(given).catch((error) => error))).toContain("is there already");
      expect(String(await importTool(given.slice(0, 2)).catch((error) => error))).toContain("--out FOLDER");
    });
  });

  test("reads a sitemap from a file, packed or not", async () => {
    await inFolder(async (folder) => {
      const xml = "<urlset><url><loc>https://shop.example/products/a</loc></url></urlset>";
      await Bun.write(join(folder, "sitemap.xml"), xml);
      await Bun.write(join(folder, "sitemap.xml.gz"), Bun.gzipSync(Buffer.from(xml)));
      for (const file of ["sitemap.xml", "sitemap.xml.gz"]) {
        expect(await importTool(["sitemap", join(folder, file), "--out", join(folder, `from-${file}`)])).toBe(0);
        expect(JSON.parse(await Bun.file(join(folder, `from-${file}`, "plan.json")).text()).target.url).toBe(
          "https://shop.example",
        );
      }
    });
  });

  test("refuses what is missing, or is of no kind that it knows", async () => {
    const says = async (...given: string[]) => String(await importTool(given).catch((error) => error));
    expect(await says("har", "/nowhere/x.har")).toContain("cannot be read");
    expect(await says("pcap", "x")).toContain("har|openapi|sitemap|log|k6");
    expect(await says("har")).toContain("usage");
  });
});

test("a plan that wants the truth and does not say where it is gets a sentence, and one that wants none gets none", () => {
  const { plan } = importSitemap(["http://127.0.0.1/"]);
  const asked = (kind: typeof plan.target.kind, settings: Record<string, string>) => ({
    ...plan,
    target: { ...plan.target, kind, settings },
  });
  expect(truthOf(asked("http", {}), ".")).toBeUndefined();
  for (const kind of ["spillway", "vendure", "medusa"] as const)
    expect(() => truthOf(asked(kind, {}), ".")).toThrow("target.settings.databaseUrl");
  expect(() => truthOf(asked("spillway", { dataDir: "data", settleSeconds: "-1" }), ".")).toThrow("settleSeconds");
});

/** har-to-k6's examples, Swagger's petstore, k6's examples: three folders named har, openapi and k6. */
const publicFolder = process.env.SPILLWAY_TEST_PUBLIC_IMPORTS;
describe.if(publicFolder !== undefined)("real public files", () => {
  const files = (kind: string) =>
    readdirSync(`${publicFolder}/${kind}`).map((name) => `${publicFolder}/${kind}/${name}`);
  const counted = async (kind: string, make: (text: string) => Imported) => {
    let made = 0;
    for (const file of files(kind)) {
      try {
        valid(make(await Bun.file(file).text()));
        made += 1;
      } catch (error) {
        if ((error as { code?: string }).code !== "bad_usage")
          throw new Error(`${file}: ${String(error)}`, { cause: error });
      }
    }
    return made;
  };

  test("recordings", async () => {
    expect(await counted("har", importHar)).toBeGreaterThanOrEqual(20);
  });
  test("API descriptions", async () => {
    expect(
      await counted("openapi", (text) => importOpenApi(text.startsWith("{") ? JSON.parse(text) : Bun.YAML.parse(text))),
    ).toBeGreaterThanOrEqual(1);
  });
  test("k6 scripts", async () => {
    expect(await counted("k6", importK6)).toBeGreaterThanOrEqual(20);
  });
});
if (publicFolder === undefined)
  process.stderr.write("Not held against real public files: SPILLWAY_TEST_PUBLIC_IMPORTS names no folder of them.\n");
