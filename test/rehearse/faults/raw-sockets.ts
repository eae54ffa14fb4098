/** Plain TCP for the proxy's tests: a server that can be watched and a client that tells how its connection ended. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export type RawEnd = AsyncDisposable & {
  readonly socket: Socket;
  /** All that came so far. */
  readonly text: () => string;
  readonly bytes: () => number;
  /** The sizes of what came, as it came. */
  readonly sizes: readonly number[];
  /** "end": closed in order. "reset": torn down. */
  readonly ended: Promise<"end" | "reset">;
  until(condition: () => boolean): Promise<void>;
};

const patienceMs = 10_000;

function watch(socket: Socket): RawEnd {
  const sizes: number[] = [];
  const chunks: Buffer[] = [];
  let total = 0;
  socket.setNoDelay(true);
  const ended = new Promise<"end" | "reset">((resolve) => {
    socket.on("end", () => resolve("end"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNRESET" ? "reset" : "end"));
    socket.on("close", () => resolve("end"));
  });
  socket.on("data", (data: Buffer) => {
    sizes.push(data.length);
    total += data.length;
    if (total < 1_000_000) chunks.push(data);
  });
  return {
    socket,
    sizes,
    ended,
    text: () => Buffer.concat(chunks).toString(),
    bytes: () => total,
    async until(condition) {
      for (const giveUpAt = performance.now() + patienceMs; !condition(); ) {
        if (performance.now() > giveUpAt) throw new Error(`it never came; ${total} bytes did`);
        await Bun.sleep(1);
      }
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}

export async function rawClient(address: string): Promise<RawEnd> {
  const at = address.lastIndexOf(":");
  const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  return watch(socket);
}

export type RawServer = AsyncDisposable & {
  readonly address: string;
  readonly connections: readonly RawEnd[];
  /** The connection of that number, once it is there. */
  connection(index?: number): Promise<RawEnd>;
};

/** It answers what it is sent, unless it is to be silent. */
export async function rawServer(options: { readonly silent?: boolean } = {}): Promise<RawServer> {
  const connections: RawEnd[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    const end = watch(socket);
    connections.push(end);
    if (options.silent !== true) socket.on("data", (data) => socket.write(data));
    void end.ended.then(() => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    async connection(index = 0) {
      for (const giveUpAt = performance.now() + patienceMs; connections[index] === undefined; ) {
        if (performance.now() > giveUpAt) throw new Error("nobody connected");
        await Bun.sleep(1);
      }
      return connections[index];
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of connections) socket.destroy();
      server.close();
    },
  };
}
