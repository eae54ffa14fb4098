/**
 * The edge's front door. Cleartext HTTP/1.1 is read by a door of our own (http1-door.ts); all else by Bun's server: TLS, HTTP/2, HTTP/3
 * where it is asked for, WebSockets. To Bun.serve it adds what that lacks: a deadline for a whole body, certificates that change
 * while it runs, a stop that fails nobody.
 *
 * A new certificate needs a new Bun.serve (its reload takes none), so the listener may be two servers on one port for a while: the new
 * one, and the one that finishes what it has. Each begins with `open`, and ends with `retire`.
 */
import { readFileSync, statSync } from "node:fs";
import http from "node:http";
import { createSecureContext } from "node:tls";
import type { Door, Receiver } from "#edge/ports.ts";
import { createTunnels, type TunnelState, type Tunnels } from "./edge-tunnel.ts";
import { portProblem } from "./http-server.ts";
import { listenHttp1 } from "./http1-door.ts";
import {
  type CertificateFiles,
  type EdgeListener,
  type EdgeListenerOptions,
  plainAddress,
  quietMs,
} from "./listener.ts";
import { hasBody, hasToBeWatched, inTime } from "./slow-body.ts";

type Server = Bun.Server<TunnelState>;
/** A server that is ending: when it was last asked for something. */
type Opened = { readonly server: Server; readonly tunnels: Tunnels; isRetiring: boolean; lastAskedMs: number };

/** The longest that a request which waits for an origin, or a stream of events, is left alone; the origin's own deadlines are shorter. */
const longestSeconds = 255;
/** How long the longest download may take that began under an older certificate. */
const downloadMs = 600_000;
/** What a WebSocket that ends with its server is told (RFC 6455 7.4.1). */
const goingAway = 1001;

/** Without TLS the door is our own, and Bun's is behind it for what it alone can; with TLS it is Bun's. */
export function listen(options: EdgeListenerOptions, initial: Receiver): EdgeListener {
  if (options.tls !== undefined) return listenByBun(options, initial, undefined);
  return listenHttp1(options, initial, (receiver, addressOf) =>
    listenByBun({ ...options, port: 0, hostname: "127.0.0.1", http3: false }, receiver, addressOf),
  );
}

/** `addressOf`: who is behind a port of this machine, where our own door stands in front; "": nobody. */
function listenByBun(
  options: EdgeListenerOptions,
  initial: Receiver,
  addressOf: ((port: number) => string) | undefined,
): EdgeListener {
  const trouble = options.onTrouble ?? (() => {});
  let receiver = initial;
  const all = new Set<Opened>();

  // Bun counts the head itself; the value is the process's.
  Reflect.set(http, "maxHeaderSize", options.headersMaxBytes);

  function open(port: number): Opened {
    const tunnels = createTunnels(trouble);
    const server: Server = Bun.serve<TunnelState>({
      port,
      ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
      // Two servers share the port while a certificate changes.
      reusePort: options.tls !== undefined,
      ...(options.tls === undefined ? {} : { tls: certificateOf(options.tls) }),
      http2: options.http2,
      http3: options.http3 && options.tls !== undefined,
      idleTimeout: atLeast(options.idleTimeoutSeconds),
      maxRequestBodySize: options.bodyMaxBytes,
      development: false,
      websocket: tunnels.handlers,
      fetch: (request) => {
        const answer = hasToBeWatched(request, options.http2 || options.http3)
          ? inTime(
              request,
              options.bodyTimeoutSeconds,
              (watched) => receiver(watched, doorFor(request)),
              () => server.timeout(request, longestSeconds),
            )
          : receiver(request, door);
        if (answer instanceof Promise) return settled(request, answer);
        if (!opened.isRetiring) return answer;
        opened.lastAskedMs = performance.now();
        return saysClose(answer);
      },
      error: (error) => {
        trouble(`A request failed: ${error.message}`);
        return new Response("This request failed. Try again.\n", { status: 500 });
      },
    });
    const door: Door = {
      scheme: options.tls === undefined ? "http" : "https",
      addressOf: (request) => {
        const peer = server.requestIP(request as Request);
        return addressOf === undefined || peer === null ? plainAddress(peer?.address) : addressOf(peer.port);
      },
      tunnel: (request, upstream, headers) => tunnels.join(server, request as Request, upstream, headers),
    };
    // A watched request is a copy; Bun knows the original.
    const doorFor = (original: Request): Door => ({ ...door, addressOf: () => door.addressOf(original) });
    const settled = async (request: Request, promise: Promise<Response>): Promise<Response | undefined> => {
      // To Bun a connection is idle while its client waits for us. Who waits for whom is known by whether a body is to come.
      server.timeout(request, hasBody(request) ? atLeast(options.bodyTimeoutSeconds) : longestSeconds);
      let answer = await promise;
      if (tunnels.hasJoined(request)) return undefined;
      // Between two events a stream may be quiet longer than a reader may be slow.
      const isEvents = answer.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
      server.timeout(request, isEvents ? longestSeconds : atLeast(options.idleTimeoutSeconds));
      if (isEvents) answer = announced(answer);
      if (!opened.isRetiring) return answer;
      opened.lastAskedMs = performance.now();
      return saysClose(answer);
    };
    const opened: Opened = { server, tunnels, isRetiring: false, lastAskedMs: 0 };
    all.add(opened);
    return opened;
  }

  async function retire(opened: Opened, tellMs: number, graceMs: number): Promise<void> {
    const { server } = opened;
    const startMs = performance.now();
    opened.isRetiring = true;
    opened.lastAskedMs = startMs;
    // An idle connection that is closed may have a request on its way: so first everybody who asks is told to close, and the
    // door stays open for them.
    while (performance.now() - startMs < tellMs && performance.now() - opened.lastAskedMs < quietMs) {
      await Bun.sleep(Math.min(50, tellMs / 10));
    }
    const drained = server.stop(false);
    // They never end by themselves, and can be opened again elsewhere. Where only the certificate has changed they stay.
    if (isDraining) opened.tunnels.closeAll(goingAway, "The server restarts.");
    await within(drained, graceMs - (performance.now() - startMs));
    await server.stop(true);
    all.delete(opened);
  }

  let isDraining = false;
  let current = opening(options, open);
  const port = current.server.port ?? options.port;

  function reloadCertificates(): void {
    if (options.tls === undefined || isDraining) return;
    seen = stampOf(options.tls);
    const before = current;
    current = open(port);
    // As long as the old server tells its connections to close, it gets half of the new ones, and they the old certificate.
    void retire(before, 2000, downloadMs);
  }

  let seen = options.tls === undefined ? "" : stampOf(options.tls);
  function lookAtFiles(files: CertificateFiles): void {
    const stamp = stampOf(files);
    if (stamp === seen || stamp === "") return;
    try {
      reloadCertificates();
    } catch (error) {
      trouble(error instanceof Error ? error.message : String(error));
    }
  }
  const { tls, certificateWatchSeconds = 10 } = options;
  const watch =
    tls === undefined || certificateWatchSeconds === 0
      ? undefined
      : setInterval(() => lookAtFiles(tls), certificateWatchSeconds * 1000);
  watch?.unref();

  return {
    port,
    inFlight: () => [...all].reduce((sum, { server }) => sum + server.pendingRequests, 0),
    tunnels: () => [...all].reduce((sum, { server }) => sum + server.pendingWebSockets, 0),
    isDraining: () => isDraining,
    setReceiver: (next) => {
      receiver = next;
    },
    reloadCertificates,
    async stop(graceMs) {
      isDraining = true;
      clearInterval(watch);
      await Promise.all([...all].map((opened) => retire(opened, graceMs / 2, graceMs)));
    },
  };
}

async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.max(0, ms));
  });
  await Promise.race([promise, over]);
  clearTimeout(timer);
}

/** Bun looks at its timers every four seconds and takes what is left of the first four for whole: 4 may be over at once. */
function atLeast(seconds: number): number {
  return Math.min(longestSeconds, seconds + 4);
}

function opening(options: EdgeListenerOptions, open: (port: number) => Opened): Opened {
  try {
    // With a shared port the kernel would not say that somebody else has it.
    if (options.tls !== undefined && options.port !== 0) {
      Bun.listen({ port: options.port, hostname: options.hostname ?? "0.0.0.0", socket: { data() {} } }).stop(true);
    }
    return open(options.port);
  } catch (error) {
    throw portProblem(error, options.port);
  }
}

function certificateOf({ certFile, keyFile }: CertificateFiles): { cert: string; key: string } {
  let cert: string;
  let key: string;
  try {
    cert = readFileSync(certFile, "utf8");
    key = readFileSync(keyFile, "utf8");
    createSecureContext({ cert, key });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`The certificate ${certFile} and the key ${keyFile} cannot be used: ${why}`, { cause: error });
  }
  return { cert, key };
}

/** Changes when one of the files does, also where it is a link that was set anew. Empty while one is missing. */
function stampOf({ certFile, keyFile }: CertificateFiles): string {
  const stamps = [certFile, keyFile].map((file) => {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat === undefined ? "" : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
  });
  return stamps.includes("") ? "" : stamps.join();
}

/** A copy, because an answer may be one of a cache that others get too. */
function saysClose(answer: Response): Response {
  const headers = new Headers(answer.headers);
  headers.set("connection", "close");
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}

/**
 * Bun keeps the end of a head until the body's first piece is there, and a browser's EventSource is not open before. A comment is that
 * piece: it means nothing (HTML Living Standard, 9.2.5), and is what servers of events are advised to send.
 */
function announced(answer: Response): Response {
  if (answer.body === null || answer.headers.has("content-encoding")) return answer;
  const reader = answer.body.getReader();
  const events = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(":\n\n")),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(events, { status: answer.status, statusText: answer.statusText, headers: answer.headers });
}
