/**
 * Sends spans to a collector: OTLP over HTTP, JSON encoding, `POST …/v1/traces`. It may be slow or away for as long as
 * it likes: the queue is bounded, what does not fit is dropped and counted, and no request ever waits for it.
 */
import type { Meter } from "#edge/ports.ts";
import type { Span, SpanSink } from "#edge/seeing.ts";

export type OtlpExporterOptions = {
  /** "http://collector:4318", with or without "/v1/traces". */
  readonly url: string;
  readonly serviceName: string;
  readonly serviceVersion: string;
  readonly meter: Meter;
  readonly queueMax?: number;
  readonly batchMax?: number;
  readonly waitMs?: number;
  readonly timeoutMs?: number;
  /** The first pause before a batch is sent again; doubles each time. */
  readonly retryMs?: number;
};

export type OtlpExporter = SpanSink & {
  /** Sends what is queued, once, and takes no more. */
  stop(): Promise<void>;
};

const triesMax = 4;
const retryAfterMaxMs = 30_000;

export function createOtlpExporter(options: OtlpExporterOptions): OtlpExporter {
  const { queueMax = 4096, batchMax = 512, waitMs = 1000, timeoutMs = 5000, retryMs = 500 } = options;
  const base = options.url.replace(/\/+$/, "");
  const url = base.endsWith("/v1/traces") ? base : `${base}/v1/traces`;
  const spans = options.meter.counter("spillway_edge_spans_total", "Spans, by what became of them.");
  const count = {
    sent: spans({ outcome: "sent" }),
    dropped: spans({ outcome: "dropped" }),
    failed: spans({ outcome: "failed" }),
  };
  const queue: Span[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<void> | undefined;
  const stopping = new AbortController();

  const sendAll = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.splice(0, batchMax);
      const outcome = (await sent(batch)) ? count.sent : count.failed;
      for (const _span of batch) outcome();
    }
  };

  /** Retried as the protocol says: 429, 502, 503, 504 and no answer; every other refusal is final. */
  const sent = async (batch: readonly Span[]): Promise<boolean> => {
    const body = JSON.stringify(requestOf(batch, options));
    for (let tries = 1; ; tries++) {
      let pauseMs = retryMs * 2 ** (tries - 1);
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
          redirect: "manual",
          signal: AbortSignal.timeout(timeoutMs),
        });
        await response.body?.cancel();
        if (response.ok) return true;
        if (![429, 502, 503, 504].includes(response.status)) return false;
        const asked = Number(response.headers.get("retry-after")) * 1000;
        if (asked > 0) pauseMs = Math.min(asked, retryAfterMaxMs);
      } catch {
        // No answer is as good as a 503.
      }
      if (tries >= triesMax || stopping.signal.aborted) return false;
      await pause(pauseMs, stopping.signal);
    }
  };

  const start = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    sending ??= sendAll().finally(() => {
      sending = undefined;
    });
    return sending;
  };

  return {
    add(span) {
      if (queue.length >= queueMax || stopping.signal.aborted) {
        count.dropped();
        return;
      }
      queue.push(span);
      if (queue.length >= batchMax) void start();
      else if (timer === undefined) {
        timer = setTimeout(() => void start(), waitMs);
        // Spans alone keep no process alive.
        timer.unref();
      }
    },
    async stop() {
      stopping.abort();
      await start();
      await start();
    },
  };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });

const serverKind = 2;
const statusError = 2;

/** `ExportTraceServiceRequest` as JSON: ids in hexadecimal, numbers of 64 bits as text (OTLP 1.x, "JSON Protobuf Encoding"). */
function requestOf(batch: readonly Span[], { serviceName, serviceVersion }: OtlpExporterOptions) {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributes({ "service.name": serviceName, "service.version": serviceVersion }) },
        scopeSpans: [
          {
            scope: { name: "spillway.edge", version: serviceVersion },
            spans: batch.map((span) => ({
              traceId: span.traceId,
              spanId: span.spanId,
              ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
              ...(span.traceState === undefined ? {} : { traceState: span.traceState }),
              name: span.name,
              kind: serverKind,
              startTimeUnixNano: nanoseconds(span.startMs),
              endTimeUnixNano: nanoseconds(span.startMs + span.durationMs),
              attributes: attributes(span.attributes),
              status: span.failed ? { code: statusError } : {},
            })),
          },
        ],
      },
    ],
  };
}

/** Beyond 2^53: whole milliseconds and the rest apart. */
function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1_000_000)));
}

const attributes = (given: Readonly<Record<string, string | number>>) =>
  Object.entries(given).map(([key, value]) => ({
    key,
    value:
      typeof value === "string"
        ? { stringValue: value }
        : Number.isInteger(value)
          ? { intValue: String(value) }
          : { doubleValue: value },
  }));
