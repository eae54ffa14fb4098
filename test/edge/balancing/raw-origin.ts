/** An origin that says what a test tells it to, byte for byte: sockets without any HTTP between. */
import { createServer, type Socket } from "node:net";
import { createSocketOrigin, type SocketOrigin, type SocketOriginOptions } from "#adapters/bun/socket-origin.ts";
import type { OriginRequest } from "#edge/ports.ts";

export type RawOrigin = {
  readonly url: string;
  /** Everything that came, one text for each connection. */
  readonly received: string[];
  close(): Promise<void>;
};

/** `answer` is called for each piece that arrives: its connection, the piece, and which one it is on that connection. */
export async function rawOrigin(
  answer: (socket: Socket, piece: string, index: number) => unknown,
  opened: (socket: Socket) => void = () => undefined,
): Promise<RawOrigin> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const connection = received.push("") - 1;
    let index = 0;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      const piece = bytes.toString("latin1");
      received[connection] += piece;
      answer(socket, piece, index++);
    });
    opened(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the origin has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const always = (text: string) => (socket: Socket) => {
  socket.write(Buffer.from(text, "latin1"));
};

export function originAt(url: string, options: Partial<SocketOriginOptions> = {}): SocketOrigin {
  return createSocketOrigin({
    url,
    hostHeader: "client",
    connectionsMax: 64,
    connectMs: 1000,
    answerMs: 2000,
    bodyIdleMs: 2000,
    ...options,
  });
}

export const request = (more: Partial<OriginRequest> = {}): OriginRequest => ({
  method: "GET",
  target: "/",
  headers: new Headers({ host: "shop.example" }),
  body: null,
  signal: new AbortController().signal,
  ...more,
});

/** What became of it, in one line: "200 abc", "protocol …", "200 then reset …". */
export async function outcome(origin: SocketOrigin, more: Partial<OriginRequest> = {}): Promise<string> {
  let begun = "";
  try {
    const response = await origin.send(request(more));
    begun = `${response.status} `;
    return begun + (await response.text());
  } catch (error) {
    const { kind, sent, name } = error as { kind?: string; sent?: boolean; name: string };
    return `${begun}${begun === "" ? "" : "then "}${kind ?? name}${sent === false ? ", nothing sent" : ""}`;
  }
}
