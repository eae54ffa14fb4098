/** Spans reach a collector in its own words; a collector that is slow, away or refusing costs bounded memory and no request. */
import { afterEach, expect, test } from "bun:test";
import type { Meter } from "#edge/ports.ts";
import type { Span } from "#edge/seeing.ts";
import { createOtlpExporter, type OtlpExporter } from "./otlp-exporter.ts";

const span = (number: number): Span => ({
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: number.toString(16).padStart(16, "0"),
  parentSpanId: undefined,
  traceState: undefined,
  name: "GET /products/:handle",
  startMs: Date.UTC(2026, 10, 27, 8),
  durationMs: 1.25,
  failed: number % 2 === 1,
  attributes: { "http.route": "/products/:handle", "http.response.status_code": 200, share: 0.5 },
});

function counted() {
  const outcomes: Record<string, number> = {};
  const meter: Meter = {
    counter: () => (labels) => () => {
      const key = labels.outcome ?? "";
      outcomes[key] = (outcomes[key] ?? 0) + 1;
    },
    histogram: () => () => () => {},
    gauge: () => {},
  };
  return { meter, outcomes };
}

type Body = { resourceSpans: { resource: unknown; scopeSpans: { spans: Record<string, unknown>[] }[] }[] };
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function collector(answer: (request: Request, tries: number) => Response | Promise<Response>) {
  const bodies: Body[] = [];
  const paths: string[] = [];
  let tries = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      paths.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get("content-type")}`);
      bodies.push((await request.json()) as Body);
      tries += 1;
      return await answer(request, tries);
    },
  });
  ends.push(() => server.stop(true));
  const spans = () => bodies.flatMap(({ resourceSpans }) => resourceSpans[0]?.scopeSpans[0]?.spans ?? []);
  return { url: `http://127.0.0.1:${server.port}`, bodies, paths, spans };
}

function exporter(url: string, options: object = {}): OtlpExporter & { outcomes: Record<string, number> } {
  const { meter, outcomes } = counted();
  const made = createOtlpExporter({
    url,
    serviceName: "edge",
    serviceVersion: "1",
    meter,
    waitMs: 5,
    retryMs: 5,
    ...options,
  });
  ends.push(made.stop);
  return { ...made, outcomes };
}

test("spans arrive in batches, ids in hexadecimal, times in nanoseconds as text", async () => {
  const { url, spans, paths, bodies } = collector(() => Response.json({}));
  const otlp = exporter(`${url}/`, { batchMax: 10 });
  for (let number = 1; number <= 25; number++) otlp.add(span(number));
  await otlp.stop();
  expect(spans()).toHaveLength(25);
  expect(bodies.length).toBeLessThanOrEqual(4);
  expect(new Set(paths)).toEqual(new Set(["POST /v1/traces application/json"]));
  expect(spans()[0]).toEqual({
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "0000000000000001",
    name: "GET /products/:handle",
    kind: 2,
    startTimeUnixNano: "1795766400000000000",
    endTimeUnixNano: "1795766400001250000",
    attributes: [
      { key: "http.route", value: { stringValue: "/products/:handle" } },
      { key: "http.response.status_code", value: { intValue: "200" } },
      { key: "share", value: { doubleValue: 0.5 } },
    ],
    status: { code: 2 },
  });
  expect(bodies[0]?.resourceSpans[0]?.resource).toEqual({
    attributes: [
      { key: "service.name", value: { stringValue: "edge" } },
      { key: "service.version", value: { stringValue: "1" } },
    ],
  });
  expect(otlp.outcomes).toEqual({ sent: 25 });
});

test("one span alone is sent within a moment, without anybody asking", async () => {
  const { url, spans } = collector(() => Response.json({}));
  exporter(url).add(span(1));
  const giveUpAt = Date.now() + 5000;
  while (spans().length === 0 && Date.now() < giveUpAt) await Bun.sleep(5);
  expect(spans()).toHaveLength(1);
});

test("a collector that is busy is asked again, one that refuses is not", async () => {
  const busy = collector((_request, tries) => new Response(null, { status: tries < 3 ? 503 : 200 }));
  const patient = exporter(busy.url);
  patient.add(span(1));
  const giveUpAt = Date.now() + 5000;
  while (patient.outcomes.sent !== 1 && Date.now() < giveUpAt) await Bun.sleep(5);
  expect([busy.bodies.length, patient.outcomes]).toEqual([3, { sent: 1 }]);
  const refusing = collector(() => new Response(null, { status: 400 }));
  const refused = exporter(refusing.url);
  refused.add(span(1));
  await refused.stop();
  expect([refusing.bodies.length, refused.outcomes]).toEqual([1, { failed: 1 }]);
});

test("a collector that hangs or is away costs no more than the queue: the rest is dropped, and every span is accounted for", async () => {
  const hanging = collector(async () => {
    await Bun.sleep(200);
    return new Response(null, { status: 200 });
  });
  for (const url of [hanging.url, "http://127.0.0.1:1"]) {
    const otlp = exporter(url, { queueMax: 100, batchMax: 10, timeoutMs: 20 });
    for (let number = 0; number < 1000; number++) otlp.add(span(number));
    await otlp.stop();
    otlp.add(span(1));
    const { sent = 0, failed = 0, dropped = 0 } = otlp.outcomes;
    expect(sent).toBe(0);
    expect(sent + failed + dropped).toBe(1001);
    expect(failed).toBeLessThanOrEqual(110);
  }
});
