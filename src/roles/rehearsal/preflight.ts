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

/** How many connections all processes together may have, by this system's limit of open files; Infinity where it tells none. */
export function connectionsAllowed(processes: number): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
    const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
    const limit = Number(soft === "unlimited" ? hard : soft);
    return Number.isFinite(limit) ? Math.max(1, limit - filesBeside) * processes : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
