/**
 * The crowd: N keep-alive connections on Bun's sockets, each with one order under way, no pipelining. It shares the
 * machine with what it measures, so a request costs it one write, one read and a few hundred instructions.
 *
 * connecting -> warm-up -> window -> finishing (nothing new is sent, what is under way gets its answer) -> closed
 */
import { AnswerScanner } from "./answer-scanner.ts";
import { Histogram } from "./histogram.ts";
import type { LoadJob, LoadResult } from "./jobs.ts";
import { orderTemplate } from "./order-template.ts";
import { zipfSequence } from "./zipf.ts";

type Connection = {
  sentAt: number;
  /** What of the request the kernel did not take yet; what of the answer has come so far. */
  unsent: Uint8Array | undefined;
  received: Buffer | undefined;
  underWay: boolean;
};

const finishMs = 10_000;

export async function load(job: LoadJob, onEdge: (edge: "begin" | "end") => void): Promise<LoadResult> {
  const template = orderTemplate({ port: job.port, keyPrefix: job.keyPrefix, sku: job.skus[0] as string });
  const skus = job.skus.map((sku) => new Uint8Array(Buffer.from(sku)));
  const order = zipfSequence(skus.length);
  const scanner = new AnswerScanner();
  const latency = new Histogram();
  const answers = new Uint32Array(600);
  let number = 0;
  let acknowledged = 0;
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
    const connection = socket.data;
    number += 1;
    template.fill(number, skus[order[number % order.length] as number] as Uint8Array);
    connection.sentAt = now;
    connection.underWay = true;
    underWay += 1;
    const written = socket.write(template.bytes);
    if (written < template.bytes.length) connection.unsent = template.bytes.slice(Math.max(written, 0));
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

  const socketHandler: Bun.SocketHandler<Connection> = {
    data(socket, chunk) {
      const now = performance.now();
      const connection = socket.data;
      const received = connection.received === undefined ? chunk : Buffer.concat([connection.received, chunk]);
      const answer = scanner.scan(received);
      if (answer === undefined) {
        connection.received = received;
        return;
      }
      connection.received = undefined;
      if (answer.acknowledged) acknowledged += 1;
      if (now >= beginAt || now >= endAt) turn(now);
      if (phase === "window") {
        answers[answer.status]! += 1;
        latency.record(now - connection.sentAt);
      }
      ended(connection);
      if (phase !== "finishing") send(socket, now);
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
    sockets.push(
      ...(await Promise.all(
        Array.from({ length: more }, async () => {
          return await Bun.connect<Connection>({
            hostname: "127.0.0.1",
            port: job.port,
            data: { sentAt: 0, unsent: undefined, received: undefined, underWay: false },
            socket: socketHandler,
          });
        }),
      )),
    );
  }

  const startedAt = performance.now();
  beginAt = startedAt + job.warmUpMs;
  for (const socket of sockets) send(socket, startedAt);
  // The clock turns the phases too: a server that answers nothing must not keep us.
  await Bun.sleep(job.warmUpMs);
  turn(performance.now());
  if (phase === "warm-up") {
    await Bun.sleep(2);
    turn(performance.now());
  }
  await Bun.sleep(Math.max(endAt - performance.now(), 0) + 1);
  turn(performance.now());
  await Promise.race([underWay === 0 ? Promise.resolve() : finished.promise, Bun.sleep(finishMs)]);
  broken += underWay;
  for (const socket of sockets) {
    socket.data.underWay = false;
    socket.end();
  }
  return {
    answers: Object.fromEntries([...answers.entries()].filter(([, count]) => count > 0)),
    acknowledged,
    broken,
    windowSeconds,
    p50Ms: latency.quantileMs(0.5),
    p99Ms: latency.quantileMs(0.99),
    maxMs: latency.maxMs,
    cpuSeconds,
  };
}

export function cpuSecondsOfThis(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
