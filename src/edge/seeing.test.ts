/** What the edge tells of itself: counts that add up and stay bounded, traces that stay whole, a log without secrets. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Exchange, Notes } from "./exchange.ts";
import { type Meter, toHeaders } from "./ports.ts";
import { createSeeing, parseTraceparent, type SeeingDeps, type Span } from "./seeing.ts";

/** The port as plain maps: name and labels to a number. */
function counted() {
  const values = new Map<string, number>();
  const add = (name: string, labels: Readonly<Record<string, string>>) => {
    const key = `${name} ${Object.entries(labels)
      .map(([label, value]) => `${label}=${value}`)
      .join(" ")}`.trim();
    values.set(key, values.get(key) ?? 0);
    return () => {
      values.set(key, (values.get(key) ?? 0) + 1);
    };
  };
  const meter: Meter = {
    counter: (name) => (labels) => add(name, labels),
    histogram: (name) => (labels) => add(name, labels),
    gauge: () => {},
  };
  const sum = (name: string) =>
    [...values].filter(([key]) => key.startsWith(name)).reduce((all, [, value]) => all + value, 0);
  return { meter, values, sum };
}

const template = (name: string) => ({ template: name, class: "browsing", challenge: false }) as const;

function exchange(
  change: Partial<Exchange> & { readonly fields?: Record<string, string>; readonly notes?: Notes } = {},
): Exchange {
  const { fields = {}, ...rest } = change;
  return {
    method: "GET",
    scheme: "https",
    host: "shop.example:8443",
    target: "/orders/X?key=secret",
    path: "/orders/X",
    headers: new Headers(fields),
    request: null,
    address: "192.0.2.1",
    atMs: Date.UTC(2026, 10, 27, 8),
    route: template("/orders/:number"),
    notes: {},
    ...rest,
  };
}

function seeing(log: { accessSample?: number; traceSample?: number }, deps: Partial<SeeingDeps> = {}) {
  const count = counted();
  const timers: (() => void)[] = [];
  let ms = 0;
  const made = createSeeing(
    { accessSample: 0, traceSample: 0, ...log },
    {
      meter: count.meter,
      monotonicMs: () => {
        ms += 1;
        return ms;
      },
      random: () => 0.5,
      later: (_ms, run) => {
        timers.push(run);
      },
      ...deps,
    },
  );
  return { ...made, ...count, timers };
}

const okay = () => new Response("ok");

describe("counts", () => {
  test("name the route's template, never the path, and who answered", () => {
    const { stage, values } = seeing({});
    void stage(exchange({ notes: { answeredBy: "cache", cache: "hit" } }), okay);
    expect(
      values.get("spillway_edge_requests_total route=/orders/:number method=GET status=200 answered_by=cache"),
    ).toBe(1);
    expect(values.get("spillway_edge_request_seconds route=/orders/:number")).toBe(1);
    expect(values.get("spillway_edge_answer_seconds answered_by=cache")).toBe(1);
    expect(values.get("spillway_edge_cache_total result=hit")).toBe(1);
  });

  test("add up to the requests, whether answered at once, later, or not at all", async () => {
    const { stage, sum, underWay } = seeing({});
    const ways = [
      okay,
      () => Promise.resolve(okay()),
      () => Promise.reject(new Error("away")),
      () => {
        throw new Error("at once");
      },
    ];
    for (let index = 0; index < 40; index++) {
      const way = ways[index % ways.length] ?? okay;
      await (async () => await stage(exchange(), way))().catch(() => {});
    }
    expect(sum("spillway_edge_requests_total")).toBe(40);
    expect(sum("spillway_edge_request_seconds")).toBe(40);
    expect(underWay()).toBe(0);
  });

  test("stay bounded, whatever methods, statuses, routes and reasons come along, and still add up", () => {
    const { stage, values, sum } = seeing({});
    const requests = 30_000;
    for (let index = 0; index < requests; index++) {
      const notes = { answeredBy: `stage${index % 100}`, refused: `reason${index}`, cache: `result${index}` };
      const given = exchange({ method: `M${index}`, route: template(`/r${index}`), notes });
      void stage(given, () => new Response(null, { status: 200 + (index % 300) }));
    }
    expect(values.size).toBeLessThan(13_000);
    for (const name of ["requests_total", "request_seconds", "answer_seconds", "cache_total", "refused_total"])
      expect(sum(`spillway_edge_${name}`)).toBe(requests);
  });

  test("count each time an upstream was asked again", () => {
    const { stage, sum } = seeing({});
    for (const tries of [1, 2, 3]) void stage(exchange({ notes: { tries } }), okay);
    expect(sum("spillway_edge_retries_total")).toBe(3);
  });

  test("cost no promise and no copy when nothing else is asked for", () => {
    const { stage } = seeing({});
    const given = exchange({ fields: { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" } });
    const answer = okay();
    let passed: Exchange | undefined;
    const got = stage(given, (next) => {
      passed = next;
      return answer;
    });
    expect(got).toBe(answer);
    expect(passed).toBe(given);
  });
});

describe("traceparent (W3C Trace Context)", () => {
  const valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  test.each([
    [valid, true],
    ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true],
    ["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true],
    ["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like", true],
    ["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what", false],
    ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false],
    ["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false],
    ["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false],
    ["00-00000000000000000000000000000000-00f067aa0ba902b7-01", false],
    ["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false],
    [`${valid}, ${valid}`, false],
    ["", false],
  ])("%s is read or not: %p", (text, fine) => {
    expect(parseTraceparent(text) !== undefined).toBe(fine);
  });

  const through = (fields: Record<string, string>, log: { traceSample: number }, random: number, spans?: Span[]) => {
    const { stage } = seeing(log, {
      random: () => random,
      ...(spans === undefined ? {} : { spans: { add: (span: Span) => spans.push(span) } }),
    });
    let headers = new Headers();
    void stage(exchange({ fields, notes: { answeredBy: "forward", upstream: "a:1" } }), (next) => {
      headers = toHeaders(next.headers);
      return new Response(null, { status: 502 });
    });
    return headers;
  };

  test("a sampled one is continued: the origin sees our span as its parent, and the collector the caller's as ours", () => {
    const spans: Span[] = [];
    const headers = through({ traceparent: valid, tracestate: "vendor=1" }, { traceSample: 0 }, 0.3, spans);
    const seen = parseTraceparent(headers.get("traceparent") ?? "");
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({
      parentSpanId: "00f067aa0ba902b7",
      traceState: "vendor=1",
      failed: true,
      name: "GET /orders/:number",
    });
    expect(seen).toEqual({
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      parentSpanId: spans[0]?.spanId ?? "",
      sampled: true,
    });
    expect(headers.get("tracestate")).toBe("vendor=1");
    expect(spans[0]?.attributes).toMatchObject({
      "http.route": "/orders/:number",
      "http.response.status_code": 502,
      "server.address": "shop.example",
    });
    expect(JSON.stringify(spans)).not.toContain("secret");
  });

  test("one that is not sampled, or that nobody collects here, is passed on untouched", () => {
    const unsampled = valid.replace(/01$/, "00");
    expect(through({ traceparent: unsampled }, { traceSample: 1 }, 0, []).get("traceparent")).toBe(unsampled);
    expect(through({ traceparent: valid }, { traceSample: 1 }, 0).get("traceparent")).toBe(valid);
  });

  test("a broken one is not passed on, and neither is its tracestate", () => {
    const headers = through({ traceparent: "00-zz", tracestate: "vendor=1" }, { traceSample: 0.1 }, 0.5, []);
    expect([headers.get("traceparent"), headers.get("tracestate")]).toEqual([null, null]);
    const begun = through({ traceparent: "00-zz", tracestate: "vendor=1" }, { traceSample: 1 }, 0.5, []);
    expect(parseTraceparent(begun.get("traceparent") ?? "")?.sampled).toBe(true);
    expect(begun.get("tracestate")).toBeNull();
  });

  test("without one a trace begins for the share that was asked for, with an id that is always valid", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (luck) => {
        const begun = through({}, { traceSample: 0.25 }, luck).get("traceparent");
        if (luck >= 0.25) expect(begun).toBeNull();
        else expect(parseTraceparent(begun ?? "")?.sampled).toBe(true);
      }),
    );
  });
});

describe("the access log", () => {
  test("has every error and the share of the rest that was asked for, with no query and no cookie in it", async () => {
    const written: string[] = [];
    const { stage, flush } = seeing({ accessSample: 0.4 }, { writeLog: (lines) => void written.push(lines) });
    void stage(exchange({ fields: { cookie: "cart=1", "user-agent": "x".repeat(900) } }), okay);
    void stage(exchange({ notes: { answeredBy: "fallback" } }), () => new Response(null, { status: 503 }));
    await flush();
    const lines = written.join("").trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      time: "2026-11-27T08:00:00.000Z",
      method: "GET",
      path: "/orders/X",
      route: "/orders/:number",
      status: 503,
      answeredBy: "fallback",
      ms: 1,
    });
    expect(written.join("")).not.toMatch(/secret|cart=1/);
  });

  test("is written in batches, and within a moment when there is little", async () => {
    const written: string[] = [];
    const { stage, timers } = seeing({ accessSample: 1 }, { writeLog: (lines) => void written.push(lines) });
    for (let index = 0; index < 10; index++) void stage(exchange(), okay);
    expect(written).toHaveLength(0);
    expect(timers).toHaveLength(1);
    timers[0]?.();
    await Promise.resolve();
    expect(written.join("").split("\n")).toHaveLength(11);
  });

  test("that nobody takes away fills no memory: lines are dropped and counted, every other one is written in order", async () => {
    let release = () => {};
    const written: string[] = [];
    const { stage, sum, flush } = seeing(
      { accessSample: 1 },
      {
        writeLog: (lines) => {
          written.push(lines);
          return new Promise<void>((resolve) => {
            release = resolve;
          });
        },
      },
    );
    const requests = 20_000;
    for (let index = 0; index < requests; index++) void stage(exchange({ address: String(index) }), okay);
    const dropped = sum("spillway_edge_log_dropped_total");
    expect(dropped).toBeGreaterThan(0);
    const done = flush();
    for (let turn = 0; turn < 5; turn++) {
      release();
      await Bun.sleep(0);
    }
    await done;
    const seen = written
      .join("")
      .trimEnd()
      .split("\n")
      .map((line) => Number(JSON.parse(line).address));
    expect(seen.length + dropped).toBe(requests);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test("begins and ends with new settings, while the counts go on", async () => {
    const written: string[] = [];
    const { stage, sum, flush, update } = seeing({}, { writeLog: (lines) => void written.push(lines) });
    void stage(exchange(), okay);
    update({ accessSample: 1, traceSample: 0 }, undefined);
    void stage(exchange(), okay);
    update({ accessSample: 0, traceSample: 0 }, undefined);
    void stage(exchange(), () => new Response(null, { status: 500 }));
    await flush();
    expect(written.join("").trimEnd().split("\n")).toHaveLength(1);
    expect(sum("spillway_edge_requests_total")).toBe(3);
  });

  test("that fails stops nothing", async () => {
    const { stage, flush } = seeing({ accessSample: 1 }, { writeLog: () => Promise.reject(new Error("disk full")) });
    void stage(exchange(), okay);
    await flush();
    expect(stage(exchange(), okay)).toBeInstanceOf(Response);
  });
});
