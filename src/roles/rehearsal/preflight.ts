/** What is looked at before the first request: whether the target is there, and whether so many connections may be opened. */
import { readFileSync } from "node:fs";
import type { RehearsalPlan } from "#contract/rehearsal-plan.ts";

const connectsWithinMs = 10_000;

/** Undefined when a connection can be made; else a sentence that says why not. */
export async function unreachable({ target }: RehearsalPlan): Promise<string | undefined> {
  const url = new URL(target.url);
  const isTls = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  const answer = Promise.withResolvers<string | undefined>();
  const giveUp = setTimeout(
    () => answer.resolve(`${target.url} took no connection within ${connectsWithinMs / 1000} s.`),
    connectsWithinMs,
  );
  const refusal = (error: unknown): string => {
    const code = (error as { code?: string }).code ?? String(error);
    const why: Record<string, string> = {
      ECONNREFUSED: "nobody listens there. Is the shop running, and is the port right?",
      ENOTFOUND: "no such host is known.",
      EHOSTUNREACH: "no way leads there.",
    };
    return `${target.url} cannot be reached: ${why[code] ?? `${code}.`}`;
  };
  Bun.connect({
    hostname,
    port,
    ...(isTls ? { tls: { serverName: hostname, rejectUnauthorized: !target.trustAnyCertificate } } : {}),
    socket: {
      data: () => undefined,
      open: (socket) => {
        if (isTls) return;
        answer.resolve(undefined);
        socket.end();
      },
      handshake: (socket, isTrusted, error) => {
        const isOtherProtocol = /SSL routines/.test(error?.message ?? "");
        answer.resolve(
          isTrusted
            ? undefined
            : isOtherProtocol
              ? `${target.url} does not speak TLS: ${error?.message}. Is it http://?`
              : `${target.url} has a certificate that is not to be trusted: ${error?.message ?? "unknown"}. For a staging host of your own, set target.trustAnyCertificate (--trust-any-certificate).`,
        );
        socket.end();
      },
      close: () => answer.resolve(isTls ? `${target.url} closed the connection: does it speak TLS?` : undefined),
      error: (_socket, error) => answer.resolve(refusal(error)),
      connectError: (_socket, error) => answer.resolve(refusal(error)),
    },
  }).catch((error: unknown) => answer.resolve(refusal(error)));
  try {
    return await answer.promise;
  } finally {
    clearTimeout(giveUp);
  }
}

/** Files beside connections: logs, pipes, libraries. */
const filesBeside = 64;

/**
 * How many connections all processes of this machine together may have to one target. By the limit of open files; and by the ports
 * that Linux gives to connections, of which it looks for a free one in the even half first: beyond that, each new connection
 * would take milliseconds, and the generator would stand still. Infinity where the system tells none of this.
 */
export function connectionsAllowed(processes: number): number {
  const read = (file: string): string => {
    try {
      return readFileSync(file, "utf8");
    } catch {
      return "";
    }
  };
  const files = Number(/^Max open files\s+(\d+)/m.exec(read("/proc/self/limits"))?.[1] ?? Number.POSITIVE_INFINITY);
  const [from, to] = read("/proc/sys/net/ipv4/ip_local_port_range").trim().split(/\s+/).map(Number);
  const ports = from === undefined || to === undefined || !(to > from) ? Number.POSITIVE_INFINITY : (to - from) >> 1;
  return Math.max(processes, Math.min(Math.max(1, files - filesBeside) * processes, ports));
}
