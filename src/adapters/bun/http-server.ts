/** A handler behind a port: Bun's own server, its limits set, its errors in plain words, its stop a drain. */
import { SpillwayError } from "#kernel/error.ts";

export type HttpServer = {
  readonly port: number;
  /** Requests that have no answer yet. */
  pending(): number;
  /** Takes no new connection; resolves when what is under way has its answer, or after `graceMs` at the latest. */
  stop(graceMs: number): Promise<void>;
};

export type ServeOptions = {
  readonly port: number;
  readonly hostname?: string;
  /** For SO_REUSEPORT: several processes share one port, the kernel spreads connections over them. */
  readonly shared?: boolean;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly bodyMaxBytes: number;
};

export function serve(options: ServeOptions): HttpServer {
  try {
    const server = Bun.serve({
      port: options.port,
      ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
      reusePort: options.shared ?? false,
      // Longer than the pause between two heartbeats of an event stream.
      idleTimeout: 60,
      maxRequestBodySize: options.bodyMaxBytes,
      development: false,
      fetch: (request) => options.fetch(request),
    });
    return {
      port: server.port ?? options.port,
      pending: () => server.pendingRequests,
      async stop(graceMs) {
        const drained = server.stop(false);
        const grace = AbortSignal.timeout(graceMs);
        await Promise.race([
          drained,
          new Promise((resolve) => grace.addEventListener("abort", resolve, { once: true })),
        ]);
        await server.stop(true);
      },
    };
  } catch (error) {
    throw portProblem(error, options.port);
  }
}

/** Why a port cannot be listened on, in a sentence that says what to do; any other error as it is. */
export function portProblem(error: unknown, port: number): unknown {
  switch ((error as { code?: string }).code) {
    case "EADDRINUSE":
      return new SpillwayError(
        "port_in_use",
        `Port ${port} is in use. Stop what listens there, or choose another: PORT=8090 npm start (and SPILLWAY_OPS_PORT for the operations port).`,
        { cause: error },
      );
    case "EACCES":
      return new SpillwayError(
        "port_in_use",
        `Port ${port} may not be opened by this user. Choose one above 1023: PORT=8080.`,
        { cause: error },
      );
    default:
      return error;
  }
}
