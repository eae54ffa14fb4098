/** A wire between a program and its server that can be told to lose what the server says, or everything. */
import { createServer, connect as dial, type Socket } from "node:net";

export type LossyWire = {
  readonly port: number;
  /** Replies are lost from here on; what is asked still arrives. */
  loseReplies(): void;
  /** Nothing gets through, either way; connections are accepted. */
  loseAll(): void;
  /** New connections are whole; those that lost something stay broken. */
  mend(): void;
  close(): void;
};

export async function startLossyWire(toPort: number): Promise<LossyWire> {
  let loses: "nothing" | "replies" | "all" = "nothing";
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = dial(toPort, "127.0.0.1");
    let isBroken = false;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      isBroken ||= loses === "all";
      if (!isBroken || loses === "replies") upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      isBroken ||= loses !== "nothing";
      if (!isBroken) client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    loseReplies: () => {
      loses = "replies";
    },
    loseAll: () => {
      loses = "all";
    },
    mend: () => {
      loses = "nothing";
    },
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
