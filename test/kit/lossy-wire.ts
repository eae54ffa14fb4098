/** A wire between a program and its server that can be told to lose what the server says, or everything. */
import { createServer, connect as dial, type Socket } from "node:net";

export type LossyWire = {
  readonly port: number;
  /** Replies are lost from here on; what is asked still arrives. */
  loseReplies(): void;
  /** Nothing gets through, either way; connections are accepted. */
  loseAll(): void;
  /** Nothing gets through from the first request on that holds this; resolves when that was lost. */
  loseAllFrom(text: RegExp): Promise<void>;
  /** New connections are whole; those that lost something stay broken. */
  mend(): void;
  close(): void;
};

export async function startLossyWire(toPort: number): Promise<LossyWire> {
  let loses: "nothing" | "replies" | "all" = "nothing";
  let last: { readonly text: RegExp; readonly lost: () => void } | undefined;
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
      if (last?.text.test(bytes.toString("latin1")) === true) {
        loses = "all";
        last.lost();
        last = undefined;
      }
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
    loseAllFrom: (text) =>
      new Promise((lost) => {
        last = { text, lost };
      }),
    mend: () => {
      loses = "nothing";
    },
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
