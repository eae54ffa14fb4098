/**
 * Both ends of a wire, byte by byte: a client that sends what no client library would, an origin that records what arrives and
 * reads it by its own simple rules, and the listener between them with the least of stages that forwards.
 */
import net from "node:net";
import { listen } from "#adapters/bun/edge-listener.ts";
import type { EdgeListener, EdgeListenerOptions } from "#adapters/bun/listener.ts";
import { createSocketOrigin, type SocketOrigin } from "#adapters/bun/socket-origin.ts";
import type { Exchange } from "#edge/exchange.ts";
import { cleanAnswer, fieldsForOrigin } from "#edge/forwarding.ts";
import { OriginError, toHeaders } from "#edge/ports.ts";
import { createReceiver, type ReceptionDeps, type ReceptionSettings } from "#edge/received.ts";

export type OriginRequest = {
  readonly line: string;
  /** In lower case, in the order of arrival. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly isWhole: boolean;
};

export type RecordingOrigin = {
  readonly port: number;
  /** Everything that ever arrived, of all connections, one text each. */
  readonly received: () => string[];
  readonly requests: () => OriginRequest[];
  /** What it answers to a whole request; the connection stays open. */
  answer: (request: OriginRequest) => string;
  /** That are open now. */
  connections(): number;
  /** Connections that are open, and on which a request has begun and not ended. */
  waiting(): number;
  forget(): void;
  stop(): void;
};

/** Reads what came over one connection as strictly as RFC 9112 has it; throws where the edge sent something of two meanings. */
export function readRequests(bytes: string): OriginRequest[] {
  const requests: OriginRequest[] = [];
  let rest = bytes;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    if (end === -1) {
      requests.push({ line: rest.split("\r\n")[0] ?? "", fields: [], body: "", isWhole: false });
      break;
    }
    const [line = "", ...lines] = rest.slice(0, end).split("\r\n");
    if (!/^[A-Z-]+ \/[^\s#]* HTTP\/1\.1$/.test(line)) throw new Error(`No request line: ${JSON.stringify(line)}`);
    const fields = lines.map((text): [string, string] => {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
      if (name === undefined || value === undefined) throw new Error(`No field: ${JSON.stringify(text)}`);
      return [name.toLowerCase(), value];
    });
    const all = (name: string) => fields.filter(([field]) => field === name).map(([, value]) => value);
    if (all("host").length !== 1) throw new Error(`Not one Host in ${line}`);
    const [codings, lengths] = [all("transfer-encoding"), all("content-length")];
    if (codings.length + lengths.length > 1) throw new Error(`Framed twice: ${line}`);
    rest = rest.slice(end + 4);
    let body = "";
    let isWhole = true;
    if (codings.length === 1) {
      if (codings[0] !== "chunked") throw new Error(`Transfer coding ${codings[0]}`);
      for (;;) {
        const [whole, size] = /^([0-9a-fA-F]+)\r\n/.exec(rest) ?? [];
        if (whole === undefined || size === undefined) {
          isWhole = false;
          rest = "";
          break;
        }
        const length = Number.parseInt(size, 16);
        body += rest.slice(whole.length, whole.length + length);
        const after = rest.slice(whole.length + length);
        if (!after.startsWith("\r\n")) {
          isWhole = false;
          rest = "";
          break;
        }
        rest = after.slice(2);
        if (length === 0) break;
      }
    } else {
      const length = Number(lengths[0] ?? "0");
      body = rest.slice(0, length);
      isWhole = body.length === length;
      rest = rest.slice(length);
    }
    requests.push({ line, fields, body, isWhole });
  }
  return requests;
}

export async function startOrigin(): Promise<RecordingOrigin> {
  const sockets = new Set<net.Socket>();
  const texts: { text: string; answered: number; isOpen: boolean }[] = [];
  const server = net.createServer((socket) => {
    const record = { text: "", answered: 0, isOpen: true };
    texts.push(record);
    sockets.add(socket);
    socket.setEncoding("latin1");
    socket.on("data", (data: string) => {
      record.text += data;
      const whole = readRequests(record.text).filter(({ isWhole }) => isWhole);
      for (const request of whole.slice(record.answered)) {
        record.answered++;
        socket.write(origin.answer(request), "latin1");
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      record.isOpen = false;
      sockets.delete(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin: RecordingOrigin = {
    port: (server.address() as net.AddressInfo).port,
    received: () => texts.map(({ text }) => text),
    requests: () => texts.flatMap(({ text }) => readRequests(text)),
    answer: ({ line, body }) => {
      const text = line.startsWith("HEAD ") ? "" : body;
      return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    },
    connections: () => sockets.size,
    waiting: () =>
      texts.filter(({ text, isOpen }) => isOpen && readRequests(text).some(({ isWhole }) => !isWhole)).length,
    forget() {
      // A pooled connection goes on; what it brings next counts anew.
      for (const record of texts) {
        record.text = "";
        record.answered = 0;
      }
    },
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return origin;
}

/** Passes on, as the least of what a balancer does. */
export function forwardTo(port: () => number): (exchange: Exchange) => Promise<Response> {
  let origin: SocketOrigin | undefined;
  return async (exchange) => {
    const headers = fieldsForOrigin(exchange, { hostHeader: "client", via: "spillway" }, `127.0.0.1:${port()}`);
    if (headers === undefined) return new Response("This request goes in circles.\n", { status: 508 });
    if (exchange.tunnel !== undefined) {
      const url = new URL(`ws://127.0.0.1:${port()}${exchange.target}`);
      return (await exchange.tunnel(url, toHeaders(headers))) ?? new Response(null);
    }
    origin ??= createSocketOrigin({
      url: `http://127.0.0.1:${port()}`,
      hostHeader: "client",
      connectionsMax: 100,
      connectMs: 5000,
      answerMs: 60_000,
      bodyIdleMs: 60_000,
    });
    const { method, target, request } = exchange;
    try {
      const answer = await origin.send({
        method,
        target,
        headers,
        body: method === "GET" || method === "HEAD" ? null : (request?.body ?? null),
        signal: request?.signal ?? new AbortController().signal,
        client: request,
      });
      cleanAnswer(answer.headers);
      return answer;
    } catch (error) {
      if (!(error instanceof OriginError)) throw error;
      return new Response("The origin did not answer.\n", { status: 502 });
    }
  };
}

export type EdgeParts = {
  readonly listener?: Partial<EdgeListenerOptions>;
  readonly reception?: Partial<ReceptionSettings>;
  readonly deps?: Partial<ReceptionDeps>;
};

export function startEdge(handle: ReceptionDeps["handle"], parts: EdgeParts = {}): EdgeListener {
  return listen(
    {
      port: 0,
      hostname: "127.0.0.1",
      http2: true,
      http3: false,
      headersMaxBytes: 16_384,
      bodyMaxBytes: 1_000_000,
      bodyTimeoutSeconds: 60,
      idleTimeoutSeconds: 60,
      ...parts.listener,
    },
    receiver(handle, parts),
  );
}

export function receiver(handle: ReceptionDeps["handle"], parts: EdgeParts = {}) {
  return createReceiver(
    { hosts: [], targetMaxBytes: 8192, ...parts.reception },
    {
      isTrusted: undefined,
      routeOf: () => ({ template: "/*", class: "browsing", challenge: false }),
      now: () => Date.now(),
      handle,
      ...parts.deps,
    },
  );
}

export type Wire = { readonly text: string; readonly end: "closed" | "reset" | "open" };

/**
 * Writes the parts, one after the other with a pause, and reads until the other side closes, `until` holds, or nothing has come for
 * `quietMs`.
 */
export async function send(
  port: number,
  parts: string | readonly string[],
  options: {
    readonly until?: (text: string) => boolean;
    /** Sent when `until` holds for the first time, on the same connection; the end is then when it holds for what comes after. */
    readonly next?: string;
    readonly quietMs?: number;
    readonly pauseMs?: number;
  } = {},
): Promise<Wire> {
  const { until, quietMs = 250, pauseMs = 15 } = options;
  let next = options.next;
  let from = 0;
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  socket.setEncoding("latin1");
  let text = "";
  let isReset = false;
  const { promise, resolve } = Promise.withResolvers<Wire>();
  // Quiet is so many looks without a byte, and not a time: a machine that stood still for as long has said nothing about the wire.
  const looks = 5;
  let left = Number.POSITIVE_INFINITY;
  const timer = setInterval(() => {
    left -= 1;
    if (left === 0) resolve({ text, end: "open" });
  }, quietMs / looks);
  const rest = () => {
    left = looks;
  };
  socket.on("data", (data: string) => {
    text += data;
    if (!until?.(text.slice(from))) return rest();
    if (next === undefined) return resolve({ text, end: "open" });
    from = text.length;
    socket.write(next, "latin1");
    next = undefined;
    rest();
  });
  socket.on("error", () => {
    isReset = true;
  });
  socket.on("close", () => resolve({ text, end: isReset ? "reset" : "closed" }));
  await new Promise((done) => socket.once("connect", done).once("error", done));
  for (const part of typeof parts === "string" ? [parts] : parts) {
    if (!socket.writable) break;
    socket.write(part, "latin1");
    if (typeof parts !== "string") await Bun.sleep(pauseMs);
  }
  rest();
  const wire = await promise;
  clearInterval(timer);
  socket.destroy();
  return wire;
}

/** The status codes of the answers in a text, 1xx left out. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code)).filter((code) => code >= 200);
}
