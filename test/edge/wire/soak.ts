/**
 * Many connections for a long time, to a real process: `bin/bun test/edge/wire/soak.ts --minutes 5`. 5,000 are open and ask now and then,
 * 1,000 ask without a pause; slow senders and half bodies come and go between them. Memory must not grow. The clients share the machine
 * with the edge, so the rate is none to quote.
 */
import { readFileSync } from "node:fs";
import net from "node:net";

export type SoakOptions = {
  readonly idle: number;
  readonly busy: number;
  readonly seconds: number;
  /** After its time it goes on until so many were answered, five times as long at most: a busy machine answers fewer a second. */
  readonly answersLeast?: number;
};
export type SoakReport = {
  readonly answered: number;
  readonly failed: number;
  /** Of the edge: with the idle connections open, and when the first and the last fifth of the time was over. */
  readonly rssMb: { readonly idle: number; readonly early: number; readonly late: number; readonly most: number };
};

const request = "GET /products/lamp HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: soak\r\nAccept: */*\r\n\r\n";

/** A connection that can be asked, one request after the other; `failed` when it ended without being told to. */
class Client {
  answered = 0;
  failed = false;
  #socket: net.Socket;
  #done: (() => void) | undefined;

  constructor(port: number) {
    this.#socket = net.connect({ port, host: "127.0.0.1" });
    this.#socket.on("data", (data: Buffer) => {
      // Every answer is one piece: it is small, and nothing is asked before it is there.
      if (!data.includes("HTTP/1.1 200")) this.failed = true;
      this.answered++;
      this.#done?.();
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.failed = !this.isOver;
      this.#done?.();
    });
  }

  isOver = false;

  ask(): Promise<void> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#socket.write(request);
    });
  }

  end(): void {
    this.isOver = true;
    this.#socket.destroy();
  }
}

function rssMbOf(pid: number): number {
  const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kb) / 1024;
}

/** Starts what a server has to bear from people who do not mean well, or whose train is in a tunnel. */
function trouble(port: number): net.Socket {
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  const kind = Math.floor(Math.random() * 4);
  if (kind === 0) socket.write("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  if (kind === 1) socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf");
  if (kind === 2) socket.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  if (kind === 3) socket.write("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  return socket;
}

export async function soak({ idle, busy, seconds, answersLeast = 0 }: SoakOptions): Promise<SoakReport> {
  const edge = Bun.spawn([process.execPath, `${import.meta.dir}/edge-process.ts`], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, GRACE_MS: "1000" },
  });
  const { value } = await edge.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));

  const still: Client[] = [];
  for (let at = 0; at < idle; at++) {
    const client = new Client(port);
    still.push(client);
    await client.ask();
  }
  const withIdle = rssMbOf(edge.pid);

  const startMs = performance.now();
  const asking = Array.from({ length: busy }, () => new Client(port));
  const all = [...still, ...asking];
  const answers = () => all.reduce((sum, client) => sum + client.answered, 0);
  const isOver = () => {
    const inTimes = (performance.now() - startMs) / (seconds * 1000);
    return inTimes > 5 || (inTimes > 1 && answers() >= answersLeast);
  };
  let isEnding = false;
  const busyEnd = Promise.all(
    asking.map(async (client) => {
      while (!isEnding && !client.failed) await client.ask();
    }),
  );
  const samples: number[] = [];
  let next = 0;
  let pests: net.Socket[] = [];
  while (!isOver()) {
    await Bun.sleep(Math.min(500, seconds * 50));
    samples.push(rssMbOf(edge.pid));
    // Every idle connection is heard of within the edge's idle timeout of a minute.
    const share = Math.ceil(idle / 60);
    for (const client of Array.from({ length: share }, () => still[next++ % still.length])) void client?.ask();
    if (pests.length > 100) for (const pest of pests.splice(0, 50)) pest.destroy();
    pests = [...pests, ...Array.from({ length: 10 }, () => trouble(port))];
  }
  isEnding = true;
  await busyEnd;
  for (const pest of pests) pest.destroy();
  const failed = all.filter((client) => client.failed).length;
  for (const client of all) client.end();
  edge.kill("SIGTERM");
  await edge.exited;
  const fifth = Math.max(1, Math.floor(samples.length / 5));
  const mean = (part: number[]) => Math.round(part.reduce((sum, one) => sum + one, 0) / part.length);
  return {
    answered: answers(),
    failed,
    rssMb: {
      idle: Math.round(withIdle),
      early: mean(samples.slice(fifth, 2 * fifth).concat(samples.length < 5 ? samples : [])),
      late: mean(samples.slice(-fifth)),
      most: Math.round(Math.max(...samples)),
    },
  };
}

if (import.meta.main) {
  const read = (name: string, fallback: number): number => {
    const at = process.argv.indexOf(`--${name}`);
    return at === -1 ? fallback : Number(process.argv[at + 1]);
  };
  const report = await soak({
    idle: read("idle", 5000),
    busy: read("busy", 1000),
    seconds: 60 * read("minutes", 5),
  });
  console.log(JSON.stringify(report));
  const grown = report.rssMb.late - report.rssMb.early;
  console.log(`${report.failed} connections failed; memory grew by ${grown} MB between the early and the late part.`);
  process.exit(report.failed === 0 && grown < 20 ? 0 : 1);
}
