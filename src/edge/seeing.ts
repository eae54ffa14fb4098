/**
 * Seeing what the edge does: counts and times by route template, traces by W3C Trace Context, the access log. The first
 * stage of all. With log and traces off it costs a request two looks at the clock and a few looks into maps; series are
 * looked up once and kept as closures.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Random } from "#kernel/clock.ts";
import type { Exchange, Glimpse, Next, Stage } from "./exchange.ts";
import { type Fields, type Meter, toHeaders } from "./ports.ts";

export type Span = {
  /** 32 and 16 hexadecimal digits in lower case. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number>>;
};

/** Takes spans and sends them on in its own time. Never waits, never throws; drops what it cannot hold and counts that. */
export interface SpanSink {
  add(span: Span): void;
}

export type SeeingDeps = {
  readonly meter: Meter;
  /** A clock that never goes back, in milliseconds with fractions: performance.now. */
  readonly monotonicMs: () => number;
  readonly random: Random;
  /** Calls once after so many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
  /** Where lines of the access log go, several at once. A promise says when it is ready for more. */
  readonly writeLog?: (lines: string) => undefined | Promise<void>;
  /** Absent: traces are passed on to the origin and nothing is exported. */
  readonly spans?: SpanSink | undefined;
};

export type Seeing = {
  readonly stage: Stage;
  /** For a request that is answered without stages: the beginning of its time, and what the stage does at its end. */
  readonly startMs: () => number;
  readonly seen: (exchange: Glimpse, status: number, startedMs: number) => void;
  /** The same for one that is sent on: at its beginning, and at its end. */
  readonly begins: (exchange: Glimpse, startedMs: number) => Sight;
  readonly ends: (exchange: Glimpse, status: number, sight: Sight) => void;
  /** Writes what the access log still holds; for the drain. */
  flush(): Promise<void>;
  /** Requests without an answer's head yet. */
  underWay(): number;
  /** Takes new settings, and another sink for spans with them: counts go on where they are. */
  update(settings: EdgeConfig["log"], spans: SpanSink | undefined): void;
};

export type Sight = {
  readonly startedMs: number;
  readonly trace: Trace | undefined;
  /** What the origin is told instead of the client's `traceparent` and `tracestate`, as lines; undefined: the client's. */
  readonly lines: string | undefined;
};

export function createSeeing(settings: EdgeConfig["log"], deps: SeeingDeps): Seeing {
  const { monotonicMs, random } = deps;
  let { accessSample, traceSample } = settings;
  let spans = deps.spans;
  const tally = createTally(deps.meter);
  const log = deps.writeLog !== undefined ? createLog(deps.writeLog, deps) : undefined;
  let underWay = 0;
  deps.meter.gauge("spillway_edge_under_way", "Requests without an answer's head yet.", () => underWay);

  const done = (exchange: Glimpse, status: number, startedMs: number, trace: Trace | undefined): void => {
    underWay -= 1;
    const ms = monotonicMs() - startedMs;
    tally(exchange, status, ms / 1000);
    if (accessSample > 0 && log !== undefined && (status >= 500 || random() < accessSample))
      log.add(lineOf(exchange, status, ms, trace));
    if (trace?.record === true) spans?.add(spanOf(exchange, status, ms, trace));
  };

  const passOn = (exchange: Exchange, next: Next, startedMs: number, trace: Trace | undefined) => {
    try {
      const answer = next(exchange);
      if (answer instanceof Response) {
        done(exchange, answer.status, startedMs, trace);
        return answer;
      }
      return answer.then(
        (response) => {
          done(exchange, response.status, startedMs, trace);
          return response;
        },
        (error: unknown) => {
          done(exchange, 500, startedMs, trace);
          throw error;
        },
      );
    } catch (error) {
      done(exchange, 500, startedMs, trace);
      throw error;
    }
  };

  /** Undefined: there is none to begin, and nothing to change in what is passed on. */
  const traceFor = (headers: Fields): Trace | null | undefined => {
    const given = headers.get("traceparent");
    if (given === null && (traceSample === 0 || random() >= traceSample)) return undefined;
    const trace = traceOf(given, headers.get("tracestate"), traceSample, random, spans !== undefined);
    return typeof trace === "string" ? undefined : trace;
  };

  return {
    startMs: monotonicMs,
    seen(exchange, status, startedMs) {
      underWay += 1;
      // Nothing is passed on: without a collector nobody would ever hear of its trace.
      done(exchange, status, startedMs, spans === undefined ? undefined : (traceFor(exchange.headers) ?? undefined));
    },
    begins(exchange, startedMs) {
      underWay += 1;
      const trace = traceFor(exchange.headers);
      if (trace === undefined) return { startedMs, trace, lines: undefined };
      if (trace === null) return { startedMs, trace: undefined, lines: "" };
      const state = trace.traceState === undefined ? "" : `tracestate: ${trace.traceState}\r\n`;
      return { startedMs, trace, lines: `traceparent: 00-${trace.traceId}-${trace.spanId}-01\r\n${state}` };
    },
    ends: (exchange, status, { startedMs, trace }) => done(exchange, status, startedMs, trace),
    stage: (exchange, next) => {
      const startedMs = monotonicMs();
      underWay += 1;
      const trace = traceFor(exchange.headers);
      if (trace === undefined) return passOn(exchange, next, startedMs, undefined);
      const headers = toHeaders(exchange.headers);
      if (trace === null) {
        headers.delete("traceparent");
        headers.delete("tracestate");
        return passOn({ ...exchange, headers }, next, startedMs, undefined);
      }
      headers.set("traceparent", `00-${trace.traceId}-${trace.spanId}-01`);
      if (trace.traceState === undefined) headers.delete("tracestate");
      return passOn({ ...exchange, headers }, next, startedMs, trace);
    },
    flush: () => log?.flush() ?? Promise.resolve(),
    underWay: () => underWay,
    update(next, sink) {
      ({ accessSample, traceSample } = next);
      spans = sink;
    },
  };
}

type Trace = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly record: boolean;
};

/**
 * W3C Trace Context, 3.2 and 4. A valid one is continued when it is sampled and somebody collects our spans, and else
 * passed on as it is (then `given` comes back): a parent that nobody exported would break the trace. An invalid one is
 * as good as none, and so is its tracestate; null says that both are to be taken away and no trace begun.
 */
function traceOf(
  given: string | null,
  state: string | null,
  sample: number,
  random: Random,
  exported: boolean,
): Trace | string | null {
  if (!exported && given !== null && usualTraceparent.test(given)) return given;
  const parent = given === null ? undefined : parseTraceparent(given);
  if (parent !== undefined) {
    if (!exported || !parent.sampled) return given;
    return { ...parent, spanId: hex(random, 2), traceState: state ?? undefined, record: true };
  }
  if (given !== null && random() >= sample) return null;
  return {
    traceId: hex(random, 4),
    spanId: hex(random, 2),
    parentSpanId: undefined,
    traceState: undefined,
    record: exported,
  };
}

/** What is only passed on need not be taken apart. */
const usualTraceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; what a later version writes behind that is not read. */
export function parseTraceparent(
  text: string,
): { traceId: string; parentSpanId: string; sampled: boolean } | undefined {
  const parts = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text);
  if (parts === null) return undefined;
  const [, version, traceId = "", parentSpanId = "", flags = "", more] = parts;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentSpanId)) return undefined;
  return { traceId, parentSpanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** So many words of 32 bits, never all zero: the first has its lowest bit set. */
function hex(random: Random, words: number): string {
  let text = "";
  for (let index = 0; index < words; index++) {
    const word = Math.floor(random() * 0x1_0000_0000);
    text += ((index === 0 ? word | 1 : word) >>> 0).toString(16).padStart(8, "0");
  }
  return text;
}

function spanOf(exchange: Glimpse, status: number, durationMs: number, trace: Trace): Span {
  const { notes, method, route } = exchange;
  const portAt = exchange.host.lastIndexOf(":");
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentSpanId,
    traceState: trace.traceState,
    name: `${methodOf(method)} ${route.template}`,
    startMs: exchange.atMs,
    durationMs,
    failed: status >= 500,
    attributes: {
      "http.request.method": methodOf(method),
      "http.route": route.template,
      "http.response.status_code": status,
      "url.scheme": exchange.scheme,
      "url.path": cut(exchange.path),
      "server.address": cut(portAt > exchange.host.lastIndexOf("]") ? exchange.host.slice(0, portAt) : exchange.host),
      "client.address": exchange.address,
      ...(notes.answeredBy === undefined ? {} : { "spillway.answered_by": notes.answeredBy }),
      ...(notes.cache === undefined ? {} : { "spillway.cache": notes.cache }),
      ...(notes.upstream === undefined ? {} : { "spillway.upstream": notes.upstream }),
      ...(notes.tries === undefined ? {} : { "spillway.tries": notes.tries }),
    },
  };
}

const cut = (text: string): string => (text.length <= 500 ? text : `${text.slice(0, 500)}…`);

/** One line of JSON. Without the query: it may carry the key of an order, an e-mail address, a token. */
function lineOf(exchange: Glimpse, status: number, ms: number, trace: Trace | undefined): string {
  const { notes } = exchange;
  return `${JSON.stringify({
    time: new Date(exchange.atMs).toISOString(),
    method: cut(exchange.method),
    host: cut(exchange.host),
    path: cut(exchange.path),
    route: exchange.route.template,
    status,
    ms: Math.round(ms * 1000) / 1000,
    address: exchange.address,
    answeredBy: notes.answeredBy,
    cache: notes.cache,
    upstream: notes.upstream,
    tries: notes.tries,
    refused: notes.refused,
    agent: agentOf(exchange.headers.get("user-agent")),
    trace: trace?.traceId,
  })}\n`;
}

const agentOf = (agent: string | null): string | undefined => (agent === null ? undefined : agent.slice(0, 200));

const logBufferMaxBytes = 1024 * 1024;
const logBatchBytes = 32 * 1024;
const logWaitMs = 250;

/** Lines gather until there are enough of them or a moment has passed; while a write is slow they are dropped, counted. */
function createLog(write: (lines: string) => undefined | Promise<void>, deps: Pick<SeeingDeps, "later" | "meter">) {
  const dropped = deps.meter.counter(
    "spillway_edge_log_dropped_total",
    "Lines of the access log that found no room.",
  )({});
  let lines: string[] = [];
  let length = 0;
  let awaited = false;
  let writing: Promise<void> | undefined;

  const flush = (): Promise<void> => {
    if (writing !== undefined) return writing.then(flush);
    if (length === 0) return Promise.resolve();
    const batch = lines.join("");
    lines = [];
    length = 0;
    // A log that cannot be written must not stop the shop.
    writing = attempt(write, batch).finally(() => {
      writing = undefined;
    });
    return writing;
  };

  return {
    flush,
    add(line: string): void {
      if (length + line.length > logBufferMaxBytes) {
        dropped();
        return;
      }
      lines.push(line);
      length += line.length;
      if (length >= logBatchBytes && writing === undefined) void flush();
      if (awaited) return;
      awaited = true;
      deps.later(logWaitMs, () => {
        awaited = false;
        void flush();
      });
    },
  };
}

async function attempt(write: (lines: string) => undefined | Promise<void>, batch: string): Promise<void> {
  try {
    await write(batch);
  } catch {}
}

const methods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);
/** Whatever else is asked for is counted as one, so that nobody can fill the memory with methods. */
const methodOf = (method: string): string => (methods.has(method) ? method : "other");

/** Most series of one name. Routes change with the config and statuses with the origin: neither may grow for ever. */
const seriesMax = 10_000;

function createTally(meter: Meter) {
  const count = meter.counter(
    "spillway_edge_requests_total",
    "Requests answered, by route template, method, status and the stage that answered.",
  );
  const routeTime = meter.histogram("spillway_edge_request_seconds", "Time to the answer's head, by route template.");
  const stageTime = meter.histogram("spillway_edge_answer_seconds", "Time to the answer's head, by who answered.");
  const cached = meter.counter("spillway_edge_cache_total", "Requests that met the cache, by what came of it.");
  const refused = meter.counter("spillway_edge_refused_total", "Requests refused, by reason.");
  const retried = meter.counter("spillway_edge_retries_total", "Times an upstream was asked again.")({});

  const routes = bounded(1000, (route) => routeTime({ route }));
  const stages = bounded(32, (answered_by) => stageTime({ answered_by }));
  const results = bounded(64, (result) => cached({ result }));
  const reasons = bounded(256, (reason) => refused({ reason }));

  const series = new Map<string, Map<string, Map<string, Map<number, () => void>>>>();
  let seriesCount = 0;
  const overflow = count({ route: "other", method: "other", status: "other", answered_by: "other" });

  const counterFor = (route: string, method: string, by: string, status: number): (() => void) => {
    const byMethod = inner(series, route);
    const byStage = inner(byMethod, method);
    const byStatus = inner(byStage, by);
    const known = byStatus.get(status);
    if (known !== undefined) return known;
    if (seriesCount >= seriesMax) return overflow;
    seriesCount += 1;
    const add = count({ route, method, status: String(status), answered_by: by });
    byStatus.set(status, add);
    return add;
  };

  return (exchange: Glimpse, status: number, seconds: number): void => {
    const { notes, route, method } = exchange;
    const by = notes.answeredBy ?? "none";
    const add = series.get(route.template)?.get(method)?.get(by)?.get(status);
    if (add !== undefined) add();
    else if (seriesCount >= seriesMax) overflow();
    else counterFor(route.template, methodOf(method), by, status)();
    routes(route.template)(seconds);
    stages(by)(seconds);
    if (notes.cache !== undefined) results(notes.cache)();
    if (notes.refused !== undefined) reasons(notes.refused)();
    if (notes.tries !== undefined) for (let tries = Math.min(notes.tries, 100); tries > 1; tries--) retried();
  };
}

function inner<Key, Value>(outer: Map<string, Map<Key, Value>>, key: string): Map<Key, Value> {
  let found = outer.get(key);
  if (found === undefined) {
    found = new Map();
    outer.set(key, found);
  }
  return found;
}

/** One closure for each label, made once; labels beyond the bound share the one called "other". */
function bounded<Use>(most: number, make: (label: string) => Use): (label: string) => Use {
  const made = new Map<string, Use>();
  let other: Use | undefined;
  return (label) => {
    const known = made.get(label);
    if (known !== undefined) return known;
    if (made.size >= most) {
      other ??= make("other");
      return other;
    }
    const use = make(label);
    made.set(label, use);
    return use;
  };
}
