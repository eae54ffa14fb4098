/**
 * The crowd: N keep-alive connections on Bun's sockets, each with one request under way, no pipelining. It shares the
 * machine with what it measures, so a request costs it one write, one read and a few hundred instructions.
 *
 * connecting -> warm-up -> window -> finishing (nothing new is sent, what is under way gets its answer) -> closed
 */
import { Histogram } from "#rehearse/measure/histogram.ts";
import { type Answer, AnswerScanner } from "./answer-scanner.ts";
import type { CrowdJob, CrowdResult } from "./jobs.ts";

export type Requests = {
  /** The next one's bytes, used until the next call; undefined: there is none, the crowd goes home. */
  next(): Uint8Array | undefined;
  /** Told of every answer, those before and after the window included. `received`: its head, and what of the body came with it. */
  answered(answer: Answer, inWindow: boolean, received: Buffer): void;
};

type Connection = {
  sentAt: number;
  /** What of the request the kernel did not take yet; what of the answer's head has come so far. */
  unsent: Uint8Array | undefined;
  received: Buffer | undefined;
  /** Of the answer's body. */
  left: number;
  underWay: boolean;
};

const finishMs = 10_000;
const connectsWithinMs = 20_000;

export async function crowd(
  job: CrowdJob,
  requests: Requests,
  onEdge: (edge: "begin" | "end") => void,
): Promise<CrowdResult> {
  const scanner = new AnswerScanner();
  const latency = new Histogram();
  const answers = new Uint32Array(1000);
  let broken = 0;
  let underWay = 0;
  let phase: "warm-up" | "window" | "finishing" = "warm-up";
  let beginAt = Number.POSITIVE_INFINITY;
  let endAt = Number.POSITIVE_INFINITY;
  let cpuAtBegin = 0;
  let cpuSeconds = 0;
  let windowSeconds = 0;
  const finished = Promise.withResolvers<void>();

  function turn(now: number): void {
    if (phase === "warm-up" && now >= beginAt) {
      phase = "window";
      beginAt = now;
      endAt = now + job.windowMs;
      cpuAtBegin = cpuSecondsOfThis();
      onEdge("begin");
    } else if (phase === "window" && now >= endAt) {
      phase = "finishing";
      windowSeconds = (now - beginAt) / 1000;
      cpuSeconds = cpuSecondsOfThis() - cpuAtBegin;
      onEdge("end");
    }
  }

  function send(socket: Bun.Socket<Connection>, now: number): void {
    const bytes = requests.next();
    if (bytes === undefined) {
      phase = "finishing";
      if (underWay === 0) finished.resolve();
      return;
    }
    const connection = socket.data;
    connection.sentAt = now;
    connection.underWay = true;
    underWay += 1;
    const written = socket.write(bytes);
    if (written < bytes.length) connection.unsent = bytes.slice(Math.max(written, 0));
  }

  function ended(connection: Connection): void {
    connection.underWay = false;
    underWay -= 1;
    if (phase === "finishing" && underWay === 0) finished.resolve();
  }

  function lost(connection: Connection): void {
    if (!connection.underWay) return;
    broken += 1;
    ended(connection);
  }

  function next(socket: Bun.Socket<Connection>, now: number): void {
    if (phase === "window") latency.record((now - socket.data.sentAt) * 1000);
    ended(socket.data);
    if (phase !== "finishing") send(socket, now);
  }

  const socketHandler: Bun.SocketHandler<Connection> = {
    data(socket, chunk) {
      const now = performance.now();
      const connection = socket.data;
      if (connection.left > 0) {
        connection.left -= chunk.length;
        if (connection.left < 0) throw new Error("more came than was asked for");
        if (connection.left === 0) next(socket, now);
        return;
      }
      const received = connection.received === undefined ? chunk : Buffer.concat([connection.received, chunk]);
      const answer = scanner.scan(received);
      if (answer === undefined) {
        connection.received = received;
        return;
      }
      connection.received = undefined;
      if (now >= beginAt || now >= endAt) turn(now);
      if (phase === "window") answers[answer.status] = (answers[answer.status] ?? 0) + 1;
      requests.answered(answer, phase === "window", received);
      connection.left = answer.left;
      if (answer.left === 0) next(socket, now);
    },
    drain(socket) {
      const { unsent } = socket.data;
      if (unsent === undefined) return;
      const written = socket.write(unsent);
      socket.data.unsent = written < unsent.length ? unsent.slice(Math.max(written, 0)) : undefined;
    },
    close: (socket) => lost(socket.data),
    error: (socket) => {
      lost(socket.data);
      socket.terminate();
    },
  };

  const sockets: Bun.Socket<Connection>[] = [];
  for (let at = 0; at < job.connections; at += 100) {
    // A hundred at a time: a listener's queue of new connections is bounded.
    const more = Math.min(100, job.connections - at);
    sockets.push(...(await Promise.all(Array.from({ length: more }, async () => await connected(job, socketHandler)))));
  }

  const startedAt = performance.now();
  beginAt = startedAt + job.warmUpMs;
  for (const socket of sockets) send(socket, startedAt);
  // The clock turns the phases too: a server that answers nothing must not keep us.
  await Promise.race([finished.promise, Bun.sleep(job.warmUpMs)]);
  turn(performance.now());
  if (phase === "warm-up") {
    await Bun.sleep(2);
    turn(performance.now());
  }
  await Promise.race([finished.promise, Bun.sleep(Math.max(endAt - performance.now(), 0) + 1)]);
  turn(performance.now());
  await Promise.race([underWay === 0 ? Promise.resolve() : finished.promise, Bun.sleep(finishMs)]);
  broken += underWay;
  for (const socket of sockets) {
    socket.data.underWay = false;
    socket.end();
  }
  return {
    answers: Object.fromEntries([...answers.entries()].filter(([, count]) => count > 0)),
    broken,
    windowSeconds,
    p50Ms: latency.percentileMs(50),
    p99Ms: latency.percentileMs(99),
    maxMs: latency.maxUs / 1000,
    cpuSeconds,
  };
}

/** With TLS, a connection is one when its handshake is done. */
async function connected(job: CrowdJob, handler: Bun.SocketHandler<Connection>): Promise<Bun.Socket<Connection>> {
  const data: Connection = { sentAt: 0, unsent: undefined, received: undefined, left: 0, underWay: false };
  const to = { hostname: "127.0.0.1", port: job.port, data };
  const made = Promise.withResolvers<Bun.Socket<Connection>>();
  const gaveUp = setTimeout(
    () => made.reject(new Error(`no connection within ${connectsWithinMs / 1000} s`)),
    connectsWithinMs,
  );
  const connection =
    job.tls === true
      ? Bun.connect<Connection>({
          ...to,
          tls: { rejectUnauthorized: false },
          socket: {
            ...handler,
            handshake: (socket) => made.resolve(socket),
            close: (socket) => {
              made.reject(new Error("a connection was closed before its handshake was done"));
              void handler.close?.(socket);
            },
          },
        })
      : Bun.connect<Connection>({ ...to, socket: handler }).then(made.resolve);
  connection.catch(made.reject);
  try {
    return await made.promise;
  } finally {
    clearTimeout(gaveUp);
  }
}

export function cpuSecondsOfThis(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
