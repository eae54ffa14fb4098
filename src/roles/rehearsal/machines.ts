/**
 * A crowd on several machines: one leads and listens, the others join it and lend their processes. Both prove that they know
 * the token without saying it (HMAC over the other's nonce), since whoever leads decides what the others fire at. What follows
 * is one JSON text a line, unencrypted: it holds the plan and its data, so the line between them should be your own.
 *
 * connected -> proven (or closed) -> playing -> closed
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { SpillwayError } from "#kernel/error.ts";
import { version } from "../version.ts";
import type { Order, Word, Worker } from "./job.ts";
import type { Team } from "./team.ts";

const lineMaxLength = 128 * 1024 * 1024;
const greetsWithinMs = 10_000;
const processesMax = 1024;

type Greeting = { readonly nonce: string; readonly version: string; readonly processes: number };
type Proof = { readonly proof: string };

const lent = (processes: number): string => (processes === 1 ? "one process" : `${processes} processes`);

/** Listens until so many machines have joined. `say`: what whoever waits should know. */
export async function machinesJoined(options: {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly machines: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}): Promise<Worker[]> {
  const workers: Worker[] = [];
  const all = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    const lines = linesOf(socket);
    greeted(lines, options.token, "leads", 0).then(
      ({ processes }) => {
        if (workers.length >= options.machines) {
          lines.close();
          return;
        }
        workers.push(machineWorker(lines, processes));
        options.say(`${lines.name} has joined with ${lent(processes)} (${workers.length} of ${options.machines})`);
        if (workers.length === options.machines) all.resolve();
      },
      (error: unknown) => {
        options.say(`${lines.name} was turned away: ${error instanceof Error ? error.message : String(error)}`);
        lines.close();
      },
    );
  });
  server.on("error", (error) =>
    all.reject(
      new SpillwayError("bad_usage", `Nothing can listen on ${options.host}:${options.port}: ${error.message}`),
    ),
  );
  const stopped = () => all.reject(new SpillwayError("bad_usage", "It was stopped before all machines had joined."));
  options.signal.addEventListener("abort", stopped, { once: true });
  server.listen(options.port, options.host, () => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : options.port;
    options.say(`waiting for ${options.machines} machines on ${options.host}:${port}`);
  });
  try {
    await all.promise;
    return workers;
  } catch (error) {
    for (const worker of workers) await worker.close();
    throw error;
  } finally {
    options.signal.removeEventListener("abort", stopped);
    server.close();
  }
}

function machineWorker(lines: Lines, processes: number): Worker {
  let listener: ((word: Word) => void) | undefined;
  lines.listen(
    (value) => listener?.(value as Word),
    () => listener?.({ kind: "failed", message: `${lines.name} is gone` }),
  );
  return {
    name: lines.name,
    processes,
    tell: (order) => lines.send(order),
    listen: (given) => {
      listener = given;
    },
    close: async () => lines.close(),
  };
}

/** Lends this machine for one run. Resolves when that is over; rejects when it cannot join or the leader is lost. */
export async function joinMachine(options: {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly team: Team;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { team } = options;
  const socket = connect(options.port, options.host);
  const connected = Promise.withResolvers<void>();
  socket.once("connect", () => connected.resolve());
  socket.once("error", (error) =>
    connected.reject(
      new SpillwayError("bad_usage", `${options.host}:${options.port} cannot be joined: ${error.message}`),
    ),
  );
  await connected.promise;
  const lines = linesOf(socket);
  const over = Promise.withResolvers<void>();
  const stop = () => team.stop();
  options.signal.addEventListener("abort", stop, { once: true });
  try {
    await greeted(lines, options.token, "joins", team.processes);
    options.say(`joined ${lines.name} with ${lent(team.processes)}`);
    const say = (word: Word): void => lines.send(word);
    let isDone = false;
    const obey = async (order: Order): Promise<void> => {
      if (order.kind === "prepare") {
        const { plan } = order.job;
        options.say(`will load ${plan.target.url}: ${plan.name}`);
        await team.prepare(order.job, order.job.share);
        say({ kind: "prepared" });
      } else if (order.kind === "begin") {
        const { parts, lost } = await team.begin(order.inMs, (second) => say({ kind: "second", second }));
        isDone = true;
        if (lost.length > 0) say({ kind: "failed", message: lost.join("; ") });
        else say({ kind: "over", parts });
      } else team.stop();
    };
    lines.listen(
      (value) => {
        obey(value as Order).catch((error: unknown) => say({ kind: "failed", message: String(error) }));
      },
      () => {
        team.stop();
        if (isDone) over.resolve();
        else over.reject(new SpillwayError("bad_usage", `${lines.name} is gone: this machine stops too.`));
      },
    );
    await over.promise;
  } finally {
    options.signal.removeEventListener("abort", stop);
    lines.close();
  }
}

async function greeted(
  lines: Lines,
  token: string,
  role: "leads" | "joins",
  processes: number,
): Promise<{ processes: number }> {
  const other = role === "leads" ? "joins" : "leads";
  const nonce = randomBytes(32).toString("hex");
  lines.send({ nonce, version, processes } satisfies Greeting);
  const greeting = (await lines.next()) as Greeting;
  lines.send({ proof: proofOf(token, role, greeting.nonce) } satisfies Proof);
  const { proof } = (await lines.next()) as Proof;
  const wanted = Buffer.from(proofOf(token, other, nonce));
  const given = Buffer.from(String(proof));
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new SpillwayError("bad_usage", "The token is another one there: give both sides the same --token.");
  if (greeting.version !== version)
    throw new SpillwayError(
      "bad_usage",
      `Spillway is ${greeting.version} there and ${version} here: they must be alike.`,
    );
  if (role === "leads" && !(greeting.processes >= 1 && greeting.processes <= processesMax))
    throw new SpillwayError("bad_usage", "It lends no processes.");
  return { processes: greeting.processes };
}

const proofOf = (token: string, role: string, nonce: string): string =>
  createHmac("sha256", token).update(`spillway rehearse ${role} ${nonce}`).digest("hex");

type Lines = {
  readonly name: string;
  send(value: unknown): void;
  /** The next line alone, before `listen`; rejects when it does not come. */
  next(): Promise<unknown>;
  listen(onValue: (value: unknown) => void, onEnd: () => void): void;
  close(): void;
};

function linesOf(socket: Socket): Lines {
  const name = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"}`;
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 10_000);
  socket.setEncoding("utf8");
  const read: unknown[] = [];
  let pieces: string[] = [];
  let length = 0;
  let isEnded = false;
  let take: ((value: unknown) => void) | undefined;
  let end: (() => void) | undefined;
  const ended = (): void => {
    if (isEnded) return;
    isEnded = true;
    end?.();
  };
  const whole = (text: string): void => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      socket.destroy();
      return;
    }
    if (typeof value !== "object" || value === null) socket.destroy();
    else if (take !== undefined) take(value);
    else if (read.length < 10) read.push(value);
    else socket.destroy();
  };
  socket.on("data", (text: string) => {
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      pieces.push(text.slice(from, at));
      from = at + 1;
      whole(pieces.join(""));
      pieces = [];
      length = 0;
    }
    pieces.push(text.slice(from));
    length += text.length - from;
    if (length > lineMaxLength) socket.destroy();
  });
  socket.on("error", ended);
  socket.on("close", ended);
  return {
    name,
    send: (value) => {
      if (!isEnded) socket.write(`${JSON.stringify(value)}\n`);
    },
    async next() {
      const here = read.shift();
      if (here !== undefined) return here;
      if (isEnded) throw new SpillwayError("bad_usage", `${name} closed the connection.`);
      const value = Promise.withResolvers<unknown>();
      const gone = () => value.reject(new SpillwayError("bad_usage", `${name} closed the connection.`));
      const giveUp = setTimeout(gone, greetsWithinMs);
      take = (given) => {
        // Whatever comes in the same piece is for the next who asks.
        take = undefined;
        value.resolve(given);
      };
      end = gone;
      try {
        return await value.promise;
      } finally {
        clearTimeout(giveUp);
        take = undefined;
        end = undefined;
      }
    },
    listen(onValue, onEnd) {
      take = onValue;
      end = onEnd;
      for (const value of read.splice(0)) onValue(value);
      if (isEnded) onEnd();
    },
    close: () => socket.end(),
  };
}
