/**
 * A WebSocket that passes through: the client's end, which Bun's server upgrades, and the upstream's, which is opened first, so that
 * a client is only told "switching" when there is somebody to talk to. Messages, subprotocol and close codes go through; each
 * side answers pings itself. Where one side takes less than the other gives, reading from the other is paused.
 */

export type TunnelState = { readonly upstream: WebSocket; resumeTimer: ReturnType<typeof setInterval> | undefined };
type Client = Bun.ServerWebSocket<TunnelState>;

export type Tunnels = {
  readonly handlers: Bun.WebSocketHandler<TunnelState>;
  join(
    server: Bun.Server<TunnelState>,
    request: Request,
    upstream: URL,
    headers: Headers,
  ): Promise<Response | undefined>;
  /** Whether this request has become a tunnel, and has no answer. */
  hasJoined(request: Request): boolean;
  closeAll(code: number, reason: string): void;
};

const connectMs = 10_000;
const messageMaxBytes = 16 * 1024 * 1024;
/** What is queued towards one side before reading from the other is paused, and when it goes on. */
const queuedMaxBytes = 1024 * 1024;
const queuedLowBytes = 64 * 1024;

export function createTunnels(trouble: (message: string) => void): Tunnels {
  const joined = new WeakSet<Request>();
  const clients = new Set<Client>();

  const handlers: Bun.WebSocketHandler<TunnelState> = {
    maxPayloadLength: messageMaxBytes,
    // The most that waits for a client: one message beyond the pause.
    backpressureLimit: messageMaxBytes + queuedMaxBytes,
    closeOnBackpressureLimit: true,
    idleTimeout: 120,
    sendPings: true,
    open(client) {
      clients.add(client);
      const { upstream } = client.data;
      upstream.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
        client.send(data);
        if (client.getBufferedAmount() > queuedMaxBytes) upstream.pause();
      };
      upstream.onclose = ({ code, reason }) => {
        // 1006: it broke. The client's end breaks too, as it would without an edge.
        if (code === 1006) client.terminate();
        else client.close(code, reason);
      };
      if (upstream.readyState === WebSocket.OPEN) upstream.resume();
      else client.close(1011, "The upstream has gone.");
    },
    message(client, message) {
      const { data } = client;
      data.upstream.send(message);
      if (data.upstream.bufferedAmount <= queuedMaxBytes || data.resumeTimer !== undefined) return;
      client.pause();
      // A WebSocket client has no event for an emptied queue.
      data.resumeTimer = setInterval(() => {
        if (data.upstream.bufferedAmount > queuedLowBytes && data.upstream.readyState === WebSocket.OPEN) return;
        clearInterval(data.resumeTimer);
        data.resumeTimer = undefined;
        client.resume();
      }, 10);
    },
    drain(client) {
      if (client.getBufferedAmount() < queuedLowBytes) client.data.upstream.resume();
    },
    close(client, code, reason) {
      clients.delete(client);
      clearInterval(client.data.resumeTimer);
      endWith(client.data.upstream, code, reason);
    },
  };

  async function join(
    server: Bun.Server<TunnelState>,
    request: Request,
    upstreamUrl: URL,
    headers: Headers,
  ): Promise<Response | undefined> {
    // Asked before the upstream is: what Bun would refuse must not have opened anything there.
    if ((request.headers.get("sec-websocket-key") ?? "").length !== 24) {
      return new Response("This is no WebSocket handshake (RFC 6455 4.2.1).\n", { status: 400 });
    }
    if (request.headers.get("sec-websocket-version") !== "13") {
      return new Response("The version is 13 (RFC 6455 4.4).\n", {
        status: 426,
        headers: { "sec-websocket-version": "13" },
      });
    }
    const offered = request.headers.get("sec-websocket-protocol");
    const protocols = offered === null ? [] : offered.split(",").map((name) => name.trim());
    const sent: Record<string, string> = {};
    for (const [name, value] of headers) if (!name.startsWith("sec-websocket-")) sent[name] = value;
    const url = upstreamUrl.href.replace(/^http/, "ws");

    const opened = await connect(url, protocols, sent, request.signal);
    if (typeof opened === "number") {
      return new Response(null, { status: opened, headers: { "cache-control": "no-store" } });
    }
    if (typeof opened === "string") {
      trouble(opened);
      return new Response("There is no WebSocket here now.\n", { status: 502 });
    }
    // Messages wait in the socket until the client's end is there.
    opened.pause();
    const isUpgraded = server.upgrade(request, {
      data: { upstream: opened, resumeTimer: undefined },
      headers: opened.protocol === "" ? {} : { "sec-websocket-protocol": opened.protocol },
    });
    if (isUpgraded) {
      joined.add(request);
      return undefined;
    }
    opened.close(1001);
    return new Response("The connection cannot be switched.\n", { status: 400 });
  }

  return {
    handlers,
    join,
    hasJoined: (request) => joined.has(request),
    closeAll(code, reason) {
      for (const client of clients) client.close(code, reason);
    },
  };
}

/** An open socket, the status that the upstream answered instead, or what went wrong. */
function connect(
  url: string,
  protocols: string[],
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<WebSocket | number | string> {
  const { promise, resolve } = Promise.withResolvers<WebSocket | number | string>();
  let socket: WebSocket;
  try {
    socket = new WebSocket(url, { protocols, headers });
  } catch (error) {
    return Promise.resolve(`The WebSocket to ${url} cannot be opened: ${String(error)}`);
  }
  socket.binaryType = "arraybuffer";
  const giveUp = (why: string) => {
    resolve(why);
    socket.terminate();
  };
  const timer = setTimeout(() => giveUp(`The WebSocket to ${url} was not open after ${connectMs} ms.`), connectMs);
  const onAbort = () => giveUp(`The client of the WebSocket to ${url} has gone.`);
  signal.addEventListener("abort", onAbort, { once: true });
  socket.onopen = () => resolve(socket);
  socket.onerror = (event) => {
    const message = (event as ErrorEvent).message;
    // Bun tells an answer that is no upgrade in words only.
    const status = Number(/Expected 101 status code: (\d{3})/.exec(message)?.[1]);
    resolve(status >= 300 && status < 600 ? status : message);
  };
  socket.onclose = () => resolve(`The WebSocket to ${url} was closed.`);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  });
}

/** 1005 and 1006 are never sent (RFC 6455 7.4.1): no code was given, and: there was no goodbye. */
function endWith(socket: WebSocket, code: number, reason: string): void {
  socket.onclose = null;
  socket.onmessage = null;
  socket.resume();
  if (code === 1005) socket.close();
  else if (code === 1006) socket.terminate();
  else {
    try {
      socket.close(code, reason);
    } catch {
      // A code that a client may not send.
      socket.close();
    }
  }
}
