/** Clients that ask without a pause over connections that stay open, and count what became of every request. */
import net from "node:net";
import tls from "node:tls";

export type Tally = { answered: number; toldToClose: number; refused: number; retried: number; failures: string[] };
export const newTally = (): Tally => ({ answered: 0, toldToClose: 0, refused: 0, retried: 0, failures: [] });

export type HammerOptions = {
  readonly port: number;
  readonly path: string;
  /** What is told to close connects again; otherwise it goes elsewhere, as the clients of a balancer do. */
  readonly comesBack: boolean;
  readonly tls?: boolean;
  readonly onPeer?: (commonName: string) => void;
  readonly isOver?: () => boolean;
};

/**
 * A connection that ends before a byte of the answer came is tried once more where `comesBack`: any client may (RFC 9112 9.3.1), and
 * one that connects just when a door closes has to.
 */
export async function hammer(options: HammerOptions, tally: Tally): Promise<void> {
  let isRetry = false;
  for (;;) {
    const end = await oneConnection(options, tally);
    if (end === "refused") tally.refused++;
    if (end === "dropped" && options.comesBack && !isRetry) {
      isRetry = true;
      tally.retried++;
      continue;
    }
    if (end === "dropped") tally.failures.push("The connection ended before the answer.");
    if (end === "torn") tally.failures.push("The connection ended within an answer.");
    if (end !== "told" || !options.comesBack) return;
    isRetry = false;
  }
}

function oneConnection(
  options: HammerOptions,
  tally: Tally,
): Promise<"told" | "refused" | "dropped" | "torn" | "over"> {
  const { promise, resolve } = Promise.withResolvers<"told" | "refused" | "dropped" | "torn" | "over">();
  const to = { port: options.port, host: "127.0.0.1" };
  const socket = options.tls ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to);
  let text = "";
  let isConnected = false;
  const over = (how: "told" | "refused" | "over") => {
    resolve(how);
    socket.destroy();
  };
  const ask = () => socket.write(`GET ${options.path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`);
  socket.setEncoding("latin1");
  socket.on(options.tls ? "secureConnect" : "connect", () => {
    isConnected = true;
    if (socket instanceof tls.TLSSocket) options.onPeer?.(String(socket.getPeerCertificate().subject?.CN));
    ask();
  });
  socket.on("data", (data: string) => {
    text += data;
    const head = text.indexOf("\r\n\r\n");
    if (head === -1 || text.length < head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1])) return;
    tally.answered++;
    const isLast = /connection: close/i.test(text.slice(0, head));
    text = "";
    if (isLast) {
      tally.toldToClose++;
      over("told");
    } else if (options.isOver?.()) over("over");
    else ask();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (!isConnected && error.code === "ECONNREFUSED") over("refused");
  });
  socket.on("close", () => resolve(text === "" ? "dropped" : "torn"));
  return promise;
}
